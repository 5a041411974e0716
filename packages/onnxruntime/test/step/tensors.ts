/** Tensors of a copy of ONNX Runtime, as the kit wants to make and read them. */
import type { Tensors } from '@freestep/conformance'
import type { Ort, OrtTensor } from '../../src/ort.ts'

/**
 * Tensors on the CPU to begin with; wherever they are later, they are read without the help of an
 * optimizer.
 */
export const tensorsOf = (ort: Ort): Tensors<OrtTensor> => ({
  tensor: (numbers, shape, dtype) =>
    new ort.Tensor(
      dtype,
      dtype === 'float32' ? Float32Array.from(numbers) : Float64Array.from(numbers),
      shape,
    ),
  read: async (tensor) => (await tensor.getData()) as Float32Array,
  dispose: (tensor) => tensor.dispose(),
})
