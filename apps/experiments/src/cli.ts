// The command line: options in, exit code out. It owns no work of its own; it checks what was
// asked, then has the data loaded, the runs made, the table printed and the report written, in that
// order.
import { resolve } from 'node:path'
import { Command, CommanderError, Option } from 'commander'
import { BACKENDS, type BackendName, startBackend } from './backend.ts'
import { loadDataset } from './data/load.ts'
import { NOTATIONS, type Notation } from './data/numbers.ts'
import { type Dataset, TASKS, type Task } from './data/rows.ts'
import { clip, InputError, printable } from './errors.ts'
import { figure, integer, percent } from './format.ts'
import { layerSizes, MODELS, type ModelKind } from './model.ts'
import { type Objective, objectiveOf } from './objective.ts'
import { type Screen, showProgress } from './progress.ts'
import { checkWritable, renderReport, writeWhole } from './report.ts'
import { DEFAULT_OPTIMIZERS, OPTIMIZERS, parseRuns, type Run } from './runs.ts'
import { BATCH, EPOCHS, STEPS, sizesFor } from './sizing.ts'
import { conclusion, renderTable } from './table.ts'
import { talk } from './talk/cli.ts'
import { type Result, type Setting, train } from './train.ts'
import { whole } from './whole.ts'

interface Options {
  data?: string
  target?: string
  categorical?: string[]
  ignore?: string[]
  task?: Task['kind']
  header?: 'yes' | 'no'
  decimal?: Notation
  model: ModelKind
  optimizer: string
  epochs?: number
  batch?: number
  seed: number
  quick?: true
  backend: BackendName
  eager?: true
  report: string
}

/** Where the app writes: results to `out`; progress and errors to `err`. */
export interface Streams {
  readonly out: NodeJS.WritableStream
  readonly err: Screen
  /** Interrupts an experiment of the talk, which can be continued. */
  readonly signal?: AbortSignal
}

/**
 * Runs the app with the words of a command line; returns the exit code. What is not the user's
 * mistake is thrown.
 */
export async function cli(given: readonly string[], streams: Streams): Promise<number> {
  // pnpm hands on the `--` that separates its own options from ours.
  const words = given[0] === '--' ? given.slice(1) : given
  if (words[0] === 'talk') return talk(words.slice(1), streams)
  const command = createCommand(streams.out)
  try {
    command.parse(words, { from: 'user' })
    await compare(command.opts<Options>(), streams)
    return 0
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0 // --help
    if (!(error instanceof CommanderError || error instanceof InputError)) throw error
    const message = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
    streams.err.write(`error: ${message}\n`)
    return 1
  }
}

const HELP = `
CSV: columns by commas, semicolons, tabs or bars; the first line names them (or they are column 1, column 2, ...).
  A column whose cells are numbers (3.14, 1,234.5, or alike 3,14, 1.234,5) is standardised, one of dates
  (2026-12-31) counts as days, any other is one-hot, or left out with more than 100 different texts. Empty cells, NA,
  N/A, NaN, null and ? are missing. What each column was taken as is printed.
LIBSVM: label index:value ..., indices from 1.
The target: words are classes, and so are whole numbers of few values; other numbers are a quantity, which is predicted
  with the mean squared error and judged by R². --task says otherwise.
A fifth of the rows is held out to test on. Runs take ${EPOCHS} epochs, but ${integer(STEPS.full)} steps at most, and end with lr at 0 by a cosine.

Examples:
  npm start -- --quick
  npm start -- --data houses.csv --target price
  npm start -- --data churn.csv --target churned --ignore customer_id --optimizer prodigy,adam@1e-3
  npm start -- --data mushrooms --model logistic

The experiments of the talk: npm start -- talk`

function createCommand(out: NodeJS.WritableStream): Command {
  const oneOf = (flags: string, text: string, choices: readonly string[]) =>
    new Option(flags, text).choices(choices)
  return new Command('npm start --')
    .description('Trains a model without a learning rate, beside Adam at many, and compares them.')
    .addHelpText('after', HELP)
    .option('--data <file>', 'train on a CSV or LIBSVM file instead of MNIST')
    .option('--target <column>', 'the column to predict (CSV)')
    .addOption(
      oneOf('--task <kind>', 'classes or a quantity (default: as the target looks)', TASKS),
    )
    .option('--categorical <columns...>', 'columns whose numbers are names (CSV)')
    .option('--ignore <columns...>', 'columns to leave out (CSV)')
    .addOption(
      oneOf(
        '--header <answer>',
        'whether the first line names the columns (CSV; default: as it looks)',
        ['yes', 'no'],
      ),
    )
    .addOption(
      oneOf(
        '--decimal <mark>',
        'what begins the decimals of numbers (CSV; default: as they look)',
        NOTATIONS,
      ),
    )
    .addOption(
      oneOf('--model <kind>', 'mlp: one hidden layer; logistic: none', MODELS).default(MODELS[0]),
    )
    .option(
      '--optimizer <names>',
      `of ${OPTIMIZERS.join(', ')}; adam is a grid, adam@1e-3 a run`,
      DEFAULT_OPTIMIZERS,
    )
    .option(
      '--epochs <n>',
      `passes over the data (default: ${EPOCHS}, at most ${integer(STEPS.full)} steps)`,
      whole(1, 1e6),
    )
    .option(
      '--batch <n>',
      `rows per batch (default: ${BATCH.least} to ${BATCH.most}, by the number of rows)`,
      whole(1, 1e6),
    )
    .option('--seed <n>', 'fixes weights, batches and split', whole(0, 2 ** 31 - 1), 1)
    .option('--quick', `${STEPS.quick} steps at most`)
    .addOption(oneOf('--backend <name>', 'the tfjs backend', BACKENDS).default(BACKENDS[0]))
    .option('--eager', 'runs every operation of a step by itself, in place of fused steps')
    .option('--report <file>', 'where the report goes', 'report.html')
    .exitOverride()
    .configureOutput({ writeOut: (text) => out.write(text), writeErr: () => {} })
}

