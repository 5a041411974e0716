/**
 * The fused engine around its kernels: whose arrays are whose, memory, precisions, what happens
 * where code may not be made.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { compile } from '@freestep/compiler'
import { generator } from '@freestep/conformance'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { FusedEngine } from '../src/engine.ts'
import {
  adam,
  averaged,
  type Backend,
  cpu,
  createOptimizer,
  defineAlgorithm,
  dualAveraging,
  type FloatArray,
  momo,
  perTensor,
  prodigy,
  scalar,
  sgd,
  sum,
  type Target,
} from '../src/index.ts'

const targets: readonly Target[] = ['wasm', 'js']
const random = (
  size: number,
  seed = 1,
  kind: typeof Float32Array | typeof Float64Array = Float32Array,
): FloatArray => {
  const draw = generator(seed)
  return kind.from(Array.from({ length: size }, draw))
}

describe.each(targets)('%s: arrays', (target) => {
  const step = { lr: 0.5 }

  test('views: nothing of the caller is read or written', async () => {
    const x = Float32Array.of(1, 2, 3)
    const optimizer = await createOptimizer(sgd(step), { x }, await cpu({ target }))
    const { params, grads } = optimizer
    expect(params.x).toEqual(x)
    expect(params.x).not.toBe(x)
    grads?.x.set([2, 4, 6])
    optimizer.step()
    optimizer.step(grads)
    expect([...params.x]).toEqual([-1, -2, -3])
    expect([...x]).toEqual([1, 2, 3])
    params.x.set([10, 10, 10])
    optimizer.step()
    expect([...params.x]).toEqual([9, 8, 7])
    optimizer.dispose()
    expect([...x]).toEqual([9, 8, 7])
  })

  test("the caller's own arrays: read before a step, overwritten after it", async () => {
    const x = Float32Array.of(1, 2, 3)
    const g = Float32Array.of(2, 4, 6)
    const optimizer = await createOptimizer(sgd(step), { x }, await cpu({ target }))
    optimizer.step({ x: g })
    expect([...x]).toEqual([0, 0, 0])
    x.fill(5)
    optimizer.step({ x: g })
    expect([...x]).toEqual([4, 3, 2])
    expect(optimizer.params.x).toEqual(x)
  })

  test('own arrays after views: the step goes on from the views', async () => {
    const x = Float32Array.of(1, 2, 3)
    const g = Float32Array.of(2, 4, 6)
    const optimizer = await createOptimizer(sgd(step), { x }, await cpu({ target }))
    optimizer.grads?.x.set(g)
    optimizer.step()
    optimizer.step({ x: g })
    expect([...x]).toEqual([-1, -2, -3])
  })

  test('some of each, and some without a gradient', async () => {
    const [a, b, c] = [Float32Array.of(1), Float32Array.of(1), Float32Array.of(1)]
    const optimizer = await createOptimizer(sgd(step), { a, b, c }, await cpu({ target }))
    const view = optimizer.grads?.a as FloatArray
    view.fill(2)
    optimizer.step({ a: view, b: Float32Array.of(4) })
    expect([a[0], b[0], c[0]]).toEqual([1, -1, 1])
    expect([...Object.values(optimizer.params)].map(([value]) => value)).toEqual([0, -1, 1])
  })

  test('a checkpoint brings both up to date', async () => {
    const x = Float32Array.of(1, 2)
    const optimizer = await createOptimizer(adam(), { x }, await cpu({ target }))
    const saved = await optimizer.save({ params: true })
    optimizer.grads?.x.fill(1)
    optimizer.step()
    await optimizer.load(saved)
    expect([...optimizer.params.x]).toEqual([1, 2])
    expect([...x]).toEqual([1, 2])
    expect((await optimizer.save()).tensors['m/x'].data).toEqual(Float32Array.of(0, 0))
  })

  test('evaluated() leaves gradients and parameters alone', async () => {
    const x = random(3000)
    const optimizer = await createOptimizer(averaged(sgd(step)), { x }, await cpu({ target }))
    optimizer.grads?.x.set(random(3000, 2))
    optimizer.step()
    const [params, grads] = [optimizer.params.x.slice(), optimizer.grads?.x.slice()]
    const { x: point } = optimizer.evaluated()
    expect(optimizer.params.x).toEqual(params)
    expect(optimizer.grads?.x).toEqual(grads)
    optimizer.step()
    expect(optimizer.evaluated().x).not.toEqual(point)
  })
})

/** Notes the arguments that a class is constructed with, until `restore`. */
function counting<Name extends string>(
  owner: Record<Name, unknown> | typeof WebAssembly | typeof globalThis,
  name: Name,
) {
  const holder = owner as Record<Name, new (...args: unknown[]) => object>
  const original = holder[name]
  const calls: unknown[][] = []
  holder[name] = new Proxy(original, {
    construct(target, args) {
      calls.push(args)
      return Reflect.construct(target, args)
    },
  })
  const restore = () => {
    holder[name] = original
  }
  return { calls, restore }
}

