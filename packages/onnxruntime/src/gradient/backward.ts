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

/**
 * The nodes that the loss depends on the sources through, in order, and all values that depend on
 * the sources.
 */
function between({ builder, sites }: Forward, sources: Iterable<string>, loss: string) {
  const active = new Set(sources)
  for (const node of sites) {
    if (isOurs(node) && constants.has(node.opType ?? '')) continue
    if (!node.input?.some((name) => active.has(name))) continue
    for (const name of node.output ?? [])
      if (name && isContinuous(builder.find(name) ?? { name, in: builder })) active.add(name)
  }
  const needed = new Set([loss])
  const path: NodeProto[] = []
  for (const node of [...sites].reverse()) {
    if (!node.output?.some((name) => needed.has(name) && active.has(name))) continue
    path.push(node)
    for (const name of node.input ?? []) if (active.has(name)) needed.add(name)
  }
  return { path, active, needed }
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
    const second = manyOutputs.has(node.opType ?? '') ? -1 : gs.findIndex((g, i) => i > 0 && g)
    if (second > 0)
      throw refuse(
        node,
        `is differentiated by its output "${outputs[second].name}". Only its first output can be.`,
      )
    const g = gs[0] as Value
    if (!gs.some(Boolean)) continue
    const inputs = (node.input ?? []).map(value)
    const parts = rule({
      node,
      x: inputs,
      y: outputs,
      g,
      gs,
      output: (place) => builder.output(node, place),
    })
    for (const [i, input] of inputs.entries()) {
      if (!input || !active.has(input.name)) continue
      const part = parts[i]
      if (!part)
        throw refuse(
          node,
          `has no gradient by its input "${input.name}". Freeze what that is computed from.`,
        )
      flow(input, part())
    }
  }
  return new Map(
    sources.flatMap((name) => (gradients.has(name) ? [[name, gradients.get(name) as Value]] : [])),
  )
}
