/**
 * What comes between passes: the block that finishes last adds up the partial sums of all, and
 * computes the single numbers that depend on them, with its threads over tensors where these have
 * some each. Everything the other blocks wrote is there by then.
 */
import { type Reduction, type Section, sharingLoops } from '../../fuse/kernels.ts'
import type { Launch } from '../../lower/launches.ts'
import type { Kernel } from './kernel.ts'
import { accumulate, overBlock, overWarp, zeros } from './sums.ts'

/** A launch of other languages that is the end of a pass here. */
export type AddingUp = Exclude<Launch, { kind: 'pass' }>

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
    const blocks = code.put('u32', 'blocks', 'mov.u32', '%nctaid.x')
    const limit = code.put('u32', 'blocks', 'sub.u32', `${blocks}, 1`)
    const before = code.put(
      'u32',
      'finished',
      'atom.acq_rel.gpu.global.inc.u32',
      `[${kernel.parameter('u64', 'control')}], ${limit}`,
    )
    const isLast = code.put('pred', 'p', 'setp.eq.u32', `${before}, ${limit}`)
    code.do(`st.shared.u32 [${last}], ${code.put('u32', 'last', 'selp.u32', `1, 0, ${isLast}`)}`)
  })
  code.barrier()
  const isLast = code.put('u32', 'last', 'ld.shared.u32', `[${last}]`)
  const another = code.put('pred', 'p', 'setp.eq.u32', `${isLast}, 0`)
  code.do(`@${another} ret`)
}

/** The parts one after the other, with a barrier in between. */
export function finish(kernel: Kernel, launches: readonly AddingUp[]): void {
  const steps = launches.flatMap((launch): Step[] =>
    launch.kind === 'reduce'
      ? [{ ofTensors: launch.reductions }]
      : sharingLoops(launch.parts).map(stepOf),
  )
  for (const [i, step] of steps.entries()) {
    if (i && !(isGlobal(step) && isGlobal(steps[i - 1]))) kernel.code.barrier()
    if ('ofTensors' in step) partialsOfTensors(kernel, step.ofTensors)
    else if ('sums' in step) totals(kernel, step.sums)
    else section(kernel, step)
  }
}

/** Sums of partial sums for each tensor, sums for all of them, or arithmetic. */
type Step =
  | { readonly ofTensors: readonly Reduction[] }
  | { readonly sums: readonly Reduction[] }
  | Section
const stepOf = (step: readonly Reduction[] | Section): Step =>
  'kind' in step ? step : { sums: step }
/**
 * Whether a step is the work of the first thread alone, which needs no barrier to see what it
 * wrote.
 */
const isGlobal = (step: Step) => 'scope' in step && step.scope === 'global'

/** How many partial sums a thread loads at a time, to wait less often. */
const unroll = 4

/** Adds partial sums up for each tensor, a warp for one at a time. */
function partialsOfTensors(kernel: Kernel, reductions: readonly Reduction[]): void {
  const { code, thread, threads } = kernel
  code.note('The sums of each tensor.')
  const lane = code.put('u32', 'lane', 'and.b32', `${thread}, 31`)
  const warp = code.put('u32', 'warp', 'shr.u32', `${thread}, 5`)
  code.loop(warp, kernel.parameter('u32', 'count'), threads / 32, (i) => {
    const row = kernel.tensorRow(i)
    const [first, rows] = ['row', 'rows'].map((name) => kernel.field(row, name))
    const from = code.put('u32', 'from', 'add.u32', `${first}, ${lane}`)
    const end = code.put('u32', 'end', 'add.u32', `${first}, ${rows}`)
    const sums = partials(kernel, reductions, from, end, 32).map((sum) => overWarp(kernel, sum))
    code.when('eq.u32', `${lane}, 0`, () => {
      for (const [k, { to }] of reductions.entries()) kernel.write(to, i, sums[k])
    })
  })
}

/** Adds up over all chunks, or over the tensors. */
function totals(kernel: Kernel, reductions: readonly Reduction[]): void {
  const { code, thread, threads } = kernel
  code.note('The sums of all tensors.')
  const [{ from }] = reductions
  const sums =
    'partial' in from
      ? partials(
          kernel,
          reductions,
          thread,
          code.put('u32', 'chunks', 'mov.u32', '%nctaid.x'),
          threads,
        )
      : ofSlots(kernel, reductions)
  overBlock(kernel, sums, (all) => {
    for (const [k, { to }] of reductions.entries()) kernel.write(to, undefined, all[k])
  })
}

/** A thread's share of the rows from one on, every `step`-th. */
function partials(
  kernel: Kernel,
  reductions: readonly Reduction[],
  from: string,
  end: string,
  step: number,
): string[] {
  const { code } = kernel
  const base = kernel.parameter('u64', 'partials')
  const sums = zeros(kernel, reductions.length)
  const places = reductions.map((each) =>
    'partial' in each.from ? each.from : { partial: 0, of: 1 },
  )
  code.loop(from, end, unroll * step, (i) => {
    const shares = Array.from({ length: unroll }, (_, j) => {
      const row = code.put('u32', 'row', 'add.u32', `${i}, ${j * step}`)
      const isThere = code.put('pred', 'p', 'setp.lt.u32', `${row}, ${end}`)
      const place = kernel.at(base, row, 8 * places[0].of, 'place')
      return zeros(kernel, reductions.length, 'share').map((share, k) => {
        code.do(`@${isThere} ld.global.f64 ${share}, [${place}+${8 * places[k].partial}]`)
        return share
      })
    })
    for (const row of shares)
      for (const [k, share] of row.entries()) accumulate(kernel, sums[k], share)
  })
  return sums
}

/** A thread's share of numbers that each tensor has. */
function ofSlots(kernel: Kernel, reductions: readonly Reduction[]): string[] {
  const sums = zeros(kernel, reductions.length)
  overTensors(kernel, (tensor) => {
    for (const [k, { from }] of reductions.entries()) {
      if ('partial' in from) continue
      accumulate(kernel, sums[k], kernel.read(from, tensor))
    }
  })
  return sums
}

function section(kernel: Kernel, part: Section): void {
  const { code, thread } = kernel
  code.note(`Numbers of ${part.scope === 'global' ? 'all tensors' : 'each tensor'}.`)
  if (part.scope === 'global')
    code.when('eq.u32', `${thread}, 0`, () => kernel.section(part, kernel.numbers()))
  else overTensors(kernel, (tensor) => kernel.section(part, kernel.numbers(), tensor))
}

/** The threads of the block over the tensors. */
function overTensors(kernel: Kernel, body: (tensor: string) => void): void {
  kernel.code.loop(kernel.thread, kernel.parameter('u32', 'count'), kernel.threads, body)
}
