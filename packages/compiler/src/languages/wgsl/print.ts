/**
 * Statements as WGSL: a group of threads takes a segment, and in each round every thread takes the
 * next element, so that neighbours read neighbours.
 */

import type { Grid, GridKernel } from '../../lower/grid.ts'
import type { Namer } from '../../lower/names.ts'
import {
  type Element,
  type Expression,
  type GridStatements,
  type Place,
  type Spelling,
  spell,
} from '../../lower/program.ts'
import { block } from '../lines.ts'
import type { WgslOptions } from './emit.ts'
import { expression, operand } from './language.ts'
import { collectShares } from './shares.ts'

/** The lines of a kernel, of so many threads. */
export function print(kernel: GridKernel, options: WgslOptions, size: number): string[] {
  return printer(kernel, options, size, 0)(kernel.body)
}

/** Prints statements, for one of the pairs of buffers. */
function printer(
  kernel: GridKernel,
  options: WgslOptions,
  size: number,
  pair: number,
): (statements: readonly Grid[]) => string[] {
  const { name } = kernel
  const numbers = kernel.kind === 'pass' ? 'table' : 'totals'
  const isNarrow = (place: Place) =>
    options.data === 'f16' && place.kind === 'array' && place.buffer !== 'states'
  const placed = (place: Place) => placeOf(place, { name, numbers, pair })
  const value = (from: Place | Expression) => {
    if (!('kind' in from)) return expression(from)
    return isNarrow(from) ? `f32(${placed(from)})` : placed(from)
  }
  /** A loop of the threads. */
  const loop = (i: string, from: string, end: string, lines: readonly string[]) =>
    block(`for (var ${i} = ${from}local; ${i} < ${end}; ${i} += ${size}u)`, lines)
  const print = (statements: readonly Grid[]) => spell(statements, spelling).flat()
  const spelling: Spelling<GridStatements, keyof GridStatements, string[]> = {
    let: ({ name, from }) => [`let ${name} = ${value(from)};`],
    store: ({ to, value }) => {
      const text = typeof value === 'object' ? placed(value) : operand(value)
      return [`${placed(to)} = ${isNarrow(to) ? `f16(${text})` : text};`]
    },
    add: ({ to, term }) => [`accumulate(&${placed(to)}, ${value(term)});`],
    zero: ({ sums }) => sums.map(({ index }) => `var sum${index} = vec2<f32>();`),
    note: () => [],
    block: ({ body }) => block('', print(body)),
    first: ({ body }) => block('if (local == 0u)', print(body)),
    barrier: ({ between }) => [
      'storageBarrier();',
      ...(between === 'steps' ? ['workgroupBarrier();'] : []),
    ],
    tensors: ({ body }) => loop('tensor', '', 'totals.tensors', print(body)),
    groups: ({ body }) => [
      'let tensor = id.x + id.y * grid.x;',
      'if (tensor >= totals.tensors) { return; }',
      ...print(body),
    ],
    segment: ({ tensor }) => [...segment, ...(tensor ? ['let tensor = piece.tensor;'] : [])],
    begin: ({ arrays }) => arrays.map((each) => begin(each, name)),
    choose: ({ cases }) => {
      if (cases.length === 1) return cases.flatMap(({ body }) => print(body))
      const lines = cases.flatMap(({ way, body }, i) =>
        block(
          i < cases.length - 1 ? `case ${way.index}u:` : 'default:',
          printer(kernel, options, size, way.index)(body),
        ),
      )
      return block('switch piece.pair', lines)
    },
    each: ({ scope, body }) => {
      if (scope === 'element') return loop('i', 'start + ', 'end', print(body))
      return [
        'let stop = keptBefore(end, piece);',
        ...loop('k', 'keptBefore(start, piece) + ', 'stop', [
          'let i = piece.phase + k * piece.stride;',
          ...print(body),
        ]),
      ]
    },
    rows: ({ over, partials }) => {
      const range = 'ranges[tensor].row + '
      const lines = partials.map(
        ({ index, of }, k) =>
          `accumulate(&sum${k}, numbers[totals.partials + ${of}u * i + ${index}u]);`,
      )
      return over === 'group'
        ? loop('i', range, `${range}ranges[tensor].rows`, lines)
        : loop('i', '', 'totals.rows', lines)
    },
    collect: ({ sums, body }) => [...collectShares(sums, options.subgroups), ...print(body)],
    partials: ({ sums: { length } }) =>
      block(`for (var k = local; k < ${length}u; k += ${size}u)`, [
        `numbers[table.partials + ${length}u * (piece.partial + segment) + k] = shares[k][0];`,
      ]),
    last: () => [],
    count: () => [],
  }
  return print
}

const segment = [
  'let group = id.x + id.y * grid.x;',
  'if (group >= table.groups) { return; }',
  'let piece = table.list[find(group)];',
  'let segment = group - piece.group;',
  'let start = segment * table.segment;',
  'let end = min(start + table.segment, piece.length);',
]

/** Where the piece begins in an array. */
function begin({ array, buffer, scope }: Element, name: Namer): string {
  const field = `at_${name(array)}`
  const states = `table.${field} + piece.${scope === 'slice' ? 'kept' : 'state'}`
  return `let ${field} = ${buffer === 'states' ? states : `piece.${buffer}`};`
}

/** What places depend on: `numbers` is the uniform buffer that knows where slots begin. */
interface Surrounding {
  readonly name: Namer
  readonly numbers: 'table' | 'totals'
  readonly pair: number
}

function placeOf(place: Place, { name, numbers, pair }: Surrounding): string {
  switch (place.kind) {
    case 'array': {
      const buffer = place.buffer === 'states' ? 'states' : `${place.buffer}_${pair}`
      return `${buffer}[at_${name(place.array)} + ${place.scope === 'slice' ? 'k' : 'i'}]`
    }
    case 'slot': {
      const { scope, index } = place.slot
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
