/**
 * One loop of a pass as WebAssembly: several elements at a time, then one by one what is left over.
 * A slice loop, whose elements are apart in memory, goes one by one. Not what is around it
 * (segments, partial sums): see emit.ts.
 */

import type { Loop, Slot } from '../../fuse/kernels.ts'
import { type ElementType, type SegmentField, shiftOf, sumOrder } from '../../lower/layout.ts'
import { isConstant, type Node } from '../../trace/graph.ts'
import {
  add,
  type Code,
  get,
  global,
  i32,
  increase,
  type Lanes,
  load,
  operations,
  set,
  store,
  times,
  until,
} from './code.ts'
import type { ValueType } from './module.ts'

/** What a loop needs of the function it is in. */
export interface Surroundings {
  readonly type: ElementType
  /** Makes a local, if it is not there, and gives its name. */
  declare(name: string, type: ValueType): string
  /** The name of a node's value. */
  nameOf(node: Node): string
  /** A field of the present segment. */
  field(name: SegmentField): Code
  /** The number in a slot. */
  slot(slot: Slot): Code
}

/** The imported address of an array; the prefix keeps states apart from the rest of the layout. */
export const arrayGlobal = (array: string): string => `arrays.${array}`

/** The code of a loop. Its sums are then in the locals `@sum<index>`. */
export function loopCode(loop: Loop, around: Surroundings): Code {
  const field = (name: SegmentField) => around.field(name)
  const declare = (name: string, type: ValueType) => around.declare(name, type)
  const size = around.type === 'float32' ? 4 : 8
  const { lanes, round } = sumOrder[around.type]
  const constants = new Map<string, Code>()
  const single = singleLanes(size === 4 ? 'f32' : 'f64')
  const several: Lanes = {
    prefix: size === 4 ? 'f32x4' : 'f64x2',
    type: 'v128',
    width: lanes,
    constant(value) {
      const local = declare(`@${Object.is(value, -0) ? '-0' : value}`, 'v128')
      constants.set(local, set(local, [...single.constant(value), [`${several.prefix}.splat`]]))
      return get(local)
    },
  }
  const whole = loop.scope === 'element'
  const body = new Body(loop, around, size)
  // Two vectors a round (measured while the arrays are in the cache: 6 % faster than one, and four
  // 6 % more for twice the code).
  const vectors = whole ? body.rounds(several, round / lanes) : []
  const rest = body.rounds(single, 1)
  return [
    ...(whole ? [] : set(declare('@step', 'i32'), times(field('stride'), size))),
    ...body.pointers.flatMap(({ array, scope }) => {
      const first = field(whole ? 'start' : scope === 'slice' ? 'sliceStart' : 'first')
      const shift = shiftOf(array)
      const index = shift ? add(first, field(shift)) : first
      return set(declare(`@${array}`, 'i32'), add(global(arrayGlobal(array)), times(index, size)))
    }),
    ...loop.scalars.flatMap(({ node, slot }) =>
      body.scalar(node, slot, single, whole ? several : undefined),
    ),
    ...[...constants.values()].flat(),
    ...loop.sums.flatMap(({ index }) => body.zero(index, whole)),
    ...set(declare('@left', 'i32'), field(whole ? 'length' : 'sliceLength')),
    ...vectors,
    ...rest,
    ...(whole ? loop.sums.flatMap(({ index }) => body.total(index)) : []),
  ]
}

/** Numbers one by one. */
export const singleLanes = (prefix: 'f32' | 'f64'): Lanes => ({
  prefix,
  type: prefix,
  width: 1,
  constant: (value) => [[`${prefix}.const`, value]],
})

/** The parts of a loop's code. */
class Body {
  readonly pointers: readonly { readonly array: string; readonly scope: 'element' | 'slice' }[]
  private readonly loop: Loop
  private readonly around: Surroundings
  private readonly size: 4 | 8

  constructor(loop: Loop, around: Surroundings, size: 4 | 8) {
    this.loop = loop
    this.around = around
    this.size = size
    const used = [...loop.loads, ...loop.stores.map(({ array }) => ({ array, scope: loop.scope }))]
    this.pointers = [...new Map(used.map(({ array, scope }) => [array, { array, scope }])).values()]
  }

