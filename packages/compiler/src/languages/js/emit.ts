/**
 * Kernels as JavaScript: plain loops over typed arrays, one statement per value. To read, to debug,
 * and to run where WebAssembly is missing. Not the fast way.
 */
import type { Kernels } from '../../fuse/kernels.ts'
import {
  type ElementType,
  type SegmentField,
  segmentFields,
  segmentInts,
  sumOrder,
} from '../../lower/layout.ts'
import { type Namer, namer } from '../../lower/names.ts'
import {
  type Expression,
  type Operand,
  type Operation,
  type Place,
  type Precision,
  type SerialSpelling,
  type SerialStatements,
  spell,
} from '../../lower/program.ts'
import { type Serial, serial } from '../../lower/serial.ts'
import { block, indent } from '../lines.ts'

/** The language: every operation as an expression of its operands. */
const table: Record<Operation, (a: string, b: string, c: string) => string> = {
  add: (a, b) => `${a} + ${b}`,
  sub: (a, b) => `${a} - ${b}`,
  mul: (a, b) => `${a} * ${b}`,
  div: (a, b) => `${a} / ${b}`,
  max: (a, b) => `max(${a}, ${b})`,
  min: (a, b) => `min(${a}, ${b})`,
  neg: (a) => `-${a}`,
  abs: (a) => `abs(${a})`,
  sqrt: (a) => `sqrt(${a})`,
  pow: (a, c) => `${a} ** ${c}`,
  sign: (a) => `sign(${a})`,
  where: (c, a, b) => `${c} > 0 ? ${a} : ${b}`,
  slice: (a) => a,
  finite: (a) => `(${a} - ${a} === 0 ? ${a} : 0)`,
}

/**
 * The operations that give a single-precision number for single-precision operands; the others are
 * rounded.
 */
const exact = new Set<string>(['max', 'min', 'neg', 'abs', 'sign', 'where', 'slice', 'finite'])

const math = ['abs', 'fround', 'max', 'min', 'sign', 'sqrt']
const numbers = ['globals', 'tensors', 'partials']
const words = `
  tensorStride segments memory layout segment segmentCount tensorCount from to i sums whole lane
  arguments await break case catch class const continue debugger default delete do else enum eval
  export extends false finally for function if implements import in instanceof interface let new
  null package private protected public return static super switch this throw true try typeof
  undefined var void while with yield NaN Infinity Math Float32Array Float64Array Int32Array
`
const taken = [...math, ...numbers, ...segmentFields, ...words.trim().split(/\s+/)]

/**
 * Prints the body of a strict function of (memory, layout), memory being an ArrayBuffer and layout
 * a {@link Layout}, that returns the {@link StageFunctions}.
 */
export function emitJs(kernels: Kernels, type: ElementType): string {
  const name = namer(taken)
  const print = printer(name, type)
  const { functions, arrays, sums } = serial(kernels, { type, name, vectors: false })
  const code = functions.flatMap((each) =>
    block(`${each.name}(${each.parameters.join(', ')})`, print(each.body), '},'),
  )
  const array = type === 'float32' ? 'Float32Array' : 'Float64Array'
  return [
    "'use strict'",
    `const { ${math.join(', ')} } = Math`,
    'const { tensorStride } = layout',
    ...numbers.map((each) => `const ${each} = new Float64Array(memory, layout.${each})`),
    'const segments = new Int32Array(memory, layout.segments)',
    ...(sums ? [`const sums = new Float64Array(${(sumOrder[type].lanes + 1) * sums})`] : []),
    ...arrays.map(
      (each) =>
        `const $${name(each)} = new ${array}(memory, layout.arrays[${JSON.stringify(each)}])`,
    ),
    'return {',
    ...indent(code),
    '}',
    '',
  ].join('\n')
}

