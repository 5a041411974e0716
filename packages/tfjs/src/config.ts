/**
 * An algorithm and its groups as tfjs keeps them in model.json, and back. Not the state: that is
 * weights.ts.
 *
 * tfjs rewrites what it reads back: strings and keys with an underscore become camelCase, except a
 * string under the key `name`. JSON has no Infinity. So names of variables are written as
 * `{ name }`, and infinite numbers as words.
 */
import {
  type Algorithm,
  type AlgorithmFactory,
  averaged,
  clipByGlobalNorm,
  FreestepError,
  mechanic,
  type NamedSchedule,
  type Settings,
  scheduleFree,
  scheduleFromJSON,
  skipNonFinite,
} from '@freestep/core'
import type { serialization } from '@tensorflow/tfjs-core'
import type { RunSettings } from './growing.ts'

type Json = serialization.ConfigDictValue
type Dict = serialization.ConfigDict

/** The options of any algorithm, with groups and how to run. */
export type AnySettings = RunSettings<object> & { readonly [option: string]: unknown }

const factories = new Map<string, AlgorithmFactory<object>>()

/** Makes an algorithm known by its name, to those who read configurations. */
export function register<O extends object>(factory: Pick<AlgorithmFactory<O>, 'algorithm'>): void {
  factories.set(factory.algorithm.name, factory as unknown as AlgorithmFactory<object>)
}

/** Every wrapper, from its options and what it goes around. */
const wrappers: Record<string, (inner: Algorithm, options: never) => Algorithm> = {
  averaged,
  clipByGlobalNorm: (inner, { max }: { max: number }) => clipByGlobalNorm(max, inner),
  mechanic,
  scheduleFree,
  skipNonFinite: (inner) => skipNonFinite(inner),
}

/** An algorithm with its options, wrappers included; refuses one that could not be read back. */
export function algorithmToConfig({ name, options, step, wrapper }: Algorithm): Dict {
  if (wrapper && Object.hasOwn(wrappers, wrapper.name))
    return {
      wrapper: wrapper.name,
      options: toConfig(name, wrapper.options),
      inner: algorithmToConfig(wrapper.inner),
    }
  if (!wrapper && factories.get(name)?.algorithm.step === (step as unknown))
    return { algorithm: name, options: toConfig(name, { ...options }) }
  throw refuse(name, 'no class of that name is registered', 'Make it by optimizerFactory(…)')
}

/** The algorithm again. */
export function algorithmFromConfig(config: Dict): Algorithm {
  const options = fromConfig(config.options as Dict) as Settings<object>
  if (config.wrapper)
    return wrappers[config.wrapper as string](
      algorithmFromConfig(config.inner as Dict),
      options as never,
    )
  const factory = factories.get(config.algorithm as string)
  if (factory) return factory(options)
  throw new FreestepError(
    'tfjs',
    'bad-checkpoint',
    `The model was saved with "${config.algorithm}", which is not known here. Call optimizerFactory(…) with it before loading.`,
  )
}

/** Options and groups to JSON; refuses functions, by name. */
export function toConfig(
  algorithm: string,
  { groups = [], splitGroups, ...options }: AnySettings,
): Dict {
  const write = (name: string, value: unknown): Json => {
    if (isNamed(value)) return write(name, value.toJSON())
    if (typeof value === 'function')
      throw refuse(
        algorithm,
        `option ${name} is a function`,
        'Use a schedule of freestep (cosine, linear, …)',
      )
    if (Array.isArray(value)) return value.map((each) => write(name, each))
    if (typeof value === 'object' && value !== null) return record(value)
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : (value as Json)
  }
  const record = (values: object): Dict =>
    Object.fromEntries(
      Object.entries(values)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [name, write(name, value)]),
    )
  const written = groups.map(({ params, ...own }) => {
    if (typeof params === 'function')
      throw refuse(algorithm, 'a group chooses its variables by a function', 'List their names')
    return { params: params.map((name) => ({ name })), ...record(own) }
  })
  return {
    ...record(options),
    ...(written.length && { groups: written }),
    ...(splitGroups && { splitGroups }),
  }
}

/** The options and groups again. tfjs-layers puts `customObjects` among them. */
export function fromConfig({ groups, customObjects: _, ...config }: Dict): AnySettings {
  const read = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(read)
    if (typeof value === 'object' && value !== null) {
      const values = record(value)
      return 'schedule' in values
        ? scheduleFromJSON(values as ReturnType<NamedSchedule['toJSON']>)
        : values
    }
    return value === 'Infinity' ? Number.POSITIVE_INFINITY : value
  }
  const record = (values: object) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, read(value)]))
  const named = ({ params, ...own }: Dict) => ({
    params: (params as { name: string }[]).map(({ name }) => name),
    ...record(own),
  })
  return {
    ...record(config),
    ...(groups !== undefined && { groups: (groups as Dict[]).map(named) }),
  }
}

const isNamed = (value: unknown): value is NamedSchedule =>
  typeof value === 'function' && 'toJSON' in value

const refuse = (algorithm: string, what: string, instead: string) =>
  new FreestepError(
    'tfjs',
    'unsupported',
    `${algorithm} cannot be written into model.json: ${what}. ${instead}, or save the model without includeOptimizer and hand what save() ` +
      'gives to load() of an optimizer made the same way.',
  )
