/**
 * The elements of arrays in a loop over a segment: their addresses, and how those of parameters are
 * rounded. Not the loop: see print.ts.
 */
import type { Element } from '../../lower/program.ts'
import type { Kernel } from './kernel.ts'
import { bytesOf, type PtxData } from './layout.ts'
import { floatOf, load, nearest, type Rounding, stochastic, store } from './memory.ts'
import { hash, type Segment } from './segment.ts'

/** Where a thread is in arrays of elements and of slices. */
export type Position = Readonly<Record<Element['scope'], string>>

/** The arrays of a loop. */
export class Elements {
  private readonly kernel: Kernel
  private readonly segment: Segment
  private readonly data: PtxData
  /** What needs to be computed only once for a loop, or for a position. */
  private readonly made = new Map<string, string>()

  constructor(kernel: Kernel, segment: Segment, data: PtxData, arrays: readonly Element[]) {
    this.kernel = kernel
    this.segment = segment
    this.data = data
    for (const each of arrays) this.base(each)
  }

  /** Registers with the elements at a position; `names` are what they are called. */
  load(from: Element, at: Position, names: readonly string[]): string[] {
    return load(this.kernel.code, this.typeOf(from), this.address(from, at), names)
  }

  /** Writes elements at a position. */
  store(to: Element, at: Position, values: readonly string[], random: boolean): void {
    const rounding = random ? this.rounding(values.length, at.element) : nearest(this.kernel.code)
    store(this.kernel.code, this.typeOf(to), this.address(to, at), values, rounding)
  }

  /** The precision of an array. */
  private typeOf({ buffer }: Element): PtxData {
    return buffer === 'states' ? floatOf(this.data) : this.data
  }

  private once(what: string, make: () => string): string {
    const known = this.made.get(what) ?? make()
    this.made.set(what, known)
    return known
  }

  /** Where the segment begins in an array. */
  private base(each: Element): string {
    return this.once(`base ${each.array}`, () => {
      const { kernel, segment } = this
      const { code } = kernel
      const bytes = bytesOf[this.typeOf(each)]
      const name = `at_${kernel.name(each.array)}`
      const field = (which: string) => this.once(which, () => kernel.field(segment.row, which))
      const add = (a: string, b: string) => code.put('u64', name, 'add.u64', `${a}, ${b}`)
      if (each.scope === 'slice')
        return kernel.at(add(kernel.array(each.array), field('kept')), segment.kept, bytes, name)
      const begin =
        each.buffer === 'states'
          ? add(kernel.array(each.array), field('state'))
          : field(each.buffer)
      const shift = `${segment.start}, ${Math.log2(bytes)}`
      return add(
        begin,
        this.once(shift, () => code.put('u64', 'offset', 'shl.b64', shift)),
      )
    })
  }

  /** The address of an element in an array. */
  private address(each: Element, at: Position): string {
    const { code } = this.kernel
    const index = at[each.scope]
    return this.once(`${index} ${each.array}`, () => {
      const by = `${index}, ${bytesOf[this.typeOf(each)]}`
      const offset = this.once(by, () => code.put('u64', 'offset', 'mul.wide.u32', by))
      return code.put(
        'u64',
        `p_${this.kernel.name(each.array)}`,
        'add.u64',
        `${this.base(each)}, ${offset}`,
      )
    })
  }

  /**
   * How parameters in bfloat16 are rounded at random, by 16 bits from a hash of the element's place
   * for each. Others are not.
   */
  private rounding(lanes: number, element: string): Rounding {
    const { code } = this.kernel
    if (this.data !== 'bf16') return nearest(code)
    const pair = code.calc('shr.u32', element, 1)
    const hashes = Array.from({ length: Math.max(1, lanes / 2) }, (_, i) =>
      hash(code, code.calc('add.u32', code.calc('add.u32', pair, i), this.segment.seed)),
    )
    if (lanes > 1)
      return stochastic(code, (lane) =>
        lane % 2
          ? code.calc('shr.u32', hashes[(lane - 1) / 2], 16)
          : code.calc('and.b32', hashes[lane / 2], '0xFFFF'),
      )
    const shift = code.calc('shl.b32', code.calc('and.b32', element, 1), 4)
    const half = code.calc('shr.u32', hashes[0], shift)
    return stochastic(code, () => code.calc('and.b32', half, '0xFFFF'))
  }
}
