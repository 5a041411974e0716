/**
 * One loop of a pass over a chunk: several elements of a thread at a time, then one by one what is
 * left over, or all of them where a pointer is not aligned. A slice loop, whose elements are apart
 * in memory, goes one by one. Not what is around it: see pass.ts.
 */

import type { Loop } from '../../fuse/kernels.ts'
import { isConstant, type Node } from '../../trace/graph.ts'
import type { Code } from './code.ts'
import type { Kernel } from './kernel.ts'
import { Values } from './language.ts'
import { bytesOf, type PtxData } from './layout.ts'
import { type Float, literal } from './literal.ts'
import { floatOf, load, loadShared, nearest, type Rounding, stochastic, store } from './memory.ts'
import { accumulate } from './sums.ts'

/** Where a block is: registers with facts about its chunk. */
export interface Chunk {
  /** Its tensor (u32) and the row of that, and the first of its elements there (u64). */
  readonly tensor: string
  readonly row: string
  readonly start: string
  /** How many elements it has, and how many of them may be accessed several at a time. */
  readonly length: string
  readonly whole: string
  /**
   * Its first kept coordinate and how many there are; the distance of coordinates; the first one's
   * distance from `start`.
   */
  readonly kept: string
  readonly count: string
  readonly stride: string
  readonly phase: string
  /** Something random of the chunk and the step, where parameters are rounded at random. */
  readonly seed: string | undefined
}

/** What a loop needs of the pass it is in. */
export interface Surroundings {
  readonly kernel: Kernel
  readonly chunk: Chunk
  readonly data: PtxData
  /** Where in shared memory the single numbers are. */
  readonly scalars: ReadonlyMap<Node, number>
  /** The registers that add up. */
  readonly sums: readonly string[]
}

/** Emits a loop. */
export function emitLoop(loop: Loop, around: Surroundings): void {
  const { kernel, chunk, data } = around
  const { code, thread, threads } = kernel
  const body = new Body(loop, around)
  if (loop.scope === 'slice') {
    code.loop(thread, chunk.count, threads, (k) => {
      const i = code.put('u32', 'i', 'mad.lo.u32', `${k}, ${chunk.stride}, ${chunk.phase}`)
      body.emit(1, { element: i, slice: k })
    })
    return
  }
  const lanes = data === 'f64' ? 2 : 4
  const first = code.put('u32', 'first', 'mul.lo.u32', `${thread}, ${lanes}`)
  code.loop(first, chunk.whole, lanes * threads, (i) => body.emit(lanes, { element: i, slice: i }))
  const rest = code.put('u32', 'first', 'add.u32', `${chunk.whole}, ${thread}`)
  code.loop(rest, chunk.length, threads, (i) => body.emit(1, { element: i, slice: i }))
}

/** The work of a loop, on one or several elements. */
class Body {
  private readonly loop: Loop
  private readonly around: Surroundings
  private readonly bases: ReadonlyMap<string, string>
  private readonly scalars: ReadonlyMap<Node, string>
  private readonly made = new Map<string, string>()

  constructor(loop: Loop, around: Surroundings) {
    const { loads, stores, scope, scalars } = loop
    const { kernel, data } = around
    this.loop = loop
    this.around = around
    const used = new Map(
      [...loads, ...stores.map(({ array }) => ({ array, scope }))].map((each) => [
        each.array,
        each.scope,
      ]),
    )
    this.bases = new Map([...used].map(([array, of]) => [array, this.base(array, of)]))
    this.scalars = new Map(
      scalars.map(({ node }) => {
        const address = `scalars+${around.scalars.get(node)}`
        return [
          node,
          loadShared(kernel.code, floatOf(data), address, kernel.name(node.name || `t${node.id}`)),
        ]
      }),
    )
  }

  /** The precision of an array. */
  private typeOf(array: string): PtxData {
    const { data } = this.around
    return isData(array) ? data : floatOf(data)
  }

  /** Where the chunk begins in an array. */
  private base(array: string, scope: 'element' | 'slice'): string {
    const { kernel, chunk } = this.around
    const { code } = kernel
    const bytes = bytesOf[this.typeOf(array)]
    const name = `at_${kernel.name(array)}`
    const field = (each: string) => this.once(each, () => kernel.field(chunk.row, each))
    const add = (a: string, b: string) => code.put('u64', name, 'add.u64', `${a}, ${b}`)
    if (scope === 'slice')
      return kernel.at(add(kernel.array(array), field('kept')), chunk.kept, bytes, name)
    const begin = isData(array)
      ? field(array === 'x' ? 'x' : 'g')
      : add(kernel.array(array), field('state'))
    const shift = `${chunk.start}, ${Math.log2(bytes)}`
    return add(
      begin,
      this.once(shift, () => code.put('u64', 'offset', 'shl.b64', shift)),
    )
  }

  /** What needs to be computed only once for a loop. */
  private once(what: string, make: () => string): string {
    const known = this.made.get(what) ?? make()
    this.made.set(what, known)
    return known
  }

