// Experiment 7: a small vision transformer by Prodigy, D-Adaptation and Adam: how much of the gap
// is closed.
import { integer } from '../../format.ts'
import type { Choices, Experiment, Metric, Trace, Verdict } from '../experiment.ts'
import { adamGrid, methods } from '../methods.ts'
import { vit } from '../models/vit.ts'
import { CLASSES, digitsNetwork, loadDigits, SIZE } from '../problems/digits.ts'
import { bestOf, gapOf, rowNamed, rowsOf } from '../summary.ts'
import { besideAdam } from '../verdict.ts'
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
/** 14 × 14 pixels and a rim of one make 4 × 4 patches of 4 × 4. */
const [PATCH, RIM] = [4, 1]
const NAME = 'ViT'

/** The network, and what is to be said of it. */
export async function vitProblem(scale: Choices['scale']): Promise<{
  problem: Problem
  facts: readonly (readonly [string, string])[]
  notes: readonly string[]
}> {
  const digits = await loadDigits(
    at(scale, { full: { train: 20_000, test: 5_000 }, quick: { train: 2_000, test: 500 } }),
  )
  const length = ((SIZE + 2 * RIM) / PATCH) ** 2
  const shape = at(scale, {
    full: { length, width: 32, heads: 2, blocks: 2 },
    quick: { length, width: 16, heads: 2, blocks: 1 },
  })
  const model = vit(PATCH, RIM, shape)
  const classifier = {
    params: (draw: Parameters<typeof model.params>[0]) => model.params(draw, SIZE, CLASSES),
    logits: model.logits,
  }
  return {
    problem: {
      name: NAME,
      network: (seed) => digitsNetwork(classifier, digits, { batch: BATCH, seed }),
    },
    facts: [
      [
        'data',
        `MNIST at 14 × 14, ${integer(digits.train.labels.length)} training and ${integer(digits.test.labels.length)} test images`,
      ],
      [
        'ViT',
        `${length} patches, ${shape.blocks} blocks of width ${shape.width} with ${shape.heads} heads`,
      ],
      ['batch', String(BATCH)],
    ],
    notes: digits.notes,
  }
}

async function plan(choices: Choices) {
  const { problem, facts, notes } = await vitProblem(choices.scale)
  return trainingPlan(choices, {
    problems: [problem],
    methods: [
      methods.prodigy,
      methods.dadaptAdam,
      ...adamGrid(at(choices.scale, { full: GRID, quick: [1e-3, 1e-2] })),
    ],
    ...at(choices.scale, { full: { steps: 600, warmup: 60 }, quick: { steps: 50, warmup: 5 } }),
    facts,
    notes,
  })
}

function verdicts(traces: readonly Trace[]): Verdict[] {
  const rows = rowsOf(traces, NAME, metric)
  const [prodigy, dadapt, best] = [
    rowNamed(rows, 'Prodigy'),
    rowNamed(rows, 'D-Adaptation Adam'),
    bestOf(rows, metric),
  ]
  if (!prodigy || !dadapt || !best) return []
  const [left, before] = [gapOf(metric, prodigy, best), gapOf(metric, dadapt, best)]
  const closed = 1 - left / before
  const verdict = before <= 0 ? 'not testable at this size' : verdictOf(closed)
  const shares =
    before <= 0
      ? 'D-Adaptation leaves no gap here.'
      : `Prodigy closes ${Math.round(100 * closed)} % of it.`
  return [
    {
      claim:
        'With Prodigy the gap between D-Adaptation and tuned Adam on a vision transformer is almost closed.',
      verdict,
      because: `Measure: at least three quarters of it. In points of test error D-Adaptation is ${signed(before)} from the best tuned Adam (at ${best.lr}), Prodigy ${signed(left)}. ${shares}`,
    },
    {
      claim: 'Prodigy reaches the test accuracy of tuned Adam.',
      ...besideAdam(traces, metric, 'Prodigy', 0.5),
    },
  ]
}

/** Of the share of the gap that is closed. */
function verdictOf(closed: number): Verdict['verdict'] {
  if (closed > 0.75) return 'reproduced'
  return closed > 0.5 ? 'partly reproduced' : 'not reproduced'
}

const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`

/** The experiment. */
export const vitExperiment: Experiment = {
  name: 'vit',
  title: 'A vision transformer',
  about:
    'On a vision transformer the talk finds D-Adaptation behind tuned Adam, and that with Prodigy “the gap is almost closed”. Here a small one on ' +
    'handwritten digits; the gap is measured.',
  metric,
  plan,
  figures: (traces) => trainingFigures(traces, metric, { log: true }),
  verdicts,
}
