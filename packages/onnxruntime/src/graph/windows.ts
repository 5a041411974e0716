/**
 * The geometry of convolutions and pools: where windows lie along each spatial axis, with every way
 * ONNX has to say so resolved to numbers. Used by shape inference and by the gradients.
 */
import { intOf, intsOf, type NodeProto, textOf } from '../onnx/index.ts'
import type { Dim, Shape } from './dims.ts'

/** Windows along one axis. */
export interface Window {
  readonly kernel: number
  readonly stride: number
  readonly dilation: number
  /**
   * Padding before the first element and behind the last; undefined where it hangs on a size that
   * is not known.
   */
  readonly pads: readonly [number, number] | undefined
  readonly size: Dim
  /** How many windows there are; undefined where that is not known. */
  readonly count: Dim | undefined
}

/** How far one window reaches. */
export const reach = ({ kernel, dilation }: Pick<Window, 'kernel' | 'dilation'>): number =>
  (kernel - 1) * dilation + 1

/**
 * The windows of a node along the spatial axes, of the given sizes, with kernels of the given
 * sizes.
 */
export function windowsOf(
  node: NodeProto,
  sizes: Shape,
  kernels: readonly number[],
): readonly Window[] {
  const strides = intsOf(node, 'strides')
  const dilations = intsOf(node, 'dilations')
  return sizes.map((size, i) => {
    const window = {
      kernel: kernels[i],
      stride: strides?.[i] ?? 1,
      dilation: dilations?.[i] ?? 1,
      size,
    }
    const pads = padding(node, window, i, sizes.length)
    return {
      ...window,
      pads,
      count: pads && countOf({ ...window, pads }, intOf(node, 'ceil_mode') === 1),
    }
  })
}

type Unpadded = Omit<Window, 'pads' | 'count'>

function padding(
  node: NodeProto,
  window: Unpadded,
  axis: number,
  rank: number,
): readonly [number, number] | undefined {
  const auto = textOf(node, 'auto_pad') ?? 'NOTSET'
  if (auto === 'VALID') return [0, 0]
  if (auto === 'NOTSET') {
    const pads = intsOf(node, 'pads')
    return [pads?.[axis] ?? 0, pads?.[axis + rank] ?? 0]
  }
  const { size, stride } = window
  if (typeof size !== 'number' && stride !== 1) return undefined
  const total =
    typeof size === 'number'
      ? Math.max(0, (Math.ceil(size / stride) - 1) * stride + reach(window) - size)
      : reach(window) - 1
  const less = Math.floor(total / 2)
  return auto === 'SAME_UPPER' ? [less, total - less] : [total - less, less]
}

function countOf(
  window: Unpadded & { pads: readonly [number, number] },
  ceil: boolean,
): Dim | undefined {
  const { size, stride, pads } = window
  const spare = pads[0] + pads[1] - reach(window)
  if (typeof size !== 'number') return spare === -1 && stride === 1 ? size : undefined
  const steps = (size + spare) / stride
  if (!ceil) return Math.floor(steps) + 1
  const count = Math.ceil(steps) + 1
  // A window that would begin in the padding behind the last element is left out.
  return (count - 1) * stride >= size + pads[0] ? count - 1 : count
}
