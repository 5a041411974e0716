/**
 * The optimizers as programs written for tf.train's use them: what those rely on holds here, too.
 */
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { adam, dadaptAdan, type FreestepOptimizer, prodigy, sgd } from '../src/index.ts'
import { held, onEachBackend, onEachWay, start } from './backends.ts'
import { data, loaded, losses, perceptron, saved } from './models.ts'

beforeEach(() => start('cpu'))
afterEach(() => tf.disposeVariables())

const variable = (values: number[], name?: string) =>
  tf.tidy(() => tf.variable(tf.tensor1d(values), true, name))
const values = (v: tf.Tensor) => Array.from(v.dataSync())

onEachWay('gradients as tf.train takes them', (_, fused) => {
  test('int32 and bool tensors, and arrays of numbers, do what float32 tensors of the same numbers do', () => {
    const before = held()
    const given: (() => tf.Tensor | number[][] | number)[] = [
      () => tf.tensor2d([[1, 0, 1]]),
      () => tf.tensor2d([[1, 0, 1]], [1, 3], 'int32'),
      () => tf.tensor2d([[1, 0, 1]], [1, 3], 'bool'),
      () => [[1, 0, 1]],
      () => [Float32Array.of(1, 0, 1)] as unknown as number[][],
      () => [Int32Array.of(1, 0, 1)] as unknown as number[][],
    ]
    const train = (
      optimizer: tf.Optimizer,
      gradient: () => tf.Tensor | number[][] | number,
      asList: boolean,
    ) => {
      const own = tf.tidy(() => tf.variable(tf.tensor2d([[1, 2, 3]])))
      for (let k = 0; k < 3; k++)
        tf.tidy(() => {
          const tensor = gradient() as tf.Tensor
          optimizer.applyGradients(asList ? [{ name: own.name, tensor }] : { [own.name]: tensor })
        })
      const result = values(own)
      own.dispose()
      return result
    }
    for (const gradient of given)
      for (const asList of [false, true]) {
        const ours = sgd({ lr: 0.5, fused })
        expect(train(ours, gradient, asList)).toEqual([-0.5, 2, 1.5])
        ours.dispose()
        // What TensorFlow.js itself makes of it.
        const theirs = tf.train.sgd(0.5)
        expect(train(theirs, gradient, asList)).toEqual([-0.5, 2, 1.5])
        theirs.dispose()
      }
    expect(held()).toEqual(before)
  })

  test('a number for a scalar variable, and no tensor is left behind', () => {
    const before = held()
    const own = tf.tidy(() => tf.variable(tf.scalar(2)))
    const optimizer = sgd({ lr: 0.5, fused })
    optimizer.applyGradients({ [own.name]: 1 }, { loss: 1 })
    const warm = held()
    for (let k = 0; k < 50; k++)
      optimizer.applyGradients([{ name: own.name, tensor: 1 }], { loss: 1 })
    expect(held()).toEqual(warm)
    expect(values(own)).toEqual([2 - 51 / 2])
    optimizer.dispose()
    own.dispose()
    expect(held()).toEqual(before)
  })
})

test('what is no gradient is refused, and nothing is changed', () => {
  const own = variable([1, 2], 'refused')
  const optimizer = prodigy({ d0: 0.1 })
  optimizer.applyGradients({ refused: [1, 1] })
  const before = [values(own), held(), optimizer.iterations]
  for (const [gradients, message] of [
    [{ refused: [[1, 2]] }, /The gradient of refused has shape \[1,2\], the variable \[2\]/],
    [{ refused: 1 }, /has shape \[\], the variable \[2\]/],
    [
      { refused: ['a', 'b'] },
      /is an array whose rows are not all numbers, or not all of one length/,
    ],
    [
      { refused: [[1], [1, 2]] },
      /the gradient of refused is an array whose rows are not all numbers, or not all of one length\. Give a tensor, or numbers/,
    ],
    [{ refused: [1, null] }, /is an array whose rows are not all numbers/],
    [{ refused: [] }, /has shape \[0\], the variable \[2\]/],
    [{ refused: 'ab' }, /the gradient of refused is a string/],
    [{ refused: {} }, /the gradient of refused is an object\. Give a tensor/],
    [{ refused: Promise.resolve() }, /is a promise, which has to be awaited/],
    [{ refused: () => [1, 2] }, /is a function/],
    [
      [
        { name: 'refused', tensor: [1, 1] },
        { name: 'refused', tensor: [2, 2] },
      ],
      /There are two gradients for refused\. Give their sum, once\./,
    ],
    [null, /The gradients are null\. Give them by the names of their variables/],
    [undefined, /The gradients are undefined/],
    [own, /The gradients are one tensor/],
  ] as const) {
    expect(() => optimizer.applyGradients(gradients as never)).toThrow(message)
    expect([values(own), held(), optimizer.iterations]).toEqual(before)
  }
  for (const [loss, message] of [
    [Number.NaN, /The loss is NaN\. Give a finite number/],
    [Promise.resolve(1), /The loss is a promise, which has to be awaited/],
    ['1', /The loss is a string/],
    [() => 1, /The loss is a function/],
    [null, /The loss is null/],
    [[1], /The loss is an array/],
    [tf.tensor1d([1, 2]), /The loss has shape \[2\]/],
  ] as const)
    expect(() => optimizer.applyGradients({ refused: [1, 1] }, { loss: loss as never })).toThrow(
      message,
    )
  expect([values(own), optimizer.iterations]).toEqual([before[0], before[2]])
  tf.tidy(() => optimizer.applyGradients({ refused: [1, 1] }, { loss: tf.tensor1d([2]) as never }))
  expect(optimizer.iterations).toBe(2)
  optimizer.dispose()
})

