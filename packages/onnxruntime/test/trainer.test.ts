// The trainer against its parts: gradients of one graph given to the optimizer of packages/cpu, in Node.
import { readFileSync } from 'node:fs'
import { cpu } from '@freestep/cpu'
import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import * as freestep from '../src/index.ts'
import {
  type Algorithm,
  adam,
  averaged,
  createOptimizer,
  createTrainer,
  dadaptAdam,
  dataOf,
  decodeModel,
  dog,
  encodeModel,
  fromSafetensors,
  gradient,
  linear,
  type ModelProto,
  meanSquaredError,
  momo,
  prodigy,
  scheduleFree,
  sgd,
  softmaxCrossEntropy,
  type Trainer,
  toSafetensors,
} from '../src/index.ts'
import { model, node, tensorProto, valueInfo } from '../src/onnx/index.ts'
import { noise } from './gradient/differences.ts'
import { modest } from './sessions.ts'

const sessionOptions = modest
const bytesOf = (name: string) => new Uint8Array(readFileSync(new URL(`./models/${name}`, import.meta.url)))
const residual = bytesOf('residual.onnx')
const data = (tensor: { data: unknown }) => Array.from(tensor.data as Float32Array)

/** Expects the same numbers but for rounding: constants are laid out otherwise than inputs. */
const close = (found: readonly number[], expected: readonly number[]) =>
  expect(found).toEqual(expected.map((each) => expect.closeTo(each, 5)))

/** A network with a loss in it, and one batch for each step. */
function regression(): { network: ModelProto; batch: (k: number) => { x: Float32Array; t: Float32Array } } {
  const random = noise(5)
  const numbers = (count: number, scale = 1) => Float32Array.from({ length: count }, () => scale * random())
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
    return { x, t: Float32Array.from({ length: 16 }, (_, i) => Math.sin(2 * x[3 * i]) + x[3 * i + 1] * x[3 * i + 2]) }
  })
  return { network, batch: (k) => batches[k % batches.length] }
}
const { network, batch } = regression()

const algorithms: readonly (readonly [string, () => Algorithm])[] = [
  ['prodigy', () => prodigy()],
  [
    'prodigy with decay and warm-up',
    () => prodigy({ weightDecay: 0.1, safeguardWarmup: true, lr: linear({ steps: 40, warmup: 5 }) }),
  ],
  ['dog', () => dog()],
  ['dadaptAdam', () => dadaptAdam()],
  ['momo, which uses the loss', () => momo()],
  ['schedule-free adam', () => scheduleFree(adam({ lr: 0.01 }))],
  ['averaged dog', () => averaged(dog())],
]

const train = async (trainer: Trainer, steps: number, from = 0) => {
  const losses: number[] = []
  for (let k = from; k < from + steps; k++) losses.push(await trainer.step(batch(k)))
  return losses
}

