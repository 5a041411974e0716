// Whole models that PyTorch exported, against the gradients of its autograd in float64
// (test/models/export.py says how both were made).
import { readFileSync } from 'node:fs'
import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { dataOf, decodeModel, encodeModel, type ModelProto } from '../../src/onnx/index.ts'
import { type Batch, tensorsOf } from '../../src/trainer/batch.ts'
import { inferenceForm } from '../../src/trainer/forms.ts'
import { kinds, type Plan, Trainable } from '../../src/trainer/graphs.ts'
import { softmaxCrossEntropy } from '../../src/trainer/losses.ts'
import { modest } from '../sessions.ts'
import { tensorOf } from './differences.ts'

interface Listed {
  readonly shape: readonly number[]
  readonly data: readonly number[]
}
interface Recording {
  readonly inputs: Readonly<Record<string, Listed>>
  readonly loss: number
  readonly gradients: Readonly<Record<string, Listed>>
  readonly statistics: Readonly<Record<string, Listed>>
}

const file = (name: string) => new URL(`../models/${name}`, import.meta.url)
const modelOf = (name: string): ModelProto =>
  inferenceForm(decodeModel(readFileSync(file(`${name}.onnx`))))
const recordingOf = (name: string): Recording =>
  JSON.parse(readFileSync(file(`goldens/${name}.json`), 'utf8'))

/** Loss, gradients and statistics of one batch, by their keys. */
async function results(plan: Plan, batch: Batch): Promise<Record<string, number[]>> {
  const ready = new Trainable(plan)
  const graph = ready.gradients()
  const tensors = tensorsOf(ort, graph.batch, batch)
  const values = new Map([...graph.inputs].map(([name, key]) => [name, key]))
  const feeds = Object.fromEntries(
    [...values].map(([name, key]) => {
      const own = key.slice(key.indexOf('/') + 1)
      const tensor = ready.parameters.get(own) ?? ready.statistics.get(own)
      if (!tensor) throw new Error(`nothing is called ${key}`)
      return [name, tensorOf(tensor)]
    }),
  )
  const session = await ort.InferenceSession.create(
    encodeModel(graph.model),
    modest as ort.InferenceSession.SessionOptions,
  )
  const found = await session.run({ ...(tensors as Record<string, ort.Tensor>), ...feeds })
  await session.release()
  return Object.fromEntries(
    [...graph.outputs].map(([name, key]) => [key, Array.from(found[name].data as Float32Array)]),
  )
}

/** Expects numbers within a part of their largest. */
function expectClose(
  found: readonly number[] | undefined,
  expected: readonly number[],
  what: string,
  tolerance = 2e-5,
): void {
  expect(found?.length, what).toBe(expected.length)
  const scale = Math.max(1e-3, ...expected.map(Math.abs))
  const difference = Math.max(
    ...expected.map((each, i) => Math.abs(each - (found?.[i] ?? Number.NaN))),
  )
  expect(difference / scale, `${what}: ${found} for ${expected}`).toBeLessThan(tolerance)
}

const transposed = ({ shape: [rows, columns], data }: Listed): number[] =>
  Array.from(
    { length: rows * columns },
    (_, i) => data[(i % rows) * columns + Math.floor(i / rows)],
  )

describe('a convolutional network with batch norm', () => {
  const { inputs, loss, gradients, statistics } = recordingOf('residual')
  const target = [0, 2, 1, 1]

  it('has the gradients of PyTorch, and moves its running statistics', async () => {
    const model = modelOf('residual')
    const found = await results(
      { model, loss: softmaxCrossEntropy() },
      { image: inputs.image.data, target },
    )
    expectClose(found[kinds.loss], [loss], 'the loss')
    // Its output is log-softmax already, of which softmax makes the same: the gradients are those
    // of the plain log-likelihood.
    expect(Object.keys(found).filter((key) => key.startsWith('g/'))).toHaveLength(
      Object.keys(gradients).length,
    )
    for (const [name, { data }] of Object.entries(gradients))
      expectClose(found[`g/${name}`], data, name)

    const before = (name: string) =>
      dataOf(model.graph?.initializer?.find((each) => each.name === name) ?? {})
    for (const [name, { data }] of Object.entries(statistics)) {
      // PyTorch's running variance takes n / (n − 1) of the batch's, the operator of ONNX the
      // batch's own.
      const n = name.startsWith('norm1') ? 4 * 6 * 7 : 4 * 3 * 4
      const old = Array.from(before(name), Number)
      const expected = name.endsWith('var')
        ? data.map((each, i) => 0.9 * old[i] + ((each - 0.9 * old[i]) * (n - 1)) / n)
        : data
      expectClose(found[`statistic/${name}`], expected, name)
    }
  })
})

describe('a transformer', () => {
  const { inputs, loss, gradients } = recordingOf('transformer')
  const { shape, data } = inputs.tokens
  const target = data.flatMap(
    (_, i) => data[Math.floor(i / shape[1]) * shape[1] + ((i + 1) % shape[1])],
  )
  const tokens = new ort.Tensor('int64', BigInt64Array.from(data, BigInt), shape)
  const int32 = new ort.Tensor('int32', Int32Array.from(target), shape)

  // What the exporters made of some weights: transposed, and that of the embedding apart from its
  // use as the last layer.
  const names = {
    transformer: {
      places: 'slice_1',
      last: 'permute',
      transposed: {
        val_15: 'attention.weight',
        val_50: 'out.weight',
        val_53: 'up.weight',
        val_62: 'down.weight',
      },
    },
    'transformer-scripted': {
      places: 'places',
      last: 'onnx::MatMul_158',
      transposed: {
        'onnx::MatMul_147': 'attention.weight',
        'onnx::MatMul_155': 'out.weight',
        'onnx::MatMul_156': 'up.weight',
        'onnx::MatMul_157': 'down.weight',
      },
    },
  }

  it.each(Object.entries(names))('%s has the gradients of PyTorch', async (name, exported) => {
    const model = modelOf(name)
    const found = await results({ model, loss: softmaxCrossEntropy() }, { tokens, target: int32 })
    expectClose(found[kinds.loss], [loss], 'the loss')
    expectClose(found[`g/${exported.places}`], gradients.places.data, 'places')
    for (const [theirs, ours] of Object.entries(exported.transposed))
      expectClose(found[`g/${theirs}`], transposed(gradients[ours]), ours)
    for (const each of [
      'norm1.weight',
      'norm1.bias',
      'norm2.weight',
      'norm2.bias',
      'attention.bias',
      'up.bias',
      'down.bias',
    ])
      expectClose(found[`g/${each}`], gradients[each].data, each)
    const last = transposed({ shape: [8, 11], data: found[`g/${exported.last}`] })
    const both = found['g/tokens.weight'].map((each, i) => each + last[i])
    expectClose(both, gradients['tokens.weight'].data, 'tokens.weight')
  })
})
