/**
 * What all parts of a kernel share: the thread, the rows of the tables, single numbers and
 * arithmetic on them. Not vectors.
 */
import type { Kernels, Section, Slot } from '../../fuse/kernels.ts'
import { namer } from '../../lower/names.ts'
import { Code } from './code.ts'
import type { PtxOptions } from './emit.ts'
import { Values } from './language.ts'
import { addressOf, givenOf, packed, ptxParameters, tensorFields } from './layout.ts'

const tensorRow = packed(tensorFields)
const typeOf = new Map(tensorFields.map(({ name, type }) => [name, type]))

/** One kernel being written. */
export class Kernel {
  readonly code = new Code()
  /** The thread's number in its block, and how many there are. */
  readonly thread: string
  readonly threads: number
  private readonly names = namer([])
  /** Identifiers of parameters. */
  private readonly identifier = namer([])
  private readonly kernels: Kernels
  private readonly given: ReadonlySet<string>

  constructor(kernels: Kernels, { given, threads }: Pick<PtxOptions, 'given' | 'threads'>) {
    this.kernels = kernels
    this.given = new Set(given)
    this.threads = threads
    for (const { name } of ptxParameters(kernels, given)) this.identifier(name)
    this.thread = this.code.put('u32', 'thread', 'mov.u32', '%tid.x')
  }

  /** An identifier for a name of the algorithm. */
  name(name: string): string {
    return this.names(name)
  }

  /** Doubles by name, for single numbers. */
  numbers(): Values {
    return new Values(this.code, 'f64', 1, (name) => this.name(name))
  }

  /** The kernel's parameters, declared. */
  parameters(): string[] {
    return ptxParameters(this.kernels, [...this.given]).map(
      ({ name, type }) => `.${type} ${this.identifier(name)}`,
    )
  }

  /** The value of a parameter. */
  parameter(type: 'u32' | 'u64' | 'f64', name: string): string {
    return this.code.parameter(type, this.identifier(name))
  }

  /** The address of an array. */
  array(name: string): string {
    return this.parameter('u64', addressOf(name))
  }

  /** The address of a row of `tensors`. */
  tensorRow(index: string): string {
    return this.at(this.parameter('u64', 'tensors'), index, tensorRow.bytes, 'row')
  }

  /** A field of such a row. */
  field(row: string, name: string): string {
    const type = typeOf.get(name) ?? 'u32'
    return this.code.put(type, name, `ld.global.${type}`, `[${row}+${tensorRow.offsets[name]}]`)
  }

  /** base + index · bytes */
  at(base: string, index: string, bytes: number, name: string): string {
    const offset = this.code.put('u64', 'offset', 'mul.wide.u32', `${index}, ${bytes}`)
    return this.code.put('u64', name, 'add.u64', `${base}, ${offset}`)
  }

  /** The number in a slot; `tensor` says of which tensor. */
  read(slot: Slot, tensor: string | undefined): string {
    if (this.given.has(slot.name))
      return slot.name === 'loss' ? this.loss() : this.parameter('f64', givenOf(slot.name))
    return this.code.put(
      'f64',
      this.name(slot.name),
      'ld.global.f64',
      `[${this.place(slot, tensor)}]`,
    )
  }

  /** Writes a number to a slot. */
  write(slot: Slot, tensor: string | undefined, value: string): void {
    this.code.do(`st.global.f64 [${this.place(slot, tensor)}], ${value}`)
  }

  private place({ scope, index }: Slot, tensor: string | undefined): string {
    if (scope === 'global') return `${this.parameter('u64', 'numbers')}+${8 * index}`
    const stride = this.parameter('u32', 'count')
    const number = this.code.put('u32', 'number', 'mad.lo.u32', `${stride}, ${index}, ${tensor}`)
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

  /** Arithmetic on single numbers, in one thread. */
  section({ reads, body, writes }: Section, values: Values, tensor?: string): void {
    for (const { node, slot } of reads) values.set(node, [this.read(slot, tensor)])
    for (const node of body) values.compute(node)
    for (const { slot, value } of writes) this.write(slot, tensor, values.inRegister(value, 0))
  }
}
