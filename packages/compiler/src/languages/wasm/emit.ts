/**
 * Kernels as WebAssembly: one exported function per stage. Nothing here knows bytes: what comes out
 * is a module of instructions. The loops over elements are in loop.ts.
 */

import {
  type Kernels,
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
} from '../../lower/layout.ts'
import { namer, valueName } from '../../lower/names.ts'
import { isConstant, type Node } from '../../trace/graph.ts'
import {
  add,
  type Code,
  get,
  global,
  i32,
  increase,
  load,
  operations,
  set,
  store,
  times,
  until,
} from './code.ts'
import { arrayGlobal, loopCode, type Surroundings, singleLanes } from './loop.ts'
import { encode, type ValueType, type WasmFunction, type WasmModule } from './module.ts'
import { print } from './text.ts'

/** How a module is to be made. */
export interface WasmOptions {
  /** Runs on a memory that threads share. */
  readonly shared?: boolean
}

/**
 * Kernels as the bytes of a module. It imports `env.memory`, the numbers of a {@link Layout} as
 * `layout`, and `math.pow` if used.
 */
export const emitWasm = (
  kernels: Kernels,
  type: ElementType,
  options: WasmOptions = {},
): Uint8Array<ArrayBuffer> => encode(wasmModule(kernels, type, options))

/** The same module in WebAssembly's text format, to read. */
export const emitWat = (kernels: Kernels, type: ElementType, options: WasmOptions = {}): string =>
  print(wasmModule(kernels, type, options))

function wasmModule(
  { stages, arrays }: Kernels,
  type: ElementType,
  { shared = false }: WasmOptions,
): WasmModule {
  const functions = stages.map((stage, i) => writeFunction(`stage${i}`, stage, type))
  const code = functions.flatMap(({ body }) => body)
  const used = (op: string) =>
    new Set(code.filter(([each]) => each === op).map(([, name]) => String(name)))
  const globals = [
    'globals',
    'tensors',
    'tensorStride',
    'segments',
    'partials',
    ...Object.keys(arrays).map(arrayGlobal),
  ]
  return {
    shared,
    globals: globals.filter((name) => used('global.get').has(name)),
    math: [...used('call')],
    functions,
  }
}

function writeFunction(name: string, stage: Pass | ScalarProgram, type: ElementType): WasmFunction {
  const writer = new Writer(type)
  const body = stage.kind === 'pass' ? writer.pass(stage) : writer.scalarProgram(stage)
  const parameters = stage.kind === 'pass' ? ['@from', '@to'] : ['@segmentCount', '@tensorCount']
  return { name, parameters, locals: writer.locals, body }
}

/** Writes one function. Its own locals begin with @, those of values are named after them. */
class Writer implements Surroundings {
  readonly type: ElementType
  readonly locals = new Map<string, ValueType>()
  private readonly name = namer([])

  constructor(type: ElementType) {
    this.type = type
  }

  declare(name: string, type: ValueType): string {
    this.locals.set(name, type)
    return name
  }

  nameOf(node: Node): string {
    return valueName(node, this.name)
  }

  field(name: SegmentField): Code {
    return load('i32', get('@segment'), 4 * segmentFields.indexOf(name))
  }

  slot(slot: Slot): Code {
    return load('f64', this.address(slot), 8 * slot.index)
  }

  /** Where the slots of a scope are; of tensors, those of the present one. */
  private address({ scope }: Slot): Code {
    return scope === 'global' ? global('globals') : get(this.declare('@tensor', 'i32'))
  }

  private setTensor(index: Code): Code {
    return set(this.declare('@tensor', 'i32'), this.tensor(index))
  }

  /** Where the slots of a tensor are. */
  private tensor(index: Code): Code {
    return add(global('tensors'), times([...index, ...global('tensorStride'), ['i32.mul']], 8))
  }

  private overSegments(from: Code, to: Code, sums: number, body: Code): Code {
    const at = (index: Code) => add(global('segments'), times(index, 4 * segmentInts))
    return [
      ...set(this.declare('@segment', 'i32'), at(from)),
      ...set(this.declare('@last', 'i32'), at(to)),
      ...(sums
        ? set(this.declare('@partial', 'i32'), add(global('partials'), times(from, 8 * sums)))
        : []),
      ...until(
        [...get('@segment'), ...get('@last'), ['i32.ge_u']],
        [
          ...body,
          ...(sums ? increase('@partial', i32(8 * sums)) : []),
          ...increase('@segment', i32(4 * segmentInts)),
        ],
      ),
    ]
  }

  private overTensors(body: Code): Code {
    return [
      ...this.setTensor(i32(0)),
      ...until(
        [...get('@tensor'), ...this.tensor(get('@tensorCount')), ['i32.ge_u']],
        [...body, ...increase('@tensor', times(global('tensorStride'), 8))],
      ),
    ]
  }

  pass({ loops, sums }: Pass): Code {
    const indices = [...Array(sums).keys()]
    for (const index of indices) this.declare(`@sum${index}`, 'f64')
    const perTensor = loops.some(({ scalars }) =>
      scalars.some(({ slot }) => slot.scope === 'tensor'),
    )
    const code = [
      ...(perTensor ? this.setTensor(this.field('tensor')) : []),
      ...loops.flatMap((loop) => loopCode(loop, this)),
      ...indices.flatMap((index) => store('f64', get('@partial'), 8 * index, get(`@sum${index}`))),
    ]
    return this.overSegments(get('@from'), get('@to'), sums, code)
  }

  scalarProgram({ parts }: ScalarProgram): Code {
    return sharingLoops(parts).flatMap((step) =>
      'kind' in step ? this.section(step) : this.addUp(step),
    )
  }

  private section({ scope, reads, body, writes }: Section): Code {
    const lanes = singleLanes('f64')
    const local = (node: Node) => this.declare(this.nameOf(node), 'f64')
    const operand = (node: Node): Code =>
      isConstant(node) ? lanes.constant(node.value) : get(local(node))
    const code = [
      ...reads.flatMap(({ node, slot }) => set(local(node), this.slot(slot))),
      ...body.flatMap((node) =>
        set(
          local(node),
          operations[node.op as keyof typeof operations](lanes, ...node.args.map(operand)),
        ),
      ),
      ...writes.flatMap(({ slot, value }) =>
        store('f64', this.address(slot), 8 * slot.index, operand(value)),
      ),
    ]
    return scope === 'tensor' ? this.overTensors(code) : code
  }

  /** Several totals, from one loop over partial sums or over tensors. */
  private addUp(reductions: readonly Reduction[]): Code {
    const put = (to: Slot, value: Code) => store('f64', this.address(to), 8 * to.index, value)
    const zero = (scope: Slot['scope']) =>
      reductions
        .filter(({ to }) => to.scope === scope)
        .flatMap(({ to }) => put(to, [['f64.const', 0]]))
    const adds = reductions.flatMap(({ to, from }) => {
      const term =
        'partial' in from ? load('f64', get('@partial'), 8 * from.partial) : this.slot(from)
      return put(to, [...this.slot(to), ...term, ['f64.add']])
    })
    const [{ from }] = reductions
    if (!('partial' in from)) return [...zero('global'), ...this.overTensors(adds)]
    const ofTensors = reductions.some(({ to }) => to.scope === 'tensor')
    return [
      ...zero('global'),
      ...(ofTensors ? this.overTensors(zero('tensor')) : []),
      ...this.overSegments(i32(0), get('@segmentCount'), from.of, [
        ...(ofTensors ? this.setTensor(this.field('tensor')) : []),
        ...adds,
      ]),
    ]
  }
}
