/**
 * Kernels as JavaScript: plain loops over typed arrays, one statement per node. To read, to debug,
 * and to run where WebAssembly is missing. Not the fast way.
 */
import type { Elementwise } from '@freestep/core'
import {
  type Kernels,
  type Loop,
  type Pass,
  type Reduction,
  type ScalarProgram,
  type Section,
  type Slot,
  sharingLoops,
} from '../../fuse/kernels.ts'
import {
  type ElementType,
  type SegmentField,
  segmentFields,
  segmentInts,
  shiftOf,
  sumOrder,
} from '../../lower/layout.ts'
import { namer, valueName } from '../../lower/names.ts'
import { isConstant, type Node } from '../../trace/graph.ts'

/** The language: every operation as an expression of its operands. */
const table: Record<Elementwise | 'slice', (a: string, b: string, c: string) => string> = {
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
}

/**
 * The operations that give a single-precision number for single-precision operands; the others are
 * rounded.
 */
const exact = new Set<string>(['max', 'min', 'neg', 'abs', 'sign', 'where', 'slice'])

const functions = ['abs', 'fround', 'max', 'min', 'sign', 'sqrt']
const variables = ['globals', 'tensors', 'partials', 'segments', 'tensorStride', 'memory', 'layout']
const own = [
  ...segmentFields,
  'segment',
  'segmentCount',
  'tensorCount',
  'from',
  'to',
  'i',
  'sums',
  'whole',
  'lane',
]
const keywords =
  'arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for ' +
  'function if implements import in instanceof interface let new null package private protected public return static super switch ' +
  'this throw true try typeof undefined var void while with yield NaN Infinity Math Float32Array Float64Array Int32Array'

/**
 * Prints the body of a strict function of (memory, layout), memory being an ArrayBuffer and layout
 * a {@link Layout}, that returns the {@link StageFunctions}.
 */
export function emitJs(kernels: Kernels, type: ElementType): string {
  const name = namer([...functions, ...variables, ...own, ...keywords.split(' ')])
  const writer = new Writer(name, type)
  const loops = kernels.stages.flatMap((stage) => (stage.kind === 'pass' ? stage.loops : []))
  const used = new Set(
    loops.flatMap(({ loads, stores }) => [...loads, ...stores].map(({ array }) => array)),
  )
  const array = type === 'float32' ? 'Float32Array' : 'Float64Array'
  const sums = Math.max(
    0,
    ...kernels.stages.map((stage) => (stage.kind === 'pass' ? stage.sums : 0)),
  )
  return [
    "'use strict'",
    `const { ${functions.join(', ')} } = Math`,
    'const { tensorStride } = layout',
    ...['globals', 'tensors', 'partials'].map(
      (each) => `const ${each} = new Float64Array(memory, layout.${each})`,
    ),
    'const segments = new Int32Array(memory, layout.segments)',
    ...(sums ? [`const sums = new Float64Array(${(sumOrder[type].lanes + 1) * sums})`] : []),
    ...[...used].map(
      (each) =>
        `const $${name(each)} = new ${array}(memory, layout.arrays[${JSON.stringify(each)}])`,
    ),
    'return {',
    ...kernels.stages.flatMap((stage, i) =>
      indent(
        stage.kind === 'pass'
          ? writer.pass(`stage${i}`, stage)
          : writer.scalarProgram(`stage${i}`, stage),
      ),
    ),
    '}',
    '',
  ].join('\n')
}

const indent = (lines: readonly string[]) => lines.map((line) => `  ${line}`)
const block = (head: string, lines: readonly string[], end = '}') => [
  `${head}{`,
  ...indent(lines),
  end,
]
const overTensors = (lines: readonly string[]) =>
  block('for (let tensor = 0; tensor < tensorCount; tensor++) ', lines)
const overSegments = (from: string, to: string, lines: readonly string[]) =>
  block(`for (let segment = ${from}; segment < ${to}; segment++) `, lines)
const field = (each: SegmentField) =>
  `${each} = segments[${segmentInts} * segment + ${segmentFields.indexOf(each)}]`

/** Prints the parts of a program, each as lines. */
class Writer {
  private readonly name: (name: string) => string
  private readonly type: ElementType

  constructor(name: (name: string) => string, type: ElementType) {
    this.name = name
    this.type = type
  }

  pass(name: string, { loops, sums }: Pass): string[] {
    const perTensor = loops.some(({ scalars }) =>
      scalars.some(({ slot }) => slot.scope === 'tensor'),
    )
    const slices = loops.some(({ scope }) => scope === 'slice')
    const shifts = new Set(
      loops.flatMap(({ loads, stores }) =>
        [...loads, ...stores].map(({ array }) => shiftOf(array)),
      ),
    )
    const own = (each: SegmentField) => {
      if (each === 'tensor') return perTensor
      return each === 'xShift' || each === 'gShift'
        ? shifts.has(each)
        : slices || each === 'start' || each === 'length'
    }
    const lines = [
      `const ${segmentFields.filter(own).map(field).join(', ')}`,
      ...(sums ? ['sums.fill(0)'] : []),
      ...(loops.length > 1
        ? loops.flatMap((loop) => block('', this.loop(loop)))
        : this.loop(loops[0])),
      ...Array.from(
        { length: sums },
        (_, index) => `partials[${sums} * segment + ${index}] = ${this.total(index)}`,
      ),
    ]
    return block(`${name}(from, to) `, overSegments('from', 'to', lines), '},')
  }

