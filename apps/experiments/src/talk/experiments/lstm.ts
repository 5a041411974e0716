// Experiment 5: a recurrent language model, the stand-in for IWSLT14 translation: D-Adaptation
// against tuned Adam.
import { figure, integer } from '../../format.ts'
import type { Choices, Experiment, Metric, Trace } from '../experiment.ts'
import { adamGrid, methods } from '../methods.ts'
import { lstm, lstmParams } from '../models/lstm.ts'
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
const GRID = [1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1]
const BATCH = 16
const LENGTH = 24

async function plan(choices: Choices) {
  const text = await loadText()
  const width = at(choices.scale, { full: 64, quick: 24 })
  const network = (seed: number) =>
    languageNetwork(
      {
        params: (draw) => lstmParams(draw, SYMBOLS, width),
        // Times first, as the unrolling takes them.
        logits: (params, symbols) => lstm(params, symbols, LENGTH),
        timesFirst: true,
      },
      text,
      { batch: BATCH, length: LENGTH, seed },
    )
  return trainingPlan(choices, {
    problems: [{ name: 'LSTM', network }],
    methods: [
      methods.dadaptAdam,
      methods.prodigy,
      methods.dog,
      ...adamGrid(at(choices.scale, { full: GRID, quick: [1e-3, 1e-2] })),
    ],
    steps: at(choices.scale, { full: 600, quick: 60 }),
    warmup: 0,
    facts: [
      [
        'data',
        `${integer(text.train.length)} training and ${integer(text.test.length)} test characters, ${SYMBOLS} symbols`,
      ],
      ['model', `one LSTM layer of ${width} units, unrolled over ${LENGTH} characters`],
      ['batch', `${BATCH} windows`],
    ],
    notes: [TEXT_NOTE],
  })
}

const verdicts = (traces: readonly Trace[]) => [
  {
    claim: 'On an LSTM D-Adaptation is as good as tuned Adam.',
    ...besideAdam(traces, metric, 'D-Adaptation Adam', 0.05),
  },
  { claim: 'So is Prodigy.', ...besideAdam(traces, metric, 'Prodigy', 0.05) },
]

/** The experiment. */
export const lstmExperiment: Experiment = {
  name: 'lstm',
  title: 'A recurrent network on text',
  about:
    'The talk trains an LSTM for translation (IWSLT14), where D-Adaptation matches tuned Adam. Here an LSTM predicts the next character of English prose ' +
    'that installs with the project.',
  metric,
  plan,
  figures: (traces) => trainingFigures(traces, metric, { log: false }),
  verdicts,
}