  /** Rounds of `count` vectors (or single elements) for as long as there is enough left. */
  rounds(lanes: Lanes, count: number): Code {
    const elements = lanes.width * count
    const advance = ({ array, scope }: Body['pointers'][number]) =>
      increase(`@${array}`, scope === this.loop.scope ? i32(elements * this.size) : get('@step'))
    return until(
      [...get('@left'), ...i32(elements), ['i32.lt_u']],
      [
        ...[...Array(count).keys()].flatMap((i) =>
          this.elements(lanes, i * lanes.width * this.size),
        ),
        ...this.pointers.flatMap(advance),
        ...increase('@left', i32(-elements)),
      ],
    )
  }

  /** The work on one vector (or element) at an offset from the pointers. */
  private elements(lanes: Lanes, offset: number): Code {
    const { loads, body, sums, stores } = this.loop
    const operand = (node: Node): Code =>
      isConstant(node) ? lanes.constant(node.value) : get(this.local(node, lanes))
    return [
      ...loads.flatMap(({ node, array }) =>
        set(this.local(node, lanes), load(lanes.type, get(`@${array}`), offset)),
      ),
      ...body.flatMap((node) =>
        set(
          this.local(node, lanes),
          operations[node.op as keyof typeof operations](lanes, ...node.args.map(operand)),
        ),
      ),
      ...sums.flatMap(({ index, value }) =>
        this.accumulate(index, this.finite(operand(value), lanes), lanes),
      ),
      ...stores.flatMap(({ array, value }) =>
        store(lanes.type, get(`@${array}`), offset, operand(value)),
      ),
    ]
  }

  private local(node: Node, { type }: Lanes): string {
    return this.around.declare(this.around.nameOf(node) + (type === 'v128' ? '.v' : ''), type)
  }

  /** A single number, rounded to the precision of the elements, and the same in every lane. */
  scalar(node: Node, slot: Slot, single: Lanes, several: Lanes | undefined): Code {
    const number: Code = [
      ...this.around.slot(slot),
      ...(this.size === 4 ? [['f32.demote_f64'] as const] : []),
    ]
    const local = this.local(node, single)
    return [
      ...set(local, number),
      ...(several
        ? set(this.local(node, several), [...get(local), [`${several.prefix}.splat`]])
        : []),
    ]
  }

  /**
   * The accumulators of a sum over vectors: doubles, so two for a vector of four singles. What is
   * left over goes to `@sum`.
   */
  private accumulators(index: number): string[] {
    return (this.size === 4 ? ['lo', 'hi'] : ['lo']).map((half) =>
      this.around.declare(`@sum${index}.${half}`, 'v128'),
    )
  }

  zero(index: number, vectors: boolean): Code {
    const zero: Code = [['f64.const', 0]]
    const accumulators = vectors ? this.accumulators(index) : []
    return [
      ...set(`@sum${index}`, zero),
      ...accumulators.flatMap((each) => set(each, [...zero, ['f64x2.splat']])),
    ]
  }

  /** A term of a sum: zero where it is not finite. */
  private finite(value: Code, lanes: Lanes): Code {
    const { prefix, width } = lanes
    const counts: Code = [
      ...value,
      [`${prefix}.abs`],
      ...lanes.constant(Infinity),
      [`${prefix}.lt`],
    ]
    if (width > 1) return [...value, ...counts, ['v128.and']]
    return [...value, ...lanes.constant(0), ...counts, ['select']]
  }

  private accumulate(index: number, term: Code, { type, width }: Lanes): Code {
    const more = (local: string, type: string, wide: Code) =>
      set(local, [...get(local), ...wide, [`${type}.add`]])
    if (width === 1)
      return more(`@sum${index}`, 'f64', this.size === 4 ? [...term, ['f64.promote_f32']] : term)
    const [lo, hi] = this.accumulators(index)
    if (this.size === 8) return more(lo, 'f64x2', term)
    const value = get(this.around.declare('@term', type))
    const upper: Code = [
      ...value,
      ...value,
      ['i8x16.shuffle', 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7],
    ]
    return [
      ...set('@term', term),
      ...more(lo, 'f64x2', [...value, ['f64x2.promote_low_f32x4']]),
      ...more(hi, 'f64x2', [...upper, ['f64x2.promote_low_f32x4']]),
    ]
  }

  /** Adds up the accumulators' lanes, and what was left over. */
  total(index: number): Code {
    const [lo, hi] = this.accumulators(index)
    const both = hi ? [...get(lo), ...get(hi), ['f64x2.add'] as const] : get(lo)
    const lane = (i: number): Code => [...get(lo), ['f64x2.extract_lane', i]]
    const left = get(`@sum${index}`)
    return [
      ...set(lo, both),
      ...set(`@sum${index}`, [...lane(0), ...lane(1), ['f64.add'], ...left, ['f64.add']]),
    ]
  }
}
