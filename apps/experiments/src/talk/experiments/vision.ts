// Experiment 4: convolutional classifiers, one like VGG and one residual, by DoG, DoWG,
// D-Adaptation, Prodigy and Adam.
import { integer } from '../../format.ts'
import type { Choices, Experiment, Metric, Plan, Scale, Trace } from '../experiment.ts'
import { adamGrid, methods } from '../methods.ts'
import { resnet, vgg } from '../models/images.ts'
import type { Draw } from '../models/layers.ts'
import { CLASSES, digitsNetwork, loadDigits, SIZE } from '../problems/digits.ts'
import { rowNamed, rowsOf } from '../summary.ts'
import { written } from '../table.ts'
import { allRows, besideAdam, fromAll } from '../verdict.ts'
import { at, type Problem, trainingFigures, trainingPlan } from './training.ts'

const metric: Metric = {
  key: 'error',
  label: 'test error, %',
  better: 'lower',
  gap: 'difference',
  format: (value) => value.toFixed(2),
}
const GRID = [1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
const BATCH = 32
/** The names under which the two are known here. */
const MODELS = { 'VGG-like': vgg, 'small ResNet': resnet }

/** One of the two networks, and what is to be said of it. */
export async function visionProblem(
  scale: Scale,
  name: keyof typeof MODELS,
): Promise<{ problem: Problem; facts: Plan['facts']; notes: Plan['notes'] }> {
  const digits = await loadDigits(
    at(scale, { full: { train: 20_000, test: 5_000 }, quick: { train: 2_000, test: 500 } }),
  )
  const { params, logits } = MODELS[name]
  const model = { params: (draw: Draw) => params(draw, SIZE, CLASSES), logits }
  return {
    problem: { name, network: (seed) => digitsNetwork(model, digits, { batch: BATCH, seed }) },
    facts: [
      [
        'data',
        `MNIST at 14 × 14, ${integer(digits.train.labels.length)} training and ${integer(digits.test.labels.length)} test images`,
      ],
    ],
    notes: digits.notes,
  }
}

async function plan(choices: Choices) {
  const { prodigy, dadaptAdam, dog, dowg } = methods
  const [first, second] = [
    await visionProblem(choices.scale, 'VGG-like'),
    await visionProblem(choices.scale, 'small ResNet'),
  ]
  return trainingPlan(choices, {
    problems: [first.problem, second.problem],
    methods: [
      prodigy,
      dadaptAdam,
      dog,
      dowg,
      ...adamGrid(at(choices.scale, { full: GRID, quick: [1e-3, 1e-2] })),
    ],
    steps: at(choices.scale, { full: 400, quick: 40 }),
    warmup: 0,
    facts: [
      ...first.facts,
      [
        'VGG-like',
        'two blocks of two 3 × 3 convolutions (8 and 16 channels) and a pooling, 64 hidden units',
      ],
      [
        'ResNet',
        'a convolution, a pooling and two residual blocks of 12 channels, batch normalization',
      ],
      ['batch', String(BATCH)],
    ],
    notes: first.notes,
  })
}

function verdicts(traces: readonly Trace[]) {
  const judged = allRows(traces, metric).flatMap(({ problem, rows }) =>
    ['DoG', 'DoWG'].flatMap((name) => {
      const [row, prodigy] = [rowNamed(rows, name), rowNamed(rows, 'Prodigy')]
      if (!row || !prodigy) return []
      const unstable = row.diverged > 0 || row.value.deviation > 3 * prodigy.value.deviation + 1
      return [
        {
          unstable,
          text: `${problem}: ${name} ${written(row, metric)}, Prodigy ${written(prodigy, metric)}`,
        },
      ]
    }),
  )
  const pairs = Object.keys(MODELS).flatMap((problem) => {
    const rows = rowsOf(traces, problem, metric)
    const [prodigy, dadapt] = [rowNamed(rows, 'Prodigy'), rowNamed(rows, 'D-Adaptation Adam')]
    if (!prodigy || !dadapt) return []
    const text = `${problem}: Prodigy ${written(prodigy, metric)}, D-Adaptation ${written(dadapt, metric)}`
    return [{ better: prodigy.value.mean <= dadapt.value.mean, text }]
  })
  return [
    {
      claim: 'Prodigy reaches the test accuracy of tuned Adam.',
      ...besideAdam(traces, metric, 'Prodigy', 0.5),
    },
    {
      claim: 'D-Adaptation reaches the test accuracy of tuned Adam.',
      ...besideAdam(traces, metric, 'D-Adaptation Adam', 0.5),
    },
    {
      claim: 'Prodigy is closer to tuned Adam than D-Adaptation is.',
      verdict: fromAll(pairs.map(({ better }) => better)),
      because: `Test error in percent, ${pairs.map(({ text }) => text).join('; ')}.`,
    },
    {
      claim: 'DoG and DoWG are unstable on deep networks.',
      verdict: fromAll(judged.map(({ unstable }) => unstable)),
      because: `Measure: a run diverges, or the deviation over the seeds is more than three times Prodigy’s and a point. ${judged.map(({ text }) => text).join('; ')}.`,
    },
  ]
}

/** The experiment. */
export const vision: Experiment = {
  name: 'vision',
  title: 'Convolutional networks on images',
  about:
    'The talk trains VGG11 and ResNet-50 on CIFAR-10, where DoG and DoWG are unstable and Prodigy is close to tuned Adam. Here a network like VGG and a ' +
    'small residual one, on handwritten digits, which install from npm.',
  metric,
  plan,
  figures: (traces) => trainingFigures(traces, metric, { log: true }),
  verdicts,
}
