/**
 * The compiler: a program's function in, kernels out. trace (graph.ts) → passes (passes.ts) and scalar programs (scalars.ts) → checked
 * (verify.ts). Not a printer: the emitters take it from here.
 */
import type { Expr, Program, Scope, Values } from '@freestep/core'
import { isVector, type Node, reachable, trace } from './graph.ts'
import type { Kernels, Loop, Pass } from './kernels.ts'
import { type Broken, cut, type Work } from './passes.ts'
import { scalarPrograms, slotTable } from './scalars.ts'
import { verify } from './verify.ts'

/** The functions of a program: the first values of the states, a step, and the point to evaluate at. */
export type Part = 'init' | 'step' | 'evaluate'

/**
 * Compiles one function of a program.
 *
 * - `init` stores every state. Memory is taken to be zero before, so a state that starts at 0 is not stored.
 * - `step` stores `x` and every state that changes; the gradient is the array `g`.
 * - `evaluate` stores the array `evaluated`, and reads no gradient.
 *
 * @param broken - leaves one of the two rules of passes.ts out, and the check with it; for tests only
 */
export function compile(program: Program, part: Part, broken?: Broken): Kernels {
  const scopes = inputScopes(program)
  const graph = trace((values) => outputs(program, part, values), inputs(program, part, scopes), program.strides !== undefined)
  const stored: Record<string, Scope> = { ...scopes, evaluated: 'element' }
  const arrays = Object.fromEntries(Object.entries(stored).filter(([, scope]) => isVector({ scope }))) as Kernels['arrays']
  const { passes, phase } = cut(graph, arrays, broken)

  const slots = slotTable(Object.fromEntries(Object.entries(scopes).filter(([, scope]) => !isVector({ scope }))) as Singles)
  const scalars = scalarPrograms(
    {
      nodes: reachable(graph.outputs.values()),
      outputs: [...graph.outputs]
        .filter(([name, value]) => !(name in arrays) && !(value.op === 'load' && value.name === name))
        .map(([name, value]) => ({ slot: slots.named(name), value })),
      inPasses: passes.flat().flatMap(({ scalars }) => scalars),
      terms: passes.map((works) => works.flatMap(({ terms }) => terms)),
      phase,
    },
    slots,
  )
  const pass = (works: readonly Work[]): Pass => {
    const terms = works.flatMap((work) => work.terms)
    const loops = works.map(
      ({ scope, loads, scalars, body, stores, terms: own }): Loop => ({
        scope,
        loads: [...loads].map(([node, array]) => ({ node, array, scope: arrays[array] })),
        scalars: scalars.map((node) => ({ node, slot: slots.of(node) })),
        body,
        stores,
        sums: own.map((value) => ({ index: terms.indexOf(value), value })),
      }),
    )
    return { kind: 'pass', loops, sums: terms.length }
  }
  const changed = [...graph.outputs]
    .filter(([name, value]) => !(value.op === 'load' && value.name === name))
    .map(([name]) => name)
  const stages = scalars.flatMap((program, i) => [program, ...(i < passes.length ? [pass(passes[i])] : [])])
  const kernels: Kernels = {
    arrays,
    slots: slots.all,
    stages: stages.filter((stage) => stage.kind === 'pass' || stage.parts.length > 0),
    perTensor:
      passes.flat().some((work) => work.scope === 'slice' || work.scalars.some(ofTensor)) || scalars.some(reducesTensors),
  }
  if (!broken) verify(kernels, changed)
  return kernels
}

type Singles = Record<string, 'global' | 'tensor'>

const ofTensor = (node: Node) => node.scope === 'tensor'
const reducesTensors = (program: ReturnType<typeof scalarPrograms>[number]) =>
  program.parts.some((part) => part.kind === 'reduction' && 'partial' in part.from && part.to.scope === 'tensor')

/** Everything a program's functions may be given, by name. */
function inputScopes(program: Program): Record<string, Scope> {
  const uniforms = Object.entries(program.uniforms).map(([name, { scope }]) => [name, scope])
  return {
    ...{ x: 'element', g: 'element' },
    ...program.states,
    ...Object.fromEntries(uniforms),
    ...(program.usesLoss && { loss: 'global' }),
  }
}

/** What one of the functions is given. */
function inputs(program: Program, part: Part, scopes: Record<string, Scope>): Record<string, Scope> {
  const absent = (name: string) =>
    part === 'init'
      ? name === 'g' || name === 'loss' || name in program.states
      : part === 'evaluate' && (name === 'g' || name === 'loss')
  return Object.fromEntries(Object.entries(scopes).filter(([name]) => !absent(name)))
}

/** What one of the functions returns. */
function outputs(program: Program, part: Part, values: Values): Record<string, Expr> {
  if (part === 'step') return program.step(values)
  if (part === 'evaluate') return { evaluated: program.evaluate?.(values) ?? values.x }
  return Object.fromEntries(Object.entries(program.init(values)).filter(([, value]) => value !== 0))
}
