/**
 * Checkpoints: what an optimizer needs to continue bit for bit, as named arrays and a few facts,
 * and their form as safetensors bytes. Not a model format: the parameters are in it only if asked
 * for.
 *
 * Names: `state/parameter` for what each parameter has, `state` for a single number (`state@1` for
 * that of the second part with `splitGroups`), `x/parameter` for parameters.
 */
import {
  type Bytes,
  readSafetensors,
  refuseBytes,
  type SavedTensor,
  writeSafetensors,
} from './safetensors.ts'

/** The state of an optimizer. */
export interface Checkpoint {
  /** The algorithm's name, wrappers included. */
  readonly algorithm: string
  /**
   * Its options as JSON, those of wrappers and groups included: for the reader, and compared when
   * it is loaded. What is not written here is not compared.
   */
  readonly options: string
  /** How many steps were taken. */
  readonly steps: number
  readonly tensors: Readonly<Record<string, SavedTensor>>
  /**
   * Parameters of which nothing is kept yet, since they never had a gradient: their states start
   * afresh.
   */
  readonly fresh?: readonly string[]
}

/** How to load a checkpoint. */
export interface LoadOptions {
  /**
   * `ours` goes on with the optimizer's own options where the checkpoint was made with others,
   * instead of refusing it. States that are kept divided by an option, as Prodigy's r and s by d0,
   * are rescaled.
   */
  readonly options?: 'ours'
}

/** The bytes of a safetensors file. */
export function toSafetensors({
  algorithm,
  options,
  steps,
  tensors,
  fresh = [],
}: Checkpoint): Uint8Array {
  const metadata = { format: 'freestep', algorithm, options, steps: String(steps) }
  return writeSafetensors({
    metadata: fresh.length ? { ...metadata, fresh: JSON.stringify(fresh) } : metadata,
    tensors,
  })
}

/**
 * A checkpoint from the bytes that {@link toSafetensors} wrote, an ArrayBuffer or any view on one.
 *
 * @throws FreestepError `bad-checkpoint`
 */
export function fromSafetensors(bytes: Bytes): Checkpoint {
  const { metadata, tensors } = readSafetensors(bytes)
  const { format, algorithm, options = '{}', steps, fresh } = metadata
  if (format !== 'freestep' || algorithm === undefined || !/^\d{1,15}$/.test(steps ?? ''))
    throw refuseBytes('the metadata of freestep are missing')
  const checkpoint = { algorithm, options, steps: Number(steps), tensors }
  return fresh === undefined ? checkpoint : { ...checkpoint, fresh: namesIn(fresh) }
}

function namesIn(json: string): string[] {
  try {
    const names: unknown = JSON.parse(json)
    if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  } catch {
    // Falls through: whatever is wrong with the text, it is no list of names.
  }
  throw refuseBytes('its list of fresh parameters is none')
}