  /** The work on `lanes` elements from the given ones on. */
  emit(lanes: number, at: Readonly<Record<'element' | 'slice', string>>): void {
    const { loads, body, sums, stores, scope } = this.loop
    const { kernel, data, sums: totals } = this.around
    const { code } = kernel
    const values = new Values(code, floatOf(data), lanes, (name) => kernel.name(name))
    const all = [...Array(lanes).keys()]
    const address = this.addresses(at)
    for (const [node, register] of this.scalars) values.set(node, [register])
    for (const { node, array, scope } of loads) {
      const names = all.map((lane) => values.nameOf(node, lane))
      values.set(node, load(code, this.typeOf(array), address(array, scope), names))
    }
    for (const node of body) values.compute(node)
    for (const { index, value } of sums)
      for (const lane of all) {
        const term = finite(code, values.type, values.inRegister(value, lane))
        accumulate(
          kernel,
          totals[index],
          values.type === 'f64' ? term : code.put('f64', 'term', 'cvt.f64.f32', term),
        )
      }
    for (const { array, value } of stores) {
      const rounding = array === 'x' ? this.rounding(lanes, at.element) : nearest(code)
      const registers = isConstant(value)
        ? fillWith(values.inRegister(value, 0), lanes)
        : all.map((lane) => values.lane(value, lane))
      store(code, this.typeOf(array), address(array, scope), registers, rounding)
    }
  }

  /** The address of an element in each array, computed once for arrays alike. */
  private addresses(
    at: Readonly<Record<'element' | 'slice', string>>,
  ): (array: string, scope: 'element' | 'slice') => string {
    const { code } = this.around.kernel
    const offsets = new Map<string, string>()
    const known = new Map<string, string>()
    return (array, scope) => {
      const found = known.get(array)
      if (found) return found
      const bytes = bytesOf[this.typeOf(array)]
      const key = `${at[scope]} ${bytes}`
      const offset =
        offsets.get(key) ?? code.put('u64', 'offset', 'mul.wide.u32', `${at[scope]}, ${bytes}`)
      offsets.set(key, offset)
      const address = code.put(
        'u64',
        `p_${this.around.kernel.name(array)}`,
        'add.u64',
        `${this.bases.get(array)}, ${offset}`,
      )
      known.set(array, address)
      return address
    }
  }

  /**
   * How parameters in bfloat16 are rounded: at random, 16 bits from a hash of the element's place
   * for each, or to the nearest.
   */
  private rounding(lanes: number, element: string): Rounding {
    const { kernel, chunk, data } = this.around
    const { code } = kernel
    if (data !== 'bf16' || !chunk.seed) return nearest(code)
    const pair = code.put('b32', 'pair', 'shr.u32', `${element}, 1`)
    const hashes = Array.from({ length: Math.max(1, lanes / 2) }, (_, i) => {
      const own = code.put('b32', 'pair', 'add.u32', `${pair}, ${i}`)
      return hash(kernel, code.put('b32', 'seed', 'add.u32', `${own}, ${chunk.seed}`))
    })
    if (lanes > 1)
      return stochastic(code, (lane) =>
        lane % 2
          ? code.put('b32', 'random', 'shr.u32', `${hashes[(lane - 1) / 2]}, 16`)
          : code.put('b32', 'random', 'and.b32', `${hashes[lane / 2]}, 0xFFFF`),
      )
    const odd = code.put('b32', 'odd', 'and.b32', `${element}, 1`)
    const shift = code.put('b32', 'odd', 'shl.b32', `${odd}, 4`)
    const half = code.put('b32', 'random', 'shr.u32', `${hashes[0]}, ${shift}`)
    return stochastic(code, () => code.put('b32', 'random', 'and.b32', `${half}, 0xFFFF`))
  }
}

/** A term of a sum: zero where it is not finite. */
function finite(code: Code, type: Float, term: string): string {
  const counts = code.put('pred', 'p', `testp.finite.${type}`, term)
  return code.put(type, 'term', `selp.${type}`, `${term}, ${literal(0, type)}, ${counts}`)
}

/** Whether an array is the caller's. */
const isData = (array: string) => array === 'x' || array === 'g' || array === 'evaluated'
const fillWith = (register: string, lanes: number) => Array<string>(lanes).fill(register)

/**
 * Mixes 32 bits so that each of them depends on all, by a function with an inverse: C. Wellons,
 * hash-prospector ("lowbias32").
 */
export function hash({ code }: Kernel, bits: string): string {
  const shiftIn = (a: string, by: number) => {
    const shifted = code.put('b32', 'hash', 'shr.u32', `${a}, ${by}`)
    return code.put('b32', 'hash', 'xor.b32', `${a}, ${shifted}`)
  }
  const times = (a: string, factor: string) =>
    code.put('b32', 'hash', 'mul.lo.u32', `${a}, ${factor}`)
  return shiftIn(times(shiftIn(times(shiftIn(bits, 16), '0x7FEB352D'), 15), '0x846CA68B'), 16)
}
