/**
 * Threads change nothing but the time: the same bits for any number of them, and none is left
 * behind.
 */
import { createHash } from 'node:crypto'
import type { Worker } from 'node:worker_threads'
import { generator } from '@freestep/conformance'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  type Algorithm,
  adam,
  cpu,
  createOptimizer,
  createOptimizerSync,
  dog,
  type FloatArray,
  ldog,
  prodigy,
  toSafetensors,
} from '../src/index.ts'

const draw = generator(3)
const random = (size: number, kind: typeof Float32Array | typeof Float64Array): FloatArray =>
  kind.from(Array.from({ length: size }, draw))

afterEach(() => {
  vi.unstubAllGlobals()
})

describe.each([
  ['one tensor', [Float32Array], [300_000]],
  [
    'many tensors of both precisions',
    [Float32Array, Float64Array],
    [1, 200_000, 3, 2048, 5000, 7, 150_000, 4097, 0, 90_000],
  ],
] as const)('%s', (_, kinds, sizes) => {
  const params = sizes.map((size, i) => random(size, kinds[i % kinds.length]))
  const gradients = sizes.map((size, i) => random(size, kinds[i % kinds.length]))
  const named = (arrays: readonly FloatArray[]) =>
    Object.fromEntries(arrays.map((array, i) => [`p${i}`, array.slice()]))
  const run = async (algorithm: Algorithm, threads: number) => {
    const optimizer = await createOptimizer(algorithm, named(params), await cpu({ threads }))
    for (let k = 0; k < 6; k++) {
      const given = named(gradients)
      if (k % 3 === 2) delete given.p1
      optimizer.step(Object.keys(given).length ? given : named(gradients))
    }
    const bits = createHash('sha256')
      .update(toSafetensors(await optimizer.save({ params: true })))
      .digest('hex')
    optimizer.dispose()
    return bits
  }

  test.each([
    ['prodigy', prodigy()],
    ['prodigy, sliced', prodigy({ sliceP: 11, compat: 'prodigyopt' })],
    ['dog', dog({ repsRel: 0.1 })],
    ['ldog', ldog({ repsRel: 0.1 })],
    ['adam', adam()],
  ] as [string, Algorithm][])('%s', async (name, algorithm) => {
    const wanted = await run(algorithm, 1)
    for (const threads of name === 'dog' ? [2, 3, 5] : [2])
      expect(await run(algorithm, threads)).toBe(wanted)
  })
})

describe('threads', () => {
  const x = () => ({ x: new Float32Array(10) })

  test('that hear a call after they have obeyed it, as on a busy machine, do their work once', async () => {
    const { notify } = Atomics
    const run = async (threads: number) => {
      const optimizer = await createOptimizer(
        dog({ repsRel: 0.1 }),
        { x: new Float32Array(300_000) },
        await cpu({ threads }),
      )
      for (let k = 0; k < 5; k++) optimizer.step({ x: new Float32Array(300_000).fill(k + 1) })
      const { x } = optimizer.params
      optimizer.dispose()
      return x.slice()
    }
    const wanted = await run(1)
    const nap = new Int32Array(new SharedArrayBuffer(4))
    const late = vi.spyOn(Atomics, 'notify').mockImplementation((...args) => {
      notify(...args)
      Atomics.wait(nap, 0, 0, 20)
      return notify(...args)
    })
    expect(await run(2)).toEqual(wanted)
    expect(late).toHaveBeenCalled()
    late.mockRestore()
  })

  test('end when the optimizer is disposed', async () => {
    const started: Worker[] = []
    const module = process.getBuiltinModule('node:worker_threads') as { Worker: typeof Worker }
    const original = module.Worker
    module.Worker = new Proxy(original, {
      construct(target, args) {
        const worker = Reflect.construct(target, args)
        started.push(worker)
        return worker
      },
    })
    const optimizer = await createOptimizer(prodigy(), x(), await cpu({ threads: 4 }))
    module.Worker = original
    expect(started).toHaveLength(3)
    const ends = started.map((worker) => new Promise((resolve) => worker.once('exit', resolve)))
    optimizer.dispose()
    expect(await Promise.all(ends)).toEqual([0, 0, 0])
  })

  test('have to be awaited', async () => {
    const backend = await cpu({ threads: 2 })
    expect(() => createOptimizerSync(prodigy(), x(), backend)).toThrow(
      'Use "await createOptimizer(…)"',
    )
    expect(() => createOptimizerSync(prodigy(), x(), { ...backend, name: 'cpu' })).toThrow(
      'starts asynchronously',
    )
  })

  test('where there are none, steps run without', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined)
    const optimizer = await createOptimizer(prodigy(), x(), await cpu({ threads: 4 }))
    vi.unstubAllGlobals()
    expect(optimizer.params.x.buffer).toBeInstanceOf(ArrayBuffer)
  })

  test.each([0, -1, 1.5, Number.NaN])('%f of them are refused', async (threads) => {
    await expect(cpu({ threads })).rejects.toThrow('[freestep/cpu] cpu: option threads is')
  })
})
