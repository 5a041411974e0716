/**
 * Statements as PTX: a block of threads takes a segment, in each round every thread the next
 * elements, several at a time or one by one.
 */
import type { Grid } from '../../lower/grid.ts'
import {
  type Expression,
  type GridSpelling,
  type GridStatements,
  type Operand,
  type Place,
  type Precision,
  type Statement,
  spell,
} from '../../lower/program.ts'
import { Elements, type Position } from './elements.ts'
import type { Kernel } from './kernel.ts'
import { held, table } from './language.ts'
import { type PtxData, ptxData } from './layout.ts'
import { type Float, literal } from './literal.ts'
import { floatOf, loadShared } from './memory.ts'
import { countStep, findSegment, inLastBlock, type Segment } from './segment.ts'
import { accumulate, addRows, overBlock, overWarp, zeros } from './sums.ts'

type Of<Kind extends keyof GridStatements> = Statement<GridStatements, Kind>

/** Prints the statements of a kernel. */
export class Printer implements GridSpelling<void> {
  private readonly kernel: Kernel
  /** The registers of values, one for each lane, or one for all. */
  private values = new Map<string, readonly string[]>()
  private sums: readonly string[] = []
  private totals: readonly string[] = []
  /** The number of a thread in its block, or in the warp that takes a tensor. */
  private worker: string
  /** Where the block is, and where in it the thread is, with how many elements at once. */
  private here: Segment | undefined
  private elements: Elements | undefined
  private data: PtxData = 'f32'
  private position: Position = { element: '', slice: '' }
  private lanes = 1

  constructor(kernel: Kernel) {
    this.kernel = kernel
    this.worker = kernel.thread
  }

  /** Prints statements, whose values are theirs alone. */
  print(statements: readonly Grid[]): void {
    const before = this.values
    this.values = new Map(before)
    spell(statements, this)
    this.values = before
  }

  let({ name, precision, from }: Of<'let'>): void {
    const type = this.typeOf(precision)
    const registers =
      'kind' in from
        ? this.registers(from, type, name)
        : this.named(name).map((each, lane) => this.operation(from, type, each, lane))
    this.values.set(name, registers)
  }

  store({ to, value, precision, random = false }: Of<'store'>): void {
    const { code } = this.kernel
    const registers = this.registers(value, this.typeOf(precision), 'c')
    if (to.kind === 'array') this.array.store(to, this.position, registers, random)
    else if (to.kind === 'slot')
      code.do(`st.global.f64 [${this.kernel.place(to.slot)}], ${registers[0]}`)
    else if (to.kind === 'shared') {
      const scalars = code.share('scalars', 8 * (to.index + 1))
      code.do(`st.shared.f64 [${scalars}+${8 * to.index}], ${registers[0]}`)
    } else throw new RangeError(`ptx: nothing is stored to a ${to.kind}`)
  }

  add({ to, term, precision }: Of<'add'>): void {
    if (to.kind !== 'sum') throw new RangeError(`ptx: nothing is added to a ${to.kind}`)
    const { code } = this.kernel
    const type = this.typeOf(precision)
    for (const lane of Array(this.lanes).keys()) {
      const value =
        'kind' in term
          ? this.registers(term, type, 'term')[lane]
          : this.operation(term, type, 'term', lane)
      const wide = type === 'f64' ? value : code.put('f64', 'term', 'cvt.f64.f32', value)
      accumulate(this.kernel, this.sums[to.index], wide)
    }
  }

  zero({ sums }: Of<'zero'>): void {
    this.sums = zeros(this.kernel, sums.length)
  }

  note = ({ text }: Of<'note'>) => this.kernel.code.note(text)

  barrier = () => this.kernel.code.barrier()

  block = ({ body }: Of<'block'>) => this.print(body)

  first = ({ body }: Of<'first'>) =>
    this.kernel.code.when('eq.u32', `${this.worker}, 0`, () => this.print(body))

  last = () => inLastBlock(this.kernel)

  count = () => countStep(this.kernel)

  segment({ slices, random }: Of<'segment'>): void {
    this.here = findSegment(this.kernel, slices, random)
  }

  choose({ cases }: Of<'choose'>): void {
    const { code } = this.kernel
    const by = cases.length > 1 ? this.kernel.field(this.segmentHere.row, 'data') : ''
    code.choose(
      by,
      cases.map((each) => [each.way.index, each]),
      ({ way, body }) => {
        this.data = ptxData[way.index]
        this.print(body)
      },
    )
  }

  begin({ arrays }: Of<'begin'>): void {
    this.elements = new Elements(this.kernel, this.segmentHere, this.data, arrays)
  }

