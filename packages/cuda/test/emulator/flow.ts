/**
 * A kernel as blocks: stretches of instructions that control enters at the top and leaves at the
 * end, and which registers hold something where. Not text: see print.ts.
 */
import type { Label } from './syntax.ts'
import type { Written } from './writer.ts'

/** A stretch of instructions. */
export interface Block {
  readonly body: Written[]
  /** It begins when a wait is over: that of this instruction. */
  readonly resumes?: Written
  /** Where control goes on from here. */
  readonly next: number[]
}

/** Blocks, in the order of the text. */
export interface Flow {
  readonly blocks: readonly Block[]
  /** The block that a label begins. */
  readonly starts: ReadonlyMap<Label, number>
}

/** Cuts code into blocks. */
export function flowOf(code: readonly (Written | Label)[]): Flow {
  const blocks: Block[] = [{ body: [], next: [] }]
  const starts = new Map<Label, number>()
  for (const each of code) {
    const last = blocks[blocks.length - 1]
    if ('is' in each) {
      if (last.body.length || last.resumes) blocks.push({ body: [], next: [] })
      starts.set(each, blocks.length - 1)
      continue
    }
    last.body.push(each)
    if (each.wait) blocks.push({ body: [], next: [], resumes: each })
    if (each.wait || each.leaves) blocks.push({ body: [], next: [] })
  }
  for (const [i, block] of blocks.entries())
    block.next.push(...following(block, i, starts).filter((next) => next < blocks.length))
  return { blocks, starts }
}

function following({ body }: Block, i: number, starts: ReadonlyMap<Label, number>): number[] {
  const last = body.at(-1)
  const guarded = last?.instruction.guard !== undefined
  if (last?.leaves) {
    const [label] = last.instruction.operands
    const target =
      last.leaves === 'jump' && label.is === 'label' ? [starts.get(label) as number] : []
    return guarded ? [...target, i + 1] : target
  }
  return last?.wait && guarded ? [i + 1, i + 2] : [i + 1]
}

/** A set of registers, as bits. */
export type Registers = bigint

const setOf = (registers: Iterable<number>): Registers => {
  let set = 0n
  for (const each of registers) set |= 1n << BigInt(each)
  return set
}

/** The registers of a set, in order. */
export function members(set: Registers): number[] {
  const digits = set.toString(2)
  const list: number[] = []
  for (let i = digits.length - 1; i >= 0; i--)
    if (digits[i] === '1') list.push(digits.length - 1 - i)
  return list
}

/** What a block reads that is older than itself, and what it certainly writes. */
function effectOf({ body, resumes }: Block): {
  readonly reads: Registers
  readonly writes: Registers
} {
  const reads = new Set<number>()
  // Whoever waited has come past the guard.
  const writes = new Set(resumes?.defines)
  for (const { uses, defines, wait, instruction } of body) {
    for (const each of uses) if (!writes.has(each)) reads.add(each)
    if (!wait && !instruction.guard) for (const each of defines) writes.add(each)
  }
  return { reads: setOf(reads), writes: setOf(writes) }
}

/** Code from one wait to the next ones. */
export interface Stretch {
  readonly first: number
  readonly blocks: readonly number[]
  /** Registers that it mentions, and among them those that it writes. */
  readonly mentions: Registers
  readonly writes: Registers
}

/** The blocks that control reaches from one without a wait. */
export function stretch({ blocks }: Flow, first: number): Stretch {
  const reached = new Set([first])
  for (const i of reached)
    for (const next of blocks[i].next) if (!blocks[next].resumes) reached.add(next)
  const written = new Set(blocks[first].resumes?.defines)
  const mentioned = new Set(written)
  for (const i of reached)
    for (const { uses, defines, wait } of blocks[i].body) {
      for (const each of [...uses, ...(wait ? [] : defines)]) mentioned.add(each)
      if (!wait) for (const each of defines) written.add(each)
    }
  return {
    first,
    blocks: [...reached].sort((a, b) => a - b),
    mentions: setOf(mentioned),
    writes: setOf(written),
  }
}

/** The registers whose values may still be read, at the start of each block. */
export function liveAtStart({ blocks }: Flow): Registers[] {
  const effects = blocks.map(effectOf)
  const live = blocks.map(() => 0n)
  for (let changed = true; changed; ) {
    changed = false
    for (let i = blocks.length - 1; i >= 0; i--) {
      const after = blocks[i].next.reduce((set, next) => set | live[next], 0n)
      const before = effects[i].reads | (after & ~effects[i].writes)
      changed ||= before !== live[i]
      live[i] = before
    }
  }
  return live
}

/** The registers, of so many, that on some way are read before they are written. */
export function doubtful({ blocks }: Flow, registers: number): Set<number> {
  const all = (1n << BigInt(registers)) - 1n
  const effects = blocks.map(effectOf)
  const written = blocks.map((_, i) => (i ? all : 0n))
  for (let changed = true; changed; ) {
    changed = false
    for (const [i, { next }] of blocks.entries())
      for (const to of next) {
        const met = written[to] & (written[i] | effects[i].writes)
        changed ||= met !== written[to]
        written[to] = met
      }
  }
  return new Set(effects.flatMap(({ reads }, i) => members(reads & ~written[i])))
}
