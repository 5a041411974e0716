// One run from its start, or from where it was interrupted, to its trace. Samples are evenly spaced
// on a logarithmic axis. A run whose loss is no longer a number has diverged, and ends.
import { setImmediate } from 'node:timers/promises'
import type { Numbers, Run, Trace } from './experiment.ts'
import type { Session } from './session.ts'

/** How many samples a decade of steps has, about. */
const PER_DECADE = 10

/** A run under way, as the checkpoint keeps it. */
export interface Progress {
  /** Steps taken. */
  steps: number
  /** Milliseconds spent in them. */
  spent: number
  /** Sum and number of the losses since the last sample. */
  loss: number
  count: number
  series: Record<string, (number | null)[]>
  /** The session's own state, as text. */
  state?: { state: string; memory: Numbers } | undefined
}

/** What goes on during a run. */
export interface Watcher {
  /** Called after every sample. */
  sample(steps: number, values: Numbers): void
  /** Milliseconds between turns. */
  readonly every: number
  /**
   * Called every now and then; what it is given can be kept and resumed from. True interrupts the
   * run.
   */
  turn(save: () => Promise<Progress>): Promise<boolean>
}

/** Follows a run to its end; undefined if it was interrupted. */
export async function follow(
  run: Run,
  watcher: Watcher,
  resumed?: Progress,
): Promise<Trace | undefined> {
  const session = await run.start()
  try {
    const { state, ...progress } = resumed ?? {
      steps: 0,
      spent: 0,
      loss: 0,
      count: 0,
      series: { step: [] },
      state: undefined,
    }
    if (state) await session.load(state)
    const final = await train(run, session, progress, watcher)
    return final && trace(run, progress, final)
  } finally {
    session.dispose()
  }
}

async function train(
  run: Run,
  session: Session,
  progress: Progress,
  watcher: Watcher,
): Promise<Numbers | undefined> {
  let turn = performance.now() + watcher.every
  while (progress.steps < run.steps) {
    const started = performance.now()
    const loss = session.step(progress.steps)
    progress.spent += performance.now() - started
    progress.steps++
    progress.loss += loss
    progress.count++
    if (session.watches) await session.watch(progress.steps)

    const last = progress.steps === run.steps || !Number.isFinite(loss)
    if (last || isSample(progress.steps, run.steps)) {
      const values = await sample(session, progress, last)
      watcher.sample(progress.steps, values)
      if (last) return values
    }
    if (performance.now() < turn) continue
    await setImmediate()
    const save = async () => ({ ...structuredClone(progress), state: await session.save() })
    if (await watcher.turn(save)) return undefined
    turn = performance.now() + watcher.every
  }
  return undefined
}

/**
 * Whether there is a sample after so many steps: where the logarithm passes a mark. The end of the
 * run is one of the marks.
 */
const isSample = (steps: number, all: number) =>
  steps === 1 || mark(steps / all) > mark((steps - 1) / all)
const mark = (part: number) => Math.floor(PER_DECADE * Math.log10(part))

async function sample(session: Session, progress: Progress, last: boolean): Promise<Numbers> {
  const values: Numbers = {
    loss: progress.loss / progress.count,
    ...(await session.measure(progress.steps, last)),
  }
  const { series } = progress
  const known = series.step.length
  series.step.push(progress.steps)
  for (const [name, value] of Object.entries(values)) {
    series[name] ??= Array<null>(known).fill(null)
    series[name].push(rounded(value, SHOWN))
  }
  for (const list of Object.values(series)) if (list.length === known) list.push(null)
  progress.loss = 0
  progress.count = 0
  return values
}

/** As many digits as a figure, or a table, can show; null for what is no finite number. */
const rounded = (value: number, digits: number) =>
  Number.isFinite(value) ? Number(value.toPrecision(digits)) : null
const [SHOWN, KEPT] = [4, 6]

function trace(
  { problem, method, seed, steps: planned, brief }: Run,
  progress: Progress,
  final: Numbers,
): Trace {
  const { steps, spent } = progress
  const stepsPerSecond = Number(((1000 * steps) / spent).toPrecision(3))
  const finals = Object.fromEntries(
    Object.entries(final).map(([name, value]) => [name, rounded(value, KEPT)]),
  )
  const { name, lr, free } = method
  const run = { problem, method: name, ...(lr !== undefined && { lr }), free, seed }
  const series = brief ? { step: [] } : progress.series
  return {
    ...run,
    steps,
    ...(steps < planned && { diverged: true }),
    stepsPerSecond,
    final: finals,
    series,
  }
}
