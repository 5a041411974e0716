/** A small model, its data, and saving as through a file. Not a test. */
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'

/** Sixteen samples of four features and three classes. */
export const data = () => {
  const xs = tf.tensor2d(
    Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * i)),
    [16, 4],
  )
  const ys = tf.tidy(() =>
    tf.cast(
      tf.oneHot(
        tf.tensor1d(
          Array.from({ length: 16 }, (_, i) => (i * i) % 3),
          'int32',
        ),
        3,
      ),
      'float32',
    ),
  )
  return { xs, ys }
}

/**
 * Gives a model weights that depend neither on chance nor on the version of tfjs: biases of zero,
 * and the rest as large as Glorot's.
 */
function settle(model: tfl.Sequential): tfl.Sequential {
  const weights = model.getWeights().map(({ shape, size }, k) => {
    const limit = shape.length === 1 ? 0 : Math.sqrt(6 / (shape[0] + (shape[1] ?? 0)))
    return tf.tensor(
      Float32Array.from({ length: size }, (_, i) => limit * Math.sin((i + 1) * (i + 3) + k)),
      shape,
    )
  })
  model.setWeights(weights)
  tf.dispose(weights)
  return model
}

/** A perceptron. */
export function perceptron(optimizer: tf.Optimizer): tfl.Sequential {
  const model = tfl.sequential({
    layers: [
      tfl.layers.dense({ units: 8, inputShape: [4], activation: 'relu' }),
      tfl.layers.dense({ units: 8, activation: 'relu' }),
      tfl.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  })
  model.compile({ optimizer, loss: 'categoricalCrossentropy' })
  return settle(model)
}

/** Sixty-four sequences of eight steps, and which of two waves each is. */
export const sequences = () => {
  const wave = (i: number, t: number) =>
    Math.sin((i % 2 ? 1.3 : 0.7) * t + i) + 0.1 * Math.cos(7 * i + 3 * t)
  const xs = tf.tensor3d(
    Float32Array.from({ length: 64 * 8 * 2 }, (_, k) => wave(k >> 4, ((k >> 1) % 8) + (k % 2))),
    [64, 8, 2],
  )
  const ys = tf.tensor2d(
    Float32Array.from({ length: 128 }, (_, k) => Number((k >> 1) % 2 === k % 2)),
    [64, 2],
  )
  return { xs, ys }
}

/** A recurrent classifier. */
export function recurrent(optimizer: tf.Optimizer): tfl.Sequential {
  const model = tfl.sequential({
    layers: [
      // Not tfjs's own initializer, whose orthogonal matrices need more of tfjs-core than Node has.
      tfl.layers.lstm({ units: 6, inputShape: [8, 2], recurrentInitializer: 'glorotUniform' }),
      tfl.layers.dense({ units: 2, activation: 'softmax' }),
    ],
  })
  model.compile({ optimizer, loss: 'categoricalCrossentropy' })
  return settle(model)
}

export const losses = async (model: tfl.LayersModel, epochs: number): Promise<number[]> => {
  const { xs, ys } = data()
  const { history } = await model.fit(xs, ys, { epochs, batchSize: 4, shuffle: false, verbose: 0 })
  tf.dispose([xs, ys])
  return history.loss as number[]
}

/** Saves a model into memory. */
export async function saved(model: tfl.LayersModel): Promise<tf.io.ModelArtifacts> {
  let artifacts: tf.io.ModelArtifacts | undefined
  const handler = tf.io.withSaveHandler(async (given) => {
    artifacts = given
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
  })
  await model.save(handler, { includeOptimizer: true })
  // As through a file: what JSON cannot say is lost.
  return {
    ...JSON.parse(JSON.stringify({ ...artifacts, weightData: undefined })),
    weightData: artifacts?.weightData,
  }
}
export const loaded = (artifacts: tf.io.ModelArtifacts) =>
  tfl.loadLayersModel(tf.io.fromMemory(artifacts))
