/**
 * Finds races: two threads that touch the same bytes, one of them writing, one of them not
 * atomically, with nothing that orders them. It remembers the last write and the reads since, for
 * every word of global and shared memory; so it misses some, but what it reports is one. It also
 * reports shared memory that is read before anything is written there.
 */
import { Fault, inBytes } from './faults.ts'
import { type Moment, Order } from './order.ts'
import { access } from './spaces.ts'

/** An access that is remembered. */
interface Touch {
  readonly moment: Moment
  readonly kind: number
  readonly place: number
}

/** What is remembered of a word, or of a byte. */
interface Trace {
  write: Touch | undefined
  /** A read since the write. */
  read: Touch | undefined
  /**
   * Reads of several threads since the write, the last of each block: of one thread, or of several.
   */
  reads: Map<number, Touch> | undefined
}

/**
 * Traces of a memory: those of words, and of bytes where there were accesses to less than a word.
 */
class Traces {
  readonly words = new Map<number, Trace>()
  readonly bytes = new Map<number, Trace>()

  clear(): void {
    this.words.clear()
    this.bytes.clear()
  }

  /** The traces that an access meets, and those that it leaves. */
  of(
    at: number,
    size: number,
  ): { readonly met: readonly Trace[]; readonly left: readonly Trace[] } {
    const words: Trace[] = []
    for (let word = at >> 2; 4 * word < at + size; word++) words.push(trace(this.words, word))
    if (size >= 4 && !this.bytes.size) return { met: words, left: words }
    const bytes: Trace[] = []
    for (let byte = at; byte < at + size; byte++) bytes.push(trace(this.bytes, byte))
    const met = [...words, ...bytes]
    return { met, left: size < 4 ? bytes : met }
  }

  /** Whether all of some bytes have been written. */
  hasWrites(at: number, size: number): boolean {
    for (let byte = at; byte < at + size; byte++)
      if (!this.words.get(byte >> 2)?.write && !this.bytes.get(byte)?.write) return false
    return true
  }
}

function trace(table: Map<number, Trace>, at: number): Trace {
  const known = table.get(at)
  if (known) return known
  const fresh: Trace = { write: undefined, read: undefined, reads: undefined }
  table.set(at, fresh)
  return fresh
}

const isStrong = (kind: number) =>
  kind === access.strongRead || kind === access.strongWrite || kind === access.atomic
const isWrite = (kind: number) =>
  kind === access.write || kind === access.strongWrite || kind === access.atomic

/** Watches the launches of a device. */
export class Races {
  /** What orders threads, which the running block tells. */
  readonly order = new Order()
  private readonly global = new Traces()
  private readonly shared = new Traces()
  private nameOf = (place: number) => `instruction ${place}`

  /** A launch begins. `nameOf` says in words where an instruction is. */
  begin(threads: number, nameOf: (place: number) => string): void {
    this.order.begin(threads)
    this.global.clear()
    this.nameOf = nameOf
  }

  /** A block begins. */
  block(id: number): void {
    this.order.block(id)
    this.shared.clear()
  }

  /** A fence; those that only a block sees order nothing here that barriers do not. */
  fence(wide: boolean): void {
    if (wide) this.order.fence()
  }

  /** The running thread touches memory. */
  touch(space: 'global' | 'shared', kind: number, at: number, bytes: number, place: number): void {
    const touch: Touch = { moment: this.order.now, kind, place }
    const isShared = space === 'shared'
    const { met, left } = (isShared ? this.shared : this.global).of(at, bytes)
    for (const each of met) this.compareAll(each, touch, bytes)
    if (
      isShared &&
      kind !== access.write &&
      kind !== access.strongWrite &&
      !this.shared.hasWrites(at, bytes)
    )
      throw new Fault(
        'unwritten',
        `${inBytes(bytes)} of shared memory are read before they are written`,
        place,
      )
    for (const each of left) this.remember(each, touch)
    if (!isStrong(kind)) return
    const mark = isShared ? -1 - at : at
    if (kind !== access.strongWrite) this.order.acquire(mark)
    if (kind !== access.strongRead) this.order.release(mark, kind === access.atomic)
  }

  private compareAll({ write, read, reads }: Trace, touch: Touch, bytes: number): void {
    if (write) this.compare(write, touch, bytes)
    if (!isWrite(touch.kind)) return
    if (read) this.compare(read, touch, bytes)
    for (const each of reads?.values() ?? []) this.compare(each, touch, bytes)
  }

  private remember(trace: Trace, touch: Touch): void {
    if (isWrite(touch.kind)) {
      trace.write = touch
      trace.read = undefined
      trace.reads = undefined
      return
    }
    const { read } = trace
    if (!trace.reads && (!read || this.replaces(read, touch))) {
      trace.read = touch
      return
    }
    trace.reads ??= new Map()
    if (read) this.join(trace.reads, read)
    trace.read = undefined
    this.join(trace.reads, touch)
  }

  /**
   * Whether a read need not be remembered beside a later one: what comes after that comes after
   * both.
   */
  private replaces(before: Touch, now: Touch): boolean {
    return before.kind === now.kind && this.order.isBefore(before.moment)
  }

  /** Notes a read beside those of other blocks, and with those of other threads of its own. */
  private join(reads: Map<number, Touch>, touch: Touch): void {
    const { block, thread, phase, clock } = touch.moment
    const known = reads.get(block)
    if (!known || known.moment.thread === thread || this.replaces(known, touch)) {
      reads.set(block, touch)
      return
    }
    const { moment } = known
    if (
      moment.thread < 0 &&
      moment.phase === phase &&
      moment.clock >= clock &&
      known.kind >= touch.kind
    )
      return
    const several = { ...touch.moment, thread: -1, clock: Math.max(clock, moment.clock) }
    reads.set(block, { ...touch, moment: several, kind: Math.max(touch.kind, known.kind) })
  }

  /** Reports two touches that nothing orders, and writes to what is read as constant. */
  private compare(before: Touch, now: Touch, bytes: number): void {
    const constant = before.kind === access.constantRead || now.kind === access.constantRead
    if (
      !constant &&
      ((isStrong(before.kind) && isStrong(now.kind)) || this.order.isBefore(before.moment))
    )
      return
    const { thread, block } = before.moment
    const who = thread < 0 ? 'several threads have' : `thread ${thread} has`
    const did = (kind: number) =>
      isWrite(kind) ? 'written' : kind === access.constantRead ? 'read as constant (.nc)' : 'read'
    throw new Fault(
      'race',
      `${inBytes(bytes)} that ${who} ${did(before.kind)} in block ${block} at ${this.nameOf(before.place)} are ${did(now.kind)} here, ` +
        (constant ? 'in the same launch' : 'and nothing orders the two'),
      now.place,
    )
  }
}
