/**
 * Graphs of ONNX operators: the steps of three algorithms, to read, in kernels/; what they are made
 * of. That they run, and to what numbers, is for @freestep/onnxruntime to test.
 */
import * as core from '@freestep/core'
import { expect, test } from 'vitest'
import { emitOnnx, type OnnxGraph, type OnnxOptions, type OnnxValue } from '../src/index.ts'
import { programOf } from './programs.ts'

const options: OnnxOptions = { scalars: 'float64' }
const step = (algorithm: core.Algorithm, sizes = [4096], more: Partial<OnnxOptions> = {}) =>
  emitOnnx(programOf(algorithm, sizes), 'step', { ...options, ...more })

/** A graph as text, line by line. */
function print({ inputs, outputs, constants, nodes }: OnnxGraph): string {
  const value = ({ name, type, dims }: OnnxValue) => `${name}: ${type}[${dims}]`
  const attributes = (given = {}) =>
    Object.entries(given).map(([name, number]) => `${name}=${number}`)
  return [
    ...inputs.map((each) => `input ${value(each)}`),
    ...constants.map((each) => `constant ${value(each)} = ${each.numbers}`),
    ...nodes.map(
      ({ op, inputs, outputs, attributes: own }) =>
        `${outputs} = ${op}(${[...inputs, ...attributes(own)].join(', ')})`,
    ),
    ...outputs.map((each) => `output ${value(each)}`),
    '',
  ].join('\n')
}

const algorithms: Record<string, core.Algorithm> = {
  adam: core.adam(),
  dog: core.dog(),
  prodigy: core.prodigy(),
}
for (const [name, algorithm] of Object.entries(algorithms))
  test(name, () => expect(print(step(algorithm))).toMatchFileSnapshot(`kernels/${name}.onnx.txt`))

/** Throws unless names are used after they are made, and made once. */
function inOrder({ inputs, outputs, constants, nodes }: OnnxGraph): void {
  const made = new Set<string>()
  const makes = (name: string) => {
    if (made.has(name)) throw new Error(`${name} is made twice`)
    made.add(name)
  }
  const takes = (name: string) => {
    if (!made.has(name)) throw new Error(`${name} is used before it is made`)
  }
  for (const { name } of [...inputs, ...constants]) makes(name)
  for (const node of nodes) {
    node.inputs.forEach(takes)
    node.outputs.forEach(makes)
  }
  for (const { name } of outputs) takes(name)
}

test('every name is made once, before it is used', () => {
  const isFactory = (value: unknown): value is () => core.Algorithm =>
    typeof value === 'function' && 'algorithm' in value
  for (const factory of Object.values<unknown>(core).filter(isFactory))
    for (const part of ['init', 'step', 'evaluate'] as const)
      for (const scalars of ['float32', 'float64'] as const)
        expect(() =>
          inOrder(emitOnnx(programOf(factory(), [3, 257, 0, 5000]), part, { scalars })),
        ).not.toThrow()
})

test('only the tensors that take part are in a graph', () => {
  const { inputs, outputs } = step(core.adam(), [3, 4, 5], { active: [0, 2] })
  expect([...inputs, ...outputs].filter(({ name }) => name.endsWith('p1'))).toEqual([])
  expect(outputs.map(({ name }) => name).filter((name) => name.startsWith('next/x'))).toEqual([
    'next/x/p0',
    'next/x/p2',
  ])
})

test('names are the caller’s, so that a graph fits behind another one', () => {
  const graph = step(core.sgd({ lr: 0.5 }), [2], {
    input: (what, tensor) => (what === 'g' ? `gradient of ${tensor}` : `${tensor}`),
    output: (what, tensor) => `${what}1 ${tensor}`,
    prefix: 'behind/',
  })
  expect(print(graph).trim().split('\n')).toEqual([
    'input p0: float32[2]',
    'input gradient of p0: float32[2]',
    'constant behind/0.5:float32: float32[] = 0.5',
    'behind/0 = Mul(behind/0.5:float32, gradient of p0)',
    'behind/1 = Neg(behind/0)',
    'x1 p0 = Add(p0, behind/1)',
    'output x1 p0: float32[2]',
  ])
})
