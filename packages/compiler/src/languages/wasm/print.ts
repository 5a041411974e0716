/**
 * Statements as WebAssembly: pointers walk over the elements, several of which are taken at once,
 * and those left over one by one.
 */
import {
  type ElementType,
  type SegmentField,
  segmentFields,
  segmentInts,
} from '../../lower/layout.ts'
import {
  type Element,
  type Expression,
  type LanedSum,
  type Operand,
  type Place,
  type Precision,
  type SerialSpelling,
  type SerialStatements,
  type Statement,
  spell,
} from '../../lower/program.ts'
import type { Serial } from '../../lower/serial.ts'
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
  singleLanes,
  store,
  times,
  until,
} from './code.ts'
import type { ValueType } from './module.ts'

/** The imported address of an array; the prefix keeps states apart from the rest of the layout. */
export const arrayGlobal = (array: string): string => `arrays.${array}`

/** A local that is no value of the program: its name begins with @. */
export const own = (name: string): string => `@${name}`

type Of<Kind extends keyof SerialStatements> = Statement<SerialStatements, Kind>

const number = singleLanes('f64')

/** Prints the statements of one function, and collects its locals. */
export class Printer implements SerialSpelling<Code> {
  readonly locals = new Map<string, ValueType>()
  private readonly size: 4 | 8
  private readonly single: Lanes
  private readonly several: Lanes
  /** What elements are taken as at present, and how far from the pointers. */
  private lanes: Lanes
  private offset = 0
  private pointers: readonly Element[] = []
  /** What sets the constants that several lanes need. */
  private readonly constants = new Map<string, Code>()

  constructor(type: ElementType) {
    const single = singleLanes(type === 'float32' ? 'f32' : 'f64')
    const prefix = type === 'float32' ? 'f32x4' : 'f64x2'
    this.size = type === 'float32' ? 4 : 8
    this.single = single
    this.several = {
      prefix,
      type: 'v128',
      width: 16 / this.size,
      constant: (value) => {
        const local = this.declare(`@${Object.is(value, -0) ? '-0' : value}`, 'v128')
        this.constants.set(local, set(local, [...single.constant(value), [`${prefix}.splat`]]))
        return get(local)
      },
    }
    this.lanes = single
  }

  print(statements: readonly Serial[]): Code {
    return spell<SerialStatements, keyof SerialStatements, Code>(statements, this).flat()
  }

  let({ name, precision, from, broadcast }: Of<'let'>): Code {
    const lanes = this.lanesOf(precision)
    const local = this.local(name, lanes)
    const value = 'kind' in from ? this.read(from) : this.operation(from, lanes)
    const rounds = 'kind' in from && from.kind === 'slot' && lanes.prefix === 'f32'
    return [
      ...set(local, rounds ? [...value, ['f32.demote_f64']] : value),
      ...(broadcast
        ? set(this.local(name, this.several), [...get(local), [`${this.several.prefix}.splat`]])
        : []),
    ]
  }

  store = ({ to, value, precision }: Of<'store'>) =>
    this.write(
      to,
      typeof value === 'object' ? this.read(value) : this.operand(value, this.lanesOf(precision)),
    )

  add({ to, term, precision }: Of<'add'>): Code {
    const lanes = this.lanesOf(precision)
    const value = 'kind' in term ? this.read(term) : this.operation(term, lanes)
    if (to.kind === 'sum') return this.accumulate(to.index, value, lanes)
    return this.write(to, [...this.read(to), ...value, ['f64.add']])
  }

  block = ({ body }: Of<'block'>) => this.print(body)

  segments({ from, to, fields, partials, body }: Of<'segments'>): Code {
    const bound = (each: Operand) => (typeof each === 'number' ? i32(each) : get(own(each)))
    const at = (index: Code) => add(global('segments'), times(index, 4 * segmentInts))
    const row = add(global('partials'), times(bound(from), 8 * partials))
    const tensor = fields.includes('tensor') ? this.setTensor(this.field('tensor')) : []
    return [
      ...set(this.declare('@segment', 'i32'), at(bound(from))),
      ...set(this.declare('@last', 'i32'), at(bound(to))),
      ...(partials ? set(this.declare('@partial', 'i32'), row) : []),
      ...until(
        [...get('@segment'), ...get('@last'), ['i32.ge_u']],
        [
          ...tensor,
          ...this.print(body),
          ...(partials ? increase('@partial', i32(8 * partials)) : []),
          ...increase('@segment', i32(4 * segmentInts)),
        ],
      ),
    ]
  }

  tensors = ({ body }: Of<'tensors'>) => [
    ...this.setTensor(i32(0)),
    ...until(
      [...get('@tensor'), ...tensorAt(get('@tensorCount')), ['i32.ge_u']],
      [...this.print(body), ...increase('@tensor', times(global('tensorStride'), 8))],
    ),
  ]

