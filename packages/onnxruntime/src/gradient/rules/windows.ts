/**
 * Derivatives of convolutions and pools. The gradient of the input of a convolution is a transposed
 * one; that of its weights a convolution in which batch and channels, stride and dilation change
 * places.
 */

import { isStatic } from '../../graph/dims.ts'
import {
  axesFrom,
  cast,
  count,
  div,
  equal,
  expandAs,
  fullLike,
  ints,
  like,
  mul,
  op,
  reshape,
  reshapeAs,
  shapeOf,
  sum,
  transpose,
  typeOf,
  where,
} from '../../graph/ops.ts'
import type { Value } from '../../graph/value.ts'
import { reach, type Window, windowsOf } from '../../graph/windows.ts'
import { intOf, intsOf, type NodeProto } from '../../onnx/index.ts'
import { type Rule, type Rules, refuse, type Site, sizesOf } from '../rule.ts'

/** Windows whose places are known: all sizes, or stride 1, where they don't matter. */
interface Placed extends Window {
  readonly pads: readonly [number, number]
}

function windows(
  { node, x: [a] }: Pick<Site, 'node' | 'x'>,
  kernels: readonly number[],
): readonly Placed[] {
  const found = windowsOf(node, shapeOf(a).slice(2), kernels)
  return found.map((window) => {
    const { pads, stride, size } = window
    // With a stride, how many elements at the end belong to no window hangs on the size.
    if (!pads || (stride !== 1 && typeof size !== 'number')) sizesOf(node, a, 2)
    return { ...window, pads: pads ?? [0, 0] }
  })
}

/**
 * How many elements lie behind the last window; negative where the windows reach beyond the padding
 * (ceil_mode).
 */
function rest({ size, count, stride, pads, ...window }: Placed): number {
  if (typeof size !== 'number' || typeof count !== 'number') return 0
  return size + pads[0] + pads[1] - (stride * (count - 1) + reach(window))
}

const list = <T>(all: readonly Placed[], f: (window: Placed) => T) => all.map(f)
const beginsAndEnds = (all: readonly Placed[], end: (window: Placed) => number) => [
  ...list(all, ({ pads }) => pads[0]),
  ...list(all, end),
]

/**
 * The transposed convolution that takes values at windows back to the elements that they lie over.
 */
function scattered(values: Value, weights: Value, all: readonly Placed[], group: number): Value {
  const missing = (window: Placed) => rest(window) - window.pads[1]
  return op('ConvTranspose', [values, weights], {
    group,
    kernel_shape: list(all, ({ kernel }) => kernel),
    strides: list(all, ({ stride }) => stride),
    dilations: list(all, ({ dilation }) => dilation),
    pads: beginsAndEnds(all, (window) => Math.max(0, -missing(window))),
    output_padding: list(all, (window) => Math.max(0, missing(window))),
  })
}

/** The other way to say [N, G·C, …]: [C, G·N, …], each group of channels a batch of its own. */
function channelsFirst(node: NodeProto, a: Value, group: number): Value {
  const spatial = axesFrom(2, shapeOf(a).length)
  if (group === 1) return transpose(a, [1, 0, ...spatial])
  const [channels, ...sizes] = sizesOf(node, a, 1)
  const apart = reshape(a, [-1, group, channels / group, ...sizes])
  const turned = transpose(apart, [2, 1, 0, ...spatial.map((axis) => axis + 1)])
  return reshape(turned, [channels / group, -1, ...sizes])
}

function weightGradient(
  node: NodeProto,
  g: Value,
  x: Value,
  all: readonly Placed[],
  group: number,
): Value {
  const spare = (window: Placed) => Math.max(0, rest(window) - window.pads[1])
  const spatial = axesFrom(2, shapeOf(x).length)
  const whole = op('Conv', [channelsFirst(node, x, group), transpose(g, [1, 0, ...spatial])], {
    group,
    strides: list(all, ({ dilation }) => dilation),
    dilations: list(all, ({ stride }) => stride),
    pads: beginsAndEnds(all, (window) => Math.max(0, window.pads[1] - rest(window))),
  })
  const gradient = transpose(whole, [1, 0, ...spatial])
  // What lies behind the last window may make room for more steps than the kernel has.
  const tooLong = all.flatMap((window, i) =>
    spare(window) >= window.dilation ? [{ axis: i + 2, kernel: window.kernel }] : [],
  )
  if (!tooLong.length) return gradient
  const ends = ints(
    g,
    tooLong.map(({ kernel }) => kernel),
  )
  return op('Slice', [
    gradient,
    ints(
      g,
      tooLong.map(() => 0),
    ),
    ends,
    ints(
      g,
      tooLong.map(({ axis }) => axis),
    ),
  ])
}

const convolution: Rule = (site) => {
  const {
    node,
    g,
    x: [x, weights],
  } = site
  const all = windows(site, sizesOf(node, weights, 2))
  const group = intOf(node, 'group') ?? 1
  return [
    () => scattered(g, weights, all, group),
    () => weightGradient(node, g, x, all, group),
    () => sum(g, [0, ...axesFrom(2, shapeOf(g).length)], false),
  ]
}

/** Each element of a window by itself, as weights of a convolution from one channel to as many. */
function elements(near: Value, kernel: readonly number[]): Value {
  const size = kernel.reduce((p, q) => p * q, 1)
  const identity = Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0))
  return near.in.constant(typeOf(near), [size, 1, ...kernel], identity)
}

