/**
 * Types and shapes of what moves elements about: reshaping, cutting, joining, picking; and shapes
 * as values.
 */
import {
  dataOf,
  type ElementType,
  elementTypeName,
  intOf,
  intsOf,
  tensorOf,
} from '../../onnx/index.ts'
import { axisOf, type Dim, isStatic, product, quotient, type Shape } from '../dims.ts'
import type { Known, Value } from '../value.ts'
import { axesOf, broadcast, type Infer, numbersOf, type Site } from './site.ts'

/** A list that came as an attribute in old versions of an operator, and as an input since. */
const listOf = ({ node, x }: Site, name: string, input: number) =>
  intsOf(node, name) ?? numbersOf(x[input])

const ofRank = (rank: number | undefined, unknown: () => Dim): Shape | undefined =>
  rank === undefined ? undefined : Array.from({ length: rank }, unknown)

/** How many elements a value of one dimension has. */
const lengthOf = (value: Value | undefined) =>
  isStatic(value?.shape) && value.shape.length === 1 ? value.shape[0] : undefined

function reshaped({ node, x: [a, target], unknown }: Site): Shape | undefined {
  const wanted = target?.elements
  if (!wanted) return ofRank(lengthOf(target), unknown)
  const copied = wanted.map((size, i) =>
    size === 0 && !intOf(node, 'allowzero') ? (a?.shape?.[i] ?? unknown()) : size,
  )
  const others = copied.filter((size) => size !== -1)
  const rest = (a?.shape && quotient(product(a.shape), product(others))) ?? unknown()
  return copied.map((size) => (size === -1 ? rest : size))
}

function squeezed(site: Site): Shape | undefined {
  const shape = site.x[0]?.shape
  const given = listOf(site, 'axes', 1)
  if (!shape || (site.x[1] && !given)) return undefined
  const axes = given
    ? axesOf(given, shape.length)
    : shape.flatMap((size, i) => (size === 1 ? [i] : []))
  return shape.filter((_, i) => !axes.includes(i))
}

function unsqueezed(site: Site): Shape | undefined {
  const shape = site.x[0]?.shape
  const given = listOf(site, 'axes', 1)
  if (!shape || !given) return undefined
  const rank = shape.length + given.length
  const axes = axesOf(given, rank)
  const rest = [...shape]
  return Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : (rest.shift() ?? 1)))
}

/** One axis of a slice, as numbers: which elements remain. */
export interface Cut {
  readonly axis: number
  readonly start: number
  readonly step: number
  readonly count: number
}

/** What a slice keeps of each axis that it cuts, where all of that is known. */
export function cutsOf(x: readonly (Value | undefined)[]): readonly Cut[] | undefined {
  const [a, starts, ends, axesGiven, stepsGiven] = x
  const [from, to] = [numbersOf(starts), numbersOf(ends)]
  const axes = axesGiven ? numbersOf(axesGiven) : from?.map((_, i) => i)
  const steps = stepsGiven ? numbersOf(stepsGiven) : from?.map(() => 1)
  if (!a?.shape || !from || !to || !axes || !steps) return undefined
  const cuts: Cut[] = []
  for (const [i, each] of axes.entries()) {
    const axis = axisOf(each, a.shape.length)
    const size = a.shape[axis]
    if (typeof size !== 'number') return undefined
    const step = steps[i]
    const [low, high] = step > 0 ? [0, size] : [-1, size - 1]
    const within = (index: number) =>
      Math.min(Math.max(index < 0 ? index + size : index, low), high)
    const start = within(from[i])
    cuts.push({ axis, start, step, count: Math.max(0, Math.ceil((within(to[i]) - start) / step)) })
  }
  return cuts
}

function sliced({ x, unknown }: Site): Shape | undefined {
  const shape = x[0]?.shape
  if (!shape) return undefined
  const cuts = cutsOf(x)
  if (cuts) return shape.map((size, i) => cuts.find(({ axis }) => axis === i)?.count ?? size)
  const axes = x[3] ? numbersOf(x[3]) : numbersOf(x[1])?.map((_, i) => i)
  const touched = axes && axesOf(axes, shape.length)
  return shape.map((size, i) => (touched && !touched.includes(i) ? size : unknown()))
}

/** The elements of a slice of a vector. */
function slicedElements({ x }: Site): readonly Dim[] | undefined {
  const elements = x[0]?.elements
  const cut = cutsOf(x)?.[0]
  if (!elements || !cut || x[0]?.shape?.length !== 1) return undefined
  return Array.from({ length: cut.count }, (_, i) => elements[cut.start + i * cut.step])
}

