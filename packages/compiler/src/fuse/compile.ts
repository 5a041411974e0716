/**
 * The compiler: a program's function in, kernels out. trace (../trace) → passes (passes.ts) and
 * scalar programs (scalars.ts) → checked (verify.ts). Who does what of it is for ../lower to say.
 */
import type { Program, Scope } from '@freestep/core'
import { changes, type Graph, isConstant, isVector, type Node, reachable } from '../trace/graph.ts'
import { inputScopes, type Part, traceProgram } from '../trace/program.ts'
import type { Kernels, Loop, Pass, ScalarProgram, Slot } from './kernels.ts'
import { type Broken, cut, type Work } from './passes.ts'
import { type Slots, scalarPrograms, slotTable } from './scalars.ts'
import { verify } from './verify.ts'

/**
 * Compiles one function of a program.
 *
 * - `init` stores every state. Memory is taken to be zero before, so a state that starts at 0 is
 *   not stored.
 * - `step` stores `x` and every state that changes; the gradient is the array `g`.
 * - `evaluate` stores the array `evaluated`, and reads no gradient.
 *
 * @param broken - leaves one of the two rules of passes.ts out, and the check with it; for tests
 * only
 */
export function compile(program: Program, part: Part, broken?: Broken): Kernels {
  const scopes = inputScopes(program)
  const traced = traceProgram(program, part)
  const graph = part === 'init' ? withoutZeros(traced) : traced
  const arrays = only({ ...scopes, evaluated: 'element' }, isVector) as Kernels['arrays']
  const slots = slotTable(
    only(scopes, (value) => !isVector(value)) as Record<string, Slot['scope']>,
  )
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
  const stages = scalars.flatMap((before, i) => [
    before,
    ...(i < passes.length ? [passOf(passes[i], arrays, slots)] : []),
  ])
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

/** Without the outputs that memory holds already. */
function withoutZeros({ outputs }: Graph): Graph {
  const isZero = (node: Node) => isConstant(node) && node.value === 0
  return { outputs: new Map([...outputs].filter(([, node]) => !isZero(node))) }
}

/** The entries with such a scope. */
const only = (
  scopes: Readonly<Record<string, Scope>>,
  has: (value: { readonly scope: Scope }) => boolean,
) => Object.fromEntries(Object.entries(scopes).filter(([, scope]) => has({ scope })))

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

const isPerTensor = ({ scope, scalars }: Work) =>
  scope === 'slice' || scalars.some((node) => node.scope === 'tensor')
const addsUpTensors = ({ parts }: ScalarProgram) =>
  parts.some(
    (part) => part.kind === 'reduction' && 'partial' in part.from && part.to.scope === 'tensor',
  )
