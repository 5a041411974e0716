/**
 * Parameters that sit steps out, and coordinates that are lost: what is left of them in the sums,
 * against closed forms and against what zeros in their place give.
 */

import {
  type Algorithm,
  add,
  averaged,
  cpu,
  createOptimizer,
  dadaptAdam,
  dadaptAdan,
  dadaptLion,
  dadaptSgd,
  defineAlgorithm,
  dog,
  dowg,
  element,
  fresh,
  mul,
  norm1,
  prodigy,
  scalar,
  scheduleFree,
  sgd,
  sum,
} from '@freestep/cpu'
import { describe, expect, test } from 'vitest'

type Gradients = Record<string, Float64Array | undefined>
const ways = [
  ['fused', {}],
  ['js', { target: 'js' }],
  ['eager', { fused: false }],
] as const

/**
 * Keeps s ← s / 2 + g, and shows ‖s‖₁, Σ g and Σ 2 fresh(s): a state's sum, a gradient's, and that
 * of something made anew.
 */
const shares = defineAlgorithm({
  name: 'shares',
  defaults: {},
  state: () => ({ s: element(0, 0.5), norm: scalar(), total: scalar(), anew: scalar() }),
  step({ g, s }) {
    const s1 = add(mul(0.5, s), g)
    return { u: 0, s: s1, norm: norm1(s1), total: sum(g), anew: sum(fresh(mul(2, s1))) }
  },
})

describe.each(ways)('what a tensor that sits out contributes, %s', (_way, options) => {
  test('a decaying state its last share times the decay, a gradient nothing; s decays when it returns', async () => {
    const params = { a: new Float64Array(2), b: new Float64Array(1) }
    const optimizer = await createOptimizer(shares(), params, await cpu(options))
    const step = async (a: number | undefined, b: number | undefined) => {
      const of = (value: number | undefined, size: number) =>
        value === undefined ? undefined : new Float64Array(size).fill(value)
      optimizer.step({ a: of(a, 2), b: of(b, 1) })
      const { norm, total, anew } = await optimizer.scalars()
      return [norm, total, anew]
    }
    // s = (4, 4), 6: then a waits twice, at 1/2 of its share each time, and returns at s = (4, 4) /
    // 8 + 1.
    expect(await step(4, 6)).toEqual([14, 14, 28])
    expect(await step(undefined, 1)).toEqual([4 + 4, 1, 8])
    expect(await step(undefined, 0)).toEqual([2 + 2, 0, 4])
    expect(await step(1, undefined)).toEqual([3 + 1, 2, 6])
    expect(await step(0, 0)).toEqual([1.5 + 0.5, 0, 4])
    optimizer.dispose()
  })
})

/**
 * Two networks, in turn or together, with the gradients of ‖x‖² / 2 and noise; d after 300 steps.
 */
async function dOf(
  algorithm: Algorithm,
  mode: 'together' | 'in turn' | 'zeros',
  options: object = {},
): Promise<number> {
  const p = { body: new Float64Array(1000).fill(1), head: new Float64Array(10).fill(1) }
  const optimizer = await createOptimizer(algorithm, p, await cpu(options))
  for (let k = 0; k < 300; k++) {
    const noisy = (v: Float64Array, phase: number) =>
      v.map(
        (each, i) =>
          each * (1 + 0.5 * Math.sin(12.9 * k + 7.1 * i)) + 0.05 * Math.cos(k * phase + i),
      )
    const g: Gradients = { body: noisy(p.body, 3.3), head: noisy(p.head, 1.7) }
    const off = k % 2 ? 'body' : 'head'
    if (mode === 'in turn') g[off] = undefined
    if (mode === 'zeros') g[off]?.fill(0)
    optimizer.step(g)
  }
  const { d } = await optimizer.scalars()
  optimizer.dispose()
  return d
}

const preprint = dadaptAdam({ form: 'preprint' })

test.each([
  ['prodigy', prodigy()],
  ['prodigy, coupled decay', prodigy({ weightDecay: 0.01, decouple: false })],
  ['prodigy, bias correction', prodigy({ useBiasCorrection: true })],
  ['prodigy, prodigyopt', prodigy({ compat: 'prodigyopt' })],
  ['dadaptAdam', dadaptAdam()],
  ['dadaptAdam, preprint', preprint],
  ['dadaptAdan', dadaptAdan()],
  ['dadaptSgd', dadaptSgd()],
  ['dadaptLion', dadaptLion()],
])(
  '%s: two networks in turn give about the d that zeros in their place do',
  async (_name, algorithm) => {
    const [inTurn, zeros] = [await dOf(algorithm, 'in turn'), await dOf(algorithm, 'zeros')]
    const ratio = inTurn / zeros
    // Of the preprint's form d̂ has ‖s‖² over the root of v, which decays where there are zeros and
    // waits where there is nothing.
    expect(ratio).toBeLessThan(algorithm.options === preprint.options ? 4 : 2.5)
    expect(ratio).toBeGreaterThan(0.4)
    if (algorithm.name === 'prodigy')
      expect((await dOf(algorithm, 'in turn', { fused: false })) / inTurn).toBeCloseTo(1, 12)
  },
)

