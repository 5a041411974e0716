/**
 * What the playground of problems shows, as data and as the query of its address, by which it is
 * shared.
 */
import { baselines, type Choice, methodNames } from './methods.ts'
import { problemOf } from './problems.ts'

/** Everything that can be set. */
export interface Setup {
  readonly problem: string
  readonly start: readonly number[]
  readonly steps: number
  readonly falling: boolean
  readonly choices: readonly Choice[]
  /** The step that is looked at. */
  readonly at: number
}

/** The most steps that are run. */
export const mostSteps = 2000

/** The most methods at once: as many as there are colours. */
export const mostChoices = 6

const initial: readonly Choice[] = [{ name: 'prodigy' }, { name: 'dog' }, { name: 'adam', lr: 0.1 }]

/** How a problem is shown at first. */
export function setupOf(id: string, choices: readonly Choice[] = initial): Setup {
  const { start, id: problem } = problemOf(id)
  return { problem, start, steps: 200, falling: false, choices, at: 200 }
}

/** The query that says it: `problem=kink&start=5&steps=200&methods=prodigy,adam:0.1&at=200`. */
export function toQuery({ problem, start, steps, falling, choices, at }: Setup): string {
  const methods = choices.map(({ name, lr }) => (lr === undefined ? name : `${name}:${lr}`))
  const entries = {
    problem,
    start: start.join(),
    steps,
    ...(falling && { lr: 'cosine' }),
    methods: methods.join(),
    at,
  }
  return Object.entries(entries)
    .map(
      ([key, value]) =>
        `${key}=${encodeURIComponent(value).replaceAll('%2C', ',').replaceAll('%3A', ':')}`,
    )
    .join('&')
}

/** And back; what is missing or makes no sense is as at first. */
export function fromQuery(query: string): Setup {
  const given = new URLSearchParams(query)
  const { dimensions } = problemOf(given.get('problem') ?? '')
  const usual = setupOf(given.get('problem') ?? '')
  const start = (given.get('start') ?? '')
    .split(',')
    .map((text) => (text === '' ? Number.NaN : Number(text)))
  const steps = within(Number(given.get('steps') ?? Number.NaN), 1, mostSteps) ?? usual.steps
  return {
    problem: usual.problem,
    start: start.length === dimensions && start.every(Number.isFinite) ? start : usual.start,
    steps,
    falling: given.get('lr') === 'cosine',
    choices: given.has('methods') ? choicesOf(given.get('methods') ?? '') : usual.choices,
    at: within(Number(given.get('at') ?? Number.NaN), 0, steps) ?? steps,
  }
}

/** A whole number within bounds, or undefined for what is no number. */
const within = (value: number, least: number, most: number) =>
  Number.isFinite(value) ? Math.min(most, Math.max(least, Math.round(value))) : undefined

const choicesOf = (text: string): Choice[] =>
  text
    .split(',')
    .map((each) => each.split(':'))
    .filter(
      ([name], i, all) =>
        methodNames.includes(name) && all.findIndex(([other]) => other === name) === i,
    )
    .slice(0, mostChoices)
    .map(([name, lr]) =>
      name in baselines && Number(lr) > 0 ? { name, lr: Number(lr) } : { name },
    )
