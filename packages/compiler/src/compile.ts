/**
 * The compiler: a program's function in, kernels out. trace (graph.ts) → passes (passes.ts) and scalar programs (scalars.ts) → checked
 * (verify.ts). Not a printer: the emitters take it from here.
 */
import type { Expr, Program, Scope, Values } from '@freestep/core'
import { changes, isVector, reachable, trace } from './graph.ts'
import type { Kernels, Loop, Pass, ScalarProgram, Slot } from './kernels.ts'
import { type Broken, cut, type Work } from './passes.ts'
import { type Slots, scalarPrograms, slotTable } from './scalars.ts'
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
  const arrays = only({ ...scopes, evaluated: 'element' }, isVector) as Kernels['arrays']
  const slots = slotTable(only(scopes, (value) => !isVector(value)) as Record<string, Slot['scope']>)
  const { passes, phase } = cut(graph, arrays, broken)
  const scalars = scalarPrograms(
    {
      nodes: reachable(graph.outputs.values()),
      outputs: changes(graph)
        .filter(([name]) => !Object.hasOwn(arrays, name))
        .map(([name, value]) => ({ slot: slots.named(name), value })),
      passes: passes.map((works) => ({
        scalars: works.flatMap((work) => work.scalars),
        terms: works.flatMap((work) => work.terms),
      })),
      phase,
    },
    slots,
  )
  const stages = scalars.flatMap((before, i) => [before, ...(i < passes.length ? [passOf(passes[i], arrays, slots)] : [])])
  const kernels: Kernels = {
    arrays,
    slots: slots.all,
    stages: stages.filter((stage) => stage.kind === 'pass' || stage.parts.length > 0),
    perTensor: passes.flat().some(isPerTensor) || scalars.some(addsUpTensors),
  }
  const changed = changes(graph).map(([name]) => name)
  if (!broken) verify(kernels, changed)
  return kernels
}

/** The entries with such a scope. */
const only = (scopes: Readonly<Record<string, Scope>>, has: (value: { readonly scope: Scope }) => boolean) =>
  Object.fromEntries(Object.entries(scopes).filter(([, scope]) => has({ scope })))

function passOf(works: readonly Work[], arrays: Kernels['arrays'], slots: Slots): Pass {
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

const isPerTensor = ({ scope, scalars }: Work) => scope === 'slice' || scalars.some((node) => node.scope === 'tensor')
const addsUpTensors = ({ parts }: ScalarProgram) =>
  parts.some((part) => part.kind === 'reduction' && 'partial' in part.from && part.to.scope === 'tensor')

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
      ? name === 'g' || name === 'loss' || Object.hasOwn(program.states, name)
      : part === 'evaluate' && (name === 'g' || name === 'loss')
  return Object.fromEntries(Object.entries(scopes).filter(([name]) => !absent(name)))
}

/** What one of the functions returns. */
function outputs(program: Program, part: Part, values: Values): Record<string, Expr> {
  if (part === 'step') return program.step(values)
  if (part === 'evaluate') return { evaluated: program.evaluate?.(values) ?? values.x }
  return Object.fromEntries(Object.entries(program.init(values)).filter(([, value]) => value !== 0))
}