test('dadaptSgd: one step without a layer is no accident', async () => {
  const p = { a: Float64Array.of(3, -2), b: Float64Array.of(1) }
  const optimizer = await createOptimizer(dadaptSgd(), p, await cpu())
  for (let k = 0; k < 40; k++)
    optimizer.step({ a: p.a.slice(), b: k === 7 ? undefined : p.b.slice() })
  const { d } = await optimizer.scalars()
  expect([...p.a, ...p.b, d].every(Number.isFinite)).toBe(true)
  expect(d).toBeLessThan(10)
})

describe('what joins late begins then', () => {
  test('averaged(dog()): an average over its own steps', async () => {
    const a = Float64Array.of(5)
    const b = Float64Array.of(0)
    const optimizer = await createOptimizer(averaged(dog()), { a }, await cpu())
    for (let k = 0; k < 5000; k++) optimizer.step({ a: Float64Array.of(a[0] - 1) })
    optimizer.extend({ a, b })
    const points: number[] = []
    const gamma = 8
    let xBar = 0
    for (let k = 0; k < 200; k++) {
      optimizer.step({ a: Float64Array.of(a[0] - 1), b: Float64Array.of(b[0] - 3) })
      const w = (gamma + 1) / (gamma + k + 1)
      xBar += w * (b[0] - xBar)
      points.push(b[0])
    }
    expect(optimizer.evaluated().b[0]).toBeCloseTo(xBar, 12)
    // The average is of the last steps, which are far from where b began.
    expect(xBar).toBeGreaterThan(0.5 * (points.at(-1) ?? 0))
  })

  test('scheduleFree: its weights and their sum are those of its own steps', async () => {
    const alone = await createOptimizer(
      scheduleFree(sgd({ lr: 0.1 })),
      { b: Float64Array.of(4) },
      await cpu(),
    )
    const params = { a: Float64Array.of(1), b: Float64Array.of(4) }
    const { a } = params
    const late = await createOptimizer(scheduleFree(sgd({ lr: 0.1 })), { a }, await cpu())
    for (let k = 0; k < 30; k++) late.step({ a: Float64Array.of(a[0]) })
    late.extend(params)
    for (let k = 0; k < 20; k++) {
      alone.step({ b: Float64Array.of(alone.params.b[0] - 1) })
      late.step({ a: Float64Array.of(late.params.a[0]), b: Float64Array.of(late.params.b[0] - 1) })
    }
    expect(late.params.b[0]).toBe(alone.params.b[0])
    expect(late.evaluated().b[0]).toBe(alone.evaluated().b[0])
  })
})

test('a checkpoint taken while a tensor sits out goes on as the run does', async () => {
  const make = async () =>
    createOptimizer(
      prodigy({ d0: 1e-2 }),
      { a: Float64Array.of(3, 1), b: Float64Array.of(-2) },
      await cpu(),
    )
  const steps = (optimizer: Awaited<ReturnType<typeof make>>, from: number, to: number) => {
    const { a, b } = optimizer.params
    for (let k = from; k < to; k++)
      optimizer.step({
        a: k >= 4 && k < 9 ? undefined : Float64Array.from(a),
        b: Float64Array.from(b),
      })
  }
  const [through, stopped, resumed] = [await make(), await make(), await make()]
  steps(through, 0, 20)
  steps(stopped, 0, 6)
  await resumed.load(await stopped.save({ params: true }))
  steps(resumed, 6, 20)
  expect(resumed.params).toEqual(through.params)
  expect(await resumed.scalars()).toEqual(await through.scalars())
})

describe.each(ways)('one gradient that is not finite, %s', (_way, options) => {
  const bad = [Number.NaN, Infinity, -Infinity]
  const kinds = [Float32Array, Float64Array] as const
  const algorithms = [prodigy(), dadaptAdam(), dadaptSgd(), dog(), dowg()]
  test.each(
    algorithms.flatMap((algorithm) =>
      bad.map((value) => [algorithm.name, value, algorithm] as const),
    ),
  )(
    '%s, %s: costs its coordinate, and the estimate goes on growing',
    async (_name, value, algorithm) => {
      for (const Kind of kinds) {
        const run = async (spoilt: boolean) => {
          const [x, y] = [Kind.of(1, 2), Kind.of(3)]
          const optimizer = await createOptimizer(algorithm, { x, y }, await cpu(options))
          const estimates: number[] = []
          for (let k = 0; k < 60; k++) {
            const g = x.slice()
            if (spoilt && k === 5) g[0] = value
            optimizer.step({ x: g, y: y.slice() })
            const { d, rBar, r2 } = await optimizer.scalars()
            estimates.push(d ?? rBar ?? r2)
          }
          return { x, y, estimates }
        }
        const { x, y, estimates } = await run(true)
        const healthy = await run(false)
        expect(x[0]).toBeNaN()
        expect(estimates.every(Number.isFinite)).toBe(true)
        expect([x[1], y[0]].every(Number.isFinite)).toBe(true)
        if (healthy.estimates[59] > 2 * healthy.estimates[5])
          expect(estimates[59]).toBeGreaterThan(1.5 * estimates[5])
      }
    },
  )
})