/** Prints statements. */
function printer(name: Namer, type: ElementType): (statements: readonly Serial[]) => string[] {
  const { lanes } = sumOrder[type]
  const isSingle = (precision: Precision) => precision === 'element' && type === 'float32'
  const operand = (value: Operand, precision: Precision) =>
    typeof value === 'string' ? value : literal(isSingle(precision) ? Math.fround(value) : value)
  const placed = (place: Place) => placeOf(place, name, lanes)
  const expression = (from: Place | Expression, precision: Precision) => {
    const isPlace = 'kind' in from
    const [a, b, c] = isPlace ? [] : from.args.map((arg) => operand(arg, precision))
    const text = isPlace ? placed(from) : table[from.op](a, b, c)
    const rounds = isPlace ? from.kind === 'slot' : !exact.has(from.op)
    return rounds && isSingle(precision) ? `fround(${text})` : text
  }
  const print = (statements: readonly Serial[]) =>
    spell<SerialStatements, keyof SerialStatements, string[]>(statements, spelling).flat()
  const spelling: SerialSpelling<string[]> = {
    let: ({ name, precision, from }) => [`const ${name} = ${expression(from, precision)}`],
    store: ({ to, value, precision }) => [
      `${placed(to)} = ${typeof value === 'object' ? placed(value) : operand(value, precision)}`,
    ],
    add: ({ to, term, precision }) => [`${placed(to)} += ${expression(term, precision)}`],
    block: ({ body }) => block('', print(body)),
    tensors: ({ body }) =>
      block('for (let tensor = 0; tensor < tensorCount; tensor++)', print(body)),
    segments: ({ from, to, fields, body }) =>
      block(`for (let segment = ${from}; segment < ${to}; segment++)`, [
        ...(fields.length ? [`const ${fields.map(field).join(', ')}`] : []),
        ...print(body),
      ]),
    begin: () => [],
    zero: () => ['sums.fill(0)'],
    partials: ({ sums }) =>
      sums.map(({ index }) => {
        const to: Place = { kind: 'partial', index, of: sums.length }
        return `${placed(to)} = ${total((lanes + 1) * index, lanes)}`
      }),
    each: ({ scope, order, body }) => {
      const [start, length] =
        scope === 'element' ? ['start', 'length'] : ['sliceStart', 'sliceLength']
      const loop = `for (let i = ${start}; i < ${start} + ${length}; i++)`
      if (!order) return block(loop, print(body))
      const first = body.findIndex(({ kind }) => kind === 'add')
      return [
        `const whole = start + length - length % ${order.round}`,
        ...block(loop, [
          ...print(body.slice(0, first)),
          `const lane = i < whole ? (i - start) % ${lanes} : ${lanes}`,
          ...print(body.slice(first)),
        ]),
      ]
    },
  }
  return print
}

const field = (each: SegmentField) =>
  `${each} = segments[${segmentInts} * segment + ${segmentFields.indexOf(each)}]`

function placeOf(place: Place, name: Namer, lanes: number): string {
  switch (place.kind) {
    case 'array': {
      const index = place.apart ? 'first + stride * (i - sliceStart)' : 'i'
      const shift = place.buffer === 'states' ? '' : ` + ${place.buffer}Shift`
      return `$${name(place.array)}[${index}${shift}]`
    }
    case 'slot': {
      const { scope, index } = place.slot
      return scope === 'global' ? `globals[${index}]` : `tensors[tensorStride * tensor + ${index}]`
    }
    case 'partial':
      return `partials[${place.of} * segment + ${place.index}]`
    case 'sum':
      return place.ordered
        ? `sums[${(lanes + 1) * place.index} + lane]`
        : `sums[${(lanes + 1) * place.index + lanes}]`
    default:
      throw new RangeError('js: a worker has nothing to share')
  }
}

/** A sum over a segment: every other total first, then that of what is left over. */
function total(first: number, lanes: number): string {
  const at = (lane: number) => `sums[${first + lane}]`
  const all = [...Array(lanes).keys()]
  const [even, odd] = [0, 1].map((of) =>
    all
      .filter((lane) => lane % 2 === of)
      .map(at)
      .join(' + '),
  )
  return `${even} + ${lanes > 2 ? `(${odd})` : odd} + ${at(lanes)}`
}

function literal(number: number): string {
  const text = Object.is(number, -0) ? '-0' : String(number)
  return text.startsWith('-') ? `(${text})` : text
}
