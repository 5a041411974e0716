/**
 * Gradients by central differences, and models to take them of: an operator on parameters, and as
 * loss the sum of its outputs weighted at random, so that no gradient is right by symmetry. The
 * sessions are those of onnxruntime-node, in float64 wherever it has the kernels.
 */
import * as ort from 'onnxruntime-node'
import { expect } from 'vitest'
import { backward } from '../../src/gradient/backward.ts'
import { close } from '../../src/gradient/close.ts'
import { openModel } from '../../src/gradient/forward.ts'
import { gradient } from '../../src/gradient/gradient.ts'
import {
  type AttributeValue,
  dataOf,
  encodeModel,
  type GraphProto,
  type ModelProto,
  model,
  type NodeProto,
  type NumberType,
  node,
  type TensorProto,
  tensorProto,
  valueInfo,
} from '../../src/onnx/index.ts'

/** Numbers between −1 and 1 that look random and are always the same. */
export function noise(seed: number): () => number {
  let state = seed * 2654435761 + 12345
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 1 | state) + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 7), 61 | state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 14), 73 | mixed)
    return ((mixed ^ (mixed >>> 12)) >>> 0) / 2 ** 31 - 1
  }
}

/** An input of an operator: a parameter of a shape, or a constant. */
export type Input =
  | { readonly shape: readonly number[]; readonly values?: (index: number) => number }
  | TensorProto
  | undefined

/** One operator to differentiate. */
export interface Case {
  readonly op: string
  readonly inputs: readonly Input[]
  readonly attributes?: Readonly<Record<string, AttributeValue | undefined>>
  readonly outputs?: number
  /** Outputs that the loss does not depend on. */
  readonly unused?: number
  readonly opset?: number
  readonly type?: 'float32' | 'float64'
  /**
   * The operator itself in double precision, from its parameters in row-major order to its outputs:
   * for operators that ONNX Runtime has only in single precision, in which differences would say
   * little.
   */
  readonly exact?: (...parameters: readonly number[][]) => readonly number[]
}

const size = (shape: readonly number[]) => shape.reduce((product, each) => product * each, 1)

/** A parameter of the given shape; its numbers are noise, or what `values` says of each index. */
export const parameter = (shape: readonly number[], values?: (index: number) => number) => ({
  shape,
  ...(values && { values }),
})

/** A vector of integers. */
export const ints = (
  numbers: readonly number[],
  shape: readonly number[] = [numbers.length],
): TensorProto => tensorProto('', 'int64', shape, numbers)

/** loss = Σ w · op(inputs), summed over all outputs. */
export async function modelOf({
  op,
  inputs,
  attributes,
  outputs = 1,
  unused = 0,
  opset = 17,
  exact,
  type = exact ? 'float32' : 'float64',
}: Case): Promise<ModelProto> {
  const random = noise(inputs.length + op.length)
  const initializer = inputs.flatMap((input, i): TensorProto[] => {
    if (!input) return []
    if (!('shape' in input)) return [{ ...input, name: `c${i}` }]
    const data = Array.from({ length: size(input.shape) }, (_, k) => input.values?.(k) ?? random())
    return [tensorProto(`x${i}`, type, input.shape, data)]
  })
  const names = Array.from({ length: outputs }, (_, i) => `y${i}`)
  const given = inputs.map((input, i) => {
    if (!input) return ''
    return 'shape' in input ? `x${i}` : `c${i}`
  })
  const others = Array.from({ length: unused }, (_, i) => `unused${i}`)
  const operator = node(op, given, [...names, ...others], attributes, 'operator')
  const shapes = await outputShapes({ node: [operator], initializer }, names, type, opset)
  const weights = names.map((_, i) =>
    tensorProto(`w${i}`, type, shapes[i], Array.from({ length: size(shapes[i]) }, random)),
  )
  const parts = names.flatMap((name, i): NodeProto[] => [
    node('Mul', [name, `w${i}`], [`yw${i}`]),
    node('ReduceSum', [`yw${i}`], [`s${i}`], { keepdims: 0 }),
  ])
  return model(
    {
      name: op,
      node: [
        operator,
        ...parts,
        node(
          'Sum',
          names.map((_, i) => `s${i}`),
          ['loss'],
        ),
      ],
      initializer: [...initializer, ...weights],
      output: [valueInfo('loss', type, [])],
    },
    { opset },
  )
}

async function outputShapes(
  graph: GraphProto,
  names: readonly string[],
  type: NumberType,
  opset: number,
) {
  const output = names.map((name) => ({
    ...valueInfo(name, type, []),
    type: { tensorType: { elemType: type === 'float64' ? 11 : 1 } },
  }))
  const results = await run(model({ name: 'shapes', ...graph, output }, { opset }), {})
  return names.map((name) => results[name].dims)
}

/** Runs a model once. */
export async function run(
  given: ModelProto,
  feeds: Record<string, ort.Tensor>,
): Promise<Record<string, ort.Tensor>> {
  const session = await ort.InferenceSession.create(encodeModel(given), { logSeverityLevel: 3 })
  try {
    return { ...(await session.run(feeds)) }
  } finally {
    await session.release()
  }
}

/** A tensor of ONNX Runtime from an initializer. */
export const tensorOf = ({ dataType, dims = [], ...rest }: TensorProto): ort.Tensor =>
  new ort.Tensor(
    dataType === 11 ? 'float64' : 'float32',
    dataOf({ dataType, dims, ...rest }).slice() as Float64Array,
    dims,
  )

/** The parameters of a case: x0, x1, …. */
export const parametersOf = ({ graph }: ModelProto) =>
  (graph?.initializer ?? []).filter(({ name = '' }) => /^x\d+$/.test(name))

