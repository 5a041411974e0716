/**
 * First values on the host: what states start from, given the parameters, where a checkpoint says
 * nothing of them. In double precision, with the operations of eager execution. Not what an engine
 * does when it starts, which needs no numbers from the host.
 */
import type { Numbers } from './arrays.ts'
import { type EagerOps, Lifted, lift } from './lift.ts'
import { host } from './ops.ts'
import type { Program } from './program.ts'
import { fixedUniforms } from './uniforms.ts'
import type { Elementwise, Expr, Scope, Value } from './value.ts'

/** One operation on arrays, among which scalars broadcast. */
const broadcast =
  (op: Elementwise) =>
  (...args: Numbers[]): Numbers => {
    const { length } = args.find((each) => each.length !== 1) ?? args[0]
    return Float64Array.from({ length }, (_, i) =>
      host[op](...args.map((each) => each[each.length === 1 ? 0 : i])),
    )
  }
const elementwise = Object.keys(host).map((op) => [op, broadcast(op as Elementwise)])
const ops: EagerOps<Numbers> = {
  ...(Object.fromEntries(elementwise) as Record<Elementwise, (...args: Numbers[]) => Numbers>),
  constant: (c) => Float64Array.of(c),
  sum: (a) => Float64Array.of([...a].reduce((sum, each) => sum + each, 0)),
  slice: (a, p) => a.filter((_, i) => i % p === 0),
}

/** Each first value: a number, or something with a part per tensor. */
function first(program: Program, x: readonly Numbers[]): Record<string, Expr> {
  const interpreter = lift(ops, x.length, new Set(x.keys()), program.strides)
  const value = (scope: Scope, parts: readonly Numbers[]): Value =>
    new Lifted(scope, parts, interpreter)
  const uniforms = Object.entries(fixedUniforms(program)).map(([name, numbers]) => [
    name,
    value(
      program.uniforms[name].scope,
      numbers.map((c) => Float64Array.of(c)),
    ),
  ])
  return program.init({ x: value('element', x), ...Object.fromEntries(uniforms) })
}

/** Parameters for what does not depend on them. */
export const nowhere = ({ tensors }: Program): readonly Numbers[] =>
  tensors.map(() => new Float64Array(0))

/** Whether any of some states starts from more than a number. */
export const startFromParameters = (program: Program, states: readonly string[]): boolean => {
  const values = first(program, nowhere(program))
  return states.some((state) => typeof values[state] !== 'number')
}

/** Gives the first value of a state: `size` numbers for the i-th tensor. */
export type FirstValues = (state: string, i: number, size: number) => Numbers

/** The first values of a program's states for the parameters x. */
export function firstValues(program: Program, x: readonly Numbers[]): FirstValues {
  const values = first(program, x)
  return (state, i, size) => {
    const value = values[state]
    return typeof value === 'number'
      ? new Float64Array(size).fill(value)
      : (value as Lifted<Numbers>).part(i)
  }
}
