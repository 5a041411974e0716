// The rules for convolutions and pools against central differences of their definitions, written
// out here in double precision.
import { describe, expect, it } from 'vitest'
import { node } from '../../src/onnx/index.ts'
import {
  type Case,
  expectGradients,
  expectInferred,
  modelOf,
  parameter,
  parametersOf,
  run,
} from './differences.ts'

const product = (sizes: readonly number[]) => sizes.reduce((all, each) => all * each, 1)
/** All places of a box, in row-major order. */
const places = (sizes: readonly number[]): number[][] =>
  sizes.reduce<number[][]>(
    (all, size) => all.flatMap((place) => Array.from({ length: size }, (_, i) => [...place, i])),
    [[]],
  )
const index = (place: readonly number[], sizes: readonly number[]) =>
  place.reduce((at, each, i) => at * sizes[i] + each, 0)

interface Geometry {
  readonly strides?: readonly number[]
  readonly dilations?: readonly number[]
  /** Before each axis, then behind each. */
  readonly pads?: readonly number[]
}

/**
 * For each window, where it lies in each image: the index into the image, or undefined in the
 * padding.
 */
function windows(
  sizes: readonly number[],
  kernel: readonly number[],
  counts: readonly number[],
  { strides, dilations, pads }: Geometry,
) {
  return places(counts).map((window) =>
    places(kernel).map((offset) => {
      const place = window.map(
        (w, i) => w * (strides?.[i] ?? 1) + offset[i] * (dilations?.[i] ?? 1) - (pads?.[i] ?? 0),
      )
      return place.every((each, i) => each >= 0 && each < sizes[i])
        ? index(place, sizes)
        : undefined
    }),
  )
}

function counted(
  sizes: readonly number[],
  kernel: readonly number[],
  { strides, dilations, pads }: Geometry,
  ceil = false,
) {
  return sizes.map((size, i) => {
    const stride = strides?.[i] ?? 1
    const padded = size + (pads?.[i] ?? 0) + (pads?.[i + sizes.length] ?? 0)
    const steps = (padded - ((kernel[i] - 1) * (dilations?.[i] ?? 1) + 1)) / stride
    if (!ceil) return Math.floor(steps) + 1
    const count = Math.ceil(steps) + 1
    return (count - 1) * stride >= size + (pads?.[i] ?? 0) ? count - 1 : count
  })
}

function convolution(
  shape: readonly number[],
  weights: readonly number[],
  geometry: Geometry = {},
  group = 1,
) {
  const [batch, channels, ...sizes] = shape
  const [filters, each, ...kernel] = weights
  const all = windows(sizes, kernel, counted(sizes, kernel, geometry), geometry)
  const [image, patch] = [product(sizes), product(kernel)]
  return (x: readonly number[], w: readonly number[], bias?: readonly number[]) =>
    places([batch, filters]).flatMap(([n, m]) =>
      all.map((window) => {
        const first = Math.floor(m / (filters / group)) * each
        const sums = Array.from({ length: each }, (_, c) =>
          window.reduce<number>((sum, at, k) => {
            return at === undefined
              ? sum
              : sum + x[(n * channels + first + c) * image + at] * w[(m * each + c) * patch + k]
          }, 0),
        )
        return sums.reduce((sum, part) => sum + part, bias?.[m] ?? 0)
      }),
    )
}

const conv = (
  shape: number[],
  weights: number[],
  geometry: Geometry = {},
  group = 1,
  bias = false,
  more = {},
): Case => ({
  op: 'Conv',
  inputs: [parameter(shape), parameter(weights), ...(bias ? [parameter([weights[0]])] : [])],
  attributes: { ...geometry, group, ...more },
  exact: convolution(shape, weights, geometry, group) as NonNullable<Case['exact']>,
})

