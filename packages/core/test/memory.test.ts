/**
 * Parameters that share memory, and steps without gradients: refused, over a backend whose tensors
 * are parts of rows.
 */
import { describe, expect, test } from 'vitest'
import {
  adam,
  type Backend,
  createOptimizerSync,
  type Engine,
  FreestepError,
  memoryOf,
  Occupied,
  type StepInput,
  sgd,
} from '../src/index.ts'

/** An engine that notes what it is given. */
class Noting implements Engine<Float64Array> {
  readonly gradients: readonly Float64Array[] | undefined
  readonly params: readonly Float64Array[]
  readonly steps: StepInput<Float64Array>[] = []
  constructor(params: readonly Float64Array[], hasPlaces: boolean) {
    this.params = params
    this.gradients = hasPlaces ? params.map(({ length }) => new Float64Array(length)) : undefined
  }
  step(input: StepInput<Float64Array>) {
    this.steps.push(input)
  }
  read = () => []
  write() {}
  evaluated = () => this.params
  extended = () => this
  dispose() {}
}

const backendWith = (
  knowsMemory: boolean,
  engines: Noting[] = [],
  hasPlaces = true,
): Backend<Float64Array> => ({
  name: 'noting',
  describe: ({ length }) => ({ shape: [length], size: length, dtype: 'float64' }),
  ...(knowsMemory && { memory: memoryOf }),
  start(_, params) {
    const engine = new Noting(params, hasPlaces)
    engines.push(engine)
    return engine
  },
})
const codeOf = (f: () => unknown) => {
  try {
    f()
  } catch (error) {
    return error instanceof FreestepError ? error.code : String(error)
  }
  return 'nothing was refused'
}
const row = Float64Array.of(1, 2, 3, 4, 5, 6)

describe('shared memory', () => {
  const backend = backendWith(true)
  const make = (params: Record<string, Float64Array>) => createOptimizerSync(sgd(), params, backend)
  const part = (from: number, to: number) => row.subarray(from, to)

  test.each([
    ['the same array', { a: row, b: row }],
    ['two views on the same numbers', { a: part(0, 6), b: part(0, 6) }],
    ['neighbours that overlap', { a: part(2, 4), b: part(0, 3) }],
    ['one within another', { a: part(0, 1), b: part(1, 6), c: part(3, 4) }],
    [
      'two that are not neighbours by name',
      { a: part(3, 6), b: new Float64Array(2), c: part(0, 2), d: part(1, 3) },
    ],
  ])('%s is refused', (_, params) => {
    expect(codeOf(() => make(params))).toBe('shared-memory')
  })

  test('the message names the two, and says what to do', () => {
    expect(() => make({ a: row, encoder: part(2, 4), decoder: part(2, 4) })).toThrow(
      /parameters a and encoder overlap in memory/,
    )
    expect(() => make({ encoder: part(2, 4), c: part(0, 2), decoder: part(2, 4) })).toThrow(
      /encoder and decoder are the same tensor under two names. .* whose gradient is the sum over its uses/,
    )
  })

  test('parts beside each other, empty ones, and equal numbers elsewhere are not', () => {
    make({
      a: part(2, 4),
      b: part(4, 6),
      c: part(0, 2),
      none: part(3, 3),
      nothing: part(3, 3),
      copy: row.slice(),
    })
  })

  test('by extend, too, which has then changed nothing', () => {
    const [a, b] = [part(0, 2), part(2, 4)]
    const optimizer = make({ a })
    expect(codeOf(() => optimizer.extend({ a, b: a }))).toBe('shared-memory')
    expect(codeOf(() => optimizer.extend({ a, b: part(1, 3) }))).toBe('shared-memory')
    expect(Object.keys(optimizer.params)).toEqual(['a'])
    optimizer.extend({ a, b })
  })

  test('groups with estimates of their own share no memory either', () => {
    const groups = [{ params: ['b'], lr: 2 }]
    const create = () =>
      createOptimizerSync(sgd(), { a: part(0, 2), b: part(1, 3) }, backend, {
        groups,
        splitGroups: true,
      })
    expect(codeOf(create)).toBe('shared-memory')
  })

  test('a backend that says nothing of memory: the same tensor twice', () => {
    const create = (params: Record<string, Float64Array>) =>
      createOptimizerSync(sgd(), params, backendWith(false))
    expect(codeOf(() => create({ a: row, b: row }))).toBe('shared-memory')
    create({ a: row, b: part(0, 6) })
  })
})

test('what is occupied, against a look at every byte', () => {
  let seed = 1
  const draw = (n: number) => {
    seed = (1103515245 * seed + 12345) % 2 ** 31
    return Math.floor((n * seed) / 2 ** 31)
  }
  for (let k = 0; k < 200; k++) {
    const stretch = () => {
      const begin = draw(20)
      return { of: draw(2), begin, end: begin + draw(5) }
    }
    const all = Array.from({ length: draw(6) }, stretch)
    const occupied = new Occupied(all)
    const bytes = ({ of, begin, end }: ReturnType<typeof stretch>) =>
      Array.from({ length: end - begin }, (_, i) => `${of} ${begin + i}`)
    const taken = new Set(all.flatMap(bytes))
    for (let i = 0; i < 20; i++) {
      const asked = stretch()
      expect(occupied.touches(asked), JSON.stringify({ all, asked })).toBe(
        bytes(asked).some((byte) => taken.has(byte)),
      )
    }
  }
})

describe('a step without gradients', () => {
  const start = (hasPlaces = true) => {
    const engines: Noting[] = []
    const optimizer = createOptimizerSync(
      adam(),
      { a: new Float64Array(2), b: new Float64Array(1) },
      backendWith(true, engines, hasPlaces),
    )
    return { optimizer, engine: engines[0] }
  }

  test('takes the views if there is no argument, and if they are given', () => {
    const { optimizer, engine } = start()
    optimizer.step()
    optimizer.step(optimizer.grads)
    for (const { gradients } of engine.steps)
      expect(gradients.every((each, i) => each === engine.gradients?.[i])).toBe(true)
    expect(optimizer.steps).toBe(2)
  })

  test('is refused if undefined is given, or null, with a loss or without', () => {
    const { optimizer, engine } = start()
    const step = optimizer.step as (...args: unknown[]) => void
    for (const args of [[undefined], [null], [undefined, { loss: 1 }], [undefined, undefined]])
      expect(() => step(...args)).toThrow(
        /\[freestep\/core\] The gradients are .* step\(\) without an argument takes the views/,
      )
    expect(codeOf(() => step(undefined))).toBe('missing-gradient')
    expect([optimizer.steps, engine.steps.length]).toEqual([0, 0])
  })

  test('is refused where there are no views', () => {
    const { optimizer } = start(false)
    expect(codeOf(() => optimizer.step())).toBe('missing-gradient')
  })

  test('an array put among the views is a gradient like any other', () => {
    const { optimizer, engine } = start()
    const grads = optimizer.grads as Record<string, Float64Array>
    grads.a = Float64Array.of(7, 8)
    optimizer.step()
    expect(engine.steps[0].gradients[0]).toBe(grads.a)
    grads.a = Float64Array.of(7)
    expect(codeOf(() => optimizer.step())).toBe('bad-shape')
  })
})
