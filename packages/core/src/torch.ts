/**
 * Taking over a run from PyTorch: the state of `prodigyopt` or `dadaptation`, exported as safetensors, becomes a checkpoint. Not a
 * reader of pickles: docs/checkpoints.md has the few lines of Python that export one.
 */
import { type Checkpoint, readSafetensors, type SavedTensor } from './checkpoint.ts'
import { FreestepError } from './errors.ts'

/** Our name of a state ← theirs: of each parameter's tensors, and of the numbers in the parameter group. */
const names: Record<string, { readonly tensors: Record<string, string>; readonly numbers: Record<string, string> }> = {
  prodigy: { tensors: { m: 'exp_avg', v: 'exp_avg_sq', s: 's', x0: 'p0' }, numbers: { d: 'd', r: 'd_numerator', dHat: 'd_hat' } },
  dadaptAdam: { tensors: { m: 'exp_avg', v: 'exp_avg_sq', s: 's' }, numbers: { d: 'd', q: 'numerator_weighted', dHat: 'd_hat' } },
}

/**
 * The checkpoint of a PyTorch run, to `load` into an optimizer made with the same options (for prodigy with
 * `compat: 'prodigyopt'`).
 *
 * @param bytes - a safetensors file with `i.exp_avg`, `i.s`, … for the i-th parameter and the group's numbers as metadata
 * @param algorithm - whose state it is
 * @param parameters - the names here of PyTorch's parameters, in their order
 * @throws FreestepError `bad-checkpoint` for a file without those names
 */
export function fromTorch(bytes: Uint8Array, algorithm: 'prodigy' | 'dadaptAdam', parameters: readonly string[]): Checkpoint {
  const { metadata, tensors } = readSafetensors(bytes)
  const refuse = (name: string) =>
    new FreestepError('core', 'bad-checkpoint', `The PyTorch state has no "${name}". Export it as docs/checkpoints.md shows.`)
  const saved: Record<string, SavedTensor> = {}
  for (const [ours, theirs] of Object.entries(names[algorithm].tensors))
    for (const [i, parameter] of parameters.entries()) {
      const tensor = tensors[`${i}.${theirs}`]
      if (!tensor) throw refuse(`${i}.${theirs}`)
      saved[`${ours}/${parameter}`] = { shape: [tensor.data.length], data: tensor.data }
    }
  const number = (name: string): number => {
    const value = Number(metadata[name] ?? Number.NaN)
    if (Number.isNaN(value)) throw refuse(name)
    return value
  }
  for (const [ours, theirs] of Object.entries(names[algorithm].numbers))
    saved[ours] = { shape: [], data: Float64Array.of(theirs in metadata || theirs !== 'd_hat' ? number(theirs) : 0) }
  return { algorithm, options: '{}', steps: number('k'), tensors: saved }
}