const convolutions: readonly Case[] = [
  conv([2, 2, 4, 5], [3, 2, 3, 3], {}, 1, true),
  conv([2, 1, 5, 4], [2, 1, 3, 2], { pads: [1, 0, 1, 1] }),
  conv([1, 2, 6, 7], [2, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }, 1, true),
  conv([1, 2, 6, 7], [2, 2, 2, 2], { strides: [3, 2] }),
  conv([2, 1, 7, 8], [1, 1, 2, 2], { strides: [4, 4] }),
  conv([1, 2, 7, 7], [2, 2, 3, 2], { dilations: [2, 3] }),
  conv([1, 1, 9, 8], [2, 1, 2, 3], { dilations: [2, 2], strides: [3, 2], pads: [0, 1, 2, 1] }),
  conv([1, 1, 8, 8], [1, 1, 2, 2], { strides: [3, 3], pads: [0, 0, 1, 1] }),
  conv([2, 4, 4, 4], [6, 2, 3, 3], { pads: [1, 1, 1, 1] }, 2, true),
  conv([2, 3, 5, 5], [3, 1, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }, 3),
  conv([2, 3, 4, 4], [6, 1, 3, 3], {}, 3),
  conv([2, 2, 7], [3, 2, 3], { strides: [2], pads: [1, 1] }, 1, true),
  conv([1, 1, 3, 4, 3], [2, 1, 2, 2, 2], { pads: [1, 0, 0, 0, 1, 1] }, 1, true),
  conv([2, 3, 3, 3], [4, 3, 1, 1], {}, 1, true),
  {
    ...conv([1, 1, 5, 6], [1, 1, 3, 3], { strides: [2, 2], pads: [1, 0, 1, 1] }),
    attributes: { strides: [2, 2], auto_pad: 'SAME_UPPER' },
  },
  {
    ...conv([1, 1, 5, 6], [1, 1, 3, 2], { strides: [2, 2], pads: [1, 0, 1, 0] }),
    attributes: { strides: [2, 2], auto_pad: 'SAME_LOWER' },
  },
  {
    ...conv([1, 1, 5, 6], [1, 1, 2, 2], { pads: [1, 1, 0, 0] }),
    attributes: { auto_pad: 'SAME_LOWER' },
  },
  { ...conv([1, 1, 5, 6], [1, 1, 2, 3], {}), attributes: { auto_pad: 'VALID' } },
]

function averages(
  shape: readonly number[],
  kernel: readonly number[],
  geometry: Geometry,
  padding: boolean,
  ceil: boolean,
) {
  const [batch, channels, ...sizes] = shape
  const inside = windows(sizes, kernel, counted(sizes, kernel, geometry, ceil), geometry)
  // Padding counts as far as it was asked for, not what a last window has beyond it.
  const { pads = [], ...rest } = geometry
  const padded = sizes.map((size, i) => size + (pads[i] ?? 0) + (pads[i + sizes.length] ?? 0))
  const within = windows(padded, kernel, counted(sizes, kernel, geometry, ceil), rest)
  return (x: readonly number[]) =>
    places([batch, channels]).flatMap(([n, c]) =>
      inside.map((window, i) => {
        const there = window.filter((at) => at !== undefined)
        const count = padding ? within[i].filter((at) => at !== undefined).length : there.length
        return (
          there.reduce((sum, at) => sum + x[(n * channels + c) * product(sizes) + at], 0) / count
        )
      }),
    )
}

const average = (
  shape: number[],
  kernel_shape: number[],
  geometry: Geometry = {},
  padding = 0,
  ceil = 0,
  opset = 19,
): Case => ({
  op: 'AveragePool',
  inputs: [parameter(shape)],
  attributes: { kernel_shape, ...geometry, count_include_pad: padding, ceil_mode: ceil },
  exact: averages(shape, kernel_shape, geometry, padding === 1, ceil === 1),
  opset,
})

/** The largest of each window. */
function maxima(
  [batch, channels, ...sizes]: readonly number[],
  kernel: readonly number[],
  geometry: Geometry,
  ceil: boolean,
) {
  const all = windows(sizes, kernel, counted(sizes, kernel, geometry, ceil), geometry)
  return (x: readonly number[]) =>
    places([batch, channels]).flatMap(([n, c]) =>
      all.map((window) =>
        Math.max(
          ...window.map((at) =>
            at === undefined ? -Infinity : x[(n * channels + c) * product(sizes) + at],
          ),
        ),
      ),
    )
}

