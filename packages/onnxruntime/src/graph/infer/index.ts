/**
 * Inference of types and shapes: what is known of a node's outputs from what is known of its
 * inputs. An operator without a row here has outputs of which nothing is known; that is an error
 * only where a gradient needs to know.
 */
import type { NodeProto } from '../../onnx/index.ts'
import type { Graph, Known, Value } from '../value.ts'
import { algebraRules } from './algebra.ts'
import { elementwiseRules } from './elementwise.ts'
import { shapingRules } from './shaping.ts'
import type { Infer } from './site.ts'
import { windowRules } from './windows.ts'

const rules: Readonly<Record<string, Infer>> = {
  ...elementwiseRules,
  ...shapingRules,
  ...algebraRules,
  ...windowRules,
}

/** What is known of the outputs of a node. */
export function infer(
  node: NodeProto,
  x: readonly (Value | undefined)[],
  graph: Pick<Graph, 'opset' | 'fresh'>,
): readonly Known[] {
  const ours = node.domain === undefined || node.domain === '' || node.domain === 'ai.onnx'
  if (!ours || !Object.hasOwn(rules, node.opType ?? '')) return []
  return rules[node.opType ?? '']({
    node,
    x,
    opset: graph.opset,
    unknown: () => graph.fresh('?'),
  })
}