describe.each(algorithms)('%s', (_, algorithm) => {
  it('steps in one graph as packages/cpu does from gradients', async () => {
    const options = { ort, model: network, loss: 'loss', sessionOptions }
    const fused = await createTrainer({ ...options, optimizer: algorithm() })
    const apart = await createTrainer({ ...options, optimizer: algorithm(), fused: false })
    const losses = await train(fused, 25)
    expect(await train(apart, 25)).toEqual(losses.map((each) => expect.closeTo(each, 5)))

    const { model: differentiated, parameters, gradients, loss } = gradient(network, { loss: 'loss' })
    const session = await ort.InferenceSession.create(encodeModel(differentiated), modest as ort.InferenceSession.SessionOptions)
    const params = Object.fromEntries(
      Object.entries(parameters).map(([name, each]) => [name, dataOf(each).slice() as Float32Array]),
    )
    const reference = await createOptimizer(algorithm(), params, await cpu())
    for (let k = 0; k < 25; k++) {
      const { x, t } = batch(k)
      const weights = Object.entries(params).map(([name, each]) => [
        name,
        new ort.Tensor('float32', each.slice(), parameters[name].dims),
      ])
      const results = await session.run({
        ...Object.fromEntries(weights),
        x: new ort.Tensor('float32', x, [16, 3]),
        t: new ort.Tensor('float32', t, [16, 1]),
      })
      expect(losses[k]).toBeCloseTo(data(results[loss])[0], 5)
      const given = Object.entries(gradients).map(([name, output]) => [name, results[output].data as Float32Array])
      reference.step(Object.fromEntries(given), { loss: data(results[loss])[0] })
    }
    for (const [name, expected] of Object.entries(params)) {
      const scale = Math.max(...expected.map(Math.abs))
      data(fused.params[name]).forEach((each, i) => void expect(Math.abs(each - expected[i]) / scale).toBeLessThan(1e-4))
    }
    expect(fused.steps).toBe(25)
    const [ours, theirs] = [await fused.scalars(), await reference.scalars()]
    for (const [name, value] of Object.entries(theirs)) expect(ours[name] / (value || 1)).toBeCloseTo(value ? 1 : 0, 3)

    // What is exported is the point to evaluate at, and computes what evaluate says.
    const exported = await ort.InferenceSession.create(await fused.exportModel())
    const feeds = { x: new ort.Tensor('float32', batch(0).x, [16, 3]), t: new ort.Tensor('float32', batch(0).t, [16, 1]) }
    const evaluation = await fused.evaluate(batch(0))
    const outputs = await exported.run(feeds)
    close(data(evaluation.outputs.y), data(outputs.y))
    expect(evaluation.loss).toBeCloseTo(data(outputs.loss)[0], 5)
    await Promise.all([fused.dispose(), apart.dispose(), session.release(), exported.release()])
    reference.dispose()
  })

  it('continues bit for bit from a checkpoint', async () => {
    const options = { ort, model: network, loss: 'loss', sessionOptions }
    const trainer = await createTrainer({ ...options, optimizer: algorithm() })
    await train(trainer, 7)
    const saved = toSafetensors(await trainer.save())
    const expected = await train(trainer, 6, 7)
    const other = await createTrainer({ ...options, optimizer: algorithm() })
    await other.load(fromSafetensors(saved))
    expect(other.steps).toBe(7)
    expect(await train(other, 6, 7)).toEqual(expected)
    await Promise.all([trainer.dispose(), other.dispose()])
  })
})

describe('groups', () => {
  it('have options of their own, and with splitGroups estimates of their own', async () => {
    const options = { ort, model: network, loss: 'loss', optimizer: prodigy(), sessionOptions }
    const groups = [{ params: ['b'], lr: 0.5 }]
    const together = await createTrainer({ ...options, groups })
    const split = await createTrainer({ ...options, groups, splitGroups: true })
    await train(together, 5)
    await train(split, 5)
    expect(Object.keys(await together.scalars())).toContain('d')
    expect(Object.keys(await split.scalars())).toEqual(expect.arrayContaining(['d/W', 'd/b']))
    await expect(createTrainer({ ...options, groups, splitGroups: true, fused: true })).rejects.toThrow(/With splitGroups/)
    await Promise.all([together.dispose(), split.dispose()])
  })
})

