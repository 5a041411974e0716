/**
 * Where a block is: which segment (a chunk, for those who launch) is its own, and whether it is the
 * last to finish. Not what it does there.
 */
import type { Code } from './code.ts'
import type { Kernel } from './kernel.ts'
import { chunkFields, packed } from './layout.ts'

/** Registers with facts about a segment. */
export interface Segment {
  /** The block's number. */
  readonly block: string
  /** The row of its tensor, and the first of its elements there (u64). */
  readonly row: string
  readonly start: string
  /** How many elements it has, and how many of them may be accessed several at a time. */
  readonly length: string
  readonly whole: string
  /** Its first kept coordinate and how many there are. */
  readonly kept: string
  readonly count: string
  /** The distance of kept coordinates, and that of the first one from `start`. */
  readonly stride: string
  readonly phase: string
  /** Something random of the segment and the step, where parameters are rounded at random. */
  readonly seed: string
}

/** Reads the rows of the tables that say where the block is. */
export function findSegment(kernel: Kernel, slices: boolean, random: boolean): Segment {
  const { code } = kernel
  code.note('The chunk of this block.')
  const block = code.put('u32', 'block', 'mov.u32', '%ctaid.x')
  const chunks = kernel.parameter('u64', 'chunks')
  const place = kernel.at(chunks, block, packed(chunkFields).bytes, 'place')
  const [tensor, number, kept, count] = chunkFields.map(({ name }) => code.register('u32', name))
  code.do(`ld.global.v4.u32 {${[tensor, number, kept, count].join(', ')}}, [${place}]`)
  kernel.tensor = tensor
  const row = kernel.tensorRow()
  const most = kernel.parameter('u32', 'chunk')
  const start = code.put('u64', 'start', 'mul.wide.u32', `${number}, ${most}`)
  const left = code.calc('sub.u64', kernel.field(row, 'size'), start)
  const shorter = code.calc('min.u64', left, code.calc('cvt.u64.u32', most))
  const length = code.put('u32', 'length', 'cvt.u32.u64', shorter)
  const vectors = code.calc('and.b32', length, '0xFFFFFFFC')
  const isAligned = code.calc('setp.ne.u32', kernel.field(row, 'whole'), 0)
  const whole = code.put('u32', 'whole', 'selp.u32', `${vectors}, 0, ${isAligned}`)
  const seed = random ? seedOf(kernel, block) : ''
  const found = { block, row, start, length, whole, kept, count, seed }
  if (!slices) return { ...found, stride: '', phase: '' }
  const stride = kernel.field(row, 'stride')
  const distance = code.calc('sub.u64', code.calc('mul.wide.u32', kept, stride), start)
  return { ...found, stride, phase: code.put('u32', 'phase', 'cvt.u32.u64', distance) }
}

/** Something random for a block and a step. */
const seedOf = (kernel: Kernel, block: string): string =>
  hash(kernel.code, kernel.code.calc('xor.b32', hash(kernel.code, stepsOf(kernel)), block))

/** How many steps were taken. */
const stepsOf = (kernel: Kernel): string =>
  kernel.code.calc('ld.global.u32', `[${kernel.parameter('u64', 'control')}+4]`)

/** One step more, so that the next one rounds otherwise. */
export function countStep(kernel: Kernel): void {
  const { code } = kernel
  const control = kernel.parameter('u64', 'control')
  const steps = code.calc('ld.global.u32', `[${control}+4]`)
  code.do(`st.global.u32 [${control}+4], ${code.calc('add.u32', steps, 1)}`)
}

/**
 * Mixes 32 bits so that each of them depends on all, by a function with an inverse: C. Wellons,
 * hash-prospector ("lowbias32").
 */
export function hash(code: Code, bits: string): string {
  const shiftIn = (a: string, by: number) => code.calc('xor.b32', a, code.calc('shr.u32', a, by))
  const times = (a: string, factor: string) => code.calc('mul.lo.u32', a, factor)
  return shiftIn(times(shiftIn(times(shiftIn(bits, 16), '0x7FEB352D'), 15), '0x846CA68B'), 16)
}

/**
 * What follows is done by the block that gets there last. The counter of finished blocks is then 0
 * again. Counting releases what the threads of a block wrote before the barrier, and acquires what
 * those of all others did.
 */
export function inLastBlock(kernel: Kernel): void {
  const { code, thread } = kernel
  const last = code.share('last', 4)
  code.note('The block that finishes last goes on.')
  code.barrier()
  code.when('eq.u32', `${thread}, 0`, () => {
    const limit = code.calc('sub.u32', code.calc('mov.u32', '%nctaid.x'), 1)
    const counter = `[${kernel.parameter('u64', 'control')}]`
    const before = code.calc('atom.acq_rel.gpu.global.inc.u32', counter, limit)
    const isLast = code.calc('selp.u32', 1, 0, code.calc('setp.eq.u32', before, limit))
    code.do(`st.shared.u32 [${last}], ${isLast}`)
  })
  code.barrier()
  const another = code.calc('setp.eq.u32', code.calc('ld.shared.u32', `[${last}]`), 0)
  code.do(`@${another} ret`)
}
