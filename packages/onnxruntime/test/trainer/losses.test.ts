import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import * as freestep from '../../src/index.ts'
import { createTrainer, meanSquaredError, sgd, softmaxCrossEntropy } from '../../src/index.ts'
import { model, node, tensorProto, valueInfo } from '../../src/onnx/index.ts'
import { modest } from '../sessions.ts'

const sessionOptions = modest
describe('a loss', () => {
  const plain = (output: readonly string[] = ['y']) =>
    model({
      name: 'plain',
      node: [node('MatMul', ['x', 'W'], ['y']), node('Relu', ['y'], ['z'])],
      initializer: [
        tensorProto('W', 'float32', [3, 2], Float32Array.of(0.5, -1, 2, 0.25, -0.5, 1)),
      ],
      input: [valueInfo('x', 'float32', ['n', 3])],
      output: output.map((name) => valueInfo(name, 'float32', ['n', 2])),
    })
  const x = Float32Array.of(1, 2, 3, -1, 0.5, 2)
  const y = [3, 2.5, -0.5, 3.125].map(
    (_, i) => [0.5 + 4 - 1.5, -1 + 0.5 + 3, -0.5 + 1 - 1, 1 + 0.125 + 2][i],
  )

  it.each([
    [
      'meanSquaredError',
      meanSquaredError(),
      [1, 2, 3, 4],
      y.map((each, i) => (each - i - 1) ** 2 / 4),
    ],
    [
      'binaryCrossEntropy',
      freestep.binaryCrossEntropy(),
      [1, 0, 0.5, 1],
      y.map((z, i) => (Math.log1p(Math.exp(z)) - [1, 0, 0.5, 1][i] * z) / 4),
    ],
    [
      'softmaxCrossEntropy of indices',
      softmaxCrossEntropy(),
      [0, 1],
      [0, 1].map(
        (label, i) =>
          (Math.log(Math.exp(y[2 * i]) + Math.exp(y[2 * i + 1])) - y[2 * i + label]) / 2,
      ),
    ],
    [
      'softmaxCrossEntropy of probabilities',
      softmaxCrossEntropy({ labels: 'probabilities' }),
      [0.25, 0.75, 1, 0],
      [0, 1].map((i) => {
        const t = [0.25, 0.75, 1, 0]
        const total = Math.log(Math.exp(y[2 * i]) + Math.exp(y[2 * i + 1]))
        return (t[2 * i] * (total - y[2 * i]) + t[2 * i + 1] * (total - y[2 * i + 1])) / 2
      }),
    ],
    [
      'softmaxCrossEntropy with labels to ignore',
      softmaxCrossEntropy({ ignored: -100 }),
      [1, -100],
      [Math.log(Math.exp(y[0]) + Math.exp(y[1])) - y[1]],
    ],
  ])('%s is what it says', async (_, loss, target, parts) => {
    const trainer = await createTrainer({
      ort,
      model: plain(),
      optimizer: sgd({ lr: 0.1 }),
      loss,
      sessionOptions,
    })
    const before = await trainer.step({ x, target })
    expect(before).toBeCloseTo(
      parts.reduce((sum, each) => sum + each, 0),
      5,
    )
    expect(await trainer.step({ x, target })).toBeLessThan(before)
    await trainer.dispose()
  })

  /** z = W for one x of 1: what gradient descent with lr 1 takes from W is the gradient by z. */
  const logits = (W: readonly number[]) =>
    model({
      name: 'logits',
      node: [node('MatMul', ['x', 'W'], ['y'])],
      initializer: [tensorProto('W', 'float32', [1, W.length], W)],
      input: [valueInfo('x', 'float32', ['n', 1])],
      output: [valueInfo('y', 'float32', ['n', W.length])],
    })

  it('binaryCrossEntropy has the gradient σ(z) − t where z is 0, too', async () => {
    const [z, t] = [
      [0, 0, 0, -40, 60],
      [0, 1, 0.25, 0, 1],
    ]
    const loss = freestep.binaryCrossEntropy()
    const trainer = await createTrainer({
      ort,
      model: logits(z),
      optimizer: sgd({ lr: 1 }),
      loss,
      sessionOptions,
    })
    expect(await trainer.step({ x: [1], target: t })).toBeCloseTo((3 * Math.LN2) / 5, 6)
    const expected = z.map((each, i) => each - (1 / (1 + Math.exp(-each)) - t[i]) / 5)
    Array.from(trainer.params.W.data as Float32Array).forEach(
      (each, i) => void expect(each).toBeCloseTo(expected[i], 6),
    )
    await trainer.dispose()
  })

  it('softmaxCrossEntropy is finite where other classes cannot be', async () => {
    const graph = logits([1, 1, 3]).graph ?? {}
    const constants = [
      tensorProto('c', 'bool', [1, 3], [1, 1, 0]),
      tensorProto('never', 'float32', [], [Number.NEGATIVE_INFINITY]),
    ]
    const masked = model({
      ...graph,
      node: [...(graph.node ?? []), node('Where', ['c', 'y', 'never'], ['z'])],
      initializer: [...(graph.initializer ?? []), ...constants],
      output: [valueInfo('z', 'float32', ['n', 3])],
    })
    const options = {
      ort,
      model: masked,
      parameters: ['W'],
      optimizer: sgd({ lr: 1 }),
      sessionOptions,
    }
    const trainer = await createTrainer({ ...options, loss: softmaxCrossEntropy() })
    expect(await trainer.step({ x: [1], target: [1] })).toBeCloseTo(Math.LN2, 6)
    Array.from(trainer.params.W.data as Float32Array).forEach(
      (each, i) => void expect(each).toBeCloseTo([0.5, 1.5, 3][i], 6),
    )
    await trainer.dispose()
  })

  it('of one own is written with operators', async () => {
    const { op, mean, mul, sub } = freestep.onnx
    const loss: freestep.Loss = ({ output, input }) => {
      const difference = op('Abs', [sub(output('y'), mul(input('wanted', 'float32', ['n', 2]), 2))])
      return mean(difference, [0, 1])
    }
    const trainer = await createTrainer({
      ort,
      model: plain(['y', 'z']),
      optimizer: sgd(),
      loss,
      sessionOptions,
    })
    const found = await trainer.step({ x, wanted: [1, 1, 1, 1] })
    expect(found).toBeCloseTo(
      y.reduce((sum, each) => sum + Math.abs(each - 2) / 4, 0),
      5,
    )
    await trainer.dispose()
  })
})
