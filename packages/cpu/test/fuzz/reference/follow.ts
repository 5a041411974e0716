/** A run through the transcriptions. */
import { draws } from '@freestep/conformance'
import { objective } from '../objective.ts'
import type { Run } from '../run.ts'
import * as dadapt from './dadapt.ts'
import * as gradient from './gradient.ts'
import * as losses from './loss.ts'
import {
  numbers,
  type Options,
  type Rule,
  type Tensor,
  type Transcription,
  type Vector,
  zeros,
} from './parts.ts'
import * as prodigy from './prodigy.ts'
import { wrappings } from './wrapped.ts'

const transcriptions: Readonly<Record<string, Transcription>> = {
  ...gradient,
  ...losses,
  ...dadapt,
  ...prodigy,
  adamW: gradient.adam,
}

/** What there is after a step. */
export interface Point {
  readonly x: Readonly<Record<string, Vector>>
  readonly moved: Readonly<Record<string, Vector>>
  readonly evaluated: Readonly<Record<string, Vector>>
  /** By part, where there is an estimate. */
  readonly d: readonly (number | undefined)[]
}

/** The options of a tensor at step k, or of all. */
function optionsAt(
  { options, groups }: Run,
  defaults: Options,
  name: string | undefined,
  k: number,
): Options {
  const own =
    name === undefined
      ? []
      : groups.filter(({ params }) => params.includes(name)).map(({ options }) => options)
  const merged = Object.assign({}, options, ...own) as Run['options']
  const now = Object.entries(merged).map(([name, value]): [string, Options[string]] => {
    if (typeof value !== 'object' || value === null || !('schedule' in value)) return [name, value]
    return [name, value.schedule[k % value.schedule.length]]
  })
  return { ...defaults, ...Object.fromEntries(now) }
}

/** The tensors of each part, in order: all, or those of each group, the ones in none first. */
function partsOf({ tensors, groups, splitGroups }: Run, k: number): number[][] {
  const there = tensors.flatMap(({ from }, i) => (from <= k ? [i] : []))
  if (!splitGroups) return [there]
  const owner = (i: number) =>
    1 + groups.findLastIndex(({ params }) => params.includes(tensors[i].name))
  return [0, ...groups.map((_, g) => g + 1)].map((g) => there.filter((i) => owner(i) === g))
}

/**
 * Follows a run; call it once a step.
 *
 * @param defaults - the options that the run leaves out
 * @param noise - by how much, relatively, x and g are off at every step
 */
export function follow(run: Run, defaults: Options, noise = 0): (k: number) => Point {
  const task = objective(run)
  const draw = draws(run.seed)
  const off = noise ? (a: Vector) => a.map((each) => each * (1 + noise * draw())) : (a: Vector) => a
  const all = run.tensors.map((_, id) => ({
    id,
    x: [...task.start(id)],
    moved: zeros([...task.start(id)]),
    rule: undefined as Rule | undefined,
  }))
  const rules = new Map<number, Rule>()

  const ruleOf = (part: number, h: Options, start: readonly Tensor[]): Rule => {
    const found = rules.get(part)
    if (found) return found
    const inner = transcriptions[run.algorithm](h, start)
    const rule = run.wrappers.reduce(
      (inside, { name, options }) => wrappings[name](inside, options),
      inner,
    )
    rules.set(part, rule)
    return rule
  }

  /** A part at step k, as its rule sees it. */
  const step = (part: number, indices: readonly number[], k: number, loss: number) => {
    const tensors = indices.map((i): Tensor => {
      const h = optionsAt(run, defaults, run.tensors[i].name, k)
      const { x, moved } = all[i]
      const seen = off(x)
      const frozen = optionsAt(run, defaults, run.tensors[i].name, k).lr === 0 && isFrozen(run, i)
      const g = frozen ? undefined : task.gradient(i, k, seen)
      return { id: i, x: seen, moved: off(moved), g: g && off([...g]), h }
    })
    const shape = {
      noBuffer: tensors.every(({ h }) => h.momentum === 0),
      noFirstMoment: tensors.every(
        ({ h }) => Array.isArray(h.betas) && numbers(h, 'betas')[0] === 0,
      ),
    }
    const shaped = { ...optionsAt(run, defaults, undefined, k), ...shape }
    const rule = ruleOf(part, shaped, tensors)
    if (tensors.every(({ g }) => g === undefined)) return
    for (const [i, u] of rule.step(tensors, loss, shaped)) {
      all[i].x = all[i].x.map((xi, j) => xi + u[j])
      all[i].moved = all[i].moved.map((mi, j) => mi + u[j])
    }
  }

  return (k) => {
    const parts = partsOf(run, k)
    const there = parts.flat().sort((a, b) => a - b)
    const loss = task.loss(there.map((i) => all[i].x))
    for (const [part, indices] of parts.entries()) if (indices.length) step(part, indices, k, loss)
    const byName = (f: (i: number) => Vector) =>
      Object.fromEntries(there.map((i) => [run.tensors[i].name, f(i)]))
    const evaluated = (i: number) => {
      const rule = rules.get(parts.findIndex((indices) => indices.includes(i)))
      const { x, moved } = all[i]
      return (
        rule?.evaluated?.({
          id: i,
          x,
          moved,
          g: undefined,
          h: optionsAt(run, defaults, run.tensors[i].name, k),
        }) ?? x
      )
    }
    return {
      x: byName((i) => all[i].x),
      moved: byName((i) => all[i].moved),
      evaluated: byName(evaluated),
      d: parts.flatMap((indices, part) => (indices.length ? [rules.get(part)?.d?.()] : [])),
    }
  }
}

/** Whether a tensor is frozen: its lr is the number 0, and no schedule. */
function isFrozen({ groups, tensors }: Run, i: number): boolean {
  const last = groups.findLast(
    ({ params, options }) => params.includes(tensors[i].name) && 'lr' in options,
  )
  return last?.options.lr === 0
}
