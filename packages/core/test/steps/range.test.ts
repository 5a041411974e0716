/**
 * What single precision has to reach: long ways, very small and very large gradients, in eager and
 * in compiled steps. Beside the layer `range` of the kit, which has every algorithm; here are runs
 * as people meet them, and norms beyond the range of squares.
 */

import {
  type Algorithm,
  clipByGlobalNorm,
  cpu,
  createOptimizer,
  defineAlgorithm,
  type FloatArray,
  normalizedGradient,
  polyak,
  prodigy,
  prodigyDa,
  scalar,
  sgd,
  wideNorm2,
} from '@freestep/cpu'
import { describe, expect, test } from 'vitest'
import { draws, fill } from './problems.ts'

const forms = {
  eager: { fused: false },
  wasm: { target: 'wasm' },
  js: { target: 'js' },
} as const

describe.each(Object.entries(forms))('%s', (_, form) => {
  const start = async (algorithm: Algorithm, x: FloatArray) =>
    createOptimizer(algorithm, { x }, await cpu(form))

  test('a line through Unix seconds: Prodigy arrives where double precision does', async () => {
    const draw = draws(7)
    const rows = fill(100, () => 12 + 12 * draw()).map((t) => [t, 1.7e9 + 3600 * t])
    const fit = async (w: FloatArray) => {
      const optimizer = await start(prodigy(), w)
      for (let k = 0; k < 1000; k++) {
        const errors = rows.map(([t, y]) => [t, (2 * (t * w[0] + w[1] - y)) / rows.length])
        const total = (of: (row: number[]) => number) =>
          errors.reduce((sum, row) => sum + of(row), 0)
        const g = [total(([t, e]) => e * t), total(([, e]) => e)]
        optimizer.step({
          x: w instanceof Float32Array ? Float32Array.from(g) : Float64Array.from(g),
        })
      }
      return { w: [...w], d: (await optimizer.scalars()).d }
    }
    const [single, double] = [await fit(new Float32Array(2)), await fit(new Float64Array(2))]
    expect(double.w[0]).toBeCloseTo(3600, 1)
    expect(double.w[1]).toBeCloseTo(1.7e9, 1)
    expect(Math.abs(single.w[1] / 1.7e9 - 1)).toBeLessThan(1e-6)
    expect(Math.abs(single.d / double.d - 1)).toBeLessThan(1e-2)
  })

  test.each([1e6, 1e7, 1e8])('½ (x − %d)²: prodigyDa arrives', async (D) => {
    const run = async (x: FloatArray) => {
      const optimizer = await start(prodigyDa(), x)
      for (let k = 0; k < 500; k++) optimizer.step({ x: x.map((xi) => xi - D) })
      return { x: x[0] / D, d: (await optimizer.scalars()).d }
    }
    const [single, double] = [await run(new Float32Array(1)), await run(new Float64Array(1))]
    expect(Math.abs(single.x - 1)).toBeLessThan(1e-3)
    expect(Math.abs(single.d / double.d - 1)).toBeLessThan(1e-2)
  })

  test.each([1e-36, 1e-25, 1e-6, 0.3, 3, 1e3, 1e20, 1e30])(
    '‖(3g, −4g)‖ is 5g where g is %d',
    async (g) => {
      const norm = defineAlgorithm({
        name: 'norm',
        defaults: {},
        state: () => ({ norm: scalar() }),
        step: (values) => ({ u: 0, norm: wideNorm2(values.g) }),
      })()
      const optimizer = await start(norm, new Float32Array(1000))
      optimizer.step({ x: Float32Array.of(3 * g, -4 * g, ...fill(998, () => 0)) })
      expect(Math.abs((await optimizer.scalars()).norm / (5 * g) - 1)).toBeLessThan(1e-6)
    },
  )

  test.each([1e-25, 1, 1e20])('steps that take the norm of the gradient, at %d', async (g) => {
    const moved = async (algorithm: Algorithm, loss?: number) => {
      const x = new Float32Array(2)
      const optimizer = await start(algorithm, x)
      optimizer.step({ x: Float32Array.of(3 * g, -4 * g) }, { loss })
      optimizer.dispose()
      return [...x]
    }
    const near = (found: number[], wanted: number[]) =>
      found.forEach((each, i) => void expect(Math.abs(each / wanted[i] - 1)).toBeLessThan(1e-6))
    near(await moved(normalizedGradient({ lr: 5 })), [-3, 4])
    near(await moved(polyak(), 25 * g), [-3, 4])
    near(await moved(clipByGlobalNorm(g / 2, sgd({ lr: 10 / g }))), [-3, 4])
  })
})