  begin({ scope, arrays }: Of<'begin'>): Code {
    this.pointers = arrays
    const step = times(this.field('stride'), this.size)
    return [
      ...(scope === 'slice' ? set(this.declare('@step', 'i32'), step) : []),
      ...arrays.flatMap(({ array, buffer, apart, scope: own }) => {
        const start = own === 'slice' ? 'sliceStart' : 'start'
        const first = this.field(apart ? 'first' : start)
        const index = buffer === 'states' ? first : add(first, this.field(`${buffer}Shift`))
        const address = add(global(arrayGlobal(array)), times(index, this.size))
        return set(this.declare(`@${array}`, 'i32'), address)
      }),
    ]
  }

  each({ scope, range, lanes, times, body }: Of<'each'>): Code {
    const elements = lanes * times
    const length = this.field(scope === 'element' ? 'length' : 'sliceLength')
    const left = this.declare('@left', 'i32')
    this.lanes = lanes > 1 ? this.several : this.single
    const rounds = [...Array(times).keys()].flatMap((i) => {
      this.offset = i * lanes * this.size
      return this.print(body)
    })
    const advance = this.pointers.flatMap(({ array, apart }) =>
      increase(own(array), apart ? get('@step') : i32(elements * this.size)),
    )
    const constants = [...this.constants.values()].flat()
    this.constants.clear()
    this.lanes = this.single
    return [
      ...constants,
      ...(range === 'rest' ? [] : set(left, length)),
      ...until(
        [...get(left), ...i32(elements), ['i32.lt_u']],
        [...rounds, ...advance, ...increase(left, i32(-elements))],
      ),
    ]
  }

  zero({ sums }: Of<'zero'>): Code {
    const zero = number.constant(0)
    return sums.flatMap((sum) => [
      ...set(this.declare(`@sum${sum.index}`, 'f64'), zero),
      ...this.accumulators(sum).flatMap((each) => set(each, [...zero, ['f64x2.splat']])),
    ])
  }

  /** Adds up the lanes of accumulators, and what was left over. */
  partials = ({ sums }: Of<'partials'>) =>
    sums.flatMap((sum) => {
      const [lo, hi] = this.accumulators(sum)
      const left = `@sum${sum.index}`
      const both: Code = hi ? set(lo, [...get(lo), ...get(hi), ['f64x2.add']]) : []
      const lane = (i: number): Code => [...get(lo), ['f64x2.extract_lane', i]]
      const total: Code = [...lane(0), ...lane(1), ['f64.add'], ...get(left), ['f64.add']]
      return [
        ...both,
        ...(lo ? set(left, total) : []),
        ...store('f64', get('@partial'), 8 * sum.index, get(left)),
      ]
    })

  /**
   * The doubles that lanes are added to: two at a time, so there are two pairs for four singles.
   * What is left over goes to `@sum`.
   */
  private accumulators({ index, lanes }: LanedSum): string[] {
    const halves = this.size === 4 ? ['lo', 'hi'] : ['lo']
    return lanes ? halves.map((half) => this.declare(`@sum${index}.${half}`, 'v128')) : []
  }

  private accumulate(index: number, term: Code, { type, width }: Lanes): Code {
    const more = (local: string, type: string, wide: Code) =>
      set(local, [...get(local), ...wide, [`${type}.add`]])
    if (width === 1)
      return more(`@sum${index}`, 'f64', this.size === 4 ? [...term, ['f64.promote_f32']] : term)
    const [lo, hi] = this.accumulators({ index, lanes: true })
    if (!hi) return more(lo, 'f64x2', term)
    const value = get(this.declare('@term', type))
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

  private declare(name: string, type: ValueType): string {
    this.locals.set(name, type)
    return name
  }

  private local = (name: string, { type }: Lanes): string =>
    this.declare(type === 'v128' ? `${name}.v` : name, type)

  private lanesOf = (precision: Precision): Lanes => (precision === 'number' ? number : this.lanes)

  private operand = (value: Operand, lanes: Lanes): Code =>
    typeof value === 'number' ? lanes.constant(value) : get(this.local(value, lanes))

  private operation = ({ op, args }: Expression, lanes: Lanes): Code =>
    operations[op](lanes, ...args.map((arg) => this.operand(arg, lanes)))

  private field = (name: SegmentField): Code =>
    load('i32', get('@segment'), 4 * segmentFields.indexOf(name))

  private setTensor = (index: Code): Code => set(this.declare('@tensor', 'i32'), tensorAt(index))

  private read(place: Place): Code {
    const { type, address, offset } = this.at(place)
    return load(type, address, offset)
  }

  private write(place: Place, value: Code): Code {
    const { type, address, offset } = this.at(place)
    return store(type, address, offset, value)
  }

  /** Where a place is, and what is there. */
  private at(place: Place): { type: ValueType; address: Code; offset: number } {
    if (place.kind === 'array')
      return { type: this.lanes.type, address: get(own(place.array)), offset: this.offset }
    if (place.kind === 'partial')
      return { type: 'f64', address: get('@partial'), offset: 8 * place.index }
    if (place.kind !== 'slot') throw new RangeError(`wasm: a ${place.kind} is not in memory`)
    const { scope, index } = place.slot
    const address = scope === 'global' ? global('globals') : get('@tensor')
    return { type: 'f64', address, offset: 8 * index }
  }
}

/** Where the slots of a tensor are. */
const tensorAt = (index: Code): Code =>
  add(global('tensors'), times([...index, ...global('tensorStride'), ['i32.mul']], 8))