test('states count in tf.memory(), on cpu as on wasm, and dispose gives them back', async () => {
  const size = 10_000
  for (const backend of ['cpu', 'wasm']) {
    await start(backend)
    const before = held()
    const own = tf.tidy(() => tf.variable(tf.zeros([size])))
    const optimizer = adam()
    optimizer.applyGradients({ [own.name]: Array(size).fill(1) })
    const { numBytes, numTensors } = held()
    // m and v, beside the variable.
    expect(numBytes - before.numBytes - 4 * size).toBeGreaterThanOrEqual(2 * 4 * size)
    expect(numBytes - before.numBytes - 4 * size).toBeLessThan(6 * 4 * size)
    expect(numTensors).toBeGreaterThan(before.numTensors + 1)
    optimizer.dispose()
    expect(held()).toEqual({
      numTensors: before.numTensors + 1,
      numBytes: before.numBytes + 4 * size,
    })
    own.dispose()
  }
})

onEachBackend('a layer used twice', () => {
  /** Both ways to a model's output go through one layer, whose gradient is a sum. */
  function siamese(optimizer: FreestepOptimizer): tfl.LayersModel {
    const [left, right] = [tfl.input({ shape: [4] }), tfl.input({ shape: [4] })]
    const shared = tfl.layers.dense({ units: 4, activation: 'tanh' })
    const twice = shared.apply(shared.apply(left)) as tfl.SymbolicTensor
    const both = tfl.layers.concatenate().apply([twice, shared.apply(right) as tfl.SymbolicTensor])
    const outputs = tfl.layers.dense({ units: 1 }).apply(both) as tfl.SymbolicTensor
    const model = tfl.model({ inputs: [left, right], outputs })
    model.compile({ optimizer, loss: 'meanSquaredError' })
    const weights = model.getWeights().map(({ shape, size }, k) => {
      const numbers = Float32Array.from({ length: size }, (_, i) => Math.sin(i + k) / 2)
      return tf.tensor(numbers, shape)
    })
    model.setWeights(weights)
    tf.dispose(weights)
    return model
  }

  test.each([
    ['dadaptAdan', dadaptAdan],
    ['prodigy', prodigy],
  ] as const)('%s, step by step: fused beside eager', async (_, make) => {
    const rows = (seed: number) =>
      tf.tensor2d(
        Float32Array.from({ length: 32 }, (_, i) => Math.sin(i * i + seed)),
        [8, 4],
      )
    const xs = [rows(1), rows(2)]
    const ys = tf.tensor2d(
      Float32Array.from({ length: 8 }, (_, i) => Math.cos(i)),
      [8, 1],
    )
    const [fused, eager] = [make(), make({ fused: false })]
    const [one, two] = [siamese(fused), siamese(eager)]
    const distances = new Set<number>()
    // As long as d grows; then the loss leaps, and rounding errors with it.
    for (let k = 0; k < 16; k++) {
      const [a, b] = [
        Number(await one.trainOnBatch(xs, ys)),
        Number(await two.trainOnBatch(xs, ys)),
      ]
      expect(Math.abs(a - b) / b, `loss ${k}`).toBeLessThan(1e-4)
      const [{ d }, { d: wanted }] = [await fused.scalars(), await eager.scalars()]
      expect(Math.abs(d / wanted - 1), `d ${k}`).toBeLessThan(1e-5)
      distances.add(d)
      const weights = one.getWeights().map(values)
      for (const [i, w] of two.getWeights().entries())
        for (const [j, x] of values(w).entries())
          expect(Math.abs(weights[i][j] - x)).toBeLessThan(1e-4 * Math.max(1, Math.abs(x)))
    }
    expect(distances.size).toBeGreaterThan(8)
    expect([fused.execution?.fused, eager.execution?.fused]).toEqual([true, false])
    for (const each of [fused, eager]) each.dispose()
    tf.dispose([xs, ys])
  })
})

