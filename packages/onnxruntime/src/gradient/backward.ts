/**
 * Reverse-mode differentiation: from the loss back over the nodes, the gradient of each value being
 * the sum of what its uses give it. Every operator on the way is looked up before anything is
 * added, so an operator without a rule is refused at once.
 */
import { FreestepError } from '@freestep/core'
import { add, fullLike, like, sumTo } from '../graph/ops.ts'
import type { Value } from '../graph/value.ts'
import { type NodeProto, nodeTitle } from '../onnx/index.ts'
import type { Forward } from './forward.ts'
import { type Rule, refuse } from './rule.ts'
import { constants, rules } from './rules/index.ts'

/** Operators whose rule takes the gradients of several outputs. */
const manyOutputs: ReadonlySet<string> = new Set(['Split'])

const isOurs = ({ domain }: NodeProto) => !domain || domain === 'ai.onnx'

/** Whether a change of its inputs may change a value a little. */
const isContinuous = ({ type }: Value) =>
  type === undefined || type === 'float32' || type === 'float64' || type === 'float16'

/** All values that a small change of the sources changes. */
function dependents({ builder, sites }: Forward, sources: Iterable<string>): Set<string> {
  const active = new Set(sources)
  for (const node of sites) {
    if (isOurs(node) && constants.has(node.opType ?? '')) continue
    if (!node.input?.some((name) => active.has(name))) continue
    for (const name of node.output ?? [])
      if (name && isContinuous(builder.find(name) ?? { name, in: builder })) active.add(name)
  }
  return active
}

/**
 * The nodes that the loss depends on the sources through, in order, and all values that depend on
 * the sources.
 */
function between(forward: Forward, sources: Iterable<string>, loss: string) {
  const active = dependents(forward, sources)
  const needed = new Set([loss])
  const path: NodeProto[] = []
  for (const node of [...forward.sites].reverse()) {
    if (!node.output?.some((name) => needed.has(name) && active.has(name))) continue
    path.push(node)
    for (const name of node.input ?? []) if (active.has(name)) needed.add(name)
  }
  return { path, active, needed }
}

/** Refuses gradients of outputs that the rule of a node does not take. */
function checkOutputs(
  node: NodeProto,
  outputs: readonly Value[],
  gradients: readonly (Value | undefined)[],
): void {
  if (manyOutputs.has(node.opType ?? '')) return
  const second = gradients.findIndex((g, i) => i > 0 && g)
  if (second > 0)
    throw refuse(
      node,
      `is differentiated by its output "${outputs[second].name}". Only its first output can be.`,
    )
}

/** What a rule says of an input that the loss depends on. */
function partOf(node: NodeProto, input: Value, part: ReturnType<Rule>[number]): Value {
  if (part) return part()
  throw refuse(
    node,
    `has no gradient by its input "${input.name}". Freeze what that is computed from.`,
  )
}

function ruleOf(node: NodeProto): Rule {
  const rule =
    isOurs(node) && Object.hasOwn(rules, node.opType ?? '') ? rules[node.opType ?? ''] : undefined
  if (rule) return rule
  const operator = isOurs(node) ? node.opType : `${node.domain}.${node.opType}`
  throw new FreestepError(
    'onnxruntime',
    'unsupported',
    `There is no gradient for the operator ${operator}, which the loss depends on parameters through (node ${nodeTitle(node)}). ` +
      'Freeze the parameters before it, or rebuild this part of the model from other operators.',
  )
}

/**
 * The gradients of a scalar by values: parameters or inputs. A source that the loss does not depend
 * on has none.
 *
 * @throws FreestepError `unsupported` for an operator without a rule, naming it and the node
 */
export function backward(
  forward: Forward,
  loss: Value,
  sources: readonly string[],
): ReadonlyMap<string, Value> {
  const { builder } = forward
  const { path, active } = between(forward, sources, loss.name)
  const ruled = path.map((node) => ({ node, rule: ruleOf(node) }))

  const gradients = new Map<string, Value>()
  if (active.has(loss.name))
    gradients.set(loss.name, loss.shape?.length === 0 ? like(loss, 1) : fullLike(loss, 1))
  const flow = (to: Value, gradient: Value) => {
    const part = sumTo(gradient, to)
    const other = gradients.get(to.name)
    gradients.set(to.name, other ? add(other, part) : part)
  }
  const value = (name: string) => builder.find(name) as Value

  for (const { node, rule } of ruled) {
    const outputs = (node.output ?? []).map(value)
    const gs = outputs.map((output) => output && gradients.get(output.name))
    checkOutputs(node, outputs, gs)
    const g = gs[0] as Value
    if (!gs.some(Boolean)) continue
    const inputs = (node.input ?? []).map(value)
    const output = (place: number) => builder.output(node, place)
    const parts = rule({ node, x: inputs, y: outputs, g, gs, output })
    for (const [i, input] of inputs.entries())
      if (input && active.has(input.name)) flow(input, partOf(node, input, parts[i]))
  }
  return new Map(
    sources.flatMap((name) => (gradients.has(name) ? [[name, gradients.get(name) as Value]] : [])),
  )
}
