// The command line of the talk: `talk` lists the experiments, `talk NAME` runs one. Checks what was
// asked, then has the runs made, the tables printed and the report written.
import { mkdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { Command, CommanderError } from 'commander'
import { InputError, quoted, suggestion } from '../errors.ts'
import type { Screen } from '../progress.ts'
import { checkWritable, writeWhole } from '../report.ts'
import { whole } from '../whole.ts'
import { checkpointAt } from './checkpoint.ts'
import { conduct } from './conduct.ts'
import { writeDocs } from './docs.ts'
import type { Choices, Experiment, Results } from './experiment.ts'
import { experiments } from './experiments/index.ts'
import { showRuns } from './progress.ts'
import { writeRecord } from './records.ts'
import { renderReport } from './report.ts'
import { renderTables } from './table.ts'

interface Options {
  quick?: true
  seeds?: number
  seed: number
  data?: string
  report: string
  svg?: string
  fresh?: true
  record?: true
}

/** Where the app writes, and what interrupts it. */
export interface Surroundings {
  readonly out: NodeJS.WritableStream
  readonly err: Screen
  readonly signal?: AbortSignal
}

/** What the verdicts of a quick run are worth. */
const QUICK =
  'With --quick everything runs, but runs are too short, and too few, to judge a claim by.'

/** Exit code of a run that was interrupted, as shells have it. */
const INTERRUPTED = 130

/** Runs the words after `talk`; returns the exit code. */
export async function talk(words: readonly string[], around: Surroundings): Promise<number> {
  const command = createCommand(around.out)
  try {
    command.parse(words, { from: 'user' })
    const [name] = command.args
    if (name === 'docs') return await docs(around)
    if (name === undefined) return list(around)
    return await run(find(name), command.opts<Options>(), around)
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0 // --help
    if (!(error instanceof CommanderError || error instanceof InputError)) throw error
    around.err.write(`error: ${error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')}\n`)
    return 1
  }
}

function createCommand(out: NodeJS.WritableStream): Command {
  return new Command('npm start -- talk')
    .description(
      'The experiments of the talk "Parameter-Free Adaptive Optimization". Without a name they are listed.',
    )
    .argument(
      '[name]',
      `one of ${experiments.map(({ name }) => name).join(', ')}; or docs, which writes docs/experiments.md`,
    )
    .option('--quick', 'half a minute in place of ten')
    .option(
      '--seeds <n>',
      'repeat every run with so many seeds (default: 3, or 1 with --quick)',
      whole(1, 100),
    )
    .option('--seed <n>', 'the first seed', whole(0, 2 ** 31 - 1), 1)
    .option('--data <file>', 'convex: a LIBSVM file of two classes in place of generated data')
    .option('--report <file>', 'where the report goes', 'report.html')
    .option('--svg <folder>', 'write the figures as SVG files, too')
    .option('--fresh', 'begin anew where an interrupted run could be continued')
    .option('--record', 'keep the results in apps/experiments/records, for docs/experiments.md')
    .exitOverride()
    .configureOutput({ writeOut: (text) => out.write(text), writeErr: () => {} })
}

function list({ out }: Surroundings): number {
  const width = Math.max(...experiments.map(({ name }) => name.length)) + 2
  const lines = experiments.map(({ name, title }) => `  ${name.padEnd(width)}${title}`)
  out.write(
    `The experiments of the talk:\n${lines.join('\n')}\n\nRun one: npm start -- talk NAME [--quick]. All options: npm start -- talk --help\n`,
  )
  return 0
}

async function docs({ out }: Surroundings): Promise<number> {
  out.write(`${(await writeDocs()).join('\n')}\n`)
  return 0
}

function find(name: string): Experiment {
  const names = experiments.map((each) => each.name)
  const experiment = experiments.find((each) => each.name === name)
  if (experiment) return experiment
  throw new InputError(
    `there is no experiment ${quoted(name)}: known are ${names.join(', ')}${suggestion(name, names)}`,
  )
}

async function run(
  experiment: Experiment,
  options: Options,
  { out, err, signal }: Surroundings,
): Promise<number> {
  const report = resolve(options.report)
  await checkWritable(report)
  if (options.data !== undefined && !experiment.takesData)
    throw new InputError(`${experiment.name} takes no --data`)
  const choices: Choices = {
    scale: options.quick ? 'quick' : 'full',
    seeds: options.seeds ?? (options.quick ? 1 : 3),
    seed: options.seed,
    data: options.data,
  }
  const command = commandOf(experiment, choices)
  const checkpoint = checkpointAt(`${report}.checkpoint`, command)
  if (options.fresh) await checkpoint.remove()
  await checkpoint.read() // refused before any work is done
  const plan = await experiment.plan(choices)
  const notes = options.quick ? [...plan.notes, QUICK] : plan.notes
  const facts = plan.facts.map(([name, value]) => `  ${name.padEnd(10)} ${value}`)
  out.write(`${[experiment.title, ...facts, ...notes].join('\n')}\n\n`)

  const progress = showRuns(plan.runs, experiment.metric, err)
  const traces = await conduct(plan, checkpoint, progress, signal).finally(() => progress.stop())
  if (traces === undefined) {
    err.write(
      `interrupted; to continue: ${command}${options.report === 'report.html' ? '' : ` --report ${options.report}`}\n`,
    )
    return INTERRUPTED
  }
  const named = choices.data === undefined ? {} : { data: basename(choices.data) }
  const own = commandOf(experiment, { ...choices, ...named })
  const results: Results = {
    experiment: experiment.name,
    ...named,
    command: own,
    facts: plan.facts,
    notes,
    traces,
  }
  await present(experiment, results, report, options, out)
  await checkpoint.remove()
  return 0
}

async function present(
  experiment: Experiment,
  results: Results,
  report: string,
  options: Options,
  out: NodeJS.WritableStream,
) {
  out.write(`${renderTables(results.traces, experiment)}\n\n`)
  for (const { claim, verdict, because } of experiment.verdicts(results.traces))
    out.write(`${verdict}: ${claim}\n  ${because}\n`)
  await writeWhole(report, renderReport(experiment, results))
  out.write(`\nReport: ${report}\n`)
  if (options.svg !== undefined) {
    await mkdir(options.svg, { recursive: true })
    for (const { name, svg } of experiment.figures(results.traces))
      await writeWhole(join(options.svg, `${experiment.name}-${name}.svg`), svg)
    out.write(`Figures: ${resolve(options.svg)}\n`)
  }
  if (options.record) out.write(`Record: ${await writeRecord(results)}\n`)
}

/** The command that makes the same results again. */
function commandOf({ name }: Experiment, { scale, seeds, seed, data }: Choices): string {
  const words = [
    'npm start -- talk',
    name,
    ...(scale === 'quick' ? ['--quick'] : []),
    `--seeds ${seeds}`,
  ]
  return [
    ...words,
    ...(seed === 1 ? [] : [`--seed ${seed}`]),
    ...(data === undefined ? [] : [`--data ${data}`]),
  ].join(' ')
}
