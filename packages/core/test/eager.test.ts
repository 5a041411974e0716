/**
 * Eager execution over a library that counts its tensors: what a step makes is given back, what a
 * state keeps is its own, and a step that fails half-way leaves everything as it was. What the
 * operations compute is for the conformance kit.
 */
import { beforeEach, describe, expect, test } from 'vitest'
import {
  type Algorithm,
  adam,
  averaged,
  createOptimizer,
  createOptimizerSync,
  dadaptAdan,
  type EagerOps,
  type EagerSpec,
  type Elementwise,
  eagerBackend,
  FreestepError,
  host,
  prodigy,
  sgd,
} from '../src/index.ts'

/** A tensor: numbers, until it is freed. */
class Counted {
  numbers: number[] | undefined
  constructor(numbers: readonly number[]) {
    this.numbers = [...numbers]
    live.add(this)
  }
  get all(): number[] {
    if (!this.numbers) throw new Error('read after it was freed')
    return this.numbers
  }
}
const live = new Set<Counted>()
let failing: Elementwise | undefined

const free = (tensor: Counted) => {
  if (!tensor.numbers) throw new Error('freed twice')
  tensor.numbers = undefined
  live.delete(tensor)
}
const elementwise =
  (op: Elementwise) =>
  (...args: Counted[]) => {
    if (op === failing) throw new Error('out of memory')
    const size = Math.max(...args.map(({ all }) => all.length))
    return new Counted(
      Array.from({ length: size }, (_, i) =>
        host[op](...args.map(({ all }) => all[all.length > 1 ? i : 0])),
      ),
    )
  }
const names = Object.keys(host) as Elementwise[]
const ops: EagerOps<Counted> = {
  ...(Object.fromEntries(names.map((op) => [op, elementwise(op)])) as Record<
    Elementwise,
    (...args: Counted[]) => Counted
  >),
  constant: (c) => new Counted([c]),
  sum: (a) => new Counted([a.all.reduce((x, y) => x + y, 0)]),
  slice: (a, p) => new Counted(a.all.filter((_, i) => i % p === 0)),
}
const spec: EagerSpec<Counted, Counted> = {
  name: 'counted',
  ops,
  describe: (tensor) => ({ shape: [tensor.all.length], size: tensor.all.length, dtype: 'float64' }),
  load: (tensor) => tensor,
  store: (param, value) => void param.all.splice(0, param.all.length, ...value.all),
  export: (value) => new Counted(value.all),
  fill: (param, value, size = param.all.length) =>
    new Counted(Array.from({ length: size }, () => value)),
  from: (_param, numbers) => new Counted([...numbers]),
  read: (value) => Float64Array.from(value.all),
  copy: (value) => new Counted(value.all),
  scope(f) {
    const before = new Set(live)
    const kept = new Set<Counted>()
    try {
      return f((value) => {
        kept.add(value)
        return value
      })
    } finally {
      for (const tensor of live) if (!before.has(tensor) && !kept.has(tensor)) free(tensor)
    }
  },
  free,
}
const backend = eagerBackend(spec)

beforeEach(() => {
  failing = undefined
  live.clear()
})
const params = () => ({ w: new Counted([1, -2, 3]), b: new Counted([0.5]) })
const gradients = () => ({ w: new Counted([0.1, 0.2, -0.3]), b: new Counted([1]) })
/** How many tensors the states take: one per parameter, or one. */
const stateCount = async (algorithm: Algorithm) => {
  const saved = await (await createOptimizer(algorithm, params(), backend)).save()
  return Object.keys(saved.tensors).length
}

describe.each([
  ['sgd', () => sgd({ momentum: 0.9, weightDecay: 0.1 })],
  ['adam', () => adam({ amsgrad: true })],
  ['prodigy', () => prodigy({ useBiasCorrection: true, growthRate: 2 })],
  ['prodigy, sliced', () => prodigy({ sliceP: 2, compat: 'prodigyopt' })],
  ['dadaptAdan, which keeps the gradient', () => dadaptAdan()],
  ['averaged', () => averaged(sgd())],
] as [string, () => Algorithm][])('%s', (_name, make) => {
  test('keeps one tensor per state, however many steps are taken', async () => {
    const count = await stateCount(make())
    live.clear()
    const w = params()
    const optimizer = await createOptimizer(make(), w, backend)
    expect(live.size).toBe(2 + count)
    for (let k = 0; k < 5; k++) {
      const g = gradients()
      optimizer.step(k === 2 ? { w: g.w } : g)
      for (const tensor of Object.values(g)) free(tensor)
      expect(live.size).toBe(2 + count)
    }
    await optimizer.scalars()
    expect(live.size).toBe(2 + count)
    optimizer.dispose()
    expect([...live]).toEqual(Object.values(w))
  })

  test('a step that fails half-way changes nothing and keeps nothing', async () => {
    const optimizer = await createOptimizer(make(), params(), backend)
    optimizer.step(gradients())
    let failures = 0
    for (const op of names) {
      const g = gradients()
      const before = await optimizer.save({ params: true })
      const count = live.size
      failing = op
      try {
        optimizer.step(g)
      } catch {
        failures++
        expect(live.size, op).toBe(count)
        expect(await optimizer.save({ params: true }), op).toEqual(before)
      }
      failing = undefined
    }
    expect(failures).toBeGreaterThan(1)
  })

  test('loading a checkpoint leaks nothing', async () => {
    const optimizer = await createOptimizer(make(), params(), backend)
    optimizer.step(gradients())
    const count = live.size
    await optimizer.load(await optimizer.save({ params: true }))
    expect(live.size).toBe(count)
  })
})

test('a synchronous backend can be used without waiting', () => {
  const w = params()
  createOptimizerSync(sgd({ lr: 1 }), w, backend).step({ b: new Counted([0.25]) })
  expect(w.b.all).toEqual([0.25])
  expect(w.w.all).toEqual([1, -2, 3])
})

test('one that starts later cannot', () => {
  const later = {
    ...backend,
    start: async (...args: Parameters<typeof backend.start>) => backend.start(...args),
  }
  expect(() => createOptimizerSync(sgd(), params(), later)).toThrow(FreestepError)
  expect(() => createOptimizerSync(sgd(), params(), later)).toThrow(
    'counted starts asynchronously. Use "await createOptimizer(…)".',
  )
})
