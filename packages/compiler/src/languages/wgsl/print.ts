/**
 * Statements as WGSL: a group of threads takes a segment, and in each round every thread takes the
 * next element, so that neighbours read neighbours.
 */
import type { Grid, GridKernel } from '../../lower/grid.ts'
import type { Namer } from '../../lower/names.ts'
import {
  type Element,
  type Expression,
  type GridSpelling,
  type GridStatements,
  type Place,
  type Statement,
  spell,
} from '../../lower/program.ts'
import { block } from '../lines.ts'
import { expression, operand } from './language.ts'
import type { WgslOptions } from './layout.ts'
import { collectShares } from './shares.ts'

type Of<Kind extends keyof GridStatements> = Statement<GridStatements, Kind>

/** Prints the statements of a kernel for so many threads as lines. */
export class Printer implements GridSpelling<string[]> {
  private readonly name: Namer
  private readonly options: WgslOptions
  private readonly size: number
  /** The uniform buffer that knows where slots begin. */
  private readonly numbers: 'table' | 'totals'
  /** The pair of buffers that is meant. */
  private pair = 0

  constructor({ kind, name }: GridKernel, options: WgslOptions, size: number) {
    this.name = name
    this.options = options
    this.size = size
    this.numbers = kind === 'pass' ? 'table' : 'totals'
  }

  print(statements: readonly Grid[]): string[] {
    return spell<GridStatements, keyof GridStatements, string[]>(statements, this).flat()
  }

  let = ({ name, from }: Of<'let'>) => [`let ${name} = ${this.value(from)};`]

  store({ to, value }: Of<'store'>): string[] {
    const text = typeof value === 'object' ? this.place(value) : operand(value)
    return [`${this.place(to)} = ${this.isNarrow(to) ? `f16(${text})` : text};`]
  }

  add = ({ to, term }: Of<'add'>) => [`accumulate(&${this.place(to)}, ${this.value(term)});`]

  zero = ({ sums }: Of<'zero'>) => sums.map(({ index }) => `var sum${index} = vec2<f32>();`)

  block = ({ body }: Of<'block'>) => block('', this.print(body))

  first = ({ body }: Of<'first'>) => block('if (local == 0u)', this.print(body))

  barrier = ({ between }: Of<'barrier'>) => [
    'storageBarrier();',
    ...(between === 'steps' ? ['workgroupBarrier();'] : []),
  ]

  tensors = ({ body }: Of<'tensors'>) => this.loop('tensor', '', 'totals.tensors', this.print(body))

  groups = ({ body }: Of<'groups'>) => [
    'let tensor = id.x + id.y * grid.x;',
    'if (tensor >= totals.tensors) { return; }',
    ...this.print(body),
  ]

  segment = ({ tensor }: Of<'segment'>) => [
    ...segment,
    ...(tensor ? ['let tensor = piece.tensor;'] : []),
  ]

  begin = ({ arrays }: Of<'begin'>) =>
    arrays.map(({ array, buffer, scope }) => {
      const field = `at_${this.name(array)}`
      const states = `table.${field} + piece.${scope === 'slice' ? 'kept' : 'state'}`
      return `let ${field} = ${buffer === 'states' ? states : `piece.${buffer}`};`
    })

  choose({ cases }: Of<'choose'>): string[] {
    const bodies = cases.map(({ way, body }) => {
      this.pair = way.index
      return this.print(body)
    })
    if (bodies.length === 1) return bodies.flat()
    const last = bodies.length - 1
    const label = (i: number) => (i < last ? `case ${cases[i].way.index}u:` : 'default:')
    return block(
      'switch piece.pair',
      bodies.flatMap((body, i) => block(label(i), body)),
    )
  }

  each({ scope, body }: Of<'each'>): string[] {
    const lines = this.print(body)
    if (scope === 'element') return this.loop('i', 'start + ', 'end', lines)
    return [
      'let stop = keptBefore(end, piece);',
      ...this.loop('k', 'keptBefore(start, piece) + ', 'stop', [
        'let i = piece.phase + k * piece.stride;',
        ...lines,
      ]),
    ]
  }

  rows({ over, partials }: Of<'rows'>): string[] {
    const range = over === 'group' ? 'ranges[tensor].row + ' : ''
    const end = over === 'group' ? `${range}ranges[tensor].rows` : 'totals.rows'
    const row = (of: number, index: number) => `numbers[totals.partials + ${of}u * i + ${index}u]`
    const lines = partials.map(({ index, of }, k) => `accumulate(&sum${k}, ${row(of, index)});`)
    return this.loop('i', range, end, lines)
  }

  collect = ({ sums, body }: Of<'collect'>) => [
    ...collectShares(sums, this.options.subgroups),
    ...this.print(body),
  ]

  partials = ({ sums: { length } }: Of<'partials'>) =>
    block(`for (var k = local; k < ${length}u; k += ${this.size}u)`, [
      `numbers[table.partials + ${length}u * (piece.partial + segment) + k] = shares[k][0];`,
    ])

  note = (): string[] => []
  last = (): string[] => []
  count = (): string[] => []

  /** A loop of the threads. */
  private loop = (i: string, from: string, end: string, lines: readonly string[]): string[] =>
    block(`for (var ${i} = ${from}local; ${i} < ${end}; ${i} += ${this.size}u)`, lines)

  private isNarrow = (place: Place): boolean =>
    this.options.data === 'f16' && place.kind === 'array' && place.buffer !== 'states'

  private value(from: Place | Expression): string {
    if (!('kind' in from)) return expression(from)
    return this.isNarrow(from) ? `f32(${this.place(from)})` : this.place(from)
  }

  private place(place: Place): string {
    switch (place.kind) {
      case 'array':
        return this.element(place)
      case 'slot': {
        const { scope, index } = place.slot
        const { numbers } = this
        return scope === 'global'
          ? `numbers[${index}u]`
          : `numbers[${numbers}.slots + ${index}u * ${numbers}.tensors + tensor]`
      }
      case 'sum':
        return `sum${place.index}`
      case 'total':
        return `shares[${place.index}][0]`
      default:
        throw new RangeError(`wgsl: ${place.kind} is no place here`)
    }
  }

  private element({ array, buffer, scope }: Element): string {
    const name = buffer === 'states' ? buffer : `${buffer}_${this.pair}`
    return `${name}[at_${this.name(array)} + ${scope === 'slice' ? 'k' : 'i'}]`
  }
}

const segment = [
  'let group = id.x + id.y * grid.x;',
  'if (group >= table.groups) { return; }',
  'let piece = table.list[find(group)];',
  'let segment = group - piece.group;',
  'let start = segment * table.segment;',
  'let end = min(start + table.segment, piece.length);',
]
