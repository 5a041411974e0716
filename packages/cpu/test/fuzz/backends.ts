/**
 * A run on the backends: eager, and fused in WebAssembly and JavaScript, side by side. Everything
 * that they keep has to be the same at every step, to the last bit.
 */
import * as freestep from '../../src/index.ts'
import {
  type Algorithm,
  cpu,
  createOptimizer,
  type FloatArray,
  type Optimizer,
} from '../../src/index.ts'
import { objective } from './objective.ts'
import type { Setting } from './options.ts'
import type { Run, Settings } from './run.ts'

// biome-ignore lint/suspicious/noExplicitAny: the options of one algorithm or another
type AnyAlgorithm = Algorithm<any>
type Factory = (options: object) => AnyAlgorithm
type Wrapper = (inner: AnyAlgorithm, options: object) => AnyAlgorithm

const named = freestep as unknown as Readonly<Record<string, unknown>>

/**
 * The schedule of an option, of all tensors or of a group, and for which steps it was called since
 * the last look.
 */
interface Calls {
  readonly option: string
  readonly group: number | undefined
  readonly at: number[]
}

const isSchedule = (value: Setting): value is { readonly schedule: readonly number[] } =>
  typeof value === 'object' && value !== null && 'schedule' in value

/** Settings as they are given, with schedules that note their calls. */
function given(options: Settings, calls: Calls[], group?: number): object {
  const scheduleOf = (option: string, schedule: readonly number[]) => {
    const at: number[] = []
    calls.push({ option, group, at })
    return (k: number) => {
      at.push(k)
      return schedule[k % schedule.length]
    }
  }
  const entries = Object.entries(options)
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      isSchedule(value) ? scheduleOf(name, value.schedule) : value,
    ]),
  )
}

/** The algorithm of a run. */
function algorithmOf({ algorithm, options, wrappers }: Run, calls: Calls[]): AnyAlgorithm {
  const inner = (named[algorithm] as Factory)(given(options, calls))
  return wrappers.reduce(
    (inside, { name, options }) =>
      name === 'clipByGlobalNorm'
        ? freestep.clipByGlobalNorm(options.max, inside)
        : (named[name] as Wrapper)(inside, options),
    inner,
  )
}

/** The ways to run. */
export const ways = {
  eager: { fused: false },
  wasm: { target: 'wasm' },
  js: { target: 'js' },
} as const
export type Way = keyof typeof ways

/** One optimizer on its way through a run. */
class Runner {
  optimizer: Optimizer<FloatArray> | undefined
  private readonly run: Run
  private readonly way: Way
  private own: Record<string, FloatArray> = {}
  private calls: Calls[] = []

  constructor(run: Run, way: Way) {
    this.run = run
    this.way = way
  }

  /** The tensors that are there at step k. */
  private params(k: number): Record<string, FloatArray> {
    const task = objective(this.run)
    for (const [i, { name, from, single }] of this.run.tensors.entries())
      if (from <= k)
        this.own[name] ??= single ? Float32Array.from(task.start(i)) : task.start(i).slice()
    return { ...this.own }
  }

  async create(k: number): Promise<void> {
    const { run } = this
    this.optimizer?.dispose()
    this.own = {}
    this.calls = []
    const groups = run.groups.map(({ params, options }, group) => ({
      ...given(options, this.calls, group),
      params: (name: string) => params.includes(name),
    }))
    const algorithm = algorithmOf(run, this.calls)
    const backend = await cpu(ways[this.way])
    this.optimizer = await createOptimizer(algorithm, this.params(k), backend, {
      groups,
      splitGroups: run.splitGroups,
    })
  }

  extend(k: number): void {
    this.optimizer?.extend(this.params(k))
  }

  /** The parameters by name, as the caller has them. */
  get x(): Readonly<Record<string, FloatArray>> {
    return this.own
  }

  step(gradients: Readonly<Record<string, FloatArray>>, loss: number): void {
    this.optimizer?.step(gradients, { loss })
  }

  /** Whether a schedule is that of some tensor. */
  private counts({ option, group }: Calls): boolean {
    const { groups } = this.run
    const owner = (name: string) =>
      groups.findLastIndex(({ params, options }) => params.includes(name) && option in options)
    return Object.keys(this.own).some((name) => owner(name) === (group ?? -1))
  }

