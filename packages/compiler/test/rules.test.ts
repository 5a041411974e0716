/**
 * The two rules of passes.ts, each broken on purpose: the check of compiled kernels refuses what
 * comes out, and where the check is left out as well the numbers are wrong, which every comparison
 * with eager steps sees.
 */
import { table } from '@freestep/conformance'
import { type Algorithm, add, defineAlgorithm, element, mul, sum } from '@freestep/core'
import { expect, test } from 'vitest'
import { compile, verify } from '../src/index.ts'
import { programOf } from './programs.ts'
import { iterates } from './run.ts'

/** The second pass needs a, which the first has stored, and whose input, the old a, is gone. */
const readsBack = defineAlgorithm({
  name: 'readsBack',
  defaults: {},
  state: () => ({ a: element(), b: element(1) }),
  step({ g, a, b }) {
    const a1 = add(mul(0.5, a), mul(b, g))
    return { u: mul(-0.1, add(1, mul(0.01, sum(mul(a1, a1)))), a1), a: a1, b: mul(0.9, b) }
  },
})

/** The second pass needs the old a, while the new one is known in the first. */
const delays = defineAlgorithm({
  name: 'delays',
  defaults: {},
  state: () => ({ a: element() }),
  step: ({ g, a }) => ({
    u: mul(-0.1, add(1, mul(0.01, sum(mul(g, g)))), add(a, mul(0.5, g))),
    a: g,
  }),
})

const goal = [1, -2, 0.5, 3]

test.each([
  ['read-back', 'is read after it was overwritten', readsBack()],
  ['delay', 'is read after it was overwritten', delays()],
] as const)('%s', (rule, message, algorithm) => {
  const program = programOf(algorithm)
  const run = (broken?: typeof rule) =>
    iterates(program, compile(program, 'init'), compile(program, 'step', broken), goal, 20)

  const broken = compile(program, 'step', rule)
  expect(() => verify(broken, Object.keys(program.states))).toThrow(message)
  expect(run()).not.toEqual(run(rule))
})

/** The algorithms that would be wrong without each rule. */
test.each([
  [
    'read-back',
    ['dualAveraging', 'prodigyDa', 'momo', 'momoAdam', 'scheduleFree(prodigy)', 'mechanic(sgd)'],
  ],
  ['delay', ['dualAveraging']],
] as const)('algorithms that depend on the rule %s', (rule, names) => {
  const depends = (algorithm: Algorithm) => {
    const program = programOf(algorithm)
    const kernels = compile(program, 'step', rule)
    try {
      verify(kernels, ['x'])
      return false
    } catch {
      return true
    }
  }
  const found = table.filter(({ make, variants }) =>
    variants.some((settings) => depends(make(settings))),
  )
  expect(found.map(({ name }) => name)).toEqual(names)
})
