/**
 * Loading, as far as backends differ: shapes that only some of them know, writes that take their
 * time or fail, and states that a file may lack. Over the host's own arrays and core's eager
 * execution, with shapes as given.
 */
import { describe, expect, test } from 'vitest'
import {
  adam,
  type Backend,
  type Checkpoint,
  createOptimizer,
  createOptimizerSync,
  type EagerOps,
  type Elementwise,
  type Engine,
  eagerBackend,
  host,
  type Program,
  prodigy,
  sgd,
} from '../src/index.ts'

interface Tensor {
  readonly shape: readonly number[]
  numbers: number[]
}
const elementwise =
  (op: Elementwise) =>
  (...args: number[][]): number[] => {
    const { length } = args.find((each) => each.length !== 1) ?? args[0]
    return Array.from({ length }, (_, i) =>
      host[op](...args.map((each) => each[each.length === 1 ? 0 : i])),
    )
  }
const ops = {
  ...(Object.fromEntries(
    Object.keys(host).map((op) => [op, elementwise(op as Elementwise)]),
  ) as Record<Elementwise, () => number[]>),
  constant: (c: number) => [c],
  sum: (a: number[]) => [a.reduce((x, y) => x + y, 0)],
  slice: (a: number[], p: number) => a.filter((_, i) => i % p === 0),
} as EagerOps<number[]>
const backend = eagerBackend<Tensor, number[]>({
  name: 'shaped',
  ops,
  describe: ({ shape, numbers }) => ({ shape, size: numbers.length, dtype: 'float64' }),
  load: ({ numbers }) => numbers,
  store: (tensor, value) => {
    tensor.numbers = value
  },
  export: (numbers, { shape }) => ({ shape, numbers }),
  fill: ({ numbers }, value, size = numbers.length) => new Array<number>(size).fill(value),
  from: (_tensor, numbers) => Array.from(numbers),
  read: (value) => Float64Array.from(value),
  copy: (value) => [...value],
})
const tensor = (...shape: number[]): Tensor => ({
  shape,
  numbers: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1),
})
const gradient = ({ shape, numbers }: Tensor): Tensor => ({
  shape,
  numbers: numbers.map((x) => x - 0.5),
})
const refusal = (code: string) => expect.objectContaining({ name: 'FreestepError', code })

describe('shapes', () => {
  const opened = (...shape: number[]) =>
    createOptimizerSync(adam({ lr: 0.1 }), { W: tensor(...shape) }, backend)
  const saved = async (...shape: number[]) => {
    const optimizer = opened(...shape)
    optimizer.step({ W: gradient(optimizer.params.W) })
    return optimizer.save({ params: true })
  }

  test('two that are not flat have to be the same', async () => {
    for (const [one, other] of [
      [
        [2, 3],
        [3, 2],
      ],
      [
        [2, 3],
        [2, 1, 3],
      ],
      [
        [2, 3, 4],
        [4, 6],
      ],
      [
        [1, 6],
        [6, 1],
      ],
    ]) {
      const optimizer = opened(...other)
      const before = await optimizer.save({ params: true })
      await expect(optimizer.load(await saved(...one))).rejects.toEqual(refusal('bad-checkpoint'))
      expect(await optimizer.save({ params: true })).toEqual(before)
      await optimizer.load(await saved(...other))
    }
  })

  test('a flat one fits what has as many coordinates, either way', async () => {
    for (const [one, other] of [
      [[6], [2, 3]],
      [[2, 3], [6]],
      [[1], []],
      [[], [1, 1]],
    ])
      await opened(...other).load(await saved(...one))
    await expect(opened(2, 3).load(await saved(5))).rejects.toThrow(
      /has 5 numbers in the checkpoint, 6 here/,
    )
  })

  test('an array that has not its own shape, or is no array of numbers, is refused', async () => {
    const good = await saved(2, 3)
    const bad = [
      { shape: [2, 3], data: new Float64Array(5) },
      { shape: [2, 3], data: new Int32Array(6) },
      { shape: undefined, data: new Float64Array(6) },
      { shape: [2, 3] },
    ]
    for (const each of bad) {
      const checkpoint = {
        ...good,
        tensors: { ...good.tensors, 'm/W': each },
      } as unknown as Checkpoint
      await expect(opened(2, 3).load(checkpoint)).rejects.toEqual(refusal('bad-checkpoint'))
    }
  })
})

