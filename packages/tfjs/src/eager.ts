/**
 * The operations on tfjs tensors: one kernel each, straight to the engine, since every operand is
 * float32 already and the conversions of the public ops take longer than a small kernel. What the
 * kernels of a tfjs backend get wrong is put right here, once. Not aware of steps or states:
 * backend.ts lends these to core.
 */
import type { EagerOps } from '@freestep/core'
import type * as tfjsCore from '@tensorflow/tfjs-core'
import type { Tensor } from '@tensorflow/tfjs-core'

/**
 * What a TensorFlow.js namespace has to offer; `@tensorflow/tfjs-core` does, and every bundle that
 * contains it.
 */
export type TensorFlow = Pick<
  typeof tfjsCore,
  | (
      | 'backend'
      | 'clone'
      | 'engine'
      | 'fill'
      | 'getBackend'
      | 'keep'
      | 'pad'
      | 'reshape'
      | 'scalar'
      | 'stridedSlice'
      | 'tensor'
    )
  | ('tidy' | 'zeros')
>

/**
 * How many terms are added up at a time, so that rounding errors grow with the logarithm of the
 * size. tfjs adds them one after the other in float32, which is off by 1e-2 at 10⁶ equal terms on
 * wasm and by 1e-4 at 65537 on webgl; on webgpu 64 threads share a sum, and few terms each would
 * waste them; on cpu it adds in double precision.
 */
const blocks: Readonly<Record<string, number>> = { cpu: Number.POSITIVE_INFINITY, webgpu: 512 }

/**
 * The operations of eager execution on tensors. Scalars have shape []; where they come from is the
 * caller's to say.
 */
export function eagerOps(tf: TensorFlow, constant: (c: number) => Tensor): EagerOps<Tensor> {
  const kernel = (
    name: string,
    inputs: Record<string, Tensor>,
    attrs?: Record<string, number | boolean | number[]>,
  ) => tf.engine().runKernel(name, inputs, attrs) as Tensor
  const unary = (name: string) => (x: Tensor) => kernel(name, { x })
  const binary = (name: string) => (a: Tensor, b: Tensor) => kernel(name, { a, b })

  /**
   * A scalar in the shape of another operand. Adding to zeros is many times faster than wasm's own
   * broadcasting.
   */
  const spread = (a: Tensor, shape: number[]) =>
    a.shape.length === shape.length ? a : kernel('Add', { a: tf.fill(shape, 0, 'float32'), b: a })

  /**
   * The wasm kernels drop a NaN that comes second; it is the one number that differs from itself.
   */
  const extremum = (name: string) => (a: Tensor, b: Tensor) => {
    const larger = kernel(name, { a, b })
    if (tf.getBackend() !== 'wasm') return larger
    const second = spread(b, larger.shape)
    return kernel('Select', {
      condition: kernel('NotEqual', { a: second, b: second }),
      t: second,
      e: larger,
    })
  }

  /**
   * The wasm kernel takes what is close to 0 for 0. No number but 0 stays within ±1 after these
   * products.
   */
  const sign = (x: Tensor) => {
    if (tf.getBackend() !== 'wasm') return kernel('Sign', { x })
    const huge = constant(2 ** 127)
    const far = kernel('Multiply', { a: kernel('Multiply', { a: x, b: huge }), b: huge })
    return kernel('ClipByValue', { x: far }, { clipValueMin: -1, clipValueMax: 1 })
  }

  /** WGSL raises to a power through logarithms, and not all devices give 0 for 0. */
  const pow = (a: Tensor, c: Tensor) => {
    const power = kernel('Pow', { a, b: c })
    if (tf.getBackend() !== 'webgpu') return power
    return kernel('Select', { condition: kernel('Equal', { a, b: constant(0) }), t: a, e: power })
  }

  const sumOver = (x: Tensor, axis: number[]) => kernel('Sum', { x }, { axis, keepDims: false })

  /** The terms of a sum: zero where they are not finite. */
  const finite = (x: Tensor) => {
    const counts = kernel('Less', { a: kernel('Abs', { x }), b: constant(Infinity) })
    return kernel('Select', { condition: counts, t: x, e: tf.fill(x.shape, 0, 'float32') })
  }

  function sum(a: Tensor): Tensor {
    if (a.rank === 0) return a
    if (a.size === 0) return constant(0)
    const block = blocks[tf.getBackend()] ?? 8
    let terms = finite(a)
    while (terms.size > 2 * block) {
      const rows = Math.ceil(terms.size / block)
      const missing = rows * block - terms.size
      if (missing) terms = tf.pad(tf.reshape(terms, [terms.size]), [[0, missing]])
      terms = sumOver(tf.reshape(terms, [rows, block]), [1])
    }
    return sumOver(terms, [...terms.shape.keys()])
  }

  return {
    add: binary('Add'),
    sub: binary('Sub'),
    mul: binary('Multiply'),
    div: binary('RealDiv'),
    max: extremum('Maximum'),
    min: extremum('Minimum'),
    pow,
    neg: unary('Neg'),
    abs: unary('Abs'),
    sqrt: unary('Sqrt'),
    sign,
    where(c, a, b) {
      const { shape } = [c, a, b].find(({ rank }) => rank > 0) ?? c
      const condition = kernel('Greater', { a: spread(c, shape), b: constant(0) })
      return kernel('Select', { condition, t: spread(a, shape), e: spread(b, shape) })
    },
    constant,
    sum,
    slice: (a, p) => tf.stridedSlice(tf.reshape(a, [a.size]), [0], [a.size], [p]),
  }
}
