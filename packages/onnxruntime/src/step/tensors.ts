/**
 * The caller's tensors: what they are, and how numbers get into new ones and out. Not where they
 * are: ONNX Runtime moves them.
 */
import {
  FreestepError,
  kindOf,
  memoryOf,
  type Numbers,
  type Stretch,
  type TensorInfo,
} from '@freestep/core'
import type { Ort, OrtTensor } from '../ort.ts'

/** The precisions that optimizers work in. */
export type Precision = 'float32' | 'float64'

const sizeOf = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 1)
const isTensor = (value: unknown): value is OrtTensor =>
  typeof value === 'object' &&
  value !== null &&
  'dims' in value &&
  'type' in value &&
  'location' in value
const isPrecision = (type: string): type is Precision => type === 'float32' || type === 'float64'

/** Shape and precision of a tensor, if it is one that can be optimized. */
export function describe(
  tensor: OrtTensor,
  name: string,
  single: boolean,
): Omit<TensorInfo, 'name'> {
  const refuse = (code: 'bad-dtype' | 'disposed', what: string, advice: string) =>
    new FreestepError('onnxruntime', code, `${name} ${what}. ${advice}.`)
  if (!isTensor(tensor)) throw refuse('bad-dtype', `is ${kindOf(tensor)}`, 'Give an ort.Tensor')
  const { type, dims, location } = tensor
  if (!isPrecision(type))
    throw refuse(
      'bad-dtype',
      `is of ${type}`,
      'Give float32 or float64; keep other types out of params',
    )
  if (single && type === 'float64')
    throw refuse('bad-dtype', 'is of float64, which WebGPU does not have', 'Give float32')
  if (location === 'none')
    throw refuse('disposed', 'was disposed of', 'Give the present tensor, as in optimizer.params')
  return { shape: dims, size: sizeOf(dims), dtype: type }
}

/** Where the numbers of a tensor are. On a device every tensor has a buffer. */
export function stretchOf(tensor: OrtTensor): Stretch {
  const { location, dims } = tensor
  const data = location.startsWith('cpu') ? tensor.data : undefined
  if (ArrayBuffer.isView(data)) return memoryOf(data)
  return { of: location === 'gpu-buffer' ? tensor.gpuBuffer : tensor, begin: 0, end: sizeOf(dims) }
}

/** A tensor on the CPU. */
export function tensorOf(
  ort: Ort,
  type: Precision,
  numbers: Numbers | readonly number[],
  dims: readonly number[],
): OrtTensor {
  const array = type === 'float32' ? Float32Array : Float64Array
  return new ort.Tensor(type, array.from(numbers), dims)
}

/** A tensor on the CPU that one number fills. */
export function filled(
  ort: Ort,
  type: Precision,
  number: number,
  dims: readonly number[],
): OrtTensor {
  const array = type === 'float32' ? Float32Array : Float64Array
  return new ort.Tensor(type, new array(sizeOf(dims)).fill(number), dims)
}

/** A copy of the numbers of a tensor, wherever it is. */
export async function numbersOf(tensor: OrtTensor): Promise<Numbers> {
  const data = (await tensor.getData()) as Numbers
  return tensor.location === 'cpu' ? data.slice() : data
}

/** A caller's loss as a single number, a tensor of no dimensions. */
export async function lossOf(
  ort: Ort,
  loss: number | OrtTensor,
  type: Precision,
): Promise<OrtTensor> {
  if (typeof loss === 'number') return tensorOf(ort, type, [loss], [])
  if (loss.type === type && loss.dims.length === 0) return loss
  return tensorOf(ort, type, await numbersOf(loss), [])
}

/** Throws unless a tensor can be the loss. */
export function checkLoss(loss: OrtTensor): void {
  const { size } = describe(loss, 'The loss', false)
  if (size !== 1)
    throw new FreestepError(
      'onnxruntime',
      'bad-shape',
      `The loss has ${size} numbers. Give a number, or a tensor of one.`,
    )
}
