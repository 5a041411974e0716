/**
 * Derivatives of what moves elements about: each moves the gradient back to where its element came
 * from, and zeros elsewhere.
 */
import { cutsOf } from '../../graph/infer/shaping.ts'
import { numbersOf } from '../../graph/infer/site.ts'
import {
  axesFrom,
  axisIn,
  cast,
  fullLike,
  ints,
  like,
  op,
  ops,
  reshape,
  reshapeAs,
  shapeOf,
  shapeVector,
  sizeVector,
  sumTo,
  transpose,
  unsqueeze,
} from '../../graph/ops.ts'
import type { Value } from '../../graph/value.ts'
import { intOf, intsOf, textOf } from '../../onnx/index.ts'
import { type Rule, type Rules, refuse, sizesOf } from '../rule.ts'

/** For everything that leaves the elements in their order. */
const reshaped: Rule = ({ g, x: [x] }) => [() => reshapeAs(g, x)]

/** The permutation that undoes another. */
const inverse = (perm: readonly number[]) => perm.map((_, i) => perm.indexOf(i))

const transposed: Rule = ({ node, g, x: [x] }) => {
  const perm = intsOf(node, 'perm') ?? axesFrom(0, shapeOf(x).length).reverse()
  return [() => transpose(g, inverse(perm))]
}

const concat: Rule = ({ node, g, x, y: [y] }) => {
  const axis = axisIn(y, intOf(node, 'axis') ?? 0)
  const parts = () => {
    const sizes = x.map((value) => shapeOf(value)[axis])
    const known = sizes.every((size) => typeof size === 'number')
    const vector = known
      ? ints(g, sizes as number[])
      : op(
          'Concat',
          x.map((value) => sizeVector(value, axis)),
          { axis: 0 },
        )
    return ops('Split', [g, vector], { axis }, x.length)
  }
  return x.map((_, i) => () => (x.length === 1 ? g : parts()[i]))
}

const split: Rule = ({ node, gs, x: [x], y }) => [
  () =>
    op(
      'Concat',
      gs.map((g, i) => g ?? fullLike(y[i], 0)),
      { axis: axisIn(x, intOf(node, 'axis') ?? 0) },
    ),
]

/** Zeros in the shape of `a`, but along the given axes as long as `b`. */
function zerosBetween(a: Value, b: Value, axes: readonly number[]): Value {
  const sizes = shapeOf(a).map((_, i) => sizeVector(axes.includes(i) ? b : a, i))
  return op('Expand', [
    like(a, 0),
    sizes.length === 1 ? sizes[0] : op('Concat', sizes, { axis: 0 }),
  ])
}

/** Puts a cut back along one axis, by the places that the same cut takes out of 0, 1, 2, … */
function uncut(g: Value, x: Value, axis: number, [start, end, step]: readonly Value[]): Value {
  const size = op('Squeeze', [sizeVector(x, axis), ints(x, [0])])
  const constant = (number: number) => x.in.constant('int64', [], [number])
  const places = op('Slice', [
    op('Range', [constant(0), size, constant(1)]),
    start,
    end,
    ints(x, [0]),
    step,
  ])
  const column = unsqueeze(places, axesFrom(axis + 1, shapeOf(g).length))
  const everywhere = op('Expand', [column, shapeVector(g)])
  return op('ScatterElements', [zerosBetween(g, x, [axis]), everywhere, g], { axis })
}

const slice: Rule = ({ node, g, x }) => {
  const [a, starts, ends, axesGiven, stepsGiven] = x
  const cuts = cutsOf(x)
  if (cuts?.every(({ step }) => step === 1)) return [() => padBack(g, a, cuts)]
  const axes = axesGiven ? numbersOf(axesGiven) : numbersOf(starts)?.map((_, i) => i)
  if (!axes)
    throw refuse(
      node,
      'cuts axes that are computed when the model runs. Make them constants of the model.',
    )
  const one = (list: Value | undefined, i: number) =>
    list ? op('Slice', [list, ints(a, [i]), ints(a, [i + 1])]) : ints(a, [1])
  const cut = (i: number) => [one(starts, i), one(ends, i), one(stepsGiven, i)]
  return [() => axes.reduce((rest, axis, i) => uncut(rest, a, axisIn(a, axis), cut(i)), g)]
}

