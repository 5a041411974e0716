/**
 * A kernel as blocks: stretches of instructions that control enters at the top and leaves at the end, and which registers hold something
 * where. Not text: see print.ts.
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
    const target = last.leaves === 'jump' && label.is === 'label' ? [starts.get(label) as number] : []
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

/** Whether a register is in a set. */
export const includes = (set: Registers, register: number) => ((set >> BigInt(register)) & 1n) === 1n

/** What happens in a block, in order: registers read, then registers certainly written. */
function* events({
  body,
  resumes,
}: Block): Generator<{ readonly uses: Registers; readonly kills: Registers; readonly of: Written }> {
  const kills = (each: Written) => (each.instruction.guard ? 0n : setOf(each.defines))
  // Whoever waits has come past the guard.
  if (resumes) yield { uses: 0n, kills: setOf(resumes.defines), of: resumes }
  for (const each of body) yield { uses: setOf(each.uses), kills: each.wait ? 0n : kills(each), of: each }
}

/** The registers whose values may still be read, at the start of each block. */
export function liveAtStart({ blocks }: Flow): Registers[] {
  const summary = blocks.map((block) => {
    let [uses, kills] = [0n, 0n]
    for (const event of events(block)) {
      uses |= event.uses & ~kills
      kills |= event.kills
    }
    return { uses, kills }
  })
  const live = blocks.map(() => 0n)
  for (let changed = true; changed; ) {
    changed = false
    for (let i = blocks.length - 1; i >= 0; i--) {
      const after = blocks[i].next.reduce((set, next) => set | live[next], 0n)
      const before = summary[i].uses | (after & ~summary[i].kills)
      changed ||= before !== live[i]
      live[i] = before
    }
  }
  return live
}

/** The registers, of so many, that on some way are read before they are written. */
export function doubtful({ blocks }: Flow, registers: number): Set<number> {
  const all = (1n << BigInt(registers)) - 1n
  const written = blocks.map((_, i) => (i ? all : 0n))
  const outOf = (i: number) => [...events(blocks[i])].reduce((set, { kills }) => set | kills, written[i])
  for (let changed = true; changed; ) {
    changed = false
    blocks.forEach(({ next }, i) => {
      const out = outOf(i)
      for (const to of next) {
        const met = written[to] & out
        changed ||= met !== written[to]
        written[to] = met
      }
    })
  }
  const found = new Set<number>()
  blocks.forEach((block, i) => {
    let set = written[i]
    for (const { kills, of } of events(block)) {
      if (of !== block.resumes) for (const use of of.uses) if (!includes(set, use)) found.add(use)
      set |= kills
    }
  })
  return found
}
