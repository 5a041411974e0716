/**
 * Memory that is not what it seems: parameters that share some, gradients in each other's places or
 * in parameters, and arrays of the caller beside views on the kernels' memory. Fused against eager,
 * or against numbers that are plain to see.
 */
import { describe, expect, test } from 'vitest'
import {
  averaged,
  type CpuOptions,
  cpu,
  createOptimizer,
  dog,
  type FloatArray,
  FreestepError,
  type FreestepErrorCode,
  prodigy,
  sgd,
} from '../src/index.ts'

const kinds = [Float32Array, Float64Array] as const
const ways: readonly CpuOptions[] = [{ target: 'wasm' }, { target: 'js' }, { fused: false }]
const fusedWays = ways.filter(({ fused }) => fused !== false)
const wave = (size: number, phase = 0) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(i + phase))

const codeOf = async (f: () => unknown): Promise<FreestepErrorCode | undefined> => {
  try {
    await f()
  } catch (error) {
    if (error instanceof FreestepError) return error.code
    throw error
  }
  return undefined
}

describe.each(ways)('%o: shared memory', (way) => {
  test.each(kinds)(
    'one array under two names and overlapping views are refused, with %o',
    async (kind) => {
      const backend = await cpu(way)
      const create = (params: Record<string, FloatArray>) =>
        createOptimizer(sgd({ lr: 1 }), params, backend)
      const w = kind.of(10)
      expect(await codeOf(() => create({ encoder: w, decoder: w }))).toBe('shared-memory')
      const b = kind.of(1, 2, 3)
      expect(await codeOf(() => create({ a: b.subarray(0, 2), c: b.subarray(1) }))).toBe(
        'shared-memory',
      )
      expect(await codeOf(() => create({ a: b, c: new Uint32Array(b.buffer) as never }))).toBe(
        'bad-dtype',
      )
      expect([...w, ...b]).toEqual([10, 1, 2, 3])
    },
  )

  test('two precisions of one buffer overlap, too; what lies side by side does not', async () => {
    const { buffer } = new Float64Array(4)
    const backend = await cpu(way)
    const create = (params: Record<string, FloatArray>) =>
      createOptimizer(sgd({ lr: 1 }), params, backend)
    const overlapping = { a: new Float64Array(buffer, 8, 2), b: new Float32Array(buffer, 20, 3) }
    expect(await codeOf(() => create(overlapping))).toBe('shared-memory')
    const [a, b] = [new Float64Array(buffer, 8, 2), new Float32Array(buffer, 24, 2)]
    const optimizer = await create({ a, b })
    optimizer.step({ a: Float64Array.of(1, 2), b: Float32Array.of(3, 4) })
    expect([...a, ...b]).toEqual([-1, -2, -3, -4])
  })

  test('tied weights: one parameter, whose gradient is the sum over its uses', async () => {
    const w = Float64Array.of(10)
    const optimizer = await createOptimizer(sgd({ lr: 1 }), { w }, await cpu(way))
    optimizer.step({ w: Float64Array.of(1 + 1) })
    expect(w[0]).toBe(8)
  })

  test('extend refuses what creation does, and goes on', async () => {
    const [a, b] = [Float32Array.of(1), Float32Array.of(1)]
    const optimizer = await createOptimizer(sgd({ lr: 1 }), { a }, await cpu(way))
    expect(await codeOf(() => optimizer.extend({ a, b: a }))).toBe('shared-memory')
    optimizer.extend({ a, b })
    optimizer.step({ a: Float32Array.of(2), b: Float32Array.of(3) })
    expect([a[0], b[0]]).toEqual([-1, -2])
  })
})