/** Zeros before and behind what was cut out without leaving gaps. */
function padBack(g: Value, a: Value, cuts: NonNullable<ReturnType<typeof cutsOf>>): Value {
  const rank = shapeOf(a).length
  const pads = Array<number>(2 * rank).fill(0)
  for (const { axis, start, count } of cuts) {
    pads[axis] = start
    pads[rank + axis] = Number(shapeOf(a)[axis]) - start - count
  }
  return pads.every((pad) => pad === 0) ? g : op('Pad', [g, ints(g, pads), like(g, 0)])
}

/**
 * Rows picked by indices: each row gets what flowed to all the places it was put. Indices along
 * another axis are brought to the front.
 */
const gather: Rule = ({ node, g, x: [a, indices] }) => {
  const axis = axisIn(a, intOf(node, 'axis') ?? 0)
  const [rank, depth] = [shapeOf(a).length, shapeOf(indices).length]
  const perm = [axis, ...axesFrom(0, axis), ...axesFrom(axis + 1, rank)]
  const permG = [
    ...axesFrom(axis, axis + depth),
    ...axesFrom(0, axis),
    ...axesFrom(axis + depth, rank - 1 + depth),
  ]
  return [
    () => {
      const sizes = axis === 0 ? shapeVector(a) : op('Gather', [shapeVector(a), ints(a, perm)])
      const zeros = op('Expand', [like(a, 0), sizes])
      const places = unsqueeze(cast(indices, 'int64'), [depth])
      return transpose(
        op('ScatterND', [zeros, places, transpose(g, permG)], { reduction: 'add' }),
        inverse(perm),
      )
    },
  ]
}

const gatherElements: Rule = ({ node, g, x: [a, indices] }) => [
  () =>
    op('ScatterElements', [fullLike(a, 0), indices, g], {
      axis: intOf(node, 'axis') ?? 0,
      reduction: 'add',
    }),
]

const pad: Rule = ({ node, g, x: [a, padsGiven, , axesGiven] }) => {
  const mode = textOf(node, 'mode') ?? 'constant'
  if (mode !== 'constant')
    throw refuse(node, `pads in mode "${mode}", which has no gradient here. Use mode "constant".`)
  const given = numbersOf(padsGiven)
  const axes = axesGiven ? numbersOf(axesGiven) : axesFrom(0, shapeOf(a).length)
  if (!given || !axes)
    throw refuse(
      node,
      'pads by numbers that are computed when the model runs. Make them constants of the model.',
    )
  const cut = axes.map((axis, i) => ({
    axis: axisIn(a, axis),
    before: given[i],
    behind: given[i + axes.length],
  }))
  const kept = cut.filter(({ before, behind }) => before > 0 || behind > 0)
  const added = cut.filter(({ before, behind }) => before < 0 || behind < 0)
  return [
    () => {
      const part = kept.length ? sliced(g, kept) : g
      if (!added.length) return part
      const pads = Array<number>(2 * shapeOf(a).length).fill(0)
      for (const { axis, before, behind } of added) {
        pads[axis] = Math.max(0, -before)
        pads[axis + shapeOf(a).length] = Math.max(0, -behind)
      }
      return op('Pad', [part, ints(g, pads), like(g, 0)])
    },
  ]
}

/** The end of any axis. */
const end = 2 ** 31 - 1

function sliced(
  g: Value,
  cuts: readonly { axis: number; before: number; behind: number }[],
): Value {
  const list = (numbers: number[]) => ints(g, numbers)
  const starts = list(cuts.map(({ before }) => Math.max(0, before)))
  const ends = list(cuts.map(({ behind }) => (behind > 0 ? -behind : end)))
  return op('Slice', [g, starts, ends, list(cuts.map(({ axis }) => axis))])
}

/** Repetition along an axis of d elements, r times: the sum over r of [r, d]. */
const tile: Rule = ({ node, g, x: [a, repeats] }) => {
  const times = numbersOf(repeats)
  if (!times)
    throw refuse(
      node,
      'repeats as often as is computed when the model runs. Make that a constant of the model.',
    )
  return [
    () => {
      const sizes = sizesOf(node, a, 0)
      const apart = reshape(
        g,
        times.flatMap((r, i) => [r, sizes[i]]),
      )
      return op(
        'ReduceSum',
        [
          apart,
          ints(
            g,
            times.map((_, i) => 2 * i),
          ),
        ],
        { keepdims: 0 },
      )
    },
  ]
}

export const shaping: Rules = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: transposed,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  GatherElements: gatherElements,
  Pad: pad,
  Tile: tile,
  Expand: ({ g, x: [a] }) => [() => sumTo(g, a)],
  Trilu: ({ node, g, x: [, k] }) => [
    () => op('Trilu', [g, k], { upper: intOf(node, 'upper') ?? 1 }),
  ],
}
