/** Tensors of ONNX Runtime from those of a model and from checkpoints, and back. */
import type { Numbers } from '@freestep/core'
import { dataOf, elementTypeName, type NumberType, type TensorProto } from '../onnx/index.ts'
import type { Ort, OrtData, OrtTensor } from '../ort.ts'

/** A tensor with the numbers of an initializer. */
export function tensorFrom(ort: Ort, tensor: TensorProto): OrtTensor {
  return new ort.Tensor(
    elementTypeName(tensor.dataType) as NumberType,
    dataOf(tensor).slice(),
    tensor.dims ?? [],
  )
}

/** A tensor like another, with other numbers. */
export function tensorLike(ort: Ort, { type, dims }: OrtTensor, numbers: Numbers): OrtTensor {
  return new ort.Tensor(
    type as NumberType,
    (type === 'float64' ? Float64Array : Float32Array).from(numbers),
    dims,
  )
}

/** The numbers of a tensor, wherever it is. They may be the tensor's own. */
export const numbersOf = async (tensor: OrtTensor): Promise<Numbers> =>
  (await tensor.getData()) as Numbers

/** The bytes of a tensor. */
export async function bytesOf(tensor: OrtTensor): Promise<Uint8Array> {
  const { buffer, byteOffset, byteLength } = (await tensor.getData()) as OrtData
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
}

/**
 * Frees a tensor of the trainer's own. Where it says it is does not tell: once it was read, a
 * tensor on a device says that it is on the CPU.
 */
export function free(tensor: OrtTensor | undefined): void {
  if (tensor && tensor.location !== 'none') tensor.dispose()
}