/** The gradients of a model by its parameters x0, x1, …, as our graph gives them. */
export async function gradientsOf(given: ModelProto, feeds: Record<string, ort.Tensor> = {}) {
  const names = parametersOf(given).map(({ name = '' }) => name)
  const {
    model: differentiated,
    gradients,
    parameters,
  } = gradient(given, { parameters: names, loss: 'loss' })
  const fed = Object.fromEntries(
    Object.entries(parameters).map(([name, tensor]) => [name, tensorOf(tensor)]),
  )
  const results = await run(differentiated, { ...feeds, ...fed })
  return Object.fromEntries(
    names.map((name) => [
      name,
      {
        dims: results[gradients[name]].dims,
        data: Array.from(results[gradients[name]].data as Float64Array),
      },
    ]),
  )
}

/** The same by central differences of the forward model. */
export async function differencesOf(
  given: ModelProto,
  step: number,
  feeds: Record<string, ort.Tensor> = {},
) {
  const chosen = parametersOf(given)
  const names = new Set(chosen.map(({ name }) => name))
  const initializer = given.graph?.initializer?.filter(({ name }) => !names.has(name))
  const input = [
    ...(given.graph?.input ?? []),
    ...chosen.map(({ name = '', dataType, dims = [] }) =>
      valueInfo(name, dataType === 11 ? 'float64' : 'float32', dims),
    ),
  ]
  const session = await ort.InferenceSession.create(
    encodeModel({ ...given, graph: { ...given.graph, initializer, input } }),
  )
  const fed = Object.fromEntries(chosen.map((tensor) => [tensor.name ?? '', tensorOf(tensor)]))
  const loss = async () =>
    Number(((await session.run({ ...feeds, ...fed })).loss.data as Float64Array)[0])
  const result: Record<string, number[]> = {}
  for (const [name, tensor] of Object.entries(fed)) {
    const data = tensor.data as Float64Array
    result[name] = []
    for (let i = 0; i < data.length; i++) {
      const here = data[i]
      data[i] = here + step
      const above = await loss()
      data[i] = here - step
      const below = await loss()
      data[i] = here
      result[name].push((above - below) / (2 * step))
    }
  }
  await session.release()
  return result
}

/** The same for an operator that is given in double precision, with the weights of the model. */
function exactDifferences(
  given: ModelProto,
  exact: NonNullable<Case['exact']>,
): Record<string, number[]> {
  const points = parametersOf(given).map((tensor) => Array.from(dataOf(tensor), Number))
  const weights = Array.from(
    dataOf(given.graph?.initializer?.find(({ name }) => name === 'w0') ?? {}),
    Number,
  )
  const loss = () => exact(...points).reduce((sum, y, i) => sum + weights[i] * y, 0)
  const step = 1e-5
  return Object.fromEntries(
    parametersOf(given).map(({ name }, p) => [
      name,
      points[p].map((here, i) => {
        points[p][i] = here + step
        const above = loss()
        points[p][i] = here - step
        const below = loss()
        points[p][i] = here
        return (above - below) / (2 * step)
      }),
    ]),
  )
}

/** Checks the gradients of a case against differences, in a tolerance for its precision. */
export async function expectGradients(given: Case): Promise<void> {
  const model = await modelOf(given)
  const expected = given.exact
    ? exactDifferences(model, given.exact)
    : await differencesOf(model, 1e-5)
  const found = await gradientsOf(model)
  expect(Object.keys(found)).toEqual(Object.keys(expected))
  const tolerance = given.exact ? 2e-6 : 1e-8
  for (const [name, { data, dims }] of Object.entries(found)) {
    expect(dims).toEqual(parametersOf(model).find((each) => each.name === name)?.dims)
    const scale = Math.max(1, ...expected[name].map(Math.abs))
    const difference = Math.max(0, ...data.map((value, i) => Math.abs(value - expected[name][i])))
    expect(difference / scale, `${name}: ${data} for ${expected[name]}`).toBeLessThan(tolerance)
  }
}

/**
 * Runs every value of a differentiated model, and expects the type and the shape that were inferred
 * for it.
 */
export async function expectInferred(
  given: ModelProto,
  feeds: Record<string, ort.Tensor> = {},
): Promise<void> {
  const forward = openModel(given, { parameters: parametersOf(given).map(({ name = '' }) => name) })
  const { builder, parameters, inputs } = forward
  const loss = builder.find('loss')
  if (!loss) throw new Error('no loss')
  backward(forward, loss, [...parameters.keys()])
  const values = builder.nodes.flatMap(({ output }) =>
    (output ?? []).flatMap((name) => (name ? [builder.find(name) ?? loss] : [])),
  )
  const graph = close(
    builder,
    'all',
    [...inputs, ...[...parameters.values()].map(({ value }) => value)],
    values,
  )
  const fed = Object.fromEntries(
    [...parameters].map(([name, { tensor }]) => [name, tensorOf(tensor)]),
  )
  const results = await run(
    {
      ...given,
      graph: { ...graph, output: graph.output?.map(({ name, type }) => ({ name, type })) },
    },
    { ...feeds, ...fed },
  )
  for (const { name, type, shape, elements } of values) {
    expect(type, name).toBe(results[name].type)
    expect(shape?.length, name).toBe(results[name].dims.length)
    shape?.forEach((each, i) => {
      if (typeof each === 'number') expect(each, `size ${i} of ${name}`).toBe(results[name].dims[i])
    })
    const numbers = Array.from(results[name].data as ArrayLike<number | bigint>, Number)
    elements?.forEach((each, i) => {
      if (typeof each === 'number') expect(each, `element ${i} of ${name}`).toBe(numbers[i])
    })
  }
}
