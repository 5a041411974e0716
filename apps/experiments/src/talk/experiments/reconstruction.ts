// Experiment 8: a small U-Net that reconstructs images from part of their Fourier transform, the
// stand-in for fastMRI.
import * as tf from '@tensorflow/tfjs-core'
import { integer } from '../../format.ts'
import { batchAt } from '../../random.ts'
import type { Choices, Experiment, Metric, Trace } from '../experiment.ts'
import { adamGrid, methods } from '../methods.ts'
import type { Params } from '../models/layers.ts'
import { unet, unetParams } from '../models/unet.ts'
import type { Network } from '../problems/network.ts'
import { drawScans, type Scans, SIZE } from '../problems/phantoms.ts'
import { besideAdam } from '../verdict.ts'
import { at, trainingFigures, trainingPlan } from './training.ts'

const metric: Metric = {
  key: 'psnr',
  label: 'test PSNR, dB',
  better: 'higher',
  gap: 'difference',
  format: (value) => value.toFixed(2),
}
const GRID = [1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
const BATCH = 8
/** Seeds of the data, which are the same for every run. */
const [TRAIN_SEED, TEST_SEED] = [1, 2]

async function plan(choices: Choices) {
  const count = at(choices.scale, {
    full: { train: 2_000, test: 400 },
    quick: { train: 200, test: 40 },
  })
  const [train, test] = [drawScans(count.train, TRAIN_SEED), drawScans(count.test, TEST_SEED)]
  return trainingPlan(choices, {
    problems: [{ name: 'U-Net', network: (seed) => network(train, test, seed) }],
    methods: [
      methods.dadaptAdam,
      methods.prodigy,
      ...adamGrid(at(choices.scale, { full: GRID, quick: [1e-3, 1e-2] })),
    ],
    steps: at(choices.scale, { full: 500, quick: 30 }),
    warmup: 0,
    facts: [
      [
        'data',
        `${integer(count.train)} training and ${integer(count.test)} test phantoms of ${SIZE} × ${SIZE} pixels, 12 of 32 lines of the transform seen`,
      ],
      [
        'zero-filled',
        `PSNR of what the network is given: ${psnr(test.seen, test.truth).toFixed(2)} dB`,
      ],
      [
        'model',
        'U-Net of two resolutions, 8 and 16 channels, that adds a correction; mean absolute error',
      ],
      ['batch', String(BATCH)],
    ],
    notes: [],
  })
}

function network(train: Scans, test: Scans, seed: number): Network {
  const size = SIZE * SIZE
  const images = (pixels: Float32Array, rows: ArrayLike<number>) => {
    const chosen = new Float32Array(rows.length * size)
    for (let i = 0; i < rows.length; i++)
      chosen.set(pixels.subarray(rows[i] * size, (rows[i] + 1) * size), i * size)
    return tf.tensor4d(chosen, [rows.length, SIZE, SIZE, 1])
  }
  return {
    params: unetParams,
    loss(params, k) {
      const rows = batchAt(train.truth.length / size, BATCH, seed, k)
      return tf.mean(
        tf.abs(tf.sub(unet(params, images(train.seen, rows)), images(train.truth, rows))),
      )
    },
    test: (params: Params) => {
      const count = test.truth.length / size
      const chunks = Array.from({ length: Math.ceil(count / 40) }, (_, i) =>
        Array.from({ length: Math.min(40, count - 40 * i) }, (_, j) => 40 * i + j),
      )
      const found = chunks.map((rows) =>
        tf.tidy(() => unet(params, images(test.seen, rows)).dataSync<'float32'>()),
      )
      return { psnr: psnr(Float32Array.from(found.flatMap((part) => [...part])), test.truth) }
    },
  }
}

/** The mean peak signal to noise ratio over the images, in decibels, the peak being 1. */
function psnr(found: Float32Array, truth: Float32Array): number {
  const size = SIZE * SIZE
  let total = 0
  for (let at = 0; at < truth.length; at += size) {
    let error = 0
    for (let i = at; i < at + size; i++) error += (found[i] - truth[i]) ** 2 / size
    total += -10 * Math.log10(error)
  }
  return (total * size) / truth.length
}

const verdicts = (traces: readonly Trace[]) => [
  {
    claim: 'On image reconstruction D-Adaptation is as good as tuned Adam.',
    ...besideAdam(traces, metric, 'D-Adaptation Adam', 0.3),
  },
  { claim: 'So is Prodigy.', ...besideAdam(traces, metric, 'Prodigy', 0.3) },
]

/** The experiment. */
export const reconstruction: Experiment = {
  name: 'reconstruction',
  title: 'Reconstruction of undersampled images',
  about:
    'The talk trains a network on fastMRI: images from a part of their Fourier transform, where D-Adaptation matches tuned Adam. Here a small U-Net ' +
    'on drawn phantoms, of which three of eight lines of the transform are seen.',
  metric,
  plan,
  figures: (traces) => trainingFigures(traces, metric, { log: false }),
  verdicts,
}
