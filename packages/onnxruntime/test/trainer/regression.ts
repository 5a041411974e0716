/**
 * A small network with its loss in it, four batches to take turns, and the numbers of tensors: what
 * tests of the trainer work with.
 */
import { expect } from 'vitest'
import type { ModelProto } from '../../src/index.ts'
import { model, node, tensorProto, valueInfo } from '../../src/onnx/index.ts'
import { noise } from '../gradient/differences.ts'

function regression(): {
  network: ModelProto
  batch: (k: number) => { x: Float32Array; t: Float32Array }
} {
  const random = noise(5)
  const numbers = (count: number, scale = 1) =>
    Float32Array.from({ length: count }, () => scale * random())
  const network = model({
    name: 'regression',
    node: [
      node('Gemm', ['x', 'W', 'b'], ['h']),
      node('Tanh', ['h'], ['a']),
      node('MatMul', ['a', 'v'], ['y']),
      node('Sub', ['y', 't'], ['d']),
      node('Mul', ['d', 'd'], ['d2']),
      node('ReduceMean', ['d2'], ['loss'], { keepdims: 0 }),
    ],
    initializer: [
      tensorProto('W', 'float32', [3, 8], numbers(24)),
      tensorProto('b', 'float32', [8], numbers(8, 0.1)),
      tensorProto('v', 'float32', [8, 1], numbers(8)),
    ],
    input: [valueInfo('x', 'float32', ['n', 3]), valueInfo('t', 'float32', ['n', 1])],
    output: [valueInfo('loss', 'float32', []), valueInfo('y', 'float32', ['n', 1])],
  })
  const batches = Array.from({ length: 4 }, () => {
    const x = numbers(3 * 16)
    return {
      x,
      t: Float32Array.from(
        { length: 16 },
        (_, i) => Math.sin(2 * x[3 * i]) + x[3 * i + 1] * x[3 * i + 2],
      ),
    }
  })
  return { network, batch: (k) => batches[k % batches.length] }
}
/** y = v · tanh(W x + b), the loss being (y − t)²; and the batch of each step. */
export const { network, batch } = regression()

/** The numbers of a tensor. */
export const data = (tensor: { readonly data: unknown }): number[] =>
  Array.from(tensor.data as Float32Array)

/** Expects the same numbers but for rounding: constants are laid out otherwise than inputs. */
export const close = (found: readonly number[], expected: readonly number[]): void =>
  expect(found).toEqual(expected.map((each) => expect.closeTo(each, 5)))
