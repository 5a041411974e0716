// The command line: options in, exit code out. It owns no work of its own; it checks what was asked, then has the
// data loaded, the runs made, the table printed and the report written, in that order.
import { resolve } from 'node:path'
import { Command, CommanderError, Option } from 'commander'
import { BACKENDS, type BackendName, startBackend } from './backend.ts'
import { loadDataset } from './data/load.ts'
import type { Dataset } from './data/rows.ts'
import { InputError } from './errors.ts'
import { integer } from './format.ts'
import { layerSizes, MODELS, type ModelKind } from './model.ts'
import { type Screen, showProgress } from './progress.ts'
import { checkWritable, renderReport, writeWhole } from './report.ts'
import { DEFAULT_OPTIMIZERS, OPTIMIZERS, parseRuns, type Run } from './runs.ts'
import { conclusion, renderTable } from './table.ts'
import { talk } from './talk/cli.ts'
import { type Result, type Setting, train } from './train.ts'
import { whole } from './whole.ts'

/** Steps of a run, unless epochs are asked for: 8 epochs of MNIST in batches of 128; and those of `--quick`. */
const STEPS = { full: 3750, quick: 300 }

interface Options {
  data?: string
  target?: string
  categorical?: string[]
  ignore?: string[]
  model: ModelKind
  optimizer: string
  epochs?: number
  batch: number
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

/** Runs the app with the words of a command line; returns the exit code. What is not the user's mistake is thrown. */
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

function createCommand(out: NodeJS.WritableStream): Command {
  return new Command('npm start --')
    .description('Trains a model without a learning rate, beside Adam at many, and compares them.')
    .addHelpText('after', '\nThe experiments of the talk: npm start -- talk')
    .option('--data <file>', 'train on a CSV or LIBSVM file instead of MNIST')
    .option('--target <column>', 'the column to predict (CSV)')
    .option('--categorical <columns...>', 'columns whose numbers are names (CSV)')
    .option('--ignore <columns...>', 'columns to leave out (CSV)')
    .addOption(new Option('--model <kind>', 'the model').choices(MODELS).default(MODELS[0]))
    .option('--optimizer <names>', `of ${OPTIMIZERS.join(', ')}; adam is a grid, adam@1e-3 a run`, DEFAULT_OPTIMIZERS)
    .option('--epochs <n>', `passes over the data (default: ${integer(STEPS.full)} steps)`, whole(1, 1e6))
    .option('--batch <n>', 'rows per batch', whole(1, 1e6), 128)
    .option('--seed <n>', 'fixes weights, batches and split', whole(0, 2 ** 31 - 1), 1)
    .option('--quick', `${STEPS.quick} steps only`)
    .addOption(new Option('--backend <name>', 'the tfjs backend').choices(BACKENDS).default(BACKENDS[0]))
    .option('--eager', 'runs every operation of a step by itself, in place of fused steps')
    .option('--report <file>', 'where the report goes', 'report.html')
    .exitOverride()
    .configureOutput({ writeOut: (text) => out.write(text), writeErr: () => {} })
}

async function compare(options: Options, { out, err }: Streams): Promise<void> {
  const report = resolve(options.report)
  const runs = parseRuns(options.optimizer)
  if (options.data === undefined && (options.target ?? options.categorical ?? options.ignore) !== undefined) {
    throw new InputError('--target, --categorical and --ignore are about the columns of --data FILE')
  }
  await checkWritable(report)
  const dataset = await loadDataset(options.data, options)
  await startBackend(options.backend)

  const setting = settingFor(options, dataset)
  const facts = describe(options, setting, dataset)
  const title = `${dataset.name} without a learning rate`
  const lines = [title, ...facts.map(([name, value]) => `  ${name.padEnd(9)} ${value}`), ...dataset.notes]
  out.write(`${lines.join('\n')}\n\n`)

  const results = await trainAll(runs, dataset, setting, err)
  const way = wayOf(results)
  out.write(`\n${renderTable(results)}\n\n${conclusion(results)}\nSteps were ${way}.\n`)
  const shown = [...facts, ['steps were', way] as const]
  await writeWhole(report, renderReport(results, { title, testRows: dataset.test.count, facts: shown, notes: dataset.notes }))
  out.write(`Report: ${report}\n`)
}

function settingFor({ model, epochs, batch: wanted, seed, quick, eager }: Options, { train }: Dataset): Setting {
  const batch = Math.min(wanted, train.count)
  const steps = epochs === undefined ? (quick ? STEPS.quick : STEPS.full) : Math.ceil((epochs * train.count) / batch)
  return { model, batch, steps, seed, fused: !eager }
}

function describe(options: Options, { model, batch, steps, seed }: Setting, dataset: Dataset): [string, string][] {
  const { train, test, classes } = dataset
  const epochs = Number(((steps * batch) / train.count).toPrecision(2))
  return [
    ['data', `${dataset.name}, ${integer(train.count)} training and ${integer(test.count)} test rows`],
    ['features', integer(train.features)],
    ['classes', integer(classes.length)],
    ['model', `${model} ${layerSizes(model, train.features, classes.length).join('-')}`],
    ['batch', integer(batch)],
    ['steps', `${integer(steps)} (epochs: ${epochs})`],
    ['seed', String(seed)],
    ['backend', `tfjs ${options.backend}, float32`],
  ]
}

/** How the steps of all runs were taken. */
function wayOf(results: readonly Result[]): string {
  const ways = results.map(({ execution }) => (execution?.fused ? 'fused' : 'taken operation by operation'))
  const [backend] = results.flatMap(({ execution }) => execution?.backend ?? [])
  return `${[...new Set(ways)].join(' or ')}, on the ${backend} backend of tfjs`
}

async function trainAll(runs: readonly Run[], dataset: Dataset, setting: Setting, screen: Screen): Promise<Result[]> {
  const results: Result[] = []
  for (const run of runs) {
    const progress = showProgress(run, setting.steps, screen)
    try {
      results.push(await train(run, dataset, setting, (sample) => progress.update(sample)))
    } finally {
      progress.stop()
    }
  }
  return results
}