/** Two sums kept, over all tensors and over each. */
const sums = defineAlgorithm({
  name: 'sums',
  defaults: {},
  state: () => ({ all: scalar(), each: perTensor() }),
  step: ({ g }) => ({ u: 0, all: sum(g), each: sum(g, 'tensor') }),
})

describe.each(targets)('%s: tensors', (target) => {
  test('of both precisions in one optimizer', async () => {
    const params = () => ({
      a: random(300),
      b: random(70, 2, Float64Array),
      c: random(5, 3),
      d: random(2100, 4, Float64Array),
    })
    const run = async (backend: Backend<FloatArray>) => {
      const optimizer = await createOptimizer(prodigy({ d0: 0.01 }), params(), backend)
      for (let k = 0; k < 20; k++)
        optimizer.step(
          Object.fromEntries(
            Object.entries(optimizer.params).map(([name, x]) => [
              name,
              x.map((value) => value - 1),
            ]),
          ),
        )
      return { x: optimizer.params, scalars: await optimizer.scalars() }
    }
    const [found, wanted] = [
      await run(await cpu({ target })),
      await run(await cpu({ fused: false })),
    ]
    for (const name of ['a', 'b', 'c', 'd'])
      for (const [i, value] of wanted.x[name].entries())
        expect(found.x[name][i]).toBeCloseTo(value, 6)
    expect(found.scalars.d / wanted.scalars.d).toBeCloseTo(1, 6)
    expect([found.x.a.constructor, found.x.b.constructor]).toEqual([Float32Array, Float64Array])
  })

  test('one or many: the same steps up to the order of sums where nothing belongs to a tensor', async () => {
    const whole = random(5000)
    const gradient = random(5000, 2)
    const parts = (array: FloatArray) =>
      Object.fromEntries(
        [0, 1, 8, 9, 2500, 2500, 4999].map((from, i, all) => [
          `p${i}`,
          array.slice(from, all[i + 1] ?? 5000),
        ]),
      )
    const one = await createOptimizer(prodigy(), { x: whole.slice() }, await cpu({ target }))
    const many = await createOptimizer(prodigy(), parts(whole), await cpu({ target }))
    for (let k = 0; k < 3; k++) {
      one.step({ x: gradient })
      many.step(parts(gradient))
    }
    const [all, whole1] = [
      Object.values(many.params).flatMap((part) => [...part]),
      [...one.params.x],
    ]
    const precision = whole instanceof Float32Array ? 1e-6 : 1e-13
    for (const [i, x] of all.entries())
      expect(Math.abs(x - whole1[i])).toBeLessThanOrEqual(precision)
    const [a, b] = [await many.scalars(), await one.scalars()]
    for (const name of ['r', 'd', 'dHat'])
      expect(Math.abs(a[name] / b[name] - 1)).toBeLessThan(1e-12)
  })

  test.each([Float32Array, Float64Array])('sums over 10⁷ numbers, twice the same', async (kind) => {
    const g = random(10_000_000, 5, kind).map((value) => value + 1.25)
    let [exact, lost] = [0, 0]
    for (const value of g) {
      const next = exact + value
      lost += exact - next + value
      exact = next
    }
    const run = async () => {
      const optimizer = await createOptimizer(
        sums(),
        { x: new kind(g.length) },
        await cpu({ target }),
      )
      optimizer.grads?.x.set(g)
      optimizer.step()
      return optimizer.scalars()
    }
    const first = await run()
    expect(Math.abs(first.all / (exact + lost) - 1)).toBeLessThan(1e-13)
    expect(first['each/x']).toBe(first.all)
    expect(await run()).toEqual(first)
  })
})

