/** Types and shapes of convolutions and pools. */
import { intOf, intsOf, textOf } from '../../onnx/index.ts'
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
  return a?.shape?.slice(2).map((size, i, sizes): Dim => {
    if (given?.length) return given[given.length - sizes.length + i]
    const stride = intsOf(node, 'strides')?.[i] ?? 1
    if (auto.startsWith('SAME')) return typeof size === 'number' ? size * stride : unknown()
    const pads = intsOf(node, 'pads') ?? []
    const [before, behind] = auto === 'VALID' ? [0, 0] : [pads[i] ?? 0, pads[i + sizes.length] ?? 0]
    if (!kernel) return unknown()
    const reaches = (kernel[i] - 1) * (intsOf(node, 'dilations')?.[i] ?? 1) + 1
    const more = (intsOf(node, 'output_padding')?.[i] ?? 0) + reaches - before - behind
    if (typeof size === 'number') return stride * (size - 1) + more
    return stride === 1 && more === 1 ? size : unknown()
  })
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
