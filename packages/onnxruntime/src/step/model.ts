/**
 * A graph of the compiler as a message of ONNX. Not the graph itself: see
 * packages/compiler/src/onnx.
 */
import type { OnnxConstant, OnnxGraph, OnnxValue } from '@freestep/compiler'
import { type GraphProto, node, type TensorProto, tensorProto, valueInfo } from '../onnx/index.ts'

/** The graph as a message. */
export function graphProto(
  name: string,
  { inputs, outputs, constants, nodes }: OnnxGraph,
): GraphProto {
  const info = ({ name, type, dims }: OnnxValue) => valueInfo(name, type, dims)
  return {
    name,
    node: nodes.map(({ op, inputs, outputs, attributes }) => node(op, inputs, outputs, attributes)),
    initializer: constants.map(tensor),
    input: inputs.map(info),
    output: outputs.map(info),
  }
}

const tensor = ({ name, type, dims, numbers }: OnnxConstant): TensorProto =>
  tensorProto(name, type, dims, numbers)
