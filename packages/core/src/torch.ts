/**
 * Taking over a run from PyTorch: the state of `prodigyopt` or `dadaptation`, exported as
 * safetensors, becomes a checkpoint. Not a reader of pickles: docs/checkpoints.md has the few lines
 * of Python that export one.
 */
import type { Checkpoint } from './checkpoint.ts'
import { FreestepError, suggest } from './errors.ts'
import { type Bytes, readSafetensors, type SavedTensor } from './safetensors.ts'

/** Our name of a state ← theirs. */
interface Names {
  /** What each parameter has. */
  readonly tensors: Readonly<Record<string, string>>
  /** What of it is not kept with β₁ = 0. */
  readonly momentum?: string
  /** The numbers in the parameter group. */
  readonly numbers: Readonly<Record<string, string>>
}
const names: Readonly<Record<'prodigy' | 'dadaptAdam', Names>> = {
  prodigy: {
    tensors: { m: 'exp_avg', v: 'exp_avg_sq', s: 's', x0: 'p0' },
    momentum: 'exp_avg',
    numbers: { d: 'd', r: 'd_numerator', dHat: 'd_hat' },
  },
  dadaptAdam: {
    tensors: { m: 'exp_avg', v: 'exp_avg_sq', s: 's' },
    numbers: { d: 'd', q: 'numerator_weighted', dHat: 'd_hat' },
  },
}

const refuse = (what: string) =>
  new FreestepError(
    'core',
    'bad-checkpoint',
    `The PyTorch state has ${what}. Export it as docs/checkpoints.md shows.`,
  )

/**
 * The checkpoint of a PyTorch run, to `load` into an optimizer made with the same options (for
 * prodigy with `compat: 'prodigyopt'`). Parameters of which the file has nothing never had a
 * gradient: their states start afresh.
 *
 * @param bytes - a safetensors file with `i.exp_avg`, `i.s`, … for the i-th parameter and the
 *   group's numbers as metadata
 * @param algorithm - whose state it is
 * @param parameters - the names here of PyTorch's parameters, in their order
 * @throws FreestepError `bad-checkpoint` for a file without those names, or of more or fewer
 *   parameters
 */
export function fromTorch(
  bytes: Bytes,
  algorithm: 'prodigy' | 'dadaptAdam',
  parameters: readonly string[],
): Checkpoint {
  if (!Object.hasOwn(names, algorithm))
    throw new FreestepError(
      'core',
      'unsupported',
      `Runs of ${algorithm} are not taken over from PyTorch.${suggest(algorithm, Object.keys(names))}`,
    )
  const { metadata, tensors } = readSafetensors(bytes)
  const twice = parameters.find((name, i) => parameters.indexOf(name) < i)
  if (twice !== undefined)
    throw new FreestepError(
      'core',
      'bad-checkpoint',
      `fromTorch: "${twice}" is given as the name of two parameters.`,
    )
  const count = Object.keys(tensors).reduce(
    (most, name) => Math.max(most, Number(/^\d+(?=\.)/.exec(name)?.[0] ?? -1) + 1),
    0,
  )
  if (
    count > parameters.length ||
    Number(metadata.parameters ?? parameters.length) !== parameters.length
  )
    throw new FreestepError(
      'core',
      'bad-checkpoint',
      `The PyTorch state is of ${metadata.parameters ?? `${count} or more`} parameters, and ${parameters.length} names are given. Name each.`,
    )

  const { tensors: theirNames, momentum, numbers } = names[algorithm]
  const has = (i: number, theirs: string) => Object.hasOwn(tensors, `${i}.${theirs}`)
  const all = parameters.map((name, i) => ({
    name,
    i,
    kept: Object.values(theirNames).some((theirs) => has(i, theirs)),
  }))
  const kept = all.filter((each) => each.kept)
  if (kept.length === 0) throw refuse(`nothing named 0.${theirNames.v} or the like`)
  const states = Object.entries(theirNames).filter(
    ([, theirs]) => theirs !== momentum || kept.some(({ i }) => has(i, theirs)),
  )
  const saved = states.flatMap(([ours, theirs]) =>
    kept.map(({ name, i }): [string, SavedTensor] => {
      if (!has(i, theirs)) throw refuse(`no "${i}.${theirs}"`)
      return [`${ours}/${name}`, tensors[`${i}.${theirs}`]]
    }),
  )
  const number = (name: string): number => {
    const value = Number(metadata[name] ?? Number.NaN)
    if (Number.isNaN(value)) throw refuse(`no "${name}"`)
    return value
  }
  const single = Object.entries(numbers).map(([ours, theirs]): [string, SavedTensor] => {
    const value = theirs === 'd_hat' && !(theirs in metadata) ? 0 : number(theirs)
    return [ours, { shape: [], data: Float64Array.of(value) }]
  })
  const fresh = all.filter((each) => !each.kept).map(({ name }) => name)
  return {
    algorithm,
    options: JSON.stringify('d0' in metadata ? { d0: number('d0') } : {}),
    steps: number('k'),
    tensors: Object.fromEntries([...saved, ...single]),
    ...(fresh.length > 0 && { fresh }),
  }
}