async function compare(options: Options, { out, err }: Streams): Promise<void> {
  const report = resolve(options.report)
  const runs = parseRuns(options.optimizer)
  const { target, categorical, ignore, header, decimal, task } = options
  if (
    options.data === undefined &&
    [target, categorical, ignore, header, decimal, task].some((each) => each !== undefined)
  ) {
    throw new InputError(
      '--target, --task, --categorical, --ignore, --header and --decimal are about --data FILE',
    )
  }
  await checkWritable(report)
  const dataset = await loadDataset(options.data, options)
  await startBackend(options.backend)

  const setting = settingFor(options, dataset)
  const objective = objectiveOf(dataset.task)
  const { words } = objective
  const facts = describe(options, setting, dataset, objective)
  const title = `${dataset.name} without a learning rate`
  const lines = [
    title,
    ...facts.map(([name, value]) => `  ${name.padEnd(9)} ${value}`),
    ...dataset.notes,
  ]
  out.write(`${lines.join('\n')}\n\n`)

  const results = await trainAll(runs, dataset, setting, objective, err)
  const way = wayOf(results)
  out.write(
    `\n${renderTable(results, words)}\n\n${conclusion(results, words)}\nSteps were ${way}.\n`,
  )
  const shown = [...facts, ['steps were', way] as const]
  const about = { title, testRows: dataset.test.count, words, facts: shown, notes: dataset.notes }
  await writeWhole(report, renderReport(results, about))
  out.write(`Report: ${report}\n`)
}

const settingFor = ({ model, seed, eager, ...wishes }: Options, { train }: Dataset): Setting => ({
  ...sizesFor(train.count, wishes),
  model,
  seed,
  fused: !eager,
})

function describe(
  options: Options,
  setting: Setting,
  dataset: Dataset,
  { outputs, words }: Objective,
): [string, string][] {
  const { model, batch, steps, seed } = setting
  const { name, target, task, train, test } = dataset
  const epochs = Number(((steps * batch) / train.count).toPrecision(2))
  const goal =
    task.kind === 'classification'
      ? `${target}: ${integer(task.classes.length)} classes (${frequent(task.classes, test.targets)})`
      : `${target}: a quantity, mean ${figure(task.mean)}, deviation ${figure(task.deviation)}`
  return [
    ['data', `${name}, ${integer(train.count)} training and ${integer(test.count)} test rows`],
    ['features', integer(train.features)],
    ['target', goal],
    ['model', `${model} ${layerSizes(model, train.features, outputs).join('-')}`],
    ['loss', words.loss],
    ['batch', integer(batch)],
    ['steps', `${integer(steps)} (epochs: ${epochs}), lr falls by a cosine`],
    ['seed', String(seed)],
    ['backend', `tfjs ${options.backend}, float32`],
  ]
}

/** The most frequent class among the test rows: what a model that learns nothing may have right. */
function frequent(classes: readonly string[], targets: Float32Array): string {
  const counts = classes.map(() => 0)
  for (const target of targets) counts[target]!++
  const most = counts.reduce((best, count, i) => (count > counts[best]! ? i : best), 0)
  return `${clip(printable(classes[most]!), 40)} is ${percent(counts[most]! / targets.length)} of the test rows`
}

/** How the steps of all runs were taken. */
function wayOf(results: readonly Result[]): string {
  const ways = results.map(({ execution }) =>
    execution?.fused ? 'fused' : 'taken operation by operation',
  )
  const [backend] = results.flatMap(({ execution }) => execution?.backend ?? [])
  return `${[...new Set(ways)].join(' or ')}, on the ${backend} backend of tfjs`
}

async function trainAll(
  runs: readonly Run[],
  dataset: Dataset,
  setting: Setting,
  { words }: Objective,
  screen: Screen,
): Promise<Result[]> {
  const results: Result[] = []
  for (const run of runs) {
    const progress = showProgress(run, setting.steps, words, screen)
    try {
      results.push(await train(run, dataset, setting, (sample) => progress.update(sample)))
    } finally {
      progress.stop()
    }
  }
  return results
}
