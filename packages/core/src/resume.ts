/**
 * Saving and loading the state of an optimizer: which arrays a checkpoint has, and that they fit before one is written. Not the bytes
 * of a checkpoint, which are in checkpoint.ts.
 */
import type { Algorithm } from './algorithm.ts'
import type { Engine, MaybePromise } from './backend.ts'
import { type Checkpoint, optionsText, type SavedTensor } from './checkpoint.ts'
import { FreestepError } from './errors.ts'
import type { TensorInfo } from './groups.ts'
import type { Part } from './run.ts'
import type { Scope } from './value.ts'

/** A state of one part: what the engine reads and writes as a whole, and where each of its arrays goes. */
interface Slot {
  readonly engine: Engine<never, never>
  readonly state: string
  readonly arrays: readonly { readonly name: string; readonly shape: readonly number[] }[]
}
type Parts<P, Done extends MaybePromise<void>> = readonly Part<P, Done>[]

/** Every state of every part, and the parameters as `x` if asked for. */
function slots<P, Done extends MaybePromise<void>>(
  tensors: readonly TensorInfo[],
  parts: Parts<P, Done>,
  withParams: boolean,
): Slot[] {
  return parts.flatMap(({ indices, program, engine }, p) => {
    const states: Record<string, Scope> = { ...(withParams && { x: 'element' }), ...program.states }
    return Object.entries(states).map(([state, scope]): Slot => {
      const each = indices.map((i, j) => ({
        name: `${state}/${tensors[i].name}`,
        shape: shapeOf(scope, tensors[i], program.strides?.[j]),
      }))
      const one = { name: parts.length === 1 ? state : `${state}@${p}`, shape: [] }
      return { engine: engine as unknown as Engine<never, never>, state, arrays: scope === 'global' ? [one] : each }
    })
  })
}

function shapeOf(scope: Scope, tensor: TensorInfo, stride = 1): readonly number[] {
  if (scope === 'tensor') return []
  return scope === 'slice' ? [Math.ceil(tensor.size / stride)] : tensor.shape
}

/** See {@link Optimizer.save}. */
export async function save<P, Done extends MaybePromise<void>>(
  algorithm: Algorithm,
  tensors: readonly TensorInfo[],
  parts: Parts<P, Done>,
  steps: number,
  { params = false }: { readonly params?: boolean } = {},
): Promise<Checkpoint> {
  // All reads start before one is waited for, so that they show one moment.
  const all = slots(tensors, parts, params)
  const read = await Promise.all(all.map(({ engine, state }) => engine.read(state)))
  const saved = all.flatMap(({ arrays }, i) =>
    arrays.map(({ name, shape }, j): [string, SavedTensor] => [name, { shape, data: read[i][j] }]),
  )
  return {
    algorithm: algorithm.name,
    options: optionsText(algorithm),
    steps,
    tensors: Object.fromEntries(saved),
  }
}

/** See {@link Optimizer.load}: the writes that it takes, in order, after the checkpoint was found to fit. */
export function loading<P, Done extends MaybePromise<void>>(
  algorithm: Algorithm,
  tensors: readonly TensorInfo[],
  parts: Parts<P, Done>,
  checkpoint: Checkpoint,
): (() => MaybePromise<void>)[] {
  const all = slots(tensors, parts, `x/${tensors[0].name}` in checkpoint.tensors)
  checkFits(algorithm.name, checkpoint, all)
  return all.map(({ engine, state, arrays }) => {
    const numbers = arrays.map(({ name }) => checkpoint.tensors[name].data)
    return () => engine.write(state, numbers)
  })
}

function checkFits(algorithm: string, checkpoint: Checkpoint, all: readonly Slot[]): void {
  const refuse = (message: string) => new FreestepError('core', 'bad-checkpoint', message)
  if (checkpoint.algorithm !== algorithm)
    throw refuse(`The checkpoint is of ${checkpoint.algorithm}, the optimizer is ${algorithm}. Create the one it was made with.`)
  if (!Number.isSafeInteger(checkpoint.steps) || checkpoint.steps < 0)
    throw refuse(`The checkpoint says ${checkpoint.steps} steps were taken. Give one that save() or fromSafetensors made.`)
  const known = new Set<string>()
  for (const { name, shape } of all.flatMap(({ arrays }) => arrays)) {
    known.add(name)
    const tensor = checkpoint.tensors[name]
    const size = shape.reduce((a, b) => a * b, 1)
    if (!tensor)
      throw refuse(`The checkpoint has no "${name}". Create the optimizer with the options and parameters it was made with.`)
    if (tensor.data.length !== size)
      throw refuse(
        `"${name}" has ${tensor.data.length} numbers in the checkpoint, ${size} here. Give the parameters it was made with.`,
      )
  }
  const extra = Object.keys(checkpoint.tensors).find((name) => !known.has(name))
  if (extra)
    throw refuse(`The checkpoint has "${extra}", which is not kept here. Create the optimizer with the options it was made with.`)
}
