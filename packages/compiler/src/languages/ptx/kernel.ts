/**
 * What all parts of a kernel share: its code and parameters, the thread, the rows of the tables and
 * single numbers. Not vectors, and not what is done with any of them.
 */
import type { Slot } from '../../fuse/kernels.ts'
import { namer } from '../../lower/names.ts'
import { Code } from './code.ts'
import { addressOf, type Field, givenOf, type PtxOptions, packed, tensorFields } from './layout.ts'

const tensorRow = packed(tensorFields)

/** One kernel being written. */
export class Kernel {
  readonly code = new Code()
  /** The thread's number in its block, and how many there are. */
  readonly thread: string
  readonly threads: number
  /** The number of the tensor whose numbers are meant. */
  tensor = ''
  private readonly parameters: readonly Field[]
  private readonly given: ReadonlySet<string>
  /** Identifiers of arrays, and of parameters. */
  readonly name = namer([])
  private readonly identifier = namer([])

  constructor(
    parameters: readonly Field[],
    { given, threads }: Pick<PtxOptions, 'given' | 'threads'>,
  ) {
    this.parameters = parameters
    this.given = new Set(given)
    this.threads = threads
    this.declared()
    this.thread = this.code.put('u32', 'thread', 'mov.u32', '%tid.x')
  }

  /** The kernel's parameters, declared. */
  declared(): string[] {
    return this.parameters.map(({ name, type }) => `.${type} ${this.identifier(name)}`)
  }

  /** The value of a parameter. */
  parameter(type: Field['type'], name: string): string {
    return this.code.parameter(type, this.identifier(name))
  }

  /** The address of an array. */
  array(name: string): string {
    return this.parameter('u64', addressOf(name))
  }

  /** The address of a row of `tensors`, that of the present one. */
  tensorRow(): string {
    return this.at(this.parameter('u64', 'tensors'), this.tensor, tensorRow.bytes, 'row')
  }

  /** A field of such a row. */
  field(row: string, name: string): string {
    const type = tensorFields.find((each) => each.name === name)?.type ?? 'u32'
    return this.code.put(type, name, `ld.global.${type}`, `[${row}+${tensorRow.offsets[name]}]`)
  }

  /** base + index · bytes */
  at(base: string, index: string, bytes: number, name: string): string {
    const offset = this.code.put('u64', 'offset', 'mul.wide.u32', `${index}, ${bytes}`)
    return this.code.put('u64', name, 'add.u64', `${base}, ${offset}`)
  }

  /** The number in a slot. */
  read(slot: Slot, name: string): string {
    if (!this.given.has(slot.name))
      return this.code.put('f64', name, 'ld.global.f64', `[${this.place(slot)}]`)
    return slot.name === 'loss' ? this.loss() : this.parameter('f64', givenOf(slot.name))
  }

  /** The address of a slot. */
  place({ scope, index }: Slot): string {
    if (scope === 'global') return `${this.parameter('u64', 'numbers')}+${8 * index}`
    const stride = this.parameter('u32', 'count')
    const number = this.code.put(
      'u32',
      'number',
      'mad.lo.u32',
      `${stride}, ${index}, ${this.tensor}`,
    )
    return this.at(this.parameter('u64', 'ofTensors'), number, 8, 'place')
  }

  /** The loss: a parameter, or where a parameter says. */
  private loss(): string {
    const { code } = this
    const loss = this.parameter('f64', givenOf('loss'))
    const address = this.parameter('u64', 'loss')
    code.when('ne.u64', `${address}, 0`, () => {
      const wide = this.parameter('u32', 'lossWide')
      code.when('ne.u32', `${wide}, 0`, () => code.do(`ld.global.f64 ${loss}, [${address}]`))
      code.when('eq.u32', `${wide}, 0`, () => {
        const single = code.put('f32', 'loss', 'ld.global.f32', `[${address}]`)
        code.do(`cvt.f64.f32 ${loss}, ${single}`)
      })
    })
    return loss
  }
}