  /**
   * A schedule that was not called once, for step k, since the last look; or called at all, where
   * there was no step.
   */
  misused(k: number | undefined): string | undefined {
    const wanted = (calls: Calls) => (k !== undefined && this.counts(calls) ? [k] : [])
    const wrong = this.calls.find((calls) => String(calls.at) !== String(wanted(calls)))
    const message =
      wrong && `${this.way}: the schedule of ${wrong.option} was called for [${wrong.at}]`
    for (const { at } of this.calls) at.length = 0
    return message
  }
}

const same = (a: ArrayLike<number>, b: ArrayLike<number>): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false
  return true
}
const at = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  const i =
    Array.from({ length: Math.max(a.length, b.length) }, (_, i) => i).find(
      (i) => !Object.is(a[i], b[i]),
    ) ?? 0
  return `[${i}] of ${a.length} = ${a[i]}, not ${b[i]}`
}

/** What there is to see after a step. */
export interface Seen {
  readonly tensors: Readonly<Record<string, { readonly data: ArrayLike<number> }>>
  readonly evaluated: Readonly<Record<string, ArrayLike<number>>>
}

const see = async (optimizer: Optimizer<FloatArray>): Promise<Seen> => ({
  tensors: (await optimizer.save({ params: true })).tensors,
  evaluated: optimizer.evaluated(),
})

/** How what was seen differs; undefined if it does not. */
function difference(wanted: Seen, found: Seen): string | undefined {
  for (const [name, { data }] of Object.entries(wanted.tensors))
    if (!same(found.tensors[name]?.data ?? [], data))
      return `${name}${at(found.tensors[name]?.data ?? [], data)}`
  for (const [name, data] of Object.entries(wanted.evaluated))
    if (!same(found.evaluated[name], data))
      return `evaluated ${name}${at(found.evaluated[name], data)}`
  const more = Object.keys(found.tensors).find((name) => !Object.hasOwn(wanted.tensors, name))
  return more && `${more} is not kept by the other`
}

/**
 * Takes a run on some of the ways side by side; all get the gradients at the parameters of the
 * first.
 *
 * @param look - is called after every step with what the first way has
 * @returns what is wrong; undefined if nothing is
 */
export async function onBackends(
  run: Run,
  which: readonly Way[],
  look?: (k: number, seen: Seen) => string | undefined,
): Promise<string | undefined> {
  const task = objective(run)
  const runners = which.map((way) => new Runner(run, way))
  const [first] = runners
  const misused = (k?: number) =>
    runners.map((runner) => runner.misused(k)).find((wrong) => wrong !== undefined)
  try {
    for (const [k, { reload }] of run.steps.entries()) {
      if (reload || k === 0) {
        // Each goes on with what another has saved.
        const saved =
          k > 0
            ? await Promise.all(runners.map(({ optimizer }) => optimizer?.save({ params: true })))
            : []
        for (const [i, runner] of runners.entries()) {
          await runner.create(Math.max(k - 1, 0))
          const checkpoint = saved[(i + 1) % saved.length]
          if (checkpoint) await runner.optimizer?.load(checkpoint)
        }
      }
      if (k > 0 && run.tensors.some(({ from }) => from === k))
        for (const runner of runners) runner.extend(k)
      const early = misused()
      if (early) return `before step ${k}: ${early}`
      const there = run.tensors.flatMap(({ from, name, single }, i) =>
        from <= k ? [{ name, single, i }] : [],
      )
      const gradients = Object.fromEntries(
        there.flatMap(({ name, single, i }) => {
          const g = task.gradient(i, k, first.x[name])
          return g ? [[name, single ? Float32Array.from(g) : g]] : []
        }),
      )
      const loss = task.loss(there.map(({ name }) => first.x[name]))
      for (const runner of runners) runner.step(gradients, loss)
      const twice = misused(k)
      if (twice) return `step ${k}: ${twice}`
      const all = await Promise.all(
        runners.map(({ optimizer }) => see(optimizer as Optimizer<FloatArray>)),
      )
      for (const [i, found] of all.entries()) {
        const wrong = i > 0 && difference(all[0], found)
        if (wrong) return `step ${k}: ${which[i]} is not ${which[0]}: ${wrong}`
      }
      const late = misused()
      if (late) return `after step ${k}: ${late}`
      const wrong = look?.(k, all[0])
      if (wrong) return `step ${k}: ${which[0]}: ${wrong}`
    }
  } finally {
    for (const { optimizer } of runners) optimizer?.dispose()
  }
  return undefined
}
