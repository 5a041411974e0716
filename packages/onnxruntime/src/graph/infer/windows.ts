/** Types and shapes of convolutions and pools. */
import { intOf, intsOf, type NodeProto, textOf } from '../../onnx/index.ts'
import { type Dim, isStatic, type Shape } from '../dims.ts'
import { windowsOf } from '../windows.ts'
import type { Infer, Site } from './site.ts'

function spatial(
  { node, x: [a], unknown }: Site,
  kernels: readonly number[] | undefined,
): Shape | undefined {
  if (!a?.shape) return undefined
  const sizes = a.shape.slice(2)
  if (!kernels) return sizes.map(unknown)
  return windowsOf(node, sizes, kernels).map(({ count }) => count ?? unknown())
}

const kernelOf = ({ node, x: [, weights] }: Site) => {
  const given = intsOf(node, 'kernel_shape')
  const sizes = weights?.shape?.slice(2)
  return given ?? (isStatic(sizes) ? sizes : undefined)
}

const pool: Infer = (site) => {
  const { node, x } = site
  const sizes = spatial(site, intsOf(node, 'kernel_shape'))
  const shape = x[0]?.shape && sizes && [...x[0].shape.slice(0, 2), ...sizes]
  return [
    { type: x[0]?.type, shape },
    { type: 'int64', shape },
  ]
}

const global: Infer = ({ x: [a] }) => [
  { type: a?.type, shape: a?.shape?.map((size, i) => (i < 2 ? size : 1)) },
]

/** The sizes that a transposed convolution makes. */
function transposed(
  { node, x: [a], unknown }: Site,
  kernel: readonly number[] | undefined,
): Shape | undefined {
  const given = intsOf(node, 'output_shape')
  const auto = textOf(node, 'auto_pad') ?? 'NOTSET'
  const strides = intsOf(node, 'strides')
  const pads = intsOf(node, 'pads') ?? []
  const sizes = a?.shape?.slice(2)
  if (given?.length) return sizes?.map((_, i) => given[given.length - sizes.length + i])
  return sizes?.map((size, i): Dim => {
    const stride = strides?.[i] ?? 1
    if (auto.startsWith('SAME')) return typeof size === 'number' ? size * stride : unknown()
    if (!kernel) return unknown()
    const [before = 0, behind = 0] = [pads[i], pads[i + sizes.length]]
    const more = reach(node, kernel, i) - (auto === 'VALID' ? 0 : before + behind)
    if (typeof size === 'number') return stride * (size - 1) + more
    return stride === 1 && more === 1 ? size : unknown()
  })
}

/** How far one element of the input reaches in the output, with what is added at the end. */
function reach(node: NodeProto, kernel: readonly number[], i: number): number {
  const dilation = intsOf(node, 'dilations')?.[i] ?? 1
  return (kernel[i] - 1) * dilation + 1 + (intsOf(node, 'output_padding')?.[i] ?? 0)
}

export const windowRules: Readonly<Record<string, Infer>> = {
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: global,
  GlobalMaxPool: global,

  Conv(site) {
    const [a, weights] = site.x
    const sizes = spatial(site, kernelOf(site))
    const channels = weights?.shape?.[0]
    return [
      {
        type: a?.type,
        shape: a?.shape && sizes && [a.shape[0], channels ?? site.unknown(), ...sizes],
      },
    ]
  },

  ConvTranspose(site) {
    const [a, weights] = site.x
    const sizes = transposed(site, kernelOf(site))
    const each = weights?.shape?.[1]
    const channels = typeof each === 'number' ? each * (intOf(site.node, 'group') ?? 1) : undefined
    return [
      {
        type: a?.type,
        shape: a?.shape && sizes && [a.shape[0], channels ?? site.unknown(), ...sizes],
      },
    ]
  },
}