  private loop({ scope, loads, scalars, body, stores, sums }: Loop): string[] {
    const at = (array: string, own: 'element' | 'slice') => {
      const index = own === scope ? 'i' : 'first + stride * (i - sliceStart)'
      const shift = shiftOf(array)
      return `$${this.name(array)}[${shift ? `${index} + ${shift}` : index}]`
    }
    const [start, length] =
      scope === 'element' ? ['start', 'length'] : ['sliceStart', 'sliceLength']
    const { lanes, round } = sumOrder[this.type]
    const rounds = scope === 'element' && sums.length > 0
    const lines = [
      ...loads.map(({ node, array, scope }) => `const ${this.value(node)} = ${at(array, scope)}`),
      ...body.map((node) => this.statement(node, this.type)),
      ...(rounds ? [`const lane = i < whole ? (i - start) % ${lanes} : ${lanes}`] : []),
      ...sums.map(({ index, value }) => {
        const total = rounds ? `${(lanes + 1) * index} + lane` : (lanes + 1) * index + lanes
        return `sums[${total}] += ${finite(this.operand(value, this.type))}`
      }),
      ...stores.map(
        ({ array, value }) => `${at(array, scope)} = ${this.operand(value, this.type)}`,
      ),
    ]
    const rounded = (text: string) => (this.type === 'float32' ? `fround(${text})` : text)
    return [
      ...scalars.map(({ node, slot }) => `const ${this.value(node)} = ${rounded(slotAt(slot))}`),
      ...(rounds ? [`const whole = start + length - length % ${round}`] : []),
      ...block(`for (let i = ${start}; i < ${start} + ${length}; i++) `, lines),
    ]
  }

  /** A sum over a segment, out of the totals of whole rounds and that of what is left over. */
  private total(index: number): string {
    const { lanes } = sumOrder[this.type]
    const at = (lane: number) => `sums[${(lanes + 1) * index + lane}]`
    return lanes === 4
      ? `${at(0)} + ${at(2)} + (${at(1)} + ${at(3)}) + ${at(4)}`
      : `${at(0)} + ${at(1)} + ${at(2)}`
  }

  scalarProgram(name: string, { parts }: ScalarProgram): string[] {
    const lines = sharingLoops(parts).flatMap((step) =>
      'kind' in step ? this.section(step) : addUp(step),
    )
    return block(`${name}(segmentCount, tensorCount) `, lines, '},')
  }

  private section({ scope, reads, body, writes }: Section): string[] {
    const lines = [
      ...reads.map(({ node, slot }) => `const ${this.value(node)} = ${slotAt(slot)}`),
      ...body.map((node) => this.statement(node, 'float64')),
      ...writes.map(({ slot, value }) => `${slotAt(slot)} = ${this.operand(value, 'float64')}`),
    ]
    return scope === 'tensor' ? overTensors(lines) : block('', lines)
  }

  private statement(node: Node, type: ElementType): string {
    const [a, b, c] = node.args.map((arg) => this.operand(arg, type))
    const expression = table[node.op as keyof typeof table](a, b, c)
    return `const ${this.value(node)} = ${type === 'float64' || exact.has(node.op) ? expression : `fround(${expression})`}`
  }

  private operand(node: Node, type: ElementType): string {
    if (!isConstant(node)) return this.value(node)
    const number = type === 'float32' ? Math.fround(node.value) : node.value
    return number < 0 || Object.is(number, -0)
      ? `(${Object.is(number, -0) ? '-0' : number})`
      : String(number)
  }

  private value(node: Node): string {
    return valueName(node, this.name)
  }
}

/** A term of a sum: zero where it is not finite. */
const finite = (a: string) => `(${a} - ${a} === 0 ? ${a} : 0)`

const slotAt = ({ scope, index }: Slot) =>
  scope === 'global' ? `globals[${index}]` : `tensors[tensorStride * tensor + ${index}]`

/** Several totals, from one loop over partial sums or over tensors. */
function addUp(reductions: readonly Reduction[]): string[] {
  const ofTensors = reductions.filter(({ to }) => to.scope === 'tensor')
  const zeros = reductions
    .filter(({ to }) => to.scope === 'global')
    .map(({ to }) => `${slotAt(to)} = 0`)
  const adds = reductions.map(({ to, from }) =>
    'partial' in from
      ? `${slotAt(to)} += partials[${from.of} * segment + ${from.partial}]`
      : `${slotAt(to)} += ${slotAt(from)}`,
  )
  if (!('partial' in reductions[0].from)) return [...zeros, ...overTensors(adds)]
  return [
    ...zeros,
    ...(ofTensors.length ? overTensors(ofTensors.map(({ to }) => `${slotAt(to)} = 0`)) : []),
    ...overSegments('0', 'segmentCount', [
      ...(ofTensors.length ? [`const ${field('tensor')}`] : []),
      ...adds,
    ]),
  ]
}