describe.each(fusedWays)('%o: gradients', (way) => {
  test.each(kinds)("in each other's places, %o", async (kind) => {
    const [a, b] = [kind.of(1), kind.of(1)]
    const { params, grads, step } = await createOptimizer(sgd({ lr: 1 }), { a, b }, await cpu(way))
    grads?.a.fill(2)
    grads?.b.fill(5)
    step({ a: grads?.b, b: grads?.a })
    expect([params.a[0], params.b[0], a[0], b[0]]).toEqual([-4, -1, -4, -1])
  })

  test('round three places, and one of them for all', async () => {
    const make = async () => {
      const optimizer = await createOptimizer(
        sgd({ lr: 1 }),
        { a: new Float32Array(1), b: new Float32Array(1), c: new Float32Array(1) },
        await cpu(way),
      )
      for (const [i, g] of Object.values(optimizer.grads ?? {}).entries()) g.fill(i + 1)
      const { a, b, c } = optimizer.grads ?? {}
      return {
        a,
        b,
        c,
        numbers: () => Object.values(optimizer.params).map(([x]) => x),
        step: optimizer.step,
      }
    }
    const round = await make()
    round.step({ a: round.b, b: round.c, c: round.a })
    expect(round.numbers()).toEqual([-2, -3, -1])
    const one = await make()
    one.step({ a: one.c, b: one.c, c: one.c })
    expect(one.numbers()).toEqual([-3, -3, -3])
    const some = await make()
    some.step({ a: Float32Array.of(9), b: some.a })
    expect(some.numbers()).toEqual([-9, -1, 0])
  })

  /**
   * Every way in which a gradient can lie over parameters and places, against the same numbers in
   * arrays of their own.
   */
  test('that overlap with places, views and arrays of parameters in part', async () => {
    const make = () => averaged(dog({ repsRel: 0.1 }))
    const all = wave(60)
    const own = { a: all.subarray(0, 20), b: all.subarray(20, 40) }
    const fused = await createOptimizer(make(), own, await cpu(way))
    const eager = await createOptimizer(
      make(),
      { a: all.slice(0, 20), b: all.slice(20, 40) },
      await cpu({ fused: false }),
    )
    const { params, grads } = fused
    const over = (view: FloatArray, from: number) =>
      new Float32Array(view.buffer as ArrayBuffer, view.byteOffset + 4 * from, 20)
    const cases: Record<'a' | 'b', FloatArray>[] = [
      { a: over(grads?.a as FloatArray, 7), b: over(grads?.a as FloatArray, 3) },
      { a: over(params.a, 11), b: params.a },
      { a: params.a, b: grads?.a as FloatArray },
      { a: own.b, b: own.a },
      { a: own.a, b: all.subarray(9, 29) },
      { a: all.subarray(30, 50), b: params.b },
    ]
    for (const [k, { a, b }] of [...cases, ...cases].entries()) {
      for (const [name, g] of Object.entries(grads ?? {})) g.set(wave(20, k + name.charCodeAt(0)))
      eager.step({ a: a.slice(), b: b.slice() })
      fused.step({ a, b })
      expect([...params.a, ...params.b]).toEqual([...eager.params.a, ...eager.params.b])
      expect([...own.a, ...own.b]).toEqual([...eager.params.a, ...eager.params.b])
    }
    expect(await fused.save()).toEqual(await eager.save())
  })
})

describe.each(ways)('%o: groups that step one after the other', (way) => {
  const make = async () => {
    const own = { a: Float32Array.of(1), b: Float32Array.of(10) }
    const options = { groups: [{ params: ['b'] }], splitGroups: true }
    return { own, optimizer: await createOptimizer(sgd({ lr: 1 }), own, await cpu(way), options) }
  }

  test('a gradient in memory of the other one is right, or refused', async () => {
    const { own, optimizer } = await make()
    for (const a of [own.b, optimizer.params.b]) {
      const before = { a: optimizer.params.a[0], b: optimizer.params.b[0] }
      optimizer.step({ a, b: Float32Array.of(2) })
      expect({ a: own.a[0], b: own.b[0] }).toEqual({ a: before.a - before.b, b: before.b - 2 })
    }
    const now = [...own.a, ...own.b]
    const crossed = [own.a, optimizer.params.a, ...Object.values(optimizer.grads ?? {}).slice(0, 1)]
    for (const b of crossed)
      expect(await codeOf(() => optimizer.step({ a: own.b, b }))).toBe('shared-memory')
    expect([...own.a, ...own.b]).toEqual(now)
    optimizer.step({ b: own.a })
    expect(own.b[0]).toBe(now[1] - now[0])
  })
})

