/**
 * Batches: what comes with each step, checked against what the model says it takes, before anything
 * runs. Arrays become tensors where the model says enough about their shape.
 */
import { FreestepError, suggest } from '@freestep/core'
import { type HalfArray, patternsOf } from '../float16.ts'
import { type Dim, shapeText } from '../graph/dims.ts'
import { dataOf, type NumberType, tensorProto } from '../onnx/index.ts'
import type { Ort, OrtData, OrtTensor, OrtTensors } from '../ort.ts'

/** What a model takes. */
export interface Taken {
  readonly name: string
  readonly type: NumberType
  /** Undefined where the model does not say. */
  readonly shape: readonly Dim[] | undefined
}

/**
 * Tensors by name. An array stands for one where at most one size is not in the model, as in
 * [batch, 784]; its numbers are converted to the model's type (for float16 a Uint16Array has
 * patterns, as ONNX Runtime has it). All is copied when it is given, but for tensors on a device:
 * leave those until the step is done.
 */
export type Batch = Readonly<
  Record<string, OrtTensor | OrtData | HalfArray | readonly number[] | undefined>
>

const isTensor = (value: unknown): value is OrtTensor =>
  typeof value === 'object' && value !== null && 'dims' in value && 'location' in value
const integers: ReadonlySet<string> = new Set([
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
])

const refuse = (code: 'bad-batch' | 'bad-shape' | 'bad-dtype' | 'disposed', message: string) =>
  new FreestepError('onnxruntime', code, message)

/**
 * A batch as tensors that fit the model, and that the caller has no hand in; all that it takes, or
 * what is given of it.
 */
export function tensorsOf(
  ort: Ort,
  all: readonly Taken[],
  batch: Batch,
  partly = false,
): OrtTensors {
  const names = all.map(({ name }) => name)
  const unknown = Object.keys(batch).find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw refuse(
      'bad-batch',
      `The batch has "${unknown}", which the model does not take.${suggest(unknown, names)}`,
    )
  const taken = partly ? all.filter(({ name }) => batch[name] !== undefined) : all
  const tensors = taken.map((each) => {
    const given = batch[each.name]
    if (!given)
      throw refuse(
        'bad-batch',
        `The batch has no "${each.name}". Give all of: ${names.join(', ')}.`,
      )
    return [each.name, tensorOf(ort, each, given)] as const
  })
  checkSizes(taken, Object.fromEntries(tensors))
  return Object.fromEntries(tensors)
}

function tensorOf(ort: Ort, taken: Taken, given: NonNullable<Batch[string]>): OrtTensor {
  const { name, type } = taken
  if (!isTensor(given)) return converted(ort, type, given, solved(taken, given.length))
  if (given.location === 'none')
    throw refuse(
      'disposed',
      `The tensor "${name}" of the batch was disposed of. Give one that is there.`,
    )
  if (given.type === type) return given.location === 'cpu' ? copyOf(ort, given, type) : given
  if (integers.has(given.type) && integers.has(type) && given.location === 'cpu')
    return converted(ort, type, given.data as OrtData, given.dims)
  throw refuse(
    'bad-dtype',
    `"${name}" of the batch is of ${given.type}, and the model takes ${type}. Convert it.`,
  )
}

const copyOf = (ort: Ort, { data, dims }: OrtTensor, type: NumberType) =>
  new ort.Tensor(type, (data as OrtData).slice(), [...dims])

type Numbers = OrtData | HalfArray | readonly number[]

function converted(
  ort: Ort,
  type: NumberType,
  numbers: Numbers,
  dims: readonly number[],
): OrtTensor {
  if (type === 'float16') return new ort.Tensor(type, patternsOf(numbers).slice(), dims)
  const data = dataOf(
    tensorProto('', type, dims, Array.from(numbers as ArrayLike<number | bigint>)),
  )
  return new ort.Tensor(type, data, dims)
}

/** The shape of an array, from its length and the sizes that the model knows. */
function solved({ name, shape }: Taken, length: number): readonly number[] {
  const unknown = shape?.filter((size) => typeof size !== 'number')
  if (!shape || !unknown || unknown.length > 1)
    throw refuse(
      'bad-shape',
      `"${name}" of the batch is an array, and the model says its shape is ${shapeText(shape)}. Give an ort.Tensor.`,
    )
  const known = shape.reduce<number>(
    (product, size) => (typeof size === 'number' ? product * size : product),
    1,
  )
  const rest = length / known
  if (!Number.isInteger(rest) || (unknown.length === 0 && rest !== 1))
    throw refuse(
      'bad-shape',
      `"${name}" of the batch has ${length} numbers, which do not fill the shape ${shapeText(shape)}.`,
    )
  return shape.map((size) => (typeof size === 'number' ? size : rest))
}

/** Sizes that the model knows have to be those, and sizes of one name the same. */
function checkSizes(taken: readonly Taken[], tensors: OrtTensors): void {
  const sizes = new Map<Dim, { readonly size: number; readonly name: string }>()
  for (const { name, shape } of taken) {
    const { dims } = tensors[name]
    const wrong =
      shape &&
      (dims.length !== shape.length ||
        shape.some((size, i) => typeof size === 'number' && size !== dims[i]))
    if (wrong)
      throw refuse(
        'bad-shape',
        `"${name}" of the batch has shape [${dims.join(', ')}], and the model takes ${shapeText(shape)}.`,
      )
    const named = [...(shape ?? []).entries()].filter(([, size]) => typeof size === 'string')
    for (const [i, size] of named) {
      const before = sizes.get(size)
      if (before && before.size !== dims[i])
        throw refuse(
          'bad-shape',
          `The size "${size}" is ${before.size} in "${before.name}" and ${dims[i]} in "${name}" of the batch. Make them equal.`,
        )
      sizes.set(size, before ?? { size: dims[i], name })
    }
  }
}
