/**
 * Optimizers that go on with more parameters, and that load at once: against optimizers that had
 * everything from the beginning, over plain arrays and core's own eager execution.
 */
import { describe, expect, test } from 'vitest'
import {
  type Algorithm,
  adam,
  type Backend,
  createOptimizerSync,
  type EagerOps,
  type Elementwise,
  eagerBackend,
  FreestepError,
  host,
  prodigy,
  sgd,
} from '../src/index.ts'

type Row = number[] | number

const elementwise =
  (op: Elementwise) =>
  (...args: Row[]): Row => {
    const row = args.find((arg) => typeof arg !== 'number')
    const at = (i: number) =>
      host[op](...args.map((arg) => (typeof arg === 'number' ? arg : arg[i])))
    return row === undefined ? at(0) : (row as number[]).map((_, i) => at(i))
  }
const ops = {
  ...(Object.fromEntries(
    Object.keys(host).map((op) => [op, elementwise(op as Elementwise)]),
  ) as Record<Elementwise, () => Row>),
  constant: (c: number) => c,
  sum: (a: Row) => (typeof a === 'number' ? a : a.reduce((x, y) => x + y, 0)),
  slice: (a: Row, p: number) => (typeof a === 'number' ? a : a.filter((_, i) => i % p === 0)),
} as EagerOps<Row>
const backend = eagerBackend<number[], Row>({
  name: 'rows',
  ops,
  describe: (row) => ({ shape: [row.length], size: row.length, dtype: 'float64' }),
  load: (row) => row,
  store: (row, value) => void row.splice(0, row.length, ...(value as number[])),
  export: (value) => [...(value as number[])],
  fill: (row, value, size = row.length) => new Array<number>(size).fill(value),
  from: (_row, numbers) => Array.from(numbers),
  read: (value) => Float64Array.from(typeof value === 'number' ? [value] : value),
  copy: (value) => (typeof value === 'number' ? value : [...value]),
})

const gradient = (k: number, row: readonly number[]) =>
  row.map((_, i) => Math.sin(k + 2 * i + row.length))

