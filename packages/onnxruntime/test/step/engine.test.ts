/**
 * What a step does to tensors, and in which order; what is refused, and what a failure leaves
 * behind. The numbers are the kit's business.
 */
import {
  adam,
  createOptimizer,
  FreestepError,
  momo,
  prodigy,
  scheduleFree,
  sgd,
} from '@freestep/core'
import { cpu } from '@freestep/cpu'
import * as node from 'onnxruntime-node'
import { expect, test } from 'vitest'
import type { Ort, OrtSession, OrtTensor } from '../../src/ort.ts'
import { onnxruntime } from '../../src/step/index.ts'

const vector = (...numbers: number[]): OrtTensor =>
  new node.Tensor('float32', Float32Array.from(numbers), [numbers.length])
const numbers = (tensor: OrtTensor) => Array.from(tensor.data as Float32Array)
const backend = onnxruntime({ ort: node })
const refusal = async (f: () => unknown): Promise<FreestepError> => {
  try {
    await f()
  } catch (error) {
    if (error instanceof FreestepError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
/** onnxruntime-node with sessions that differ. */
const withSessions = (change: (session: OrtSession) => Partial<OrtSession>): Ort => ({
  Tensor: node.Tensor,
  InferenceSession: {
    async create(bytes, options) {
      const session: OrtSession = await node.InferenceSession.create(bytes, options)
      const { inputNames, outputNames } = session
      return {
        inputNames,
        outputNames,
        run: (feeds) => session.run(feeds),
        release: () => session.release(),
        ...change(session),
      }
    },
  },
})

test('tensors on the same numbers are refused, those beside each other are not', async () => {
  const all = Float32Array.of(1, 2, 3, 4)
  const part = (from: number, to: number): OrtTensor =>
    new node.Tensor('float32', all.subarray(from, to), [to - from])
  const create = (params: Record<string, OrtTensor>) =>
    createOptimizer(sgd({ lr: 1 }), params, backend)
  const whole = part(0, 4)
  const sharing: Record<string, OrtTensor>[] = [
    { a: whole, b: whole },
    { a: part(0, 2), b: part(0, 2) },
    { a: part(0, 2), b: part(1, 3) },
  ]
  for (const params of sharing)
    expect((await refusal(() => create(params))).code).toBe('shared-memory')
  const optimizer = await create({ a: part(0, 2), b: part(2, 4) })
  await optimizer.step({ a: vector(1, 1), b: vector(2, 2) })
  expect([...numbers(optimizer.params.a), ...numbers(optimizer.params.b)]).toEqual([0, 1, 1, 2])
})

test('a step makes successors: the tensors before it stay as they are', async () => {
  const x = vector(1, 2)
  const optimizer = await createOptimizer(sgd({ lr: 0.5 }), { x }, backend)
  expect(optimizer.params.x).toBe(x)
  await optimizer.step({ x: vector(1, 1) })
  const once = optimizer.params.x
  expect(optimizer.params).toBe(optimizer.params)
  await optimizer.step({ x: vector(1, 1) })
  expect([x, once, optimizer.params.x].map(numbers)).toEqual([
    [1, 2],
    [0.5, 1.5],
    [0, 1],
  ])
  expect(optimizer.params.x.dims).toEqual([2])
})

test('steps, reads and loads take effect in the order in which they are asked for', async () => {
  const optimizer = await createOptimizer(sgd({ lr: 1, momentum: 0.5 }), { x: vector(0) }, backend)
  const first = optimizer.step({ x: vector(1) })
  const saved = optimizer.save({ params: true })
  const second = optimizer.step({ x: vector(1) })
  const evaluated = optimizer.evaluated()
  await Promise.all([first, second])
  expect(Array.from((await saved).tensors['x/x'].data)).toEqual([-1])
  expect(numbers((await evaluated).x)).toEqual([-2.5])
  const loading = optimizer.load(await saved)
  expect(optimizer.steps).toBe(2)
  await loading
  expect([optimizer.steps, ...numbers(optimizer.params.x)]).toEqual([1, -1])
})

test('several optimizers at once, on a copy of ONNX Runtime', async () => {
  const all = await Promise.all(
    [1, 2, 3].map((lr) => createOptimizer(sgd({ lr }), { x: vector(0) }, backend)),
  )
  await Promise.all(
    all.flatMap((optimizer) => [
      optimizer.step({ x: vector(1) }),
      optimizer.step({ x: vector(1) }),
    ]),
  )
  expect(all.map(({ params }) => numbers(params.x)[0])).toEqual([-2, -4, -6])
})

test('a step that fails has changed nothing, and the next goes on', async () => {
  let failing = false
  const ort = withSessions((session) => ({
    run: (feeds) => (failing ? Promise.reject(new Error('out of memory')) : session.run(feeds)),
  }))
  const optimizer = await createOptimizer(
    prodigy({ d0: 0.1 }),
    { x: vector(1, 2) },
    onnxruntime({ ort }),
  )
  await optimizer.step({ x: vector(1, -1) })
  const before = await optimizer.save({ params: true })
  failing = true
  const error = await refusal(() => optimizer.step({ x: vector(1, 1) }))
  expect(error.message).toBe(
    '[freestep/onnxruntime] ONNX Runtime failed in prodigy (step): out of memory. Nothing has changed.',
  )
  expect((error.cause as Error).message).toBe('out of memory')
  failing = false
  expect(await optimizer.save({ params: true })).toEqual(before)
  await optimizer.step({ x: vector(1, 1) })
  expect(optimizer.steps).toBe(2)
})

test('a loss is a number, or a tensor of one', async () => {
  const losses = [
    2,
    new node.Tensor('float64', [2], []),
    new node.Tensor('float32', [2], [1]),
    new node.Tensor('float32', [2], []),
  ]
  const ends = await Promise.all(
    losses.map(async (loss) => {
      const optimizer = await createOptimizer(momo(), { x: vector(1, 2) }, backend)
      for (let k = 0; k < 3; k++) await optimizer.step({ x: vector(1, k) }, { loss })
      return numbers(optimizer.params.x)
    }),
  )
  for (const end of ends) expect(end).toEqual(ends[0])
  const optimizer = await createOptimizer(momo(), { x: vector(1) }, backend)
  expect((await refusal(() => optimizer.step({ x: vector(1) }, { loss: vector(1, 2) }))).code).toBe(
    'bad-shape',
  )
  expect(optimizer.steps).toBe(0)
})

test('tensors that cannot be optimized are refused', async () => {
  const disposed = vector(1)
  disposed.dispose()
  const wrong: readonly [unknown, string, RegExp][] = [
    [
      new node.Tensor('int32', Int32Array.of(1), [1]),
      'bad-dtype',
      /W is of int32\. Give float32 or float64/,
    ],
    [new node.Tensor('float16', Uint16Array.of(1), [1]), 'bad-dtype', /W is of float16/],
    [Float32Array.of(1), 'bad-dtype', /W is a Float32Array\. Give an ort\.Tensor/],
    [disposed, 'disposed', /W was disposed of\. Give the present tensor, as in optimizer\.params/],
  ]
  for (const [W, code, message] of wrong) {
    const error = await refusal(() => createOptimizer(sgd(), { W: W as OrtTensor }, backend))
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
  }
  const onGpu = onnxruntime({ ort: node, executionProviders: ['webgpu'] })
  const double = new node.Tensor('float64', [1], [1])
  expect((await refusal(() => createOptimizer(sgd(), { W: double }, onGpu))).message).toMatch(
    /float64, which WebGPU does not have/,
  )
})

test('what ONNX Runtime does not know is said with its own words', async () => {
  const nowhere = onnxruntime({ ort: node, executionProviders: ['nowhere'] })
  expect((await refusal(() => createOptimizer(sgd(), { W: vector(1) }, nowhere))).message).toMatch(
    /failed in sgd \(step\): .*nowhere/,
  )
})

test('sessions are loaded once for the tensors that take part, and released', async () => {
  let created = 0
  let released = 0
  const ort = withSessions((session) => {
    created++
    return {
      release() {
        released++
        return session.release()
      },
    }
  })
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const params = Object.fromEntries(names.map((name) => [name, vector(1)]))
  const optimizer = await createOptimizer(scheduleFree(adam()), params, onnxruntime({ ort }))
  const atStart = created
  for (let k = 0; k < 3; k++)
    await optimizer.step(Object.fromEntries(names.map((name) => [name, vector(1)])))
  expect(created).toBe(atStart)
  for (const name of names) await optimizer.step({ [name]: vector(1) })
  expect(created).toBe(atStart + names.length)
  await optimizer.evaluated()
  await optimizer.evaluated()
  expect(created).toBe(atStart + names.length + 1)
  optimizer.dispose()
  await (await createOptimizer(sgd(), { x: vector(1) }, onnxruntime({ ort }))).step({
    x: vector(1),
  })
  expect(released).toBe(atStart + names.length + 1)
})

test('@freestep/cpu takes the same steps in place, on tensors that are views of its memory', async () => {
  const start = Float32Array.of(3, 0, -2)
  const gradient = (x: OrtTensor) => vector(...numbers(x).map((value) => value - 1))
  const fused = await createOptimizer(prodigy({ d0: 0.1 }), { x: start }, await cpu())
  const x: OrtTensor = new node.Tensor('float32', fused.params.x, [3])
  const graph = await createOptimizer(prodigy({ d0: 0.1 }), { x: vector(...start) }, backend)
  for (let k = 0; k < 20; k++) {
    fused.grads?.x.set(numbers(gradient(x)))
    fused.step()
    await graph.step({ x: gradient(graph.params.x) })
  }
  for (const [i, value] of numbers(graph.params.x).entries())
    expect(numbers(x)[i]).toBeCloseTo(value, 4)
})

test('a checkpoint of another shape is refused, for states and parameters, and changes nothing', async () => {
  const matrix = (rows: number, columns: number) =>
    new node.Tensor(
      'float32',
      Float32Array.from({ length: rows * columns }, (_, i) => i + 1),
      [rows, columns],
    )
  const open = (w: OrtTensor) => createOptimizer(sgd({ lr: 1, momentum: 0.5 }), { w }, backend)
  const one = await open(matrix(2, 3))
  await one.step({ w: matrix(2, 3) })
  const other = await open(matrix(3, 2))
  for (const params of [false, true])
    await expect(one.save({ params }).then((saved) => other.load(saved))).rejects.toMatchObject({
      code: 'bad-checkpoint',
    })
  expect(numbers(other.params.w)).toEqual([1, 2, 3, 4, 5, 6])
  const same = await open(matrix(2, 3))
  await same.load(await one.save({ params: true }))
  expect(numbers(same.params.w)).toEqual([0, 0, 0, 0, 0, 0])
})

test('a step that is asked for during a load waits for it, on what was loaded', async () => {
  const open = () => createOptimizer(sgd({ lr: 1, momentum: 0.5 }), { x: vector(0) }, backend)
  const one = await open()
  for (let k = 0; k < 3; k++) await one.step({ x: vector(1) })
  const saved = await one.save({ params: true })
  const other = await open()
  const loading = other.load(saved)
  const stepping = other.step({ x: vector(1) })
  await Promise.all([loading, stepping, one.step({ x: vector(1) })])
  expect(other.steps).toBe(4)
  expect(await other.save({ params: true })).toEqual(await one.save({ params: true }))
})