test('a loop inside one tf.tidy, with tf.variableGrads, is a loop', () => {
  const before = held()
  const [a, b] = [variable([3, -3]), variable([3, -3])]
  const [inside, outside] = [prodigy({ d0: 0.01 }), prodigy({ d0: 0.01 })]
  const one = (optimizer: FreestepOptimizer, own: tf.Variable) => {
    const { value, grads } = tf.variableGrads(() => tf.sum(tf.square(own)) as tf.Scalar, [own])
    optimizer.applyGradients(grads, { loss: value })
    tf.dispose([value, grads])
  }
  tf.tidy(() => {
    for (let k = 0; k < 20; k++) one(inside, a)
  })
  for (let k = 0; k < 20; k++) one(outside, b)
  expect(values(a)).toEqual(values(b))
  // States live on after the tidy that they were made in.
  one(inside, a)
  one(outside, b)
  expect(values(a)).toEqual(values(b))
  tf.dispose([a, b])
  for (const each of [inside, outside]) each.dispose()
  expect(held()).toEqual(before)
})

test('several models with one optimizer, a variable made after the first step, setWeights between steps', async () => {
  const optimizer = prodigy()
  const [one, two] = [perceptron(optimizer), perceptron(optimizer)]
  const early = await losses(one, 2)
  const late = await losses(two, 4)
  expect(late.at(-1)).toBeLessThan(early[0])
  expect(optimizer.iterations).toBe(24)

  // New weights are where steps go on from; the estimates stay.
  const { d } = await optimizer.scalars()
  const initial = two.getWeights().map((w) => tf.clone(w))
  one.setWeights(initial)
  expect(one.getWeights().map(values)).toEqual(two.getWeights().map(values))
  expect((await losses(one, 1))[0]).toBeLessThan(early[0])
  expect((await optimizer.scalars()).d).toBeGreaterThanOrEqual(d)

  const later = variable([1, 1])
  optimizer.minimize(() => tf.sum(tf.square(later)) as tf.Scalar, false, [later])
  expect(values(later)[0]).toBeLessThan(1)
  optimizer.dispose()
})

test.each([true, false])(
  'a layer that is frozen midway stays, and thaws (compiled anew: %s)',
  async (anew) => {
    const optimizer = prodigy()
    const model = perceptron(optimizer)
    const train = async (trainable: boolean) => {
      model.layers[0].trainable = trainable
      if (anew) model.compile({ optimizer, loss: 'categoricalCrossentropy' })
      const before = model.layers.map((layer) => layer.getWeights().map(values))
      const cost = await losses(model, 2)
      const after = model.layers.map((layer) => layer.getWeights().map(values))
      return {
        cost,
        moved: after.map((layer, i) => JSON.stringify(layer) !== JSON.stringify(before[i])),
      }
    }
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const early = await train(true)
    const frozen = await train(false)
    const warm = held()
    const thawed = await train(true)
    expect([early, frozen, thawed].map(({ moved }) => moved)).toEqual([
      [true, true, true],
      [false, true, true],
      [true, true, true],
    ])
    expect(thawed.cost[1]).toBeLessThan(early.cost[0])
    expect(held()).toEqual(warm)
    warn.mockRestore()
    optimizer.dispose()
  },
)

test('weights of the optimizer by hand: getWeights and setWeights, as with tf.train.adam', async () => {
  const [a, b] = [variable([1, 2], 'hand/a'), variable([1, 2], 'hand/b')]
  const [one, two] = [prodigy({ d0: 0.1 }), prodigy({ d0: 0.1 })]
  const step = (optimizer: FreestepOptimizer, own: tf.Variable) =>
    optimizer.applyGradients({ [own.name]: values(own) })
  for (let k = 0; k < 5; k++) step(one, a)
  b.assign(a)
  await two.setWeights(await one.getWeights())
  for (let k = 0; k < 5; k++) {
    step(one, a)
    step(two, b)
  }
  expect(values(b)).toEqual(values(a))
  expect(two.iterations).toBe(10)
  for (const each of [one, two]) each.dispose()
})

const numberOf = (loss: tf.Scalar | tf.Scalar[]) => (loss as tf.Scalar).dataSync()[0]