describe('what is trained', () => {
  const options = { ort, model: residual, optimizer: sgd({ lr: 0.1 }), loss: softmaxCrossEntropy(), sessionOptions }
  const images = { image: Float32Array.from({ length: 4 * 84 }, (_, i) => Math.sin(i)), target: [0, 2, 1, 1] }
  const changed = async (trainer: Trainer) => {
    const before = new Map(decodeModel(residual).graph?.initializer?.map((each) => [each.name, dataOf(each)]))
    const after = decodeModel(await trainer.exportModel()).graph?.initializer ?? []
    return after
      .flatMap((each) => (data({ data: dataOf(each) }).join() === before.get(each.name)?.join() ? [] : [each.name]))
      .sort()
  }

  it('is everything, and the statistics of normalizations move', async () => {
    const trainer = await createTrainer(options)
    await trainer.step(images)
    const all = decodeModel(residual).graph?.initializer?.map(({ name }) => name)
    expect(await changed(trainer)).toEqual(all?.sort())
    expect(Object.keys((await trainer.save()).tensors)).toContain('statistic/norm1.running_var')
    await trainer.dispose()
  })

  it('is what is left by `frozen`; a frozen normalization keeps its statistics', async () => {
    const trainer = await createTrainer({ ...options, frozen: (name) => !name.startsWith('head') && !name.startsWith('norm2') })
    await trainer.step(images)
    expect(await changed(trainer)).toEqual(
      ['head.bias', 'head.weight', 'norm2.bias', 'norm2.running_mean', 'norm2.running_var', 'norm2.weight'].sort(),
    )
    await trainer.dispose()
  })

  it('continues with the statistics of a checkpoint, and refuses one without', async () => {
    const trainer = await createTrainer(options)
    await trainer.step(images)
    const checkpoint = await trainer.save()
    const expected = [await trainer.step(images), (await trainer.evaluate(images)).loss]
    const other = await createTrainer(options)
    const { 'statistic/norm1.running_var': _, ...tensors } = checkpoint.tensors
    await expect(other.load({ ...checkpoint, tensors })).rejects.toThrow(/has nothing as "statistic\/norm1.running_var"/)
    expect(other.steps).toBe(0)
    await other.load(checkpoint)
    expect([await other.step(images), (await other.evaluate(images)).loss]).toEqual(expected)
    await Promise.all([trainer.dispose(), other.dispose()])
  })

  it('evaluates and exports with running statistics, as inference does', async () => {
    const trainer = await createTrainer(options)
    for (let k = 0; k < 3; k++) await trainer.step(images)
    const { outputs, loss } = await trainer.evaluate(images)
    const session = await ort.InferenceSession.create(await trainer.exportModel())
    const exported = await session.run({ image: new ort.Tensor('float32', images.image, [4, 2, 6, 7]) })
    close(data(outputs.output), data(exported.output))
    const wanted = images.target.map((label, i) => -data(exported.output)[3 * i + label]).reduce((sum, each) => sum + each) / 4
    expect(loss).toBeCloseTo(wanted, 5)
    expect((await trainer.evaluate({ image: images.image })).loss).toBeUndefined()
    await Promise.all([trainer.dispose(), session.release()])
  })
})

describe('learning rates of 0', () => {
  it('let nothing change, and the loss be known', async () => {
    const trainer = await createTrainer({
      ort,
      model: network,
      loss: 'loss',
      optimizer: sgd({ lr: (k) => (k < 2 ? 0.1 : 0) }),
      sessionOptions,
    })
    await train(trainer, 2)
    const { loss } = await trainer.evaluate(batch(0))
    expect(await trainer.step(batch(0))).toBe(loss)
    expect(await trainer.step(batch(0))).toBe(loss)
    await trainer.dispose()
  })

  it('freeze a group for as long as they last', async () => {
    const groups = [{ params: ['W'], lr: (k: number) => (k < 2 ? 0 : 0.1) }]
    const trainer = await createTrainer({
      ort,
      model: network,
      loss: 'loss',
      optimizer: sgd({ lr: 0.1 }),
      groups,
      sessionOptions,
    })
    const W = data(trainer.params.W)
    await train(trainer, 2)
    expect(data(trainer.params.W)).toEqual(W)
    await train(trainer, 1, 2)
    expect(data(trainer.params.W)).not.toEqual(W)
    await trainer.dispose()
  })
})

describe('models of earlier operator sets', () => {
  it.each([13, 15])('opset %d is trained by later operators', async (version) => {
    const older = { ...network, irVersion: 7, opsetImport: [{ domain: 'ai.onnx', version }] }
    const [one, other] = [older, network].map((each) =>
      createTrainer({ ort, model: each, loss: 'loss', optimizer: prodigy(), sessionOptions }),
    )
    expect(await train(await one, 3)).toEqual(await train(await other, 3))
    expect(decodeModel(await (await one).exportModel()).opsetImport).toEqual([{ domain: 'ai.onnx', version }])
    await Promise.all([(await one).dispose(), (await other).dispose()])
  })
})

describe('steps', () => {
  it('that are not waited for are taken in order', async () => {
    const options = { ort, model: network, loss: 'loss', sessionOptions }
    const one = await createTrainer({ ...options, optimizer: prodigy() })
    const other = await createTrainer({ ...options, optimizer: prodigy() })
    const expected = await train(one, 4)
    const all = [0, 1, 2, 3].map((k) => other.step(batch(k), { read: k > 1 }))
    expect(await Promise.all(all)).toEqual([Number.NaN, Number.NaN, ...expected.slice(2)])
    await Promise.all([one.dispose(), other.dispose()])
  })

  it('take batches of any size', async () => {
    const trainer = await createTrainer({ ort, model: network, loss: 'loss', optimizer: prodigy(), sessionOptions })
    for (const n of [16, 3, 1]) await trainer.step({ x: batch(0).x.subarray(0, 3 * n), t: batch(0).t.subarray(0, n) })
    expect(trainer.steps).toBe(3)
    await trainer.dispose()
  })
})

