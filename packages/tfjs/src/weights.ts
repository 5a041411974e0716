/**
 * A checkpoint of core as tfjs saves optimizers: a flat list of named tensors that starts with
 * `iter`. Names are those of the checkpoint behind the algorithm's, `prodigy/s/dense/kernel` or
 * `prodigy/d`, which keeps them apart from the weights of the model. Not aware of live variables:
 * whose state it is, is found out in pair.ts.
 */
import { type Checkpoint, FreestepError, precisionOf, type SavedTensor } from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'

/** A tensor by name. */
export interface NamedTensor {
  name: string
  tensor: tf.Tensor
}

/** What a checkpoint holds about one variable. */
export interface SavedVariable {
  readonly name: string
  /** Its states' shapes. */
  readonly shapes: readonly (readonly number[])[]
}

/** The list of named tensors; they are the caller's to dispose. */
export function toTensors({ algorithm, steps, tensors }: Checkpoint): NamedTensor[] {
  const list = Object.entries(tensors).map(([name, saved]) => ({
    name: `${algorithm}/${name}`,
    tensor: toTensor(saved),
  }))
  return [{ name: 'iter', tensor: tf.scalar(steps, 'int32') }, ...list]
}

/**
 * tfjs has no double precision, in which fused steps keep single numbers: the two halves of each go
 * into an int32 tensor.
 */
const toTensor = ({ shape, data }: SavedTensor) =>
  precisionOf(data) === 'float64' && data.length === 1
    ? tf.tensor1d(new Int32Array(data.slice().buffer), 'int32')
    : tf.tensor(Float32Array.from(data), [...shape], 'float32')

/** And back. */
async function fromTensor(tensor: tf.Tensor): Promise<SavedTensor> {
  const data = await tensor.data()
  if (tensor.dtype === 'int32' && tensor.size === 2)
    return { shape: [], data: new Float64Array(Int32Array.from(data).buffer) }
  return { shape: [...tensor.shape], data: Float32Array.from(data) }
}

/** Reads such a list; refuses what another algorithm, or no optimizer of ours, has saved. */
export async function fromTensors(
  algorithm: string,
  [iter, ...rest]: readonly NamedTensor[],
): Promise<Checkpoint> {
  if (iter?.name !== 'iter')
    throw bad(
      `the list starts with ${iter?.name ?? 'nothing'} instead of iter. Give what getWeights() returned`,
    )
  const prefix = `${algorithm}/`
  const stranger = rest.find(({ name }) => !name.startsWith(prefix))
  if (stranger)
    throw bad(
      `it holds "${stranger.name}", which is not a state of ${algorithm}. Load it with the optimizer that saved it`,
    )
  const read = async ({ name, tensor }: NamedTensor) =>
    [name.slice(prefix.length), await fromTensor(tensor)] as const
  const [[steps], ...tensors] = await Promise.all([iter.tensor.data(), ...rest.map(read)])
  return { algorithm, options: '{}', steps, tensors: Object.fromEntries(tensors) }
}

/** The variables of a checkpoint, in the order they come in it. */
export function variablesOf({ tensors }: Checkpoint): SavedVariable[] {
  const found = new Map<string, (readonly number[])[]>()
  for (const [key, { shape }] of Object.entries(tensors)) {
    const slash = key.indexOf('/')
    if (slash < 0) continue
    const name = key.slice(slash + 1)
    found.set(name, [...(found.get(name) ?? []), shape])
  }
  return [...found].map(([name, shapes]) => ({ name, shapes }))
}

/** The same checkpoint with its variables in another order. */
export function ordered({ tensors, ...rest }: Checkpoint, names: readonly string[]): Checkpoint {
  const place = new Map(names.map((name, i) => [name, i]))
  const rank = (key: string) => place.get(key.slice(key.indexOf('/') + 1)) ?? -1
  const entries = Object.entries(tensors).sort(([a], [b]) => rank(a) - rank(b))
  return { ...rest, tensors: Object.fromEntries(entries) }
}

/**
 * The same checkpoint without some of its variables.
 *
 * @param parts - the variables that are a vector of their own each, in the order of their numbers
 * (`d@1`)
 */
export function without(
  { tensors, ...rest }: Checkpoint,
  gone: ReadonlySet<string>,
  parts: readonly (readonly string[])[],
): Checkpoint {
  const kept = [...parts.keys()].filter((p) => !parts[p].every((name) => gone.has(name)))
  const renamed = (key: string): string | undefined => {
    const slash = key.indexOf('/')
    if (slash >= 0) return gone.has(key.slice(slash + 1)) ? undefined : key
    const [state, p] = key.split('@')
    if (p === undefined) return key
    const now = kept.indexOf(Number(p))
    if (now < 0) return undefined
    return kept.length === 1 ? state : `${state}@${now}`
  }
  const entries = Object.entries(tensors).flatMap(([key, saved]) => {
    const name = renamed(key)
    return name === undefined ? [] : [[name, saved] as const]
  })
  return { ...rest, tensors: Object.fromEntries(entries) }
}

/** Refuses a saved state. */
export const bad = (why: string) =>
  new FreestepError('tfjs', 'bad-checkpoint', `The saved optimizer state does not fit: ${why}.`)