describe.each(fusedWays)('%o: arrays of the caller beside the views', (way) => {
  const begin = async (x: FloatArray) => {
    const optimizer = await createOptimizer(sgd({ lr: 1 }), { x }, await cpu(way))
    const byViews = (g: number) => {
      optimizer.grads?.x.fill(g)
      optimizer.step()
    }
    return { optimizer, byViews, params: optimizer.params }
  }

  test('dispose brings an array up to date, and leaves alone what was written into it since', async () => {
    const [behind, written] = [Float32Array.of(1, 2), Float32Array.of(1, 2)]
    for (const x of [behind, written]) {
      const { optimizer, byViews } = await begin(x)
      byViews(1)
      if (x === written) x[1] = 9
      optimizer.dispose()
    }
    expect([[...behind], [...written]]).toEqual([
      [0, 1],
      [1, 9],
    ])
  })

  test('of two optimizers on one array, the one that ends last does not put the clock back', async () => {
    const x = Float64Array.of(1)
    const [first, second] = [await begin(x), await begin(x)]
    first.byViews(1)
    second.optimizer.step({ x: Float64Array.of(3) })
    first.optimizer.dispose()
    expect(x[0]).toBe(-2)
  })

  test('what was written before the views took over is older than they are', async () => {
    const x = Float32Array.of(1)
    const { optimizer, byViews } = await begin(x)
    x[0] = 5
    byViews(1)
    optimizer.dispose()
    expect(x[0]).toBe(0)
  })

  test('a step with an array of the caller reads theirs, if they have written to it', async () => {
    const x = Float32Array.of(1)
    const { optimizer, byViews, params } = await begin(x)
    byViews(1)
    optimizer.step({ x: Float32Array.of(1) })
    expect(x[0]).toBe(-1)
    byViews(1)
    x[0] = 10
    optimizer.step({ x: Float32Array.of(1) })
    expect([x[0], params.x[0]]).toEqual([9, 9])
  })

  test('what is written into the views before any step is what is saved, evaluated, and gone on with', async () => {
    for (const go of [
      async ({ optimizer }: Awaited<ReturnType<typeof begin>>) =>
        void (await optimizer.save({ params: true })),
      async ({ optimizer }: Awaited<ReturnType<typeof begin>>) => void optimizer.evaluated(),
      async () => {},
    ]) {
      const x = Float32Array.of(1)
      const begun = await begin(x)
      begun.params.x[0] = 7
      await go(begun)
      expect((await begun.optimizer.save({ params: true })).tensors['x/x'].data[0]).toBe(7)
      begun.optimizer.step({ x: Float32Array.of(1) })
      expect(x[0]).toBe(6)
    }
  })

  test('after views, they are what is saved, whatever was written into the array', async () => {
    const x = Float32Array.of(1)
    const { optimizer, byViews } = await begin(x)
    byViews(1)
    x[0] = 10
    byViews(1)
    expect((await optimizer.save({ params: true })).tensors['x/x'].data[0]).toBe(-1)
    byViews(1)
    expect(optimizer.params.x[0]).toBe(-2)
    optimizer.dispose()
    expect(x[0]).toBe(10)
  })

  test('an array that was written to, and loaded over', async () => {
    const x = Float32Array.of(1)
    const { optimizer, byViews, params } = await begin(x)
    const saved = await optimizer.save({ params: true })
    byViews(1)
    x[0] = 10
    await optimizer.load(saved)
    expect([x[0], params.x[0]]).toEqual([1, 1])
    params.x[0] = 4
    expect((await optimizer.save({ params: true })).tensors['x/x'].data[0]).toBe(4)
  })

  test('an array that was transferred is said, before anything is changed', async () => {
    const x = Float32Array.of(1, 2)
    const { optimizer, byViews, params } = await begin(x)
    structuredClone(x, { transfer: [x.buffer] })
    expect(await codeOf(() => optimizer.step({ x: Float32Array.of(1, 1) }))).toBe('disposed')
    expect([...params.x]).toEqual([1, 2])
    byViews(1)
    expect([...params.x]).toEqual([0, 1])
    optimizer.dispose()
  })

  test('extend goes on from an array that was written to, or else from the views', async () => {
    for (const [written, wanted] of [
      [undefined, -1],
      [10, 9],
    ] as const) {
      const x = Float32Array.of(1)
      const { optimizer, byViews } = await begin(x)
      byViews(1)
      if (written !== undefined) x[0] = written
      optimizer.extend({ x, y: Float32Array.of(1) })
      optimizer.grads?.x.fill(1)
      optimizer.step()
      expect(optimizer.params.x[0]).toBe(wanted)
    }
  })
})

test('a view is cloned with all of its memory, a slice of it alone', async () => {
  const optimizer = await createOptimizer(prodigy(), { w: new Float32Array(3) }, await cpu())
  const { w } = optimizer.params
  expect(structuredClone(w).buffer.byteLength).toBe(w.buffer.byteLength)
  expect(structuredClone(w.slice()).buffer.byteLength).toBe(12)
})