describe('a loss', () => {
  const plain = (output: readonly string[] = ['y']) =>
    model({
      name: 'plain',
      node: [node('MatMul', ['x', 'W'], ['y']), node('Relu', ['y'], ['z'])],
      initializer: [tensorProto('W', 'float32', [3, 2], Float32Array.of(0.5, -1, 2, 0.25, -0.5, 1))],
      input: [valueInfo('x', 'float32', ['n', 3])],
      output: output.map((name) => valueInfo(name, 'float32', ['n', 2])),
    })
  const x = Float32Array.of(1, 2, 3, -1, 0.5, 2)
  const y = [3, 2.5, -0.5, 3.125].map((_, i) => [0.5 + 4 - 1.5, -1 + 0.5 + 3, -0.5 + 1 - 1, 1 + 0.125 + 2][i])

  it.each([
    ['meanSquaredError', meanSquaredError(), [1, 2, 3, 4], y.map((each, i) => (each - i - 1) ** 2 / 4)],
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
      [0, 1].map((label, i) => (Math.log(Math.exp(y[2 * i]) + Math.exp(y[2 * i + 1])) - y[2 * i + label]) / 2),
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
    const trainer = await createTrainer({ ort, model: plain(), optimizer: sgd({ lr: 0.1 }), loss, sessionOptions })
    const before = await trainer.step({ x, target })
    expect(before).toBeCloseTo(
      parts.reduce((sum, each) => sum + each, 0),
      5,
    )
    expect(await trainer.step({ x, target })).toBeLessThan(before)
    await trainer.dispose()
  })

  it('of one own is written with operators', async () => {
    const { op, mean, mul, sub } = freestep.onnx
    const loss: freestep.Loss = ({ output, input }) => {
      const difference = op('Abs', [sub(output('y'), mul(input('wanted', 'float32', ['n', 2]), 2))])
      return mean(difference, [0, 1])
    }
    const trainer = await createTrainer({ ort, model: plain(['y', 'z']), optimizer: sgd(), loss, sessionOptions })
    const found = await trainer.step({ x, wanted: [1, 1, 1, 1] })
    expect(found).toBeCloseTo(
      y.reduce((sum, each) => sum + Math.abs(each - 2) / 4, 0),
      5,
    )
    await trainer.dispose()
  })
})

