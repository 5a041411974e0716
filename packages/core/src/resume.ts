/**
 * Saving and loading the state of an optimizer: which arrays a checkpoint has, and that they fit
 * before one is written. Not the bytes of a checkpoint, which are in checkpoint.ts, nor its record
 * of options, which is in record.ts.
 */
import { type FirstValues, firstValues, nowhere, startFromParameters } from './afresh.ts'
import type { Algorithm } from './algorithm.ts'
import type { Numbers } from './arrays.ts'
import type { Engine } from './backend.ts'
import type { Checkpoint, LoadOptions } from './checkpoint.ts'
import { FreestepError, suggest } from './errors.ts'
import { after, type MaybePromise, together } from './later.ts'
import type { Part } from './part.ts'
import { type Recorded, recordText, SavedOptions } from './record.ts'
import type { SavedTensor } from './safetensors.ts'
import type { TensorInfo } from './tensor.ts'
import type { Scope } from './value.ts'

/** Writes one state into its engine. */
export type Write = () => MaybePromise<void>

/** A part, as far as its checkpoints go. */
type Kept = Omit<Part<never, never>, 'engine' | 'params'> & {
  readonly engine: Pick<Engine<never>, 'read' | 'write'>
}

/** An optimizer, as far as its checkpoints go. */
export interface Resumable {
  readonly algorithm: Algorithm
  readonly tensors: readonly TensorInfo[]
  readonly parts: readonly Kept[]
}

/** One array of a checkpoint. */
interface Place {
  readonly name: string
  readonly shape: readonly number[]
  /** Its parameter among those of the part; the first for a global state, which is that of all. */
  readonly tensor: number
  readonly parameter: string
}

/**
 * A state of a part: what the engine reads and writes as a whole, and where each of its arrays
 * goes.
 */
interface Slot {
  readonly part: Kept
  readonly state: string
  readonly places: readonly Place[]
}

/** Every state of every part, and the parameters as `x` if asked for. */
function slots({ tensors, parts }: Resumable, withParams: boolean): Slot[][] {
  return parts.map((part, p) => {
    const { indices, program } = part
    const states: Record<string, Scope> = { ...(withParams && { x: 'element' }), ...program.states }
    return Object.entries(states).map(([state, scope]): Slot => {
      const each = indices.map((i, tensor): Place => {
        const shape = shapeOf(scope, tensors[i], program.strides?.[tensor])
        return { name: `${state}/${tensors[i].name}`, shape, tensor, parameter: tensors[i].name }
      })
      const name = parts.length === 1 ? state : `${state}@${p}`
      return { part, state, places: scope === 'global' ? [{ ...each[0], name, shape: [] }] : each }
    })
  })
}

function shapeOf(scope: Scope, tensor: TensorInfo, stride = 1): readonly number[] {
  if (scope === 'tensor') return []
  return scope === 'slice' ? [Math.ceil(tensor.size / stride)] : tensor.shape
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)

function recorded({ algorithm, tensors, parts }: Resumable): Recorded {
  const named = parts.map(({ indices, options }) =>
    indices.map((i, j) => ({ name: tensors[i].name, options: options[j] })),
  )
  return {
    algorithm,
    parameters: named.flat(),
    parts: named.map((part) => part.map(({ name }) => name)),
  }
}

/** See {@link Optimizer.save}. */
export async function save(
  optimizer: Resumable,
  steps: number,
  { params = false }: { readonly params?: boolean } = {},
): Promise<Checkpoint> {
  const options = recordText(recorded(optimizer))
  // All reads start before one is waited for, so that they show one moment.
  const all = slots(optimizer, params).flat()
  const read = await Promise.all(all.map(({ part, state }) => part.engine.read(state)))
  const saved = all.flatMap(({ places }, i) =>
    places.map(({ name, shape }, j): [string, SavedTensor] => [name, { shape, data: read[i][j] }]),
  )
  return { algorithm: optimizer.algorithm.name, options, steps, tensors: Object.fromEntries(saved) }
}

/**
 * See {@link Optimizer.load}: the writes that it takes, after the checkpoint was found to fit. A
 * promise only where states start afresh from parameters that have to be read.
 */
export function loading(
  optimizer: Resumable,
  checkpoint: Checkpoint,
  options: LoadOptions = {},
): MaybePromise<Write[]> {
  checkLoadOptions(options)
  checkCheckpoint(optimizer.algorithm.name, checkpoint)
  const saved = new SavedOptions(checkpoint.options)
  const ours = recorded(optimizer)
  saved.checkParts(ours.parts)
  if (options.options !== 'ours') saved.check(ours)
  const all = slots(optimizer, Object.hasOwn(checkpoint.tensors, `x/${optimizer.tensors[0].name}`))
  checkFits(checkpoint, all.flat())

  const write = ({ part, state, places }: Slot, first: FirstValues) => {
    const numbers = places.map((place) => {
      const tensor = tensorOf(checkpoint, place)
      return tensor
        ? scaled(tensor.data, scale(saved, part, state, place))
        : first(state, place.tensor, sizeOf(place.shape))
    })
    return () => part.engine.write(state, numbers)
  }
  const firsts = all.map((own, p) => firstOf(optimizer.parts[p], own, checkpoint))
  return after(together(firsts), (known) =>
    all.flatMap((own, p) => own.map((slot) => write(slot, known[p]))),
  )
}

