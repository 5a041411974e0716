import * as core from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import * as exported from '../src/index.ts'
import { held, onEachWay } from './backends.ts'
import { numbers, objective, step, variables } from './problem.ts'
import { reference } from './reference.ts'

/** Looked up by name here, as nobody else should. */
const tfjs = { ...exported }
const factories = Object.entries(core).filter(
  ([, value]) => typeof value === 'function' && 'algorithm' in value,
) as ['prodigy', core.AlgorithmFactory<object>][]
const wrappers = [
  'averaged',
  'clipByGlobalNorm',
  'mechanic',
  'scheduleFree',
  'skipNonFinite',
] as const

/** Options that take other paths than the defaults. */
const options: Record<string, object[]> = {
  prodigy: [
    { weightDecay: 0.1, useBiasCorrection: true },
    { sliceP: 3, growthRate: 1.5, betas: [0, 0.99] },
    // Longer than any run here: at its end lr is 0, a constant that steps have anyway.
    { compat: 'prodigyopt', lr: core.cosine({ steps: 400, warmup: 10 }), safeguardWarmup: true },
  ],
  dadaptAdam: [{ decouple: true, weightDecay: 0.1, growthRate: 1.02 }],
  sgd: [{ lr: 0.1, momentum: 0.9, dampening: 0.1 }],
  adam: [{ amsgrad: true, lr: 0.1, weightDecay: 0.1 }],
}

/** How steps run. */
type Run = { readonly fused: boolean }

/** A tf.Optimizer here, and the algorithm of core that it must be. */
const plain = factories.flatMap(([name, factory]) =>
  [{}, ...(options[name] ?? [])].map((settings) => ({
    title: `${name}(${JSON.stringify(settings)})`,
    make: (run: Run) => tfjs[name]({ ...settings, ...run }),
    algorithm: factory(settings),
  })),
)
const wrapped = [
  {
    title: 'averaged(dog)',
    make: (run: Run) => tfjs.averaged(tfjs.dog(run)),
    algorithm: core.averaged(core.dog()),
  },
  {
    title: 'scheduleFree(adam)',
    make: (run: Run) =>
      tfjs.scheduleFree(tfjs.adam({ lr: 0.1, betas: [0, 0.99], ...run }), { r: 1 }),
    algorithm: core.scheduleFree(core.adam({ lr: 0.1, betas: [0, 0.99] }), { r: 1 }),
  },
  {
    title: 'mechanic(sgd)',
    make: (run: Run) => tfjs.mechanic(tfjs.sgd(run)),
    algorithm: core.mechanic(core.sgd()),
  },
  {
    title: 'skipNonFinite(clipByGlobalNorm(prodigy))',
    make: (run: Run) => tfjs.skipNonFinite(tfjs.clipByGlobalNorm(3, tfjs.prodigy(run))),
    algorithm: core.skipNonFinite(core.clipByGlobalNorm(3, core.prodigy())),
  },
]

test('every algorithm and wrapper of core makes a tf.Optimizer here', () => {
  expect(factories.length).toBeGreaterThan(20)
  for (const [name] of factories) {
    expect(tfjs, name).toHaveProperty(name)
    const optimizer = tfjs[name]()
    expect(optimizer).toBeInstanceOf(tf.Optimizer)
    expect(optimizer.getClassName()).toBe(`freestep/${name}`)
  }
  for (const name of wrappers) {
    const optimizer =
      name === 'clipByGlobalNorm' ? tfjs[name](1, tfjs.dog()) : tfjs[name](tfjs.dog())
    expect(optimizer).toBeInstanceOf(tfjs.FreestepOptimizer)
    expect(optimizer.algorithm.name).toBe(`${name}(dog)`)
  }
})

onEachWay('algorithms', (backend, fused) => {
  const steps = 60
  /**
   * On cpu, tfjs rounds every operation and sum as plain arrays do, and fused steps are those of
   * our own cpu backend, so all is equal.
   */
  const tolerance = backend === 'cpu' ? 0 : fused ? 1e-5 : 1e-4

  test.each([...plain, ...wrapped])(
    '$title follows the same steps on plain arrays, and leaks nothing',
    async ({ make, algorithm }) => {
      const before = held()
      const own = variables(`/${algorithm.name}`)
      const optimizer = make({ fused })
      step(optimizer, own)
      expect(optimizer.execution).toEqual({ backend, fused })
      const warm = held()
      for (let k = 1; k < steps; k++) step(optimizer, own)
      expect(held()).toEqual(warm)

      const wanted = await reference(algorithm, steps, fused)
      const near = (actual: number[], expected: number[]) => {
        const scale = Math.max(...expected.map(Math.abs))
        expect(
          Math.max(...actual.map((v, i) => Math.abs(v - expected[i]))) / scale,
        ).toBeLessThanOrEqual(tolerance)
      }
      near(numbers(own), wanted.x)
      near(await optimizer.evaluating(() => numbers(own)), wanted.evaluated)
      near(numbers(own), wanted.x)
      const scalars = await optimizer.scalars()
      if (wanted.scalars.d !== undefined) near([scalars.d], [wanted.scalars.d])
      if (backend === 'cpu')
        expect(scalars).toEqual(
          Object.fromEntries(
            Object.entries(wanted.scalars).map(([name, value]) => [
              name.replace(/\/.*/, (own) => `${own}/${algorithm.name}`),
              value,
            ]),
          ),
        )

      expect(held()).toEqual(warm)
      optimizer.dispose()
      tf.dispose(own)
      expect(held()).toEqual(before)
    },
  )

  test.each(plain)(
    '$title: 200 steps of minimize leave tensors and bytes as they were',
    ({ make }) => {
      const before = held()
      const own = variables('/minimize')
      const optimizer = make({ fused })
      const f = objective(own)
      optimizer.minimize(f, false, own)
      const warm = held()
      for (let k = 1; k < 200; k++) optimizer.minimize(f, true, own)?.dispose()
      expect(held()).toEqual(warm)
      expect(optimizer.iterations).toBe(200)
      optimizer.dispose()
      tf.dispose(own)
      expect(held()).toEqual(before)
    },
  )
})