describe('bad input', () => {
  const options = { ort, model: network, loss: 'loss', optimizer: prodigy(), sessionOptions }
  const withNode = (given: ModelProto, ...more: ReturnType<typeof node>[]): ModelProto => ({
    ...given,
    graph: { ...given.graph, node: [...(given.graph?.node ?? []), ...more], output: [valueInfo('loss2', 'float32', [])] },
  })
  it.each([
    ['a truncated model', { model: encodeModel(network).subarray(0, 200) }, 'bad-model', /ends in the middle/],
    ['no model', { model: new Uint8Array(10) }, 'bad-model', /content of an \.onnx file/],
    [
      'an operator without a gradient',
      {
        model: withNode(network, node('Det', ['y'], ['q'], {}, 'culprit'), node('ReduceSum', ['q'], ['loss2'], { keepdims: 0 })),
        loss: 'loss2',
      },
      'unsupported',
      /operator Det, .*\(node Det "culprit"\)/,
    ],
    [
      'an operator of others',
      { model: withNode(network, { ...node('Fancy', ['loss'], ['loss2']), domain: 'com.example' }), loss: 'loss2' },
      'unsupported',
      /operator com\.example\.Fancy/,
    ],
    ['a loss that is no scalar', { loss: 'y' }, 'bad-shape', /"y" has shape \[n, 1\]/],
    ['a loss that is not there', { loss: 'los' }, 'bad-option', /no value "los"\. Did you mean "loss"\?/],
    ['no word on the loss', { loss: undefined }, 'bad-option', /2 outputs\. Say which is the loss/],
    ['a parameter that is not there', { parameters: ['w'] }, 'unknown-parameter', /no initializer "w"/],
    ['a name that can not be frozen', { frozen: ['w'] }, 'unknown-parameter', /no initializer "w"/],
    ['nothing to train', { frozen: () => true }, 'unknown-parameter', /depends on no parameter/],
    [
      'an integer parameter',
      {
        model: {
          ...network,
          graph: { ...network.graph, initializer: [...(network.graph?.initializer ?? []), tensorProto('k', 'int64', [1], [2])] },
        },
        parameters: ['k'],
      },
      'bad-dtype',
      /"k" is of type int64/,
    ],
    ['an old opset', { model: { ...network, opsetImport: [{ version: 9 }] } }, 'bad-model', /opset 9/],
    [
      'nodes that are not in order',
      { model: { ...network, graph: { ...network.graph, node: [...(network.graph?.node ?? [])].reverse() } } },
      'bad-model',
      /takes "d2", which no node before it gives/,
    ],
  ])('%s is refused', async (_, wrong, code, message) => {
    const made = createTrainer({ ...options, ...wrong } as freestep.TrainerOptions<Algorithm>)
    await expect(made).rejects.toMatchObject({ name: 'FreestepError', code, message: expect.stringMatching(message) })
  })

  it('a batch that does not fit is refused, and changes nothing', async () => {
    const trainer = await createTrainer(options)
    const { x, t } = batch(0)
    const refusals: readonly (readonly [freestep.Batch, string, RegExp])[] = [
      [{ x }, 'bad-batch', /has no "t"\. Give all of: x, t/],
      [{ x, t, y: t }, 'bad-batch', /has "y", which the model does not take/],
      [{ x: x.subarray(1), t }, 'bad-shape', /"x" of the batch has 47 numbers, which do not fill the shape \[n, 3\]/],
      [{ x, t: t.subarray(1) }, 'bad-shape', /The size "n" is 16 in "x" and 15 in "t"/],
      [
        { x: new ort.Tensor('float32', x, [3, 16]), t },
        'bad-shape',
        /"x" of the batch has shape \[3, 16\], and the model takes \[n, 3\]/,
      ],
      [{ x: new ort.Tensor('float32', x, [48]), t }, 'bad-shape', /has shape \[48\]/],
      [
        { x: new ort.Tensor('float64', Float64Array.from(x), [16, 3]), t },
        'bad-dtype',
        /is of float64, and the model takes float32/,
      ],
    ]
    const before = data(trainer.params.W)
    for (const [wrong, code, message] of refusals) {
      const refusal = { name: 'FreestepError', code, message: expect.stringMatching(message) }
      await expect(trainer.step(wrong)).rejects.toMatchObject(refusal)
    }
    expect(trainer.steps).toBe(0)
    expect(data(trainer.params.W)).toEqual(before)
    await expect(trainer.evaluate({ t })).rejects.toThrow(/has no "x"/)
    expect(await trainer.step(batch(0))).toBeGreaterThan(0)
    await trainer.dispose()
    await expect(trainer.step(batch(0))).rejects.toMatchObject({ code: 'disposed' })
    await trainer.dispose()
  })

  it('what fails in the session is told, and changes nothing', async () => {
    // The model does not say how many columns x has, so only the session can know.
    const input = [valueInfo('x', 'float32', ['rows', 'columns']), valueInfo('t', 'float32', ['n', 1])]
    const free = { ...network, graph: { ...network.graph, input } }
    const trainer = await createTrainer({ ...options, model: free })
    const wrong = { x: new ort.Tensor('float32', batch(0).x, [12, 4]), t: new ort.Tensor('float32', batch(0).t, [16, 1]) }
    await expect(trainer.step(wrong)).rejects.toThrow(/ONNX Runtime failed to run the model for training.*Nothing has changed/s)
    expect(trainer.steps).toBe(0)
    const right = { x: new ort.Tensor('float32', batch(0).x, [16, 3]), t: new ort.Tensor('float32', batch(0).t, [16, 1]) }
    expect(await trainer.step(right)).toBeGreaterThan(0)
    await trainer.dispose()
  })
})