function gathered({ node, x: [a, indices] }: Site): Known {
  const axis = a?.shape && axisOf(intOf(node, 'axis') ?? 0, a.shape.length)
  const shape =
    a?.shape && indices?.shape && axis !== undefined
      ? [...a.shape.slice(0, axis), ...indices.shape, ...a.shape.slice(axis + 1)]
      : undefined
  const picked = a?.elements && a.shape?.length === 1 ? numbersOf(indices) : undefined
  const elements = picked?.map(
    (index) => a?.elements?.[index < 0 ? index + (a.elements?.length ?? 0) : index],
  )
  return {
    type: a?.type,
    shape,
    elements: elements?.every((each) => each !== undefined) ? (elements as Dim[]) : undefined,
  }
}

/** The size that all have, as far as it is known of any. */
const common = (sizes: readonly (Dim | undefined)[]): Dim | undefined =>
  sizes.find((size) => typeof size === 'number') ?? sizes.find((size) => size !== undefined)

/** The sum of sizes, if it is known. */
function total(sizes: readonly (Dim | undefined)[]): Dim | undefined {
  if (sizes.length === 1) return sizes[0]
  return sizes.every((size) => typeof size === 'number')
    ? sizes.reduce((sum, size) => sum + size, 0)
    : undefined
}

function joined({ node, x, unknown }: Site): Known {
  const rank = x.find((value) => value?.shape)?.shape?.length
  const type = x.find((value) => value?.type)?.type
  if (rank === undefined) return { type }
  const axis = axisOf(intOf(node, 'axis') ?? 0, rank)
  const shape = Array.from({ length: rank }, (_, i): Dim => {
    const sizes = x.map((value) => value?.shape?.[i])
    return (i === axis ? total(sizes) : common(sizes)) ?? unknown()
  })
  const elements =
    rank === 1 && x.every((value) => value?.elements)
      ? x.flatMap((value) => value?.elements ?? [])
      : undefined
  return { type, shape, elements }
}

/** The sizes of the parts that a Split makes. */
function partsOf({
  node,
  x,
  opset,
}: Pick<Site, 'node' | 'x' | 'opset'>): readonly number[] | undefined {
  const given = intsOf(node, 'split') ?? numbersOf(x[1])
  if (given || x[1]) return given
  const shape = x[0]?.shape
  const size = shape?.[axisOf(intOf(node, 'axis') ?? 0, shape.length)]
  if (typeof size !== 'number') return undefined
  const parts = (opset >= 18 ? intOf(node, 'num_outputs') : undefined) ?? node.output?.length ?? 1
  const each = Math.ceil(size / parts)
  return Array.from({ length: parts }, (_, i) => Math.min(each, size - i * each))
}

function split(site: Site): readonly Known[] {
  const { node, x, unknown } = site
  const shape = x[0]?.shape
  const axis = shape && axisOf(intOf(node, 'axis') ?? 0, shape.length)
  const parts = partsOf(site)
  return (node.output ?? []).map((_, part) => ({
    type: x[0]?.type,
    shape: shape?.map((size, i) => (i === axis ? (parts?.[part] ?? unknown()) : size)),
  }))
}

function padded(site: Site): Shape | undefined {
  const shape = site.x[0]?.shape
  const pads = listOf(site, 'pads', 1)
  const given = site.x[3] ? numbersOf(site.x[3]) : shape?.map((_, i) => i)
  if (!shape || !pads || !given) return ofRank(shape?.length, site.unknown)
  const axes = axesOf(given, shape.length)
  return shape.map((size, i) => {
    const at = axes.indexOf(i)
    const more = at < 0 ? 0 : pads[at] + pads[at + axes.length]
    if (more === 0) return size
    return typeof size === 'number' ? size + more : site.unknown()
  })
}

function constantOfShape({ node, x: [target], unknown }: Site): Known {
  const tensor = tensorOf(node, 'value')
  const type = tensor ? elementTypeName(tensor.dataType) : 'float32'
  const shape = target?.elements ?? ofRank(lengthOf(target), unknown)
  const count = shape && isStatic(shape) && shape.length <= 1 ? (shape[0] ?? 1) : undefined
  const whole =
    tensor && (type === 'int64' || type === 'int32') && count !== undefined && count <= 64
  return {
    type,
    shape,
    elements: whole ? Array<number>(count).fill(Number(dataOf(tensor)[0])) : undefined,
  }
}