  each({ scope, range, lanes, body }: Of<'each'>): void {
    const { code, thread, threads } = this.kernel
    const { count, stride, phase, whole, length } = this.segmentHere
    const round = (element: string, slice: string) => {
      this.position = { element, slice }
      this.lanes = lanes
      this.print(body)
      this.lanes = 1
    }
    if (scope === 'slice') {
      code.loop(thread, count, threads, (k) =>
        round(code.put('u32', 'i', 'mad.lo.u32', `${k}, ${stride}, ${phase}`), k),
      )
      return
    }
    const first =
      range === 'rest'
        ? code.put('u32', 'first', 'add.u32', `${whole}, ${thread}`)
        : code.put('u32', 'first', 'mul.lo.u32', `${thread}, ${lanes}`)
    const end = range === 'whole' ? whole : length
    code.loop(first, end, lanes * threads, (i) => round(i, i))
  }

  tensors({ body }: Of<'tensors'>): void {
    const { code, thread, threads } = this.kernel
    code.loop(thread, this.kernel.parameter('u32', 'count'), threads, (tensor) => {
      this.kernel.tensor = tensor
      this.print(body)
    })
  }

  groups({ body }: Of<'groups'>): void {
    const { code, thread, threads } = this.kernel
    const lane = code.put('u32', 'lane', 'and.b32', `${thread}, 31`)
    const warp = code.put('u32', 'warp', 'shr.u32', `${thread}, 5`)
    this.worker = lane
    code.loop(warp, this.kernel.parameter('u32', 'count'), threads / 32, (tensor) => {
      this.kernel.tensor = tensor
      this.print(body)
    })
    this.worker = thread
  }

  rows({ over, partials }: Of<'rows'>): void {
    const { kernel, worker } = this
    const { code } = kernel
    if (over === 'block') {
      const end = code.put('u32', 'chunks', 'mov.u32', '%nctaid.x')
      addRows(kernel, { from: worker, end, step: kernel.threads }, partials, this.sums)
      return
    }
    const row = kernel.tensorRow()
    const [first, rows] = ['row', 'rows'].map((name) => kernel.field(row, name))
    const from = code.put('u32', 'from', 'add.u32', `${first}, ${worker}`)
    const end = code.put('u32', 'end', 'add.u32', `${first}, ${rows}`)
    addRows(kernel, { from, end, step: 32 }, partials, this.sums)
  }

  collect({ over, body }: Of<'collect'>): void {
    const use = (totals: readonly string[]) => {
      this.totals = totals
      this.print(body)
    }
    if (over === 'block') overBlock(this.kernel, this.sums, use)
    else use(this.sums.map((sum) => overWarp(this.kernel, sum)))
  }

  partials({ sums: { length } }: Of<'partials'>): void {
    const { code, thread } = this.kernel
    code.when('eq.u32', `${thread}, 0`, () => {
      const base = this.kernel.parameter('u64', 'partials')
      const place = this.kernel.at(base, this.segmentHere.block, 8 * length, 'place')
      for (const [k, total] of this.totals.entries())
        code.do(`st.global.f64 [${place}+${8 * k}], ${total}`)
    })
  }

  private typeOf = (precision: Precision): Float =>
    precision === 'number' ? 'f64' : floatOf(this.data)

  /** A name for each lane. */
  private named = (name: string): string[] =>
    Array.from({ length: this.lanes }, (_, i) => (this.lanes > 1 ? `${name}_${i}` : name))

  /** Registers with an operand or what is in a place, one for each lane. */
  private registers(from: Operand | Place, type: Float, name: string): readonly string[] {
    const { code } = this.kernel
    if (typeof from === 'number')
      return Array<string>(this.lanes).fill(held(code, type, literal(from, type)))
    if (typeof from === 'string')
      return this.named(from).map((_, lane) => held(code, type, this.operand(from, type, lane)))
    if (from.kind === 'array') return this.array.load(from, this.position, this.named(name))
    if (from.kind === 'slot') return [this.kernel.read(from.slot, name)]
    if (from.kind === 'total') return [this.totals[from.index]]
    if (from.kind !== 'shared') throw new RangeError(`ptx: a ${from.kind} is not read`)
    return [loadShared(code, type, `scalars+${8 * from.index}`, name)]
  }

  /** An operand in a lane: a register, or a literal. */
  private operand(value: Operand, type: Float, lane: number): string {
    if (typeof value === 'number') return literal(value, type)
    const registers = this.values.get(value)
    if (!registers) throw new RangeError(`ptx: ${value} has no register`)
    return registers[registers.length > 1 ? lane : 0]
  }

  private operation({ op, args }: Expression, type: Float, name: string, lane: number): string {
    const operands = args.map((arg) => this.operand(arg, type, lane))
    return table[op](this.kernel.code, type, name, operands, Number(args[1]))
  }

  private get segmentHere(): Segment {
    if (!this.here) throw new RangeError('ptx: there is no segment')
    return this.here
  }

  private get array(): Elements {
    if (!this.elements) throw new RangeError('ptx: there are no arrays')
    return this.elements
  }
}