/** Numbers of which no two in a window are alike. */
const distinct = (shape: readonly number[]) => parameter(shape, (i) => ((i * 37) % 101) * 0.02 - 1)
/** In both precisions, in which the gradient is found in different ways. */
const max = (
  shape: number[],
  kernel_shape: number[],
  geometry: Geometry = {},
  ceil = 0,
): Case[] => {
  const given = {
    op: 'MaxPool',
    inputs: [distinct(shape)],
    attributes: { kernel_shape, ...geometry, ceil_mode: ceil },
  }
  return [given, { ...given, exact: maxima(shape, kernel_shape, geometry, ceil === 1) }]
}

const pools: readonly Case[] = [
  ...max([2, 2, 4, 4], [2, 2], { strides: [2, 2] }),
  ...max([1, 2, 5, 6], [3, 3], { strides: [1, 2] }),
  ...max([2, 1, 5, 5], [3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  ...max([1, 1, 6, 6], [2, 2], { strides: [2, 2], dilations: [2, 2] }),
  ...max([1, 2, 7], [3], { strides: [2] }, 1),
  ...max([2, 1, 4, 4, 4], [2, 2, 2], { strides: [2, 2, 2] }),
  ...max([1, 2, 6, 6], [3, 3], { strides: [2, 2], pads: [1, 1, 0, 0] }, 1),
  ...max([1, 2, 8, 7], [2, 3], { strides: [3, 3], pads: [0, 1, 1, 0] }),
  {
    op: 'MaxPool',
    inputs: [distinct([1, 1, 5, 6])],
    attributes: { kernel_shape: [2, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' },
  },
  average([2, 2, 4, 4], [2, 2], { strides: [2, 2] }),
  average([1, 2, 5, 6], [3, 2], { strides: [1, 2] }),
  average([2, 2, 5, 5], [3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  average([1, 1, 5, 5], [3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }, 1),
  average([1, 1, 6, 5], [2, 2], { strides: [2, 2] }, 0, 1),
  average([1, 1, 6, 6], [3, 3], { strides: [2, 2], pads: [1, 1, 0, 0] }, 0, 1),
  average([1, 1, 7, 7], [2, 2], { strides: [2, 2], dilations: [2, 2] }),
  average([1, 2, 7], [3], { strides: [2], pads: [1, 1] }, 0, 0, 17),
  {
    op: 'GlobalAveragePool',
    inputs: [parameter([2, 3, 2, 2])],
    exact: averages([2, 3, 2, 2], [2, 2], {}, false, false),
  },
  {
    op: 'GlobalMaxPool',
    inputs: [distinct([2, 3, 2, 2])],
    exact: (x) => Array.from({ length: 6 }, (_, i) => Math.max(...x.slice(4 * i, 4 * i + 4))),
  },
]

describe.each([...convolutions, ...pools].map((each, i) => [`${each.op} ${i}`, each] as const))(
  '%s',
  (_, given) => {
    it('has the gradient that differences show', () => expectGradients(given))
    it('has the types and shapes that are inferred', async () =>
      expectInferred(await modelOf(given)))
  },
)

describe('the definitions written out here', () => {
  it.each(
    [...convolutions, ...pools].flatMap((each, i) =>
      each.exact ? [[`${each.op} ${i}`, each] as const] : [],
    ),
  )('%s is what ONNX Runtime computes', async (_, given) => {
    const model = await modelOf(given)
    const operator = model.graph?.node?.[0] ?? node('', [], [])
    const output = [{ name: operator.output?.[0], type: { tensorType: { elemType: 1 } } }]
    const { y0 } = await run({ ...model, graph: { ...model.graph, node: [operator], output } }, {})
    const found = Array.from(y0.data as Float32Array)
    const points = parametersOf(model).map(({ rawData = new Uint8Array() }) =>
      Array.from(new Float32Array(rawData.slice().buffer)),
    )
    const expected = given.exact?.(...points) ?? []
    expect(found.length).toBe(expected.length)
    found.forEach((value, i) => void expect(value).toBeCloseTo(expected[i], 5))
  })
})
