/**
 * Optimizers that go along with tf.setBackend, also through backends where steps cannot be fused. A
 * copy of tfjs's cpu backend under another name stands for those (webgl is not in Node), as its
 * memory is not known to us.
 */
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { averaged, dadaptAdan, dog, type FreestepOptimizer, prodigy } from '../src/index.ts'
import { held, start } from './backends.ts'
import { numbers, step, variables } from './problem.ts'

const other = 'not-known'
beforeAll(async () => {
  tf.registerBackend(other, () => new MathBackendCPU())
  tf.copyRegisteredKernels('cpu', other)
  await start('cpu')
})
afterEach(() => tf.disposeVariables())

const makes: Record<string, () => FreestepOptimizer> = {
  prodigy: () => prodigy({ d0: 1e-3, sliceP: 2, weightDecay: 0.01 }),
  'averaged(dog)': () => averaged(dog()),
  dadaptAdan: () => dadaptAdan({ d0: 1e-3 }),
  'prodigy, a d for each group': () =>
    prodigy({
      d0: 1e-3,
      splitGroups: true,
      groups: [{ params: (name) => name.startsWith('c'), weightDecay: 0.1 }],
    }),
}

/**
 * What is left of an optimizer that takes five steps on each backend of a list: variables, scalars,
 * and the point to evaluate at.
 */
async function run(make: () => FreestepOptimizer, backends: readonly string[]) {
  await start(backends[0])
  const own = variables('/moving')
  const optimizer = make()
  const executions: unknown[] = []
  for (const backend of backends) {
    await start(backend)
    for (let k = 0; k < 5; k++) step(optimizer, own)
    executions.push(optimizer.execution)
  }
  const result = {
    x: numbers(own),
    scalars: await optimizer.scalars(),
    evaluated: await optimizer.evaluating(() => numbers(own)),
  }
  const weights = (await optimizer.getWeights()).map(({ name, tensor: { shape } }) => [name, shape])
  optimizer.dispose()
  tf.dispose(own)
  return { ...result, weights, executions }
}

/**
 * Eager steps have single numbers in float32, fused ones in double precision: what is between them
 * is that.
 */
function expectNear(actual: readonly number[], wanted: readonly number[]): void {
  expect(actual.length).toBe(wanted.length)
  for (const [i, value] of wanted.entries())
    expect(Math.abs(actual[i] - value)).toBeLessThanOrEqual(1e-4 * Math.max(1, Math.abs(value)))
}

const walks = [
  ['cpu', other, 'cpu'],
  [other, 'wasm', other, 'cpu'],
  ['wasm', other, 'wasm', 'cpu'],
  [other, 'cpu', 'wasm'],
].map((walk) => ({ title: walk.join(' → '), walk }))

describe.each(Object.entries(makes))('%s', (_, make) => {
  test.each(walks)(
    '$title: fused again where that is possible, with the numbers of one that never moved',
    async ({ walk }) => {
      const before = held()
      const moved = await run(make, walk)
      expect(moved.executions).toEqual(
        walk.map((backend) => ({ backend, fused: backend !== other })),
      )
      const stayed = await run(
        make,
        walk.map(() => 'cpu'),
      )
      expectNear(moved.x, stayed.x)
      expectNear(moved.evaluated, stayed.evaluated)
      expect(Object.keys(moved.scalars)).toEqual(Object.keys(stayed.scalars))
      expectNear(Object.values(moved.scalars), Object.values(stayed.scalars))
      expect(moved.weights.map(([name]) => name)).toEqual(stayed.weights.map(([name]) => name))
      expect(held()).toEqual(before)
    },
  )
})

test('a move changes no number: states are the same to the last bit, those in float32 on both sides', async () => {
  await start(other)
  const own = variables('/bits')
  const optimizer = prodigy({ d0: 1e-3 })
  for (let k = 0; k < 7; k++) step(optimizer, own)
  const before = await optimizer.save()
  await start('wasm')
  // Evaluating is what moves, without a step.
  await optimizer.evaluating(() => undefined)
  expect(optimizer.execution).toEqual({ backend: 'wasm', fused: true })
  const after = await optimizer.save()
  expect(Object.keys(after.tensors)).toEqual(Object.keys(before.tensors))
  for (const [name, { data }] of Object.entries(before.tensors))
    expect([name, ...after.tensors[name].data]).toEqual([name, ...data])
  await start('cpu')
  await optimizer.evaluating(() => undefined)
  for (const [name, { data }] of Object.entries((await optimizer.save()).tensors))
    expect([...data]).toEqual([...after.tensors[name].data])
  optimizer.dispose()
})

test('with fused: false it stays eager wherever it goes, and one that joins after the move is at home', async () => {
  for (const fused of [true, false]) {
    await start(other)
    const [a, b] = variables('/joins')
    const optimizer = prodigy({ d0: 1e-3, fused })
    for (let k = 0; k < 3; k++) step(optimizer, [a])
    await start('cpu')
    for (let k = 0; k < 3; k++) step(optimizer, [a, b])
    expect(optimizer.execution).toEqual({ backend: 'cpu', fused })
    expect(optimizer.iterations).toBe(6)
    optimizer.dispose()
    tf.dispose([a, b])
  }
})