/** The same backend, whose writes end when they are told to. */
function slow(asynchronous?: boolean) {
  const waiting: { end: () => void; fail: (error: Error) => void }[] = []
  const written: string[] = []
  const late: Backend<Tensor> = {
    ...backend,
    asynchronous,
    start(program, params) {
      const engine = backend.start(program, params) as Engine<Tensor>
      const write: Engine<Tensor>['write'] = (state, numbers) =>
        new Promise<void>((resolve, reject) => {
          waiting.push({
            end: () => {
              written.push(state)
              engine.write(state, numbers)
              resolve()
            },
            fail: reject,
          })
        })
      return Object.assign(Object.create(engine) as Engine<Tensor>, { write })
    },
  }
  const open = (x: Tensor) => createOptimizerSync(sgd({ lr: 1, momentum: 0.5 }), { x }, late)
  return { open, waiting, written }
}
const settle = () => new Promise((resolve) => setTimeout(resolve))

describe('a load that takes its time', () => {
  const made = async () => {
    const optimizer = createOptimizerSync(sgd({ lr: 1, momentum: 0.5 }), { x: tensor(2) }, backend)
    for (let k = 0; k < 3; k++) optimizer.step({ x: gradient(optimizer.params.x) })
    return optimizer.save({ params: true })
  }

  test('nothing half loaded is stepped; what can wait does', async () => {
    const { open, waiting, written } = slow()
    const x = tensor(2)
    const optimizer = open(x)
    const checkpoint = await made()
    const loading = optimizer.load(checkpoint)
    await settle()
    const g = gradient(x)
    expect(waiting.length).toBe(2)
    waiting[0].end()
    for (const call of [
      () => optimizer.step({ x: g }),
      () => optimizer.evaluated(),
      () => optimizer.extend({ x }),
      () => optimizer.loadSync(checkpoint),
    ])
      expect(call).toThrow(refusal('not-loaded'))
    const saving = optimizer.save({ params: true })
    const second = optimizer.load({ ...checkpoint, steps: 7 })
    await settle()
    expect(waiting.length).toBe(2)
    waiting[1].end()
    await loading
    expect(optimizer.steps).toBe(3)
    expect((await saving).tensors).toEqual(checkpoint.tensors)
    await settle()
    for (const each of waiting.slice(2)) each.end()
    await second
    expect(optimizer.steps).toBe(7)
    expect(written).toEqual(['x', 'm', 'x', 'm'])
    optimizer.step({ x: g })
  })

  test('where steps are promises they wait as well', async () => {
    const { open, waiting } = slow(true)
    const x = tensor(2)
    const optimizer = open(x)
    const checkpoint = await made()
    const loading = optimizer.load(checkpoint)
    const stepping = optimizer.step({ x: { shape: [2], numbers: [1, 1] } })
    expect(() => optimizer.step({ y: x })).toThrow(refusal('unknown-parameter'))
    expect(() => optimizer.loadSync(checkpoint)).toThrow(/Wait for load/)
    await settle()
    for (const each of waiting) each.end()
    await Promise.all([loading, stepping])
    expect(optimizer.steps).toBe(4)
    const { 'x/x': from, 'm/x': m } = checkpoint.tensors
    expect(x.numbers).toEqual(Array.from(from.data, (each, i) => each - (0.5 * m.data[i] + 1)))
    expect(() => optimizer.loadSync(checkpoint)).toThrow(refusal('unsupported'))
    expect(optimizer.steps).toBe(4)
    expect(waiting.length).toBe(2)
  })

  test('one that fails on the way says so until another has not', async () => {
    const { open, waiting } = slow()
    const x = tensor(2)
    const optimizer = open(x)
    const checkpoint = await made()
    const loading = optimizer.load(checkpoint)
    await settle()
    waiting[0].end()
    waiting[1].fail(new Error('the device is gone'))
    await expect(loading).rejects.toThrow('the device is gone')
    expect(() => optimizer.step({ x: gradient(x) })).toThrow(refusal('not-loaded'))
    await expect(optimizer.save()).rejects.toThrow(/half loaded/)
    await expect(optimizer.load({ ...checkpoint, steps: -1 })).rejects.toEqual(
      refusal('bad-checkpoint'),
    )
    expect(() => optimizer.evaluated()).toThrow(refusal('not-loaded'))
    const again = optimizer.load(checkpoint)
    await settle()
    for (const each of waiting.slice(2)) each.end()
    await again
    expect((await optimizer.save({ params: true })).tensors).toEqual(checkpoint.tensors)
  })

  test('disposing does not wait, and later loads are refused', async () => {
    const { open, waiting } = slow()
    const optimizer = open(tensor(2))
    const checkpoint = await made()
    const [loading, second] = [optimizer.load(checkpoint), optimizer.load(checkpoint)]
    optimizer.dispose()
    await settle()
    for (const each of waiting) each.end()
    await loading
    await expect(second).rejects.toEqual(refusal('disposed'))
  })
})