/** The smallest number in single precision: less than everything that a window could have in it. */
const lowest = -3.4028234663852886e38

/**
 * x as images of one channel each, with padding that is never the largest in a window. They are
 * finite, because a convolution multiplies every element of a window by 0, too.
 */
function images(x: Value, sizes: readonly number[], all: readonly Placed[]): Value {
  const flat = op('Clip', [reshape(x, [-1, 1, ...sizes]), like(x, lowest), like(x, -lowest)])
  const behind = list(all, (window) => Math.max(0, window.pads[1] - rest(window)))
  const pads = [0, 0, ...list(all, ({ pads }) => pads[0]), 0, 0, ...behind]
  return pads.every((pad) => pad === 0) ? flat : op('Pad', [flat, ints(x, pads), like(x, lowest)])
}

/**
 * The gradient goes to the first element of each window that is the largest. A convolution lays out
 * the elements of every window as channels, and a transposed one takes them back.
 */
function throughElements({ node, g, x: [x] }: Site, all: readonly Placed[]): Value {
  const sizes = sizesOf(node, x, 2)
  const kernel = list(all, (window) => window.kernel)
  const weights = elements(x, kernel)
  const laidOut = op('Conv', [images(x, sizes, all), weights], {
    strides: list(all, ({ stride }) => stride),
    dilations: list(all, ({ dilation }) => dilation),
  })
  const ones = kernel.map(() => 1)
  const size = kernel.reduce((p, q) => p * q, 1)
  const numbers = x.in.constant('int32', [1, size, ...ones], axesFrom(0, size))
  const largest = equal(cast(op('ArgMax', [laidOut], { axis: 1 }), 'int32'), numbers)
  const counts = list(all, ({ count }) => Number(count))
  return reshapeAs(scattered(where(largest, reshape(g, [-1, 1, ...counts]), 0), weights, all, 1), x)
}

/**
 * The same by the places of the largest elements in the flattened input, which MaxPool can tell,
 * but not on every device.
 */
function throughIndices({ g, x: [x], output }: Site, overlap: boolean): Value {
  const zeros = reshape(fullLike(x, 0), [-1])
  const moved = op('ScatterElements', [zeros, reshape(output(1), [-1]), reshape(g, [-1])], {
    axis: 0,
    reduction: overlap ? 'add' : undefined,
  })
  return reshapeAs(moved, x)
}

const maxPool: Rule = (site) => {
  const {
    node,
    x: [x],
  } = site
  if (intOf(node, 'storage_order'))
    throw refuse(node, 'has storage_order 1. Its gradient is only there for storage_order 0.')
  const kernel = intsOf(node, 'kernel_shape') ?? []
  // Convolutions are in single precision, and of images whose sizes are known.
  if (x.type === 'float32' && isStatic(shapeOf(x).slice(2)))
    return [() => throughElements(site, windows(site, kernel))]
  const overlap = windowsOf(node, shapeOf(x).slice(2), kernel).some(
    (each) => each.stride < reach(each),
  )
  return [() => throughIndices(site, overlap)]
}

/**
 * How many elements each window along an axis is the mean of; padding counts as far as it was asked
 * for.
 */
function counts(window: Placed, padding: boolean): number[] {
  const { size, count, stride, dilation, kernel, pads } = window
  if (typeof size !== 'number' || typeof count !== 'number') return []
  const [first, last] = padding ? [-pads[0], size + pads[1]] : [0, size]
  return Array.from({ length: count }, (_, i) => {
    const places = Array.from({ length: kernel }, (_, k) => i * stride - pads[0] + k * dilation)
    return places.filter((place) => place >= first && place < last).length
  })
}

/**
 * g divided by how many elements each mean is of, spread over the windows: all channels are images
 * by themselves.
 */
const averagePool: Rule = (site) => {
  const {
    node,
    g,
    x: [x],
  } = site
  const kernel = intsOf(node, 'kernel_shape') ?? []
  const all = windows(site, kernel)
  return [
    () => {
      sizesOf(node, x, 2)
      const sizes = list(all, ({ count }) => Number(count))
      const along = list(all, (window) => counts(window, intOf(node, 'count_include_pad') === 1))
      const products = along.reduce<number[]>(
        (outer, inner) => outer.flatMap((p) => inner.map((q) => p * q)),
        [1],
      )
      const divisor = x.in.constant(typeOf(g), [1, 1, ...sizes], products)
      const images = reshape(div(g, divisor), [-1, 1, ...sizes])
      const ones = x.in.constant(
        typeOf(g),
        [1, 1, ...kernel],
        Array<number>(kernel.reduce((p, q) => p * q, 1)).fill(1),
      )
      return reshapeAs(scattered(images, ones, all, 1), x)
    },
  ]
}

const globalAveragePool: Rule = ({ g, x: [x] }) => [
  () => {
    const axes = axesFrom(2, shapeOf(x).length)
    return expandAs(div(g, count(x, axes, typeOf(g))), x)
  },
]

const globalMaxPool: Rule = ({ g, x: [x], y: [y] }) => [
  () => {
    const axes = axesFrom(2, shapeOf(x).length)
    const ties = cast(equal(x, y), typeOf(x))
    return mul(div(g, sum(ties, axes)), ties)
  },
]

export const windowed: Rules = {
  Conv: convolution,
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
}
