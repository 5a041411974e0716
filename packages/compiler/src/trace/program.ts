/**
 * The trace of a program's functions: what each of them is given, by name and scope, and what it
 * returns. Where compilation begins, for kernels (compile.ts) and for graphs of operators
 * (onnx/emit.ts).
 */
import type { Expr, Program, Scope, Values } from '@freestep/core'
import { type Graph, isConstant, trace } from './graph.ts'

/**
 * The functions of a program: the first values of the states, a step, and the point to evaluate at.
 */
export type Part = 'init' | 'step' | 'evaluate'

/** Everything a program's functions may be given, by name. */
export function inputScopes(program: Program): Record<string, Scope> {
  const uniforms = Object.entries(program.uniforms).map(([name, { scope }]) => [name, scope])
  return {
    x: 'element',
    g: 'element',
    ...program.states,
    ...Object.fromEntries(uniforms),
    ...(program.usesLoss && { loss: 'global' }),
  }
}

/**
 * Traces one function of a program: `init` to every state, `step` to `x` and every state that it
 * returns, `evaluate` to `evaluated`. For a step of which it is known that all tensors take part,
 * `everybody` makes a shorter trace.
 */
export function traceProgram(program: Program, part: Part, everybody = false): Graph {
  const { active, ...others } = inputs(program, part)
  const given = everybody || active === undefined ? others : { ...others, active }
  return trace((values) => outputs(program, part, values), given, program.strides !== undefined)
}

/** The states whose first value is known without looking at `x`: the number that fills them. */
export function firstNumbers(program: Program): ReadonlyMap<string, number> {
  const { outputs } = traceProgram(program, 'init')
  return new Map(
    [...outputs].flatMap(([state, value]) => (isConstant(value) ? [[state, value.value]] : [])),
  )
}

/** What one of the functions is given. */
function inputs(program: Program, part: Part): Record<string, Scope> {
  const ofSteps = ['g', 'loss', 'active']
  const absent = (name: string) =>
    (part === 'init' && Object.hasOwn(program.states, name)) ||
    (part !== 'step' && ofSteps.includes(name))
  return Object.fromEntries(Object.entries(inputScopes(program)).filter(([name]) => !absent(name)))
}

/** What one of the functions returns. */
function outputs(program: Program, part: Part, values: Values): Record<string, Expr> {
  if (part === 'step') return program.step(values)
  if (part === 'evaluate') return { evaluated: program.evaluate?.(values) ?? values.x }
  return program.init(values)
}