describe('states that a file may lack', () => {
  /** The backend, whose programs say that these states are optional. */
  const lacking = (...hidden: string[]): Backend<Tensor> => ({
    ...backend,
    start: (program, params) => {
      Object.assign(program as { -readonly [K in keyof Program]: Program[K] }, { hidden })
      return backend.start(program, params)
    },
  })
  const without = ({ tensors, ...rest }: Checkpoint, names: RegExp): Checkpoint => ({
    ...rest,
    tensors: Object.fromEntries(Object.entries(tensors).filter(([name]) => !names.test(name))),
  })

  test('take their first value, from a number or from the parameters', async () => {
    const make = (on: Backend<Tensor>) =>
      createOptimizerSync(
        prodigy({ compat: 'prodigyopt', sliceP: 2, growthRate: 2 }),
        { a: tensor(2, 3), b: tensor(3) },
        on,
      )
    const used = async (on: Backend<Tensor>) => {
      const optimizer = make(on)
      for (let k = 0; k < 3; k++)
        optimizer.step({ a: gradient(optimizer.params.a), b: gradient(optimizer.params.b) })
      return optimizer
    }
    const checkpoint = await (await used(backend)).save()
    const file = without(checkpoint, /^(x0\/|s\/a|dMax)/)
    await expect((await used(backend)).load(file)).rejects.toThrow(/has no "/)
    await expect((await used(lacking('x0', 's'))).load(file)).rejects.toThrow(/has no "dMax"/)
    const optimizer = await used(lacking('x0', 's', 'dMax'))
    const { a, b } = optimizer.params
    await optimizer.load(file)
    const { tensors } = await optimizer.save()
    expect(tensors).toEqual({
      ...checkpoint.tensors,
      's/a': { shape: [3], data: new Float64Array(3) },
      'x0/a': { shape: [3], data: Float64Array.from([0, 2, 4], (i) => a.numbers[i]) },
      'x0/b': { shape: [2], data: Float64Array.from([0, 2], (i) => b.numbers[i]) },
      dMax: { shape: [], data: Float64Array.of(1e-6) },
    })
    // With the parameters in the file it is their first values that count.
    const withParams = without(await (await used(backend)).save({ params: true }), /^x0\//)
    const other = make(lacking('x0'))
    await other.load(withParams)
    expect((await other.save()).tensors['x0/b'].data).toEqual(
      Float64Array.from([0, 2], (i) => withParams.tensors['x/b'].data[i]),
    )
  })

  test('schedules are not asked, and what keeps nothing loads', async () => {
    const asked: number[] = []
    const lr = (k: number) => {
      asked.push(k)
      return 0.1
    }
    const [one, two] = [0, 1].map(() => createOptimizerSync(sgd({ lr }), { a: tensor(3) }, backend))
    asked.length = 0
    await two.load(await one.save())
    two.loadSync(await one.save({ params: true }))
    expect(asked).toEqual([])
  })

  test('at once where they start from a number, whatever reading takes', async () => {
    const make = (on: Backend<Tensor>) => createOptimizer(adam(), { a: tensor(3) }, on)
    const one = await make(backend)
    one.step({ a: gradient(one.params.a) })
    const two = await make(lacking('v', 'c2'))
    two.step({ a: gradient(two.params.a) })
    two.loadSync(without(await one.save(), /^(v|c2)\//))
    const { tensors } = await two.save()
    expect([tensors['v/a'].data, tensors['c2/a'].data]).toEqual([
      new Float64Array(3),
      new Float64Array(1),
    ])
    expect(tensors['m/a']).toEqual((await one.save()).tensors['m/a'])
  })
})