function range({ x: [start, limit, delta], unknown }: Site): Known {
  const [from, to, by] = [start, limit, delta].map((value) => numbersOf(value)?.[0])
  const known = from !== undefined && to !== undefined && by !== undefined
  const upTo = from === 0 && by === 1 ? limit?.elements?.[0] : undefined
  const count = known ? Math.max(0, Math.ceil((to - from) / by)) : upTo
  const elements =
    known && typeof count === 'number' && count <= 64
      ? Array.from({ length: count }, (_, i) => from + i * by)
      : undefined
  return { type: start?.type, shape: [count ?? unknown()], elements }
}

const first =
  (type?: ElementType): Infer =>
  ({ x: [a] }) => [{ type: type ?? a?.type, shape: a?.shape }]

/** One value whose shape is found by `shape`, and whose elements stay in order. */
const moved =
  (shape: (site: Site) => Shape | undefined): Infer =>
  (site) => {
    const result = shape(site)
    return [
      {
        type: site.x[0]?.type,
        shape: result,
        elements: result && result.length <= 1 ? site.x[0]?.elements : undefined,
      },
    ]
  }

export const shapingRules: Readonly<Record<string, Infer>> = {
  Reshape: moved(reshaped),
  Squeeze: moved(squeezed),
  Unsqueeze: moved(unsqueezed),

  Flatten: moved(({ node, x: [a] }) => {
    const axis = a?.shape && axisOf(intOf(node, 'axis') ?? 1, a.shape.length)
    return a?.shape && [product(a.shape.slice(0, axis)), product(a.shape.slice(axis))]
  }),

  Transpose({ node, x: [a] }) {
    const perm = intsOf(node, 'perm') ?? a?.shape?.map((_, i) => i).reverse()
    return [{ type: a?.type, shape: a?.shape && perm?.map((axis) => a.shape?.[axis] ?? 1) }]
  },

  Slice: (site) => [{ type: site.x[0]?.type, shape: sliced(site), elements: slicedElements(site) }],
  Split: split,
  Concat: (site) => [joined(site)],
  Pad: (site) => [{ type: site.x[0]?.type, shape: padded(site) }],
  Gather: (site) => [gathered(site)],
  GatherElements: ({ x: [a, indices] }) => [{ type: a?.type, shape: indices?.shape }],

  GatherND({ node, x: [a, indices], unknown }) {
    const depth = indices?.shape?.at(-1)
    const batch = intOf(node, 'batch_dims') ?? 0
    if (!a?.shape || !indices?.shape || typeof depth !== 'number')
      return [{ type: a?.type, shape: ofRank(undefined, unknown) }]
    return [
      { type: a.type, shape: [...indices.shape.slice(0, -1), ...a.shape.slice(batch + depth)] },
    ]
  },

  ScatterElements: first(),
  ScatterND: first(),

  Expand({ x: [a, target], unknown }) {
    const wanted = target?.elements ?? ofRank(lengthOf(target), unknown)
    return [{ type: a?.type, shape: broadcast(a?.shape, wanted, unknown) }]
  },

  Tile({ x: [a, repeats], unknown }) {
    const shape = a?.shape?.map((size, i) =>
      repeats?.elements ? product([size, repeats.elements[i]]) : unknown(),
    )
    return [{ type: a?.type, shape }]
  },

  Shape({ node, x: [a] }) {
    const elements = a?.shape?.slice(intOf(node, 'start') ?? 0, intOf(node, 'end'))
    return [{ type: 'int64', shape: elements && [elements.length], elements }]
  },

  Size: ({ x: [a] }) => [{ type: 'int64', shape: [], elements: a?.shape && [product(a.shape)] }],
  ConstantOfShape: (site) => [constantOfShape(site)],
  Range: (site) => [range(site)],
  NonZero: ({ x: [a], unknown }) => [
    { type: 'int64', shape: a?.shape && [a.shape.length, unknown()] },
  ],

  OneHot({ node, x: [indices, depth, values], unknown }) {
    const axis = indices?.shape && axisOf(intOf(node, 'axis') ?? -1, indices.shape.length + 1)
    const shape = indices?.shape && [
      ...indices.shape.slice(0, axis),
      depth?.elements?.[0] ?? unknown(),
      ...indices.shape.slice(axis),
    ]
    return [{ type: values?.type, shape }]
  },
}
