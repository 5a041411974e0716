/** What the front page says of its first chart is what the chart shows. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { grow, reached } from '../src/home.ts'
import { root } from './markdown.ts'

const component = readFileSync(
  join(root, 'apps/docs/.vitepress/theme/components/FrontHero.vue'),
  'utf8',
)
const words = component.replace(/\s+/g, ' ')

test('they begin at some millionths and come to the order of magnitude of the distance', async () => {
  expect(words).toContain(
    'they begin at some millionths and come to the order of magnitude of the distance',
  )
  const methods = [...component.matchAll(/\{ name: '(\w+)', label: '([\w-]+)'/g)].map(
    ([, name, label]) => ({
      name,
      label,
      color: '',
    }),
  )
  expect(methods.map(({ label }) => label)).toEqual(['D-Adaptation', 'DoG', 'Prodigy'])
  const last = Number(/const last = (\d+)/.exec(component)?.[1])
  const { runs, distance } = await grow(methods, last)
  expect(distance).toBeCloseTo(5, 3)
  for (const run of runs) {
    expect(run.d).toHaveLength(last + 1)
    expect(run.d[0]).toBeLessThan(1e-5)
    // From a tenth of it to all of it.
    expect(reached(run, distance), run.label).toBeGreaterThan(10)
    expect(reached(run, distance), run.label).toBeLessThanOrEqual(100)
  }
})
