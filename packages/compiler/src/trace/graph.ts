/**
 * The trace of a program: its functions run once on graph nodes instead of tensors. Nodes are
 * hash-consed, so whatever an algorithm computes twice is one node; a node's id is larger than
 * those of its arguments, so ids give an order of evaluation. Not an optimizer of expressions:
 * nothing is rewritten, because every rewrite would change a last bit somewhere.
 */
import type { Elementwise, Expr, Interpreter, Scope, Value } from '@freestep/core'

/** What a node does: an elementwise operation, or one of the other four. */
export type Op = Elementwise | 'load' | 'constant' | 'sum' | 'slice'

/** One value of the trace. */
export interface Node extends Value {
  /** A number that is larger than those of its arguments. */
  readonly id: number
  /** What it does. */
  readonly op: Op
  /** What it does it to. */
  readonly args: readonly Node[]
  /** Of a load: the name of the input. */
  readonly name: string
  /** Of a constant: the number. */
  readonly value: number
}

/** A traced function: from named inputs to named outputs. */
export interface Graph {
  /** What the function returned, by name. */
  readonly outputs: ReadonlyMap<string, Node>
}

/**
 * Whether a value has more than one number per tensor: what passes over memory compute, and scalar
 * programs do not.
 */
export const isVector = ({ scope }: { readonly scope: Scope }): boolean =>
  scope === 'element' || scope === 'slice'

/**
 * Whether a value is a number known when the program is compiled, which needs no place in memory.
 */
export const isConstant = ({ op }: { readonly op: Op }): boolean => op === 'constant'

/** The outputs that are something else than the input of the same name. */
export const changes = ({ outputs }: Graph): (readonly [string, Node])[] =>
  [...outputs].filter(([name, value]) => !(value.op === 'load' && value.name === name))

/**
 * Runs a function on nodes that stand for its inputs; `sliced` says whether slice() is more than
 * the identity.
 */
export function trace(
  f: (values: Readonly<Record<string, Value>>) => Readonly<Record<string, Expr>>,
  inputs: Readonly<Record<string, Scope>>,
  sliced: boolean,
): Graph {
  const known = new Map<string, Node>()
  const node = (
    op: Op,
    args: readonly Node[],
    scope: Scope,
    name = '',
    value = Number.NaN,
  ): Node => {
    const key = [
      op,
      scope,
      name,
      Object.is(value, -0) ? '-0' : value,
      ...args.map(({ id }) => id),
    ].join(' ')
    const found = known.get(key)
    if (found) return found
    const made: Node = { id: known.size, op, args, scope, name, value, in: interpreter }
    known.set(key, made)
    return made
  }
  const lift = (a: Expr): Node =>
    typeof a === 'number' ? node('constant', [], 'global', '', a) : (a as Node)
  const interpreter: Interpreter = {
    apply: (op, args, scope) => node(op, args.map(lift), scope),
    sum: (a, to) => node('sum', [a as Node], to),
    slice: (a) => (sliced ? node('slice', [a as Node], 'slice') : a),
  }
  const loads = Object.entries(inputs).map(([name, scope]) => [name, node('load', [], scope, name)])
  const outputs = Object.entries(f(Object.fromEntries(loads)))
  return { outputs: new Map(outputs.map(([name, expr]) => [name, lift(expr)])) }
}

/**
 * Every node that the given ones depend on, themselves included, arguments before what uses them.
 */
export function reachable(roots: Iterable<Node>): Node[] {
  const found = new Set<Node>()
  const visit = (node: Node) => {
    if (found.has(node)) return
    found.add(node)
    node.args.forEach(visit)
  }
  for (const root of roots) visit(root)
  return [...found].sort((a, b) => a.id - b.id)
}
