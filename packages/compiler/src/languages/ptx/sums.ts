/**
 * Adding up over threads, in double precision and always in the same order: through the registers
 * of a warp, then through shared memory. Not the sum of a thread's own elements.
 */
import type { Kernel } from './kernel.ts'
import { literal } from './literal.ts'

/** Numbers that begin at 0. */
export const zeros = ({ code }: Kernel, count: number, name = 'sum'): string[] =>
  Array.from({ length: count }, () => code.put('f64', name, 'mov.f64', literal(0, 'f64')))

/** sum += value */
export function accumulate({ code }: Kernel, sum: string, value: string): void {
  code.do(`add.rn.f64 ${sum}, ${sum}, ${value}`)
}

/**
 * The sum over the threads of a warp, in all of them: halves are exchanged, so that both sides add
 * the same two numbers.
 */
export function overWarp({ code }: Kernel, sum: string, first = 16): string {
  let total = sum
  for (let distance = first; distance >= 1; distance /= 2) {
    const [low, high] = code
      .halves(total)
      .map((half) => code.calc('shfl.sync.bfly.b32', half, distance, 31, '0xFFFFFFFF'))
    total = code.put('f64', 'sum', 'add.rn.f64', `${total}, ${code.double(low, high)}`)
  }
  return total
}

/** Adds several numbers up over the block; `use` then has the totals, in its first thread. */
export function overBlock(
  kernel: Kernel,
  sums: readonly string[],
  use: (totals: readonly string[]) => void,
): void {
  const { code, thread, threads } = kernel
  const warps = threads / 32
  const ofWarps = sums.map((sum) => overWarp(kernel, sum))
  if (warps === 1) {
    use(ofWarps)
    return
  }
  const shares = code.share('shares', 8 * warps * sums.length)
  const base = code.put('u32', 'shares', 'mov.u32', shares)
  code.when('eq.u32', `${code.calc('and.b32', thread, 31)}, 0`, () => {
    const place = code.calc('mad.lo.u32', code.calc('shr.u32', thread, 5), 8, base)
    for (const [k, sum] of ofWarps.entries())
      code.do(`st.shared.f64 [${place}+${8 * warps * k}], ${sum}`)
  })
  code.barrier()
  code.when('lt.u32', `${thread}, 32`, () => {
    const place = code.calc('mad.lo.u32', code.calc('and.b32', thread, warps - 1), 8, base)
    const totals = sums.map((_, k) => {
      const share = code.calc('ld.shared.f64', `[${place}+${8 * warps * k}]`)
      return overWarp(kernel, share, warps / 2)
    })
    use(totals)
  })
}

/** How many rows a thread loads at a time, to wait less often. */
const unroll = 4

/** Rows of partial sums: those from one on, every so many, to an end. */
export interface Rows {
  readonly from: string
  readonly end: string
  readonly step: number
}

/** Adds a thread's share of some rows to its sums. */
export function addRows(
  kernel: Kernel,
  { from, end, step }: Rows,
  partials: readonly { readonly index: number; readonly of: number }[],
  sums: readonly string[],
): void {
  const { code } = kernel
  const base = kernel.parameter('u64', 'partials')
  const bytes = 8 * Math.max(...partials.map(({ of }) => of))
  code.loop(from, end, unroll * step, (i) => {
    const shares = Array.from({ length: unroll }, (_, j) => {
      const row = code.put('u32', 'row', 'add.u32', `${i}, ${j * step}`)
      const isThere = code.put('pred', 'p', 'setp.lt.u32', `${row}, ${end}`)
      const place = kernel.at(base, row, bytes, 'place')
      return zeros(kernel, sums.length, 'share').map((share, k) => {
        code.do(`@${isThere} ld.global.f64 ${share}, [${place}+${8 * partials[k].index}]`)
        return share
      })
    })
    for (const row of shares)
      for (const [k, share] of row.entries()) accumulate(kernel, sums[k], share)
  })
}