describe('extend', () => {
  test('Adam goes on for each as if it had been there alone; names may be numbers, which a record would sort', () => {
    const rows = { 9: [1, 2, 3], 7: [4, 5], b: [6] }
    const own = structuredClone(rows)
    const together = createOptimizerSync(adam({ lr: 0.1 }), { 9: rows[9] }, backend)
    const alone = Object.entries(own).map(([name, row]) =>
      createOptimizerSync(adam({ lr: 0.1 }), { [name]: row }, backend),
    )
    for (let k = 0; k < 6; k++) {
      if (k === 2) together.extend(rows)
      const names = k < 2 ? ['9'] : ['9', '7', 'b']
      together.step(Object.fromEntries(names.map((name) => [name, gradient(k, rows[name as 'b'])])))
      for (const each of alone) {
        const [[name, row]] = Object.entries(each.params)
        if (names.includes(name)) each.step({ [name]: gradient(k, row) })
      }
    }
    expect(rows).toEqual(own)
    expect(together.steps).toBe(6)
    expect(together.params).toEqual(rows)
  })

  test('a schedule goes on, groups are asked again, and what is shared stays shared', async () => {
    const [a, b] = [[1], [2]]
    const asked: string[] = []
    const params = (name: string) => asked.push(name) > 0 && name === 'b'
    const optimizer = createOptimizerSync(sgd({ lr: (k) => 2 ** -k }), { a }, backend, {
      groups: [{ params, lr: 1 }],
    })
    optimizer.step({ a: [1] })
    optimizer.extend({ a, b })
    optimizer.step({ a: [1], b: [1] })
    expect([a, b]).toEqual([[1 - 1 - 0.5], [2 - 1]])
    expect(asked).toContain('b')

    const shared = createOptimizerSync(prodigy({ d0: 0.1 }), { a }, backend)
    for (let k = 0; k < 5; k++) shared.step({ a: [a[0] - 5] })
    const { d } = await shared.scalars()
    expect(d).toBeGreaterThan(0.1)
    shared.extend({ a, b })
    expect((await shared.scalars()).d).toBe(d)
  })

  test('with splitGroups a new group is a part of its own', async () => {
    const rows = { a: [1, 2], b: [3], c: [4, 5] }
    const own = structuredClone(rows)
    const options = { splitGroups: true, groups: [{ params: (name: string) => name !== 'a' }] }
    const together = createOptimizerSync(prodigy({ d0: 0.1 }), { a: rows.a }, backend, options)
    const alone = createOptimizerSync(prodigy({ d0: 0.1 }), { a: own.a }, backend)
    const others = createOptimizerSync(prodigy({ d0: 0.1 }), { b: own.b, c: own.c }, backend)
    together.step({ a: [1, -1] })
    alone.step({ a: [1, -1] })
    together.extend(rows)
    for (let k = 0; k < 5; k++) {
      together.step({ a: rows.a, b: rows.b, c: rows.c })
      alone.step({ a: own.a })
      others.step({ b: own.b, c: own.c })
    }
    expect(rows).toEqual(own)
    expect(await together.scalars()).toMatchObject({
      'd/a': (await alone.scalars()).d,
      'd/b': (await others.scalars()).d,
      'd/c': (await others.scalars()).d,
    })
  })

  test('a parameter may be another tensor of its shape from then on', () => {
    const [a, other] = [[1], [10]]
    const optimizer = createOptimizerSync(sgd({ lr: 1, momentum: 0.5 }), { a }, backend)
    optimizer.step({ a: [1] })
    optimizer.extend({ a: other })
    optimizer.step({ a: [1] })
    expect([a, other]).toEqual([[0], [10 - 1.5]])
  })

  test('what cannot be is refused, and nothing is changed', () => {
    const [a, b] = [[1], [2]]
    const optimizer = createOptimizerSync(adam(), { a }, backend)
    optimizer.step({ a: [1] })
    const refused = (f: () => void, code: string, message: RegExp) => {
      expect(f).toThrow(FreestepError)
      expect(f).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }))
      expect(Object.keys(optimizer.params)).toEqual(['a'])
    }
    refused(
      () => optimizer.extend({ b }),
      'unknown-parameter',
      /Parameter a is missing\. Give all, those so far too\./,
    )
    refused(
      () => optimizer.extend({ a: [1, 2], b }),
      'bad-shape',
      /a had shape \[1\], and has \[2\]\. Give a tensor like it\./,
    )
    optimizer.step({ a: [1] })
    expect(optimizer.steps).toBe(2)

    const fixed: Backend<number[]> = {
      ...backend,
      start: (program, params) =>
        Object.assign(backend.start(program, params), { extended: undefined }),
    }
    const cannot = createOptimizerSync(adam(), { a }, fixed)
    expect(() => cannot.extend({ a, b })).toThrow(
      /rows cannot take more parameters\. Create a new optimizer\./,
    )

    for (const [before, after] of [
      [['a', 'b'], ['a']],
      [['a'], ['a', 'b', 'c']],
    ]) {
      let members = before
      const groups = [{ params: (name: string) => members.includes(name) }]
      const moving = createOptimizerSync(sgd() as Algorithm, { a, b }, backend, {
        splitGroups: true,
        groups,
      })
      members = after
      expect(() => moving.extend({ a, b, c: [3] })).toThrow(
        /some of those so far are in other groups/,
      )
    }
    optimizer.dispose()
    expect(() => optimizer.extend({ a, b })).toThrow(/was disposed/)
  })
})

describe('loadSync', () => {
  test('does what load does', async () => {
    const [a, b] = [
      [1, 2],
      [1, 2],
    ]
    const [one, two] = [
      createOptimizerSync(prodigy(), { a }, backend),
      createOptimizerSync(prodigy(), { a: b }, backend),
    ]
    for (let k = 0; k < 4; k++) one.step({ a: gradient(k, a) })
    b.splice(0, 2, ...a)
    two.loadSync(await one.save())
    expect(two.steps).toBe(4)
    for (let k = 4; k < 8; k++)
      for (const [optimizer, row] of [
        [one, a],
        [two, b],
      ] as const)
        optimizer.step({ a: gradient(k, row) })
    expect(b).toEqual(a)
    expect(() => two.loadSync({ algorithm: 'adam', options: '{}', steps: 0, tensors: {} })).toThrow(
      /is of adam, the optimizer is prodigy/,
    )
  })

  test('is refused where writing has to be waited for', async () => {
    const slow: Backend<number[]> = {
      ...backend,
      start: (program, params) =>
        Object.assign(backend.start(program, params), { write: () => Promise.resolve() }),
    }
    const optimizer = createOptimizerSync(prodigy(), { a: [1] }, slow)
    const checkpoint = await optimizer.save()
    expect(() => optimizer.loadSync(checkpoint)).toThrow(
      /rows writes asynchronously\. Use "await optimizer\.load\(…\)"\./,
    )
    await optimizer.load(checkpoint)
  })
})
