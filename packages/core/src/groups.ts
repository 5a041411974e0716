/**
 * Parameter groups: which option has which value for which parameter, and which options are
 * numbers, uniforms or shape. Not the step itself: program.ts puts the resolved options into it.
 */
import type { Algorithm, Hyper, Schedule, Settings } from './algorithm.ts'
import { FreestepError, kindOf, suggest } from './errors.ts'
import type { Ranges } from './options.ts'
import { checkOptions } from './settings.ts'
import type { TensorInfo } from './tensor.ts'
import type { Uniform } from './uniforms.ts'
import type { Expr } from './value.ts'

/** Options for some of the parameters; of several groups that name a parameter the later wins. */
export type Group<O> = Omit<Settings<O>, 'params'> & {
  /** The names of the parameters, or a test of each. */
  readonly params: readonly string[] | ((name: string, tensor: TensorInfo) => boolean)
}

/** The options as an algorithm takes them, given the values that stand for some of them. */
export type HyperFrom = (values: Readonly<Record<string, Expr>>) => Hyper<object>

/** The options of all parameters, sorted into what they are to the program. */
export interface Resolved {
  readonly uniforms: Readonly<Record<string, Uniform>>
  /** The options as the algorithm's functions take them, with values standing for the uniforms. */
  hyper(uniform: (name: string) => Expr): Hyper<object>
  /** Whether each parameter is frozen, that is, its lr is the number 0. */
  readonly frozen: readonly boolean[]
  /** sliceP per parameter, or undefined where the algorithm slices nothing. */
  readonly strides: readonly number[] | undefined
}

type Options = Record<string, unknown>

/**
 * The options of each parameter: those of the algorithm, overlaid with every group that names it.
 */
export function optionsPerTensor<O extends object>(
  algorithm: Algorithm<O>,
  tensors: readonly TensorInfo[],
  groups: readonly Group<O>[],
): Options[] {
  const options = tensors.map(() => ({ ...algorithm.options }) as Options)
  for (const group of groups) {
    checkGroup(group)
    const { params, ...overrides } = group
    checkOptions(
      { what: `${algorithm.name} (parameter group)`, follows: true },
      algorithm.ranges,
      overrides,
    )
    const given = Object.fromEntries(
      Object.entries(overrides).filter(([, value]) => value !== undefined),
    )
    for (const index of members(params, tensors)) Object.assign(options[index], given)
  }
  return options
}

/**
 * Splits the parameters into those of each group, by the last group that names them; those in no
 * group come first.
 */
export function partition<O>(
  tensors: readonly TensorInfo[],
  groups: readonly Group<O>[],
): number[][] {
  const owner = tensors.map(() => 0)
  for (const [index, { params }] of groups.entries())
    for (const tensor of members(params, tensors)) owner[tensor] = index + 1
  const parts = [...groups.keys(), groups.length].map((part) =>
    [...tensors.keys()].filter((tensor) => owner[tensor] === part),
  )
  return parts.filter((part) => part.length > 0)
}

function members(params: Group<unknown>['params'], tensors: readonly TensorInfo[]): number[] {
  if (typeof params === 'function')
    return [...tensors.keys()].filter((i) => {
      const belongs: unknown = params(tensors[i].name, tensors[i])
      if (typeof belongs !== 'object' || belongs === null || !('then' in belongs)) return belongs
      throw new FreestepError(
        'core',
        'bad-option',
        `params of a group gave ${kindOf(belongs)}. It must return true or false at once.`,
      )
    })
  const names = tensors.map((tensor) => tensor.name)
  return params.map((name) => {
    const index = names.indexOf(name)
    if (index >= 0) return index
    throw new FreestepError(
      'core',
      'unknown-parameter',
      `A group names "${name}", which is no parameter.${suggest(name, names)}`,
    )
  })
}

/**
 * Sorts the options into numbers that are part of the program, uniforms, and choices that shape it.
 */
export function resolve(
  { name: algorithm, ranges }: { readonly name: string; readonly ranges: Ranges },
  options: readonly Options[],
): Resolved {
  const uniforms: Record<string, Uniform> = {}
  const build: Record<string, (uniform: (name: string) => Expr) => unknown> = {}

  /** One option (or one entry of a pair) over all parameters. */
  const plan = (
    name: string,
    label: string,
    values: readonly unknown[],
  ): ((uniform: (name: string) => Expr) => unknown) => {
    // A frozen parameter (lr 0) takes no part, so its lr does not make lr differ.
    const counting = name === 'lr' ? values.filter((value) => value !== 0) : values
    const [first = 0] = counting
    if (Array.isArray(first)) {
      const parts = first.map((_, i) =>
        plan(
          name,
          `${label}[${i}]`,
          values.map((value) => (value as unknown[])[i]),
        ),
      )
      return (uniform) => parts.map((part) => part(uniform))
    }
    const same = counting.every((value) => Object.is(value, first))
    if (same && typeof first !== 'function') return () => first
    const misfit = values.find((value) => typeof value !== 'number' && typeof value !== 'function')
    if (misfit !== undefined)
      throw new FreestepError(
        'core',
        'bad-option',
        `${algorithm}: option ${name} shapes the step, so it cannot differ between groups. Use splitGroups, or one value.`,
      )
    const options = (same ? [first] : values) as readonly (number | Schedule)[]
    uniforms[label] = {
      scope: same ? 'global' : 'tensor',
      fixed: options.every((option) => typeof option === 'number') ? options : undefined,
      at: (moment) => options.map((option) => moment.valueOf(name, ranges[name], option)),
    }
    return (uniform) => uniform(label)
  }

  const strides = options.map((each) => (each.sliceP as number | undefined) ?? 1)
  for (const name of Object.keys(options[0] ?? {})) {
    if (name === 'sliceP') continue
    build[name] = plan(
      name,
      name,
      options.map((each) => each[name]),
    )
  }
  return {
    uniforms,
    hyper: (uniform) =>
      Object.fromEntries(Object.entries(build).map(([name, make]) => [name, make(uniform)])),
    frozen: options.map(({ lr }) => lr === 0),
    strides: strides.some((p) => p !== 1) ? strides : undefined,
  }
}

/** Refuses what is no parameter group. */
function checkGroup(group: unknown): void {
  const refuse = (message: string) =>
    new FreestepError(
      'core',
      'bad-option',
      `${message} A group says for which parameters: { params: ['w'], lr: 0.1 }.`,
    )
  if (typeof group !== 'object' || group === null || Array.isArray(group))
    throw refuse(`A parameter group is ${kindOf(group)}.`)
  const { params } = group as { readonly params?: unknown }
  const names = Array.isArray(params) && params.every((name) => typeof name === 'string')
  if (!names && typeof params !== 'function')
    throw refuse(`The params of a parameter group are ${kindOf(params)}.`)
}
