/** The way to an adapter: every adapter is reached by answers, in the logic and in the page. */
import { describe, expect, test, vi } from 'vitest'
import { adapters } from '../build/adapters.ts'
import { packageNames } from '../build/places.ts'
import { type Adapter, type Answers, against, choose, mayAnswer } from '../src/chooser.ts'
import { missing, openPages, site } from './browser.ts'

// Only ends a test that hangs.
vi.setConfig({ testTimeout: 900_000 })

const { adapters: all, questions } = adapters()

/**
 * Answers that lead to an adapter, of its first case: to each question, the one that the fewest
 * others give.
 */
const answersTo = ({ fits: [first] }: Adapter): Record<string, string> => {
  const givenBy = (id: string, answer: string) =>
    all.filter((other) => mayAnswer(other, id, answer)).length
  const rarest = (id: string) => first[id].toSorted((a, b) => givenBy(id, a) - givenBy(id, b))[0]
  return Object.fromEntries(
    questions.filter(({ id }) => first[id]?.length).map(({ id }) => [id, rarest(id)]),
  )
}

/** Every way to answer, questions left open too. */
const everyAnswer = questions.reduce<Answers[]>(
  (some, { id, answers }) =>
    some.flatMap((each) => [
      each,
      ...Object.keys(answers).map((answer) => ({ ...each, [id]: answer })),
    ]),
  [{}],
)

/** What each adapter takes and where it runs, as its README has it. */
const takes: Readonly<
  Record<string, { readonly memory: readonly string[]; readonly where: readonly string[] }>
> = {
  cpu: { memory: ['arrays'], where: ['browser', 'node', 'other'] },
  webgpu: { memory: ['arrays', 'buffers'], where: ['browser', 'node', 'other'] },
  cuda: { memory: ['arrays', 'pointers'], where: ['node'] },
  tfjs: { memory: ['framework'], where: ['browser', 'node'] },
  onnxruntime: { memory: ['framework'], where: ['browser', 'node'] },
}

/** What nobody serves, and why. */
const unserved: readonly (readonly [reason: string, is: (answers: Answers) => boolean])[] = [
  [
    'CUDA is reached from Node only',
    ({ memory, where }) => memory === 'pointers' && !['node', undefined].includes(where),
  ],
  [
    'TensorFlow.js does not say where its memory on a GPU is',
    ({ memory, gradients }) => memory === 'pointers' && gradients === 'tfjs',
  ],
  [
    'neither framework is tested in Deno or Bun',
    ({ memory, where }) => memory === 'framework' && where === 'other',
  ],
  [
    'a framework hands its memory to kernels of others on WebGPU only, in browsers',
    ({ memory, where, gradients }) =>
      memory === 'framework' && gradients === 'kernels' && where === 'node',
  ],
]

describe('the data', () => {
  test('every package that is an adapter is there', () => {
    const expected = packageNames().filter(
      (name) => !['core', 'compiler', 'engine', 'conformance'].includes(name),
    )
    expect(all.map(({ name }) => name).sort()).toEqual(expected.sort())
  })
  test.each(all)(
    '$name: everything is said',
    ({ title, runsOn, tensors, how, why, fits, code }) => {
      for (const text of [title, runsOn, tensors, how, why, code]) expect(text).not.toBe('')
      expect(fits).not.toHaveLength(0)
      for (const each of fits)
        for (const { id, answers } of questions) {
          expect(each[id], id).not.toHaveLength(0)
          for (const answer of each[id]) expect(answers).toHaveProperty(answer)
        }
    },
  )
  test('every answer leads somewhere', () => {
    for (const { id, answers } of questions)
      for (const answer of Object.keys(answers))
        expect(choose(all, { [id]: answer }).fit, `${id}: ${answer}`).toBe(true)
  })
})

describe('every way to answer', () => {
  const said = (answers: Answers) => Object.values(answers).join(', ') || 'nothing'

  test('there are a hundred', () => expect(everyAnswer).toHaveLength(100))
  test.each(everyAnswer.map((answers) => ({ name: said(answers), answers })))(
    '$name',
    ({ answers }) => {
      const { fit, found } = choose(all, answers)
      expect(fit).toBe(!unserved.some(([, is]) => is(answers)))
      // Whoever is named takes that memory there.
      if (fit)
        for (const { name } of found)
          for (const id of ['memory', 'where'] as const)
            if (answers[id] !== undefined) expect(takes[name][id], name).toContain(answers[id])
    },
  )
  test('typed arrays on a GPU', () => {
    const names = (answers: Answers) => choose(all, answers).found.map(({ name }) => name)
    expect(names({ gradients: 'kernels', memory: 'arrays' })).toEqual(['webgpu', 'cuda'])
    expect(names({ gradients: 'kernels', memory: 'arrays', where: 'browser' })).toEqual(['webgpu'])
    expect(names({ gradients: 'kernels', memory: 'arrays', where: 'node' })).toEqual([
      'webgpu',
      'cuda',
    ])
    expect(names({ gradients: 'kernels', memory: 'arrays', where: 'other' })).toEqual(['webgpu'])
  })
})

