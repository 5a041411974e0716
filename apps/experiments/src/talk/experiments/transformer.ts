// Experiment 6: a small causal transformer on text, the stand-in for RoBERTa on BookWiki, with
// warm-up and cosine.
import { figure, integer } from '../../format.ts'
import type { Choices, Experiment, Metric, Trace } from '../experiment.ts'
import { adamGrid, methods } from '../methods.ts'
import { causalTransformer } from '../models/language.ts'
import { languageNetwork } from '../problems/language.ts'
import { loadText, SYMBOLS, TEXT_NOTE } from '../problems/text.ts'
import { besideAdam } from '../verdict.ts'
import { at, trainingFigures, trainingPlan } from './training.ts'

const metric: Metric = {
  key: 'nats',
  label: 'test loss, nats a character',
  better: 'lower',
  gap: 'difference',
  format: figure,
}
const GRID = [1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
const BATCH = 16

async function plan(choices: Choices) {
  const text = await loadText()
  const shape = at(choices.scale, {
    full: { length: 32, width: 48, heads: 2, blocks: 2 },
    quick: { length: 16, width: 24, heads: 2, blocks: 1 },
  })
  const { length, width, heads, blocks } = shape
  const network = (seed: number) =>
    languageNetwork(causalTransformer(SYMBOLS, shape), text, { batch: BATCH, length, seed })
  return trainingPlan(choices, {
    problems: [{ name: 'transformer', network }],
    methods: [
      methods.dadaptAdam,
      methods.prodigy,
      ...adamGrid(at(choices.scale, { full: GRID, quick: [1e-3, 1e-2] })),
    ],
    ...at(choices.scale, { full: { steps: 600, warmup: 60 }, quick: { steps: 60, warmup: 6 } }),
    facts: [
      [
        'data',
        `${integer(text.train.length)} training and ${integer(text.test.length)} test characters, ${SYMBOLS} symbols`,
      ],
      [
        'model',
        `${blocks} blocks of width ${width} with ${heads} heads, over ${length} characters`,
      ],
      ['batch', `${BATCH} windows`],
    ],
    notes: [TEXT_NOTE],
  })
}

const verdicts = (traces: readonly Trace[]) => [
  {
    claim: 'On a transformer D-Adaptation is as good as tuned Adam, with warm-up and cosine.',
    ...besideAdam(traces, metric, 'D-Adaptation Adam', 0.05),
  },
  { claim: 'So is Prodigy.', ...besideAdam(traces, metric, 'Prodigy', 0.05) },
]

/** The experiment. */
export const transformer: Experiment = {
  name: 'transformer',
  title: 'A transformer on text',
  about:
    'The talk trains RoBERTa on BookWiki, where D-Adaptation matches tuned Adam. Here a small causal transformer predicts the next character of English prose ' +
    'that installs with the project; learning rates (and d) rise over a warm-up and fall with a cosine.',
  metric,
  plan,
  figures: (traces) => trainingFigures(traces, metric, { log: false }),
  verdicts,
}