describe('memory', () => {
  const bytesFor = async (n: number) => {
    const made = counting(WebAssembly, 'Memory')
    await createOptimizer(prodigy(), { x: new Float32Array(n) }, await cpu({ target: 'wasm' }))
    made.restore()
    const [{ initial, maximum }, ...more] = made.calls.map(
      ([descriptor]) => descriptor as WebAssembly.MemoryDescriptor,
    )
    expect(more).toEqual([])
    expect(initial).toBe(maximum)
    return 65536 * initial
  }

  test('of float32 Prodigy: 24 bytes a parameter, 48 for every 2048 of them, and less than two pages', async () => {
    for (const n of [1, 1000, 1_000_000, 5_000_001]) {
      const bytes = await bytesFor(n)
      expect(bytes - 24 * n - 48 * Math.ceil(n / 2048)).toBeLessThan(2 * 65536)
      expect(bytes).toBeGreaterThanOrEqual(24 * n)
    }
  })

  test('comes back: 100 optimizers of 2.4 MB, one after the other', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const round = async () => {
      const optimizer = await createOptimizer(
        prodigy(),
        { x: new Float32Array(100_000) },
        await cpu(),
      )
      optimizer.grads?.x.fill(1)
      optimizer.step()
      optimizer.dispose()
    }
    const held = async () => {
      for (let i = 0; i < 5; i++) await new Promise((done) => setTimeout(done, 5)).then(collect)
      return process.memoryUsage().rss
    }
    for (let i = 0; i < 20; i++) await round()
    const before = await held()
    for (let i = 0; i < 100; i++) await round()
    expect((await held()) - before).toBeLessThan(24e6)
  })

  test('that is not to be had', async () => {
    const backend = await cpu({ target: 'wasm' })
    const large = {
      ...backend,
      describe: () => ({ shape: [2 ** 31], size: 2 ** 31, dtype: 'float32' as const }),
    }
    const failing = createOptimizer(sgd(), { x: new Float32Array(1) }, large)
    await expect(failing).rejects.toThrow(/\[freestep\/cpu\] There is no memory of \d+ bytes/)
  })
})

describe('compiling', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  test.each(targets)('%s: happens before the first step', async (target) => {
    const compiles = [
      counting(WebAssembly, 'Module'),
      counting(WebAssembly, 'Instance'),
      counting(globalThis, 'Function'),
    ]
    const backend = await cpu({ target })
    const optimizer = await createOptimizer(
      prodigy({ lr: (k) => 1 / (k + 1) }),
      { x: random(10), y: random(3) },
      backend,
      {
        groups: [{ params: ['y'], weightDecay: (k) => k }],
      },
    )
    const count = () => compiles.reduce((sum, { calls }) => sum + calls.length, 0)
    const before = count()
    expect(before).toBeGreaterThan(0)
    for (let k = 0; k < 5; k++)
      optimizer.step(k % 2 ? { x: random(10, k) } : { x: random(10, k), y: random(3, k) })
    expect(count()).toBe(before)
    for (const { restore } of compiles) restore()
  })

  const forbid = (what: 'WebAssembly' | 'Function') =>
    vi.stubGlobal(
      what,
      what === 'WebAssembly'
        ? undefined
        : class {
            constructor() {
              throw new EvalError('Refused to evaluate a string as JavaScript')
            }
          },
    )
  const trained = async (backend: Backend<FloatArray>) => {
    const optimizer = await createOptimizer(prodigy(), { x: random(50) }, backend)
    optimizer.step({ x: random(50, 2) })
    return optimizer.params.x
  }

  test('without WebAssembly, steps are JavaScript; where that may not be made, they are eager', async () => {
    const wanted = await trained(await cpu({ fused: false }))
    forbid('WebAssembly')
    expect(await trained(await cpu())).toEqual(wanted)
    await expect(cpu({ target: 'wasm' })).rejects.toThrow(
      '[freestep/cpu] WebAssembly with SIMD is missing or forbidden here.',
    )
    forbid('Function')
    const optimizer = await createOptimizer(prodigy(), { x: random(50) }, await cpu())
    expect(optimizer.grads).toBeUndefined()
    expect(await trained(await cpu())).toEqual(wanted)
    await expect(cpu({ target: 'js' })).rejects.toThrow('making code from text is forbidden here')
  })
})

/** A backend whose kernels break one of the compiler's rules. */
async function breaking(target: Target, rule: 'read-back' | 'delay'): Promise<Backend<FloatArray>> {
  const backend = await cpu({ target })
  return {
    ...backend,
    start: (program, params) =>
      new FusedEngine(program, params, { target, threads: 1 }, compile(program, 'step', rule)),
  }
}

describe.each(targets)('%s: a broken rule of the compiler shows in the iterates', (target) => {
  test.each([
    ['read-back', momo({ lr: 0.1 })],
    ['delay', dualAveraging({ d0: 0.01 })],
  ] as const)('%s', async (rule, algorithm) => {
    const run = async (backend: Backend<FloatArray>) => {
      const optimizer = await createOptimizer(
        algorithm as ReturnType<typeof momo>,
        { x: random(100, 1, Float64Array) },
        backend,
      )
      for (let k = 0; k < 30; k++)
        optimizer.step({ x: optimizer.params.x.map((value) => value - 1) }, { loss: 1 })
      return optimizer.params.x
    }
    const wanted = await run(await cpu({ fused: false }))
    const distance = (x: FloatArray) =>
      Math.max(...x.map((value, i) => Math.abs(value - wanted[i])))
    expect(distance(await run(await cpu({ target })))).toBeLessThan(1e-12)
    expect(distance(await run(await breaking(target, rule)))).toBeGreaterThan(1e-7)
  })
})
