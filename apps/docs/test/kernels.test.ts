/**
 * The kernels that "How it works" prints in the page are those that the compiler's tests keep, and
 * there are some for every step.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compiled, languages, steps } from '../src/kernels.ts'
import { missing, openPages, site } from './browser.ts'
import { root } from './markdown.ts'

const kept = (name: string) =>
  readFileSync(join(root, 'packages/compiler/test/kernels', name), 'utf8')

test.each(['adam', 'dog', 'prodigy'])('%s', (name) => {
  const { code } = compiled(`${name}()`)
  expect(Object.keys(code)).toEqual(['js', 'wat', 'wgsl', 'ptx'])
  expect(code.js).toBe(kept(`${name}.js.txt`))
  expect(code.wat).toBe(kept(`${name}.wat`))
  expect(code.wgsl).toBe(kept(`${name}.wgsl`).replaceAll(`// ${name}, launch`, '// launch'))
  // Its test asks for lr to come with a launch, which is none of these options here.
  expect(code.ptx).toBe(
    kept(`${name}.ptx`)
      .replaceAll(`.entry ${name}_`, '.entry step_')
      .replaceAll('  .param .f64 given_lr,\n', ''),
  )
})

test.each(Object.keys(steps))('%s is printed in every language', (name) => {
  const { passes, code } = compiled(name)
  expect(passes.length).toBeGreaterThan(0)
  for (const { id } of languages) expect(code[id].length, id).toBeGreaterThan(500)
})

describe.skipIf(missing)('the page', () => {
  const open = openPages()

  test('shows the step that is asked for, in the language that is asked for', async () => {
    const { page, wrong } = await open()
    await page.goto(`${site()}how-it-works.html`)
    await page.locator('.kernels select').first().selectOption('dog()')
    await page.locator('.kernels select').last().selectOption('ptx')
    expect(await page.locator('.kernels pre').textContent()).toBe(compiled('dog()').code.ptx)
    expect(wrong).toEqual([])
  })
})