test('a layer that was removed and disposed is not saved, nor named in a group, and the model trains on after loading', async () => {
  const model = perceptron(sgd())
  const names = model.layers.map((layer) => layer.trainableWeights.map(({ name }) => name))
  const optimizer = prodigy({
    splitGroups: true,
    groups: [{ params: names[0], weightDecay: 0.1 }, { params: [...names[1], names[2][0]] }],
  })
  model.compile({ optimizer, loss: 'categoricalCrossentropy' })
  await losses(model, 3)
  const whole = await optimizer.save()
  expect(Object.keys(whole.tensors)).toEqual(expect.arrayContaining(['d@0', 'd@1', 'd@2']))

  // The head stays, on other features.
  const head = tfl.sequential({
    layers: [tfl.layers.dense({ units: 8, inputShape: [4] }), ...model.layers.slice(2)],
  })
  model.layers[0].dispose()
  model.layers[1].dispose()
  head.compile({ optimizer, loss: 'categoricalCrossentropy' })
  const { tensors } = await optimizer.save()
  for (const gone of names.slice(0, 2).flat())
    expect(Object.keys(tensors).filter((key) => key.endsWith(gone))).toEqual([])
  // Of three vectors (no group, the first, the second), the first is gone with its layer.
  expect(tensors['d@0'].data).toEqual(whole.tensors['d@0'].data)
  expect(tensors['d@1'].data).toEqual(whole.tensors['d@2'].data)
  expect(Object.keys(tensors).filter((key) => key.includes('@2'))).toEqual([])
  await losses(head, 1)
  const again = await loaded(await saved(head))
  expect((again.optimizer as FreestepOptimizer).getConfig()).toMatchObject({
    groups: [{ params: [] }, { params: [{ name: names[2][0] }] }],
  })
  const { xs, ys } = data()
  const [wanted0, found0] = [head, again].map((each) => numberOf(each.evaluate(xs, ys)))
  expect(found0).toBe(wanted0)
  // In the sums of the one that was loaded, what was removed counts no more.
  const [found, wanted] = [await losses(again, 2), await losses(head, 2)]
  for (const [epoch, loss] of found.entries()) expect(loss).toBeCloseTo(wanted[epoch], 2)
})

test('a learning rate that is set between steps, as with tf.train, is refused and not ignored', () => {
  const optimizer = adam({ lr: 0.1 })
  expect(optimizer.learningRate).toBe(0.1)
  const why = /lr of adam is an option, and cannot be set between steps\. Give a schedule/
  expect(() => {
    optimizer.learningRate = 0.01
  }).toThrow(why)
  expect(() => optimizer.setLearningRate(0.01)).toThrow(why)
  expect(optimizer.lr).toBe(0.1)
})

test('when all is gone, a save is that of a start', async () => {
  const own = variable([1, 2])
  const optimizer = prodigy()
  optimizer.applyGradients({ [own.name]: [1, 1] })
  own.dispose()
  expect(await optimizer.save()).toMatchObject({ steps: 0, tensors: {} })
  expect((await optimizer.getWeights()).map(({ name }) => name)).toEqual(['iter'])
  optimizer.dispose()
})

test('what tfjs’s wasm backend cannot train is said in words; what stands in README.md trains', async () => {
  await start('wasm')
  const image = { kernelSize: 3, inputShape: [6, 6, 1] }
  const train = async (
    layer: tfl.layers.Layer | tfl.layers.Layer[],
    shape: number[],
    flat = false,
  ) => {
    const model = tfl.sequential({
      layers: [layer, flat ? [] : tfl.layers.flatten(), tfl.layers.dense({ units: 1 })].flat(),
    })
    model.compile({ optimizer: prodigy(), loss: 'meanSquaredError' })
    await model.fit(tf.ones(shape), tf.zeros([shape[0], 1]), { epochs: 1, verbose: 0 })
  }
  const images = [2, 6, 6, 1]
  const embedding = () => tfl.layers.embedding({ inputDim: 5, outputDim: 2, inputLength: 3 })
  await expect(train(embedding(), [2, 3])).rejects.toThrow(
    /^\[freestep\/tfjs\] tfjs's wasm backend has no kernel UnsortedSegmentSum\. The gradient of embeddings \(tf\.gather\) needs it\. Train on another one/,
  )
  for (const convolution of [
    tfl.layers.conv2d({ filters: 2, ...image }),
    tfl.layers.separableConv2d({ filters: 2, ...image }),
    tfl.layers.conv2dTranspose({ filters: 2, ...image }),
  ])
    await expect(train(convolution, images)).rejects.toThrow(
      /no kernel Conv2DBackpropFilter\. The gradient of convolutions needs it/,
    )
  await expect(train(tfl.layers.depthwiseConv2d(image), images)).rejects.toThrow(
    /DepthwiseConv2dNativeBackpropFilter/,
  )
  const dense = tfl.layers.dense({ units: 2, inputShape: [6, 6, 1] })
  await train(
    [
      dense,
      tfl.layers.maxPooling2d({}),
      tfl.layers.batchNormalization(),
      tfl.layers.layerNormalization(),
    ],
    images,
  )
  await train(
    tfl.layers.gru({ units: 2, inputShape: [3, 2], recurrentInitializer: 'glorotUniform' }),
    [2, 3, 2],
    true,
  )
  await start('cpu')
  await train(embedding(), [2, 3])
  await train(tfl.layers.conv2d({ filters: 2, ...image }), images)
})
