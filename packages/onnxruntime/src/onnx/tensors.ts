/**
 * The numbers of a TensorProto as typed arrays, and back; as `ort.Tensor` has them: float16 in
 * Uint16Array, bool in Uint8Array.
 */
import { FreestepError, halves } from '@freestep/core'
import {
  type ElementType,
  elementTypeName,
  elementTypes,
  type Int64,
  type TensorProto,
} from './types.ts'

/** The array for each type of numbers. */
export const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const

/** A type of numbers. */
export type NumberType = keyof typeof arrays

/** The numbers of a tensor. */
export type NumberArray = InstanceType<(typeof arrays)[NumberType]>

const sizeOf = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 1)

/** Whether a type is one of numbers, that is any but texts. */
const isNumeric = (type: ElementType | undefined): type is NumberType =>
  type !== undefined && Object.hasOwn(arrays, type)

/**
 * A tensor of the given numbers: bigint arrays and those of float16 patterns are filled from
 * numbers as well.
 */
export function tensorProto(
  name: string,
  type: NumberType,
  dims: readonly number[],
  data: NumberArray | readonly Int64[],
): TensorProto {
  const array = ArrayBuffer.isView(data) ? data : fromNumbers(type, data)
  return {
    name,
    dataType: elementTypes[type],
    dims,
    rawData: new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength),
  }
}

function fromNumbers(type: NumberType, numbers: readonly Int64[]): NumberArray {
  if (type === 'int64') return BigInt64Array.from(numbers, BigInt)
  if (type === 'uint64') return BigUint64Array.from(numbers, BigInt)
  if (type === 'float16')
    return Uint16Array.from(numbers, (each) => halves.float16.encode(Number(each)))
  return (arrays[type] as Float64ArrayConstructor).from(numbers, Number) as NumberArray
}

/**
 * The numbers of a tensor, a view of the file where its alignment allows it.
 *
 * @throws FreestepError `bad-model` where they do not fit its shape, or are none
 */
export function dataOf(tensor: TensorProto): NumberArray {
  const type = elementTypeName(tensor.dataType)
  if (!isNumeric(type))
    throw new FreestepError(
      'onnxruntime',
      'bad-model',
      `The tensor "${tensor.name}" is of element type ${type ?? tensor.dataType}, which has no numbers to compute with here.`,
    )
  const data = stored(tensor, type)
  const size = sizeOf(tensor.dims ?? [])
  if (data.length !== size)
    throw new FreestepError(
      'onnxruntime',
      'bad-model',
      `The tensor "${tensor.name}" has ${data.length} numbers where its shape [${tensor.dims?.join(', ')}] has ${size}. ` +
        'The file is damaged, or was written wrong.',
    )
  return data
}

function stored(
  { rawData, floatData, doubleData, int32Data, int64Data, uint64Data }: TensorProto,
  type: NumberType,
): NumberArray {
  if (rawData) {
    const array = arrays[type]
    // A typed array can only begin at a multiple of the size of its elements. (slice() of a Buffer
    // of Node would be a view.)
    const { buffer, byteOffset, byteLength } =
      rawData.byteOffset % array.BYTES_PER_ELEMENT === 0 ? rawData : new Uint8Array(rawData)
    return new array(
      buffer as ArrayBuffer,
      byteOffset,
      Math.floor(byteLength / array.BYTES_PER_ELEMENT),
    )
  }
  if (type === 'float32') return fromNumbers(type, floatData ?? [])
  if (type === 'float64') return fromNumbers(type, doubleData ?? [])
  if (type === 'int64') return fromNumbers(type, int64Data ?? [])
  if (type === 'float16') return Uint16Array.from(int32Data ?? [])
  return fromNumbers(type, (type === 'uint32' || type === 'uint64' ? uint64Data : int32Data) ?? [])
}
