/**
 * What goes wrong while an algorithm is written fails when an optimizer is made, and says what to
 * do; p is the number of coordinates.
 */
import { describe, expect, test } from 'vitest'
import {
  type Algorithm,
  add,
  createProgram,
  defineAlgorithm,
  div,
  type Expr,
  element,
  FreestepError,
  mul,
  norm2,
  perTensor,
  type State,
  scalar,
  sub,
  sum,
  where,
} from '../src/index.ts'

type Any = Record<string, never>
const define = (
  state: Record<string, unknown>,
  step: (values: Any, h: Any) => unknown,
  defaults: object = { lr: 1, weightDecay: 0 },
) =>
  defineAlgorithm({
    name: 'odd',
    defaults,
    state: () => state as Record<string, State>,
    step: step as never,
  })
const tensors = [
  { name: 'a', shape: [2, 3], size: 6, dtype: 'float64' },
  { name: 'b', shape: [4], size: 4, dtype: 'float64' },
] as const
const program = (algorithm: Algorithm) =>
  createProgram(
    algorithm,
    tensors,
    tensors.map(() => ({ ...algorithm.options })),
  )
const lr = (k: number) => 1 / (k + 1)

function refusal(algorithm: Algorithm): FreestepError {
  try {
    program(algorithm)
  } catch (error) {
    if (error instanceof FreestepError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('what fails when an algorithm is checked', () => {
  const moving = { lr } as never
  const unary = (a: Expr) => -a
  const refused: [string, Algorithm, string][] = [
    [
      'an option that does not exist',
      define({}, ({ g }, h) => ({ u: mul(h.learningRate, g) }))(),
      'odd: There is no option "learningRate". Known: lr',
    ],
    [
      'an option of another name',
      define({}, ({ g }, h) => ({ u: mul(h.wieghtDecay, g) }))(),
      'Did you mean "weightDecay"?',
    ],
    [
      'an option tested for truth',
      define({}, ({ g }, h) => ({ u: h.nesterov ? g : 0 }))(),
      'There is no option "nesterov"',
    ],
    [
      'a negated schedule',
      define({}, ({ g }, h) => ({ u: mul(unary(h.lr), g) }))(moving),
      'odd: lr is a value, not a number',
    ],
    [
      'a doubled schedule',
      define({}, ({ g }, h) => ({ u: mul((h.lr as number) * 2, g) }))(moving),
      'Write neg(a), mul(a, 2)',
    ],
    [
      'a comparison',
      define({ d: scalar(1) }, ({ g, d }) => ({ u: (d as number) > 2 ? g : 0 }))(),
      'where(sub(a, 2), b, c) for a > 2 ? b : c',
    ],
    [
      'a text made of a value',
      define({ d: scalar(1) }, ({ g, d }) => ({ u: mul(g, `${d}`.length) }))(),
      'd is a value, not a number',
    ],
    [
      'a number made of a result',
      define({}, ({ g }) => ({ u: mul(g, Math.sqrt(sum(g) as number)) }))(),
      'The result of an operation is a value',
    ],
    [
      'a state of another name',
      define({ momentum: element() }, ({ g, momentumm }) => ({ u: add(g, momentumm) }))(),
      'add: operand 2 is undefined. Give values of the step, and numbers. There is no input or state "momentumm". Did you mean "momentum"?',
    ],
    [
      'one that is only tested',
      define({ momentum: element() }, ({ g, momentumm }) => ({ u: momentumm ?? g, momentum: g }))(),
      'the step reads momentumm, which is no state. Did you mean "momentum"?',
    ],
    [
      'an input of another name',
      define({}, ({ gradient }) => ({ u: mul(1, gradient) }))(),
      'There is no input or state "gradient". Known: x, g, moved, loss, p.',
    ],
    [
      'a first value of parts',
      define({ r: scalar((({ x }: { x: Expr }) => norm2(x)) as never) }, ({ g }) => ({ u: g }))(),
      'odd: x is a value and has no x. The first value of a state is a function of x itself: write (x) => …, not ({ x }) => ….',
    ],
    [
      'a part of a value',
      define({}, ({ g }) => ({ u: (g as { data: Expr }).data }))(),
      'g is a value and has no data.',
    ],
    [
      'a text as operand',
      define({}, ({ g }) => ({ u: mul(g, '2' as never) }))(),
      'mul: operand 2 is "2". Give values of the step, and numbers.',
    ],
    [
      'null as operand',
      define({}, ({ g }) => ({ u: sub(g, null as never) }))(),
      'sub: operand 2 is null.',
    ],
    [
      'NaN as operand',
      define({}, ({ g }) => ({ u: div(g, Number.NaN) }))(),
      'div: operand 2 is NaN.',
    ],
    [
      'undefined beside 1',
      define({}, () => ({ u: mul(undefined as never, 1) }))(),
      'mul: operand 1 is undefined.',
    ],
    [
      'a sum of nothing',
      define({}, ({ g }) => ({ u: mul(g, sum(undefined as never)) }))(),
      'sum: operand 1 is undefined.',
    ],
    [
      'a text for u',
      define({}, () => ({ u: 'g' }))(),
      'odd: u is "g". Return a value or a number.',
    ],
    [
      'NaN for a state',
      define({ d: scalar() }, ({ g }) => ({ u: g, d: Number.NaN }))(),
      'the next value of d is NaN. Return a value or a number.',
    ],
    ['nothing at all', define({}, () => undefined)(), 'the step returned no u.'],
    [
      'a state that is none',
      define({ m: 0 }, ({ g }) => ({ u: g }))(),
      'state m is 0. Declare it by element(), perTensor() or scalar().',
    ],
    [
      'a state named as an input',
      define({ g: element() }, ({ x }) => ({ u: x }))(),
      'there is an input g, so no state can have that name.',
    ],
  ]
  test.each(refused)('%s', (_what, algorithm, words) => {
    const error = refusal(algorithm)
    expect(error.code).toBe('bad-algorithm')
    expect(error.message).toContain(words)
    expect(error.message).toMatch(/^\[freestep\/core\] odd: /)
  })
  test('an option with the name of a state that follows a schedule', () => {
    const algorithm = define({ d: scalar() }, ({ g }, h) => ({ u: mul(h.d, g) }), { lr: 1, d: 1 })
    expect(refusal(algorithm({ d: lr } as never)).message).toContain(
      'Option d has the name of a state',
    )
    expect(() => program(algorithm())).not.toThrow()
  })
  test('what is right stays so: states that are left out, NaN that where() does not choose', () => {
    const { states } = program(
      define({ v: element() }, ({ g, v, vMax, c1 }) => ({
        u: add(vMax ? vMax : v, where(g, c1 ?? 1, Number.NaN)),
        v: g,
      }))(),
    )
    expect(states).toEqual({ v: 'element' })
  })
})

test('p, the number of coordinates, for the step and for first values', () => {
  const seen: number[] = []
  const algorithm = defineAlgorithm({
    name: 'perCoordinate',
    defaults: { lr: 1 },
    state: () => ({ size: scalar((x, p) => div(norm2(x), Math.sqrt(p))), each: perTensor() }),
    step: ({ g, moved, p }, h) => {
      seen.push(p)
      return { u: mul(h.lr, div(norm2(moved), Math.sqrt(p)), g) }
    },
    evaluate: ({ x, p }) => mul(x, p),
  })
  program(algorithm())
  expect(new Set(seen)).toEqual(new Set([10]))
})
