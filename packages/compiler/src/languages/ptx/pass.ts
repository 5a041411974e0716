/**
 * A pass over memory as a kernel: one block of threads for each chunk. Which one it is, the single
 * numbers it needs, the loops over its elements, its row of partial sums. Not what the last block
 * does with these: see finish.ts.
 */

import type { Loop } from '../../fuse/kernels.ts'
import { fromSlots, type Launch } from '../../lower/launches.ts'
import type { Node } from '../../trace/graph.ts'
import type { PtxOptions } from './emit.ts'
import type { Kernel } from './kernel.ts'
import { chunkFields, packed, ptxData } from './layout.ts'
import { type Chunk, emitLoop, hash } from './loop.ts'
import { overBlock, zeros } from './sums.ts'

type PassLaunch = Extract<Launch, { kind: 'pass' }>

/** Emits a pass. */
export function emitPass(
  kernel: Kernel,
  launch: PassLaunch,
  { data, stochastic }: PtxOptions,
): void {
  const { code } = kernel
  const { loops, sums: count } = launch.pass
  const random = stochastic && data.includes('bf16') && movesParameters(loops)
  const { block, chunk } = findChunk(
    kernel,
    random,
    loops.some(({ scope }) => scope === 'slice'),
  )
  const scalars = singleNumbers(kernel, launch, chunk.tensor)
  const sums = zeros(kernel, count)
  const cases = data.map((each) => [ptxData.indexOf(each), each] as const)
  code.choose(cases.length > 1 ? kernel.field(chunk.row, 'data') : '', cases, (each) => {
    for (const [i, loop] of loops.entries()) {
      code.note(
        `Over its ${loop.scope === 'slice' ? 'kept ' : ''}elements${cases.length > 1 ? `, in ${each}` : ''}.`,
      )
      // The second loop overwrites what other threads read in the first.
      if (i) code.barrier()
      emitLoop(loop, { kernel, chunk, data: each, scalars, sums })
    }
  })
  if (!count) return
  code.note('Its row of partial sums.')
  overBlock(kernel, sums, (totals) => {
    const place = kernel.at(kernel.parameter('u64', 'partials'), block, 8 * count, 'place')
    for (const [k, total] of totals.entries())
      code.do(`st.global.f64 [${place}+${8 * k}], ${total}`)
  })
}

/** Whether parameters are stored. */
export const movesParameters = (loops: readonly Loop[]): boolean =>
  loops.some(({ stores }) => stores.some(({ array }) => array === 'x'))

/** Reads the rows of the tables that say where the block is. */
function findChunk(
  kernel: Kernel,
  random: boolean,
  slices: boolean,
): { block: string; chunk: Chunk } {
  const { code } = kernel
  code.note('The chunk of this block.')
  const block = code.put('u32', 'block', 'mov.u32', '%ctaid.x')
  const place = kernel.at(
    kernel.parameter('u64', 'chunks'),
    block,
    packed(chunkFields).bytes,
    'place',
  )
  const [tensor, number, kept, count] = chunkFields.map(({ name }) => code.register('u32', name))
  code.do(`ld.global.v4.u32 {${[tensor, number, kept, count].join(', ')}}, [${place}]`)
  const row = kernel.tensorRow(tensor)
  const most = kernel.parameter('u32', 'chunk')
  const start = code.put('u64', 'start', 'mul.wide.u32', `${number}, ${most}`)
  const size = kernel.field(row, 'size')
  const left = code.put('u64', 'left', 'sub.u64', `${size}, ${start}`)
  const wide = code.put('u64', 'most', 'cvt.u64.u32', most)
  const shorter = code.put('u64', 'left', 'min.u64', `${left}, ${wide}`)
  const length = code.put('u32', 'length', 'cvt.u32.u64', shorter)
  const vectors = code.put('u32', 'whole', 'and.b32', `${length}, 0xFFFFFFFC`)
  const isAligned = code.put('pred', 'p', 'setp.ne.u32', `${kernel.field(row, 'whole')}, 0`)
  const whole = code.put('u32', 'whole', 'selp.u32', `${vectors}, 0, ${isAligned}`)
  const places = { tensor, row, start, length, whole, kept, count }
  const seed = random ? seedOf(kernel, block) : undefined
  if (!slices) return { block, chunk: { ...places, stride: '', phase: '', seed } }
  const stride = kernel.field(row, 'stride')
  const coordinate = code.put('u64', 'coordinate', 'mul.wide.u32', `${kept}, ${stride}`)
  const distance = code.put('u64', 'coordinate', 'sub.u64', `${coordinate}, ${start}`)
  return {
    block,
    chunk: { ...places, stride, phase: code.put('u32', 'phase', 'cvt.u32.u64', distance), seed },
  }
}

/** Something random for a block and a step. */
function seedOf(kernel: Kernel, block: string): string {
  const { code } = kernel
  const steps = code.put(
    'b32',
    'steps',
    'ld.global.u32',
    `[${kernel.parameter('u64', 'control')}+4]`,
  )
  return hash(kernel, code.put('b32', 'seed', 'xor.b32', `${hash(kernel, steps)}, ${block}`))
}

/**
 * Has the first thread compute the single numbers that the loops use, for all threads of the block;
 * gives where in shared memory each is.
 */
function singleNumbers(
  kernel: Kernel,
  launch: PassLaunch,
  tensor: string,
): ReadonlyMap<Node, number> {
  const { code, thread } = kernel
  const used = [
    ...new Set(launch.pass.loops.flatMap(({ scalars }) => scalars.map(({ node }) => node))),
  ]
  if (!used.length) return new Map()
  code.note('The single numbers that its elements meet.')
  code.share('scalars', 8 * used.length)
  code.when('eq.u32', `${thread}, 0`, () => {
    const values = kernel.numbers()
    for (const { node, slot } of fromSlots(launch)) values.set(node, [kernel.read(slot, tensor)])
    for (const section of launch.before) kernel.section(section, values, tensor)
    for (const [i, node] of used.entries())
      code.do(`st.shared.f64 [scalars+${8 * i}], ${values.inRegister(node, 0)}`)
  })
  code.barrier()
  return new Map(used.map((node, i) => [node, 8 * i]))
}