const tensorOf = ({ tensors }: Checkpoint, { name }: Place): SavedTensor | undefined =>
  Object.hasOwn(tensors, name) ? tensors[name] : undefined

/** The first values for the states of a part that the checkpoint lacks. */
function firstOf(
  { program, engine }: Kept,
  own: readonly Slot[],
  checkpoint: Checkpoint,
): MaybePromise<FirstValues> {
  const lacking = own
    .filter(({ places }) => places.some((place) => !tensorOf(checkpoint, place)))
    .map(({ state }) => state)
  if (!lacking.length) return () => new Float64Array(0)
  if (!startFromParameters(program, lacking)) return firstValues(program, nowhere(program))
  const x = own
    .find(({ state }) => state === 'x')
    ?.places.flatMap((place) => tensorOf(checkpoint, place)?.data ?? [])
  return after(x ?? engine.read('x'), (numbers) => firstValues(program, numbers))
}

/** What the numbers of a state that is divided by an option are to be multiplied by. */
function scale(
  saved: SavedOptions,
  { program, options }: Kept,
  state: string,
  { parameter, tensor }: Place,
): number {
  const option = program.dividedBy[state]
  if (option === undefined) return 1
  const [theirs, ours] = [saved.option(option, parameter), options[tensor][option]]
  return typeof theirs === 'number' && typeof ours === 'number' ? theirs / ours : 1
}

const scaled = (numbers: Numbers, factor: number): Numbers =>
  factor === 1 ? numbers : numbers.map((each) => each * factor)

const refuse = (message: string) => new FreestepError('core', 'bad-checkpoint', message)

function checkLoadOptions(options: LoadOptions): void {
  const unknown = Object.keys(options).find((name) => name !== 'options')
  if (unknown !== undefined)
    throw new FreestepError(
      'core',
      'unknown-option',
      `load has no option "${unknown}".${suggest(unknown, ['options'])}`,
    )
  if (options.options !== undefined && options.options !== 'ours')
    throw new FreestepError(
      'core',
      'bad-option',
      `load: options is ${JSON.stringify(options.options)}. Give 'ours', or leave it out.`,
    )
}

/** Refuses what is no checkpoint, or one of another algorithm. */
function checkCheckpoint(algorithm: string, checkpoint: Checkpoint): void {
  if (typeof checkpoint?.tensors !== 'object' || checkpoint.tensors === null)
    throw refuse('This is no checkpoint. Give one that save() or fromSafetensors made.')
  if (checkpoint.algorithm !== algorithm)
    throw refuse(
      `The checkpoint is of ${checkpoint.algorithm}, the optimizer is ${algorithm}. Create the one it was made with.`,
    )
  if (!Number.isSafeInteger(checkpoint.steps) || checkpoint.steps < 0)
    throw refuse(
      `The checkpoint says ${checkpoint.steps} steps were taken. Give one that save() or fromSafetensors made.`,
    )
}

/** Refuses a checkpoint that has not all that is kept here, or more, or other shapes. */
function checkFits(checkpoint: Checkpoint, all: readonly Slot[]): void {
  const fresh = new Set(checkpoint.fresh)
  const known = new Set<string>()
  for (const { part, state, places } of all)
    for (const place of places) {
      known.add(place.name)
      const tensor = tensorOf(checkpoint, place)
      if (tensor) checkTensor(place, tensor)
      else if (
        !part.program.hidden.includes(state) &&
        (state === 'x' || place.shape.length === 0 || !fresh.has(place.parameter))
      )
        throw refuse(
          `The checkpoint has no "${place.name}". Create the optimizer with the options and parameters it was made with.`,
        )
    }
  const extra = Object.keys(checkpoint.tensors).find((name) => !known.has(name))
  if (extra !== undefined)
    throw refuse(
      `The checkpoint has "${extra}", which is not kept here. Create the optimizer with the options it was made with.`,
    )
}

/**
 * Refuses an array of another shape. A shape of one dimension says only how many numbers there are,
 * as plain arrays do, and fits every shape of so many.
 */
function checkTensor({ name, shape }: Place, { shape: saved, data }: SavedTensor): void {
  const size = sizeOf(shape)
  const isNumbers = /^Float(32|64)Array$/.test(Object.prototype.toString.call(data).slice(8, -1))
  if (!isNumbers || !Array.isArray(saved) || sizeOf(saved) !== data.length)
    throw refuse(
      `"${name}" of the checkpoint is no array of floating-point numbers with its shape. Give what save() made.`,
    )
  if (data.length !== size)
    throw refuse(
      `"${name}" has ${data.length} numbers in the checkpoint, ${size} here. Give the parameters it was made with.`,
    )
  if (shape.length > 1 && saved.length > 1 && String(shape) !== String(saved))
    throw refuse(
      `"${name}" has the shape [${saved.join(', ')}] in the checkpoint, [${shape.join(', ')}] here. Give the parameters it was made with.`,
    )
}