describe('choose', () => {
  const made = (name: string, ...fits: Adapter['fits']) => ({ name, fits }) as Adapter
  const [a, b] = [
    made('a', { where: ['x'], what: ['p', 'q'] }),
    made('b', { where: ['x', 'y'], what: ['q'] }),
  ]
  const c = made('c', { where: ['x'], what: ['p'] }, { where: ['y'], what: ['q'] })

  test('without an answer all fit', () =>
    expect(choose([a, b], {})).toEqual({ fit: true, found: [a, b] }))
  test('an answer leaves those that give it', () =>
    expect(choose([a, b], { where: 'y' })).toEqual({ fit: true, found: [b] }))
  test('where none fits, the closest are left', () =>
    expect(choose([a, b], { where: 'y', what: 'p', other: 'z' })).toEqual({
      fit: false,
      found: [a, b],
    }))
  test('against', () => expect(against(a, { where: 'y', what: 'p' })).toEqual(['where']))
  test('cases are not mixed', () => {
    expect(against(c, { where: 'x', what: 'q' })).toHaveLength(1)
    expect(against(c, { where: 'y', what: 'q' })).toEqual([])
  })
  test.each(all)('$name is reached', (adapter) => {
    const { fit, found } = choose(all, answersTo(adapter))
    expect(fit).toBe(true)
    expect(found).toContain(adapter)
  })
})

describe.skipIf(missing)('the page', () => {
  const open = openPages()

  test.each(all)(
    '$name: by its answers, with its install line and first lines',
    async (adapter) => {
      const { page, wrong } = await open()
      await page.goto(`${site()}choose-an-adapter.html`, { waitUntil: 'networkidle' })
      for (const [id, answer] of Object.entries(answersTo(adapter)))
        await page.click(`[data-question="${id}"] [data-answer="${answer}"]`)
      // The lines of code are longer than a phone is wide; the page is not.
      await page.setViewportSize({ width: 390, height: 844 })
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
      const shown = page.locator(`[data-adapter="${adapter.name}"]`)
      const text = (await shown.textContent()) ?? ''
      expect(text).toContain(adapter.install)
      expect(text).toContain(adapter.code.split('\n')[0])
      await shown.locator('h3 a').click()
      await page.waitForURL(`**/packages/${adapter.name}.html`)
      expect(wrong).toEqual([])
    },
  )

  test('typed arrays on a GPU: WebGPU and CUDA', async () => {
    const { page, wrong } = await open()
    await page.goto(`${site()}choose-an-adapter.html`, { waitUntil: 'networkidle' })
    await page.click('[data-question=gradients] [data-answer=kernels]')
    await page.click('[data-question=memory] [data-answer=arrays]')
    await page.locator('[data-adapter=webgpu]').waitFor()
    expect(
      await page
        .locator('[data-adapter]')
        .evaluateAll((shown) => shown.map((each) => each.getAttribute('data-adapter'))),
    ).toEqual(['webgpu', 'cuda'])
    expect(await page.textContent('.chooser .result')).not.toContain('No adapter fits')
    expect(wrong).toEqual([])
  })

  test('the table has them all, with what was measured', async () => {
    const response = await fetch(`${site()}choose-an-adapter.html`)
    const html = await response.text()
    for (const adapter of all) {
      expect(html).toContain(`/packages/${adapter.name}.html`)
      for (const { what, value } of adapter.speed)
        expect(html).toContain(`${value.toPrecision(2)} ${what}`)
    }
  })

  test('from the front page it is two clicks to a package', async () => {
    const { page } = await open()
    await page.goto(site(), { waitUntil: 'networkidle' })
    await page.click('text=Choose an adapter')
    await page.click('.adapters a[href$="/packages/cpu.html"]')
    await page.waitForURL('**/packages/cpu.html')
    expect(await page.textContent('.vp-doc pre')).toContain("from '@freestep/cpu'")
  })
})
