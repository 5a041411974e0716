/**
 * The global memory of a device: allocations with gaps between them, of which every access is
 * checked. What was freed comes to use again as late as possible.
 */
import { Fault, hex, inBytes } from './faults.ts'
import { poison } from './spaces.ts'
import type { Arrays } from './views.ts'
import { arraysOf } from './views.ts'

/** Allocations begin at multiples of this, and at least as much is left free behind each. */
const page = 256

interface Region {
  readonly from: number
  readonly to: number
}

/**
 * Global memory. Places in it are offsets; addresses have {@link Heap.window} as their upper half.
 */
export class Heap {
  /** The upper half of all addresses. */
  readonly window: number
  /** All of it as numbers. */
  readonly arrays: Arrays
  private readonly capacity: number
  /**
   * Where the allocation ends that a page belongs to, for readers and for writers; 0 if there is
   * none.
   */
  private readonly ends: Int32Array
  private readonly writableEnds: Int32Array
  private readonly allocations = new Map<number, number>()
  private readonly freed = new Map<number, number>()
  private holes: Region[]
  private cursor = 0
  private taken = 0

  constructor(capacity: number, window: number) {
    this.window = window
    this.capacity = capacity
    // The first megabyte stays free, so that addresses a little before the first allocation are in
    // the same window.
    const start = 1 << 20
    this.arrays = arraysOf(new ArrayBuffer(start + capacity))
    this.ends = new Int32Array((start + capacity) / page)
    this.writableEnds = new Int32Array((start + capacity) / page)
    this.holes = [{ from: start, to: start + capacity }]
  }

  /** Bytes that can be had, and that there are. */
  get memory(): { readonly free: number; readonly total: number } {
    return { free: this.capacity - this.taken, total: this.capacity }
  }

  /** Takes memory and fills it with what is no number; undefined if there is not enough. */
  take(bytes: number, writable = true): number | undefined {
    const size = Math.ceil(bytes / page + 1) * page
    const fits = ({ from, to }: Region) => to - from >= size
    const at = this.holes.findIndex((hole) => hole.from >= this.cursor && fits(hole))
    const index = at < 0 ? this.holes.findIndex(fits) : at
    if (index < 0) return undefined
    const { from, to } = this.holes[index]
    this.holes.splice(index, 1, ...(to - from > size ? [{ from: from + size, to }] : []))
    this.cursor = from + size
    this.taken += size
    this.allocations.set(from, bytes)
    for (const start of this.freed.keys())
      if (start >= from && start < from + size) this.freed.delete(start)
    this.mark(from, bytes, from + bytes, writable ? from + bytes : 0)
    this.arrays.U8.fill(poison, from, from + bytes)
    return from
  }

  /** Gives memory back; false if nothing was allocated there. */
  free(from: number): boolean {
    const bytes = this.allocations.get(from)
    if (bytes === undefined) return false
    this.allocations.delete(from)
    this.freed.set(from, bytes)
    this.mark(from, bytes, 0, 0)
    const size = Math.ceil(bytes / page + 1) * page
    this.taken -= size
    this.holes = merged([...this.holes, { from, to: from + size }])
    return true
  }

  private mark(from: number, bytes: number, end: number, writableEnd: number): void {
    this.ends.fill(end, from / page, Math.ceil((from + bytes) / page))
    this.writableEnds.fill(writableEnd, from / page, Math.ceil((from + bytes) / page))
  }

  /** The offset of an address. */
  offset(address: bigint): number {
    return Number(address - (BigInt(this.window) << 32n))
  }

  /** The address of an offset. */
  address(offset: number): bigint {
    return (BigInt(this.window) << 32n) + BigInt(offset)
  }

  /** Whether bytes from an offset on are all of one allocation. */
  holds(from: number, bytes: number): boolean {
    return from >= 0 && from + bytes <= this.ends[from >>> 8]
  }

  /** The checks that kernels call: the offset of an address to read from, and to write to. */
  checks() {
    const { window, ends, writableEnds } = this
    const reach =
      (limits: Int32Array) =>
      (hi: number, lo: number, offset: number, bytes: number, place: number) => {
        let at = (lo >>> 0) + offset
        if (hi !== window) at += (hi - window) * 4294967296
        if (at < 0 || at & (bytes - 1) || !(at + bytes <= limits[at >>> 8]))
          throw this.fault(at, bytes, place)
        return at
      }
    return { globalAt: reach(ends), globalToWrite: reach(writableEnds) }
  }

  /** Why bytes at an offset cannot be used. */
  fault(at: number, bytes: number, place?: number): Fault {
    const what = `${inBytes(bytes)} at ${hex(BigInt(Math.trunc(at)) + (BigInt(this.window) << 32n))}`
    if (this.holds(at, bytes) && at % bytes === 0)
      return new Fault('read-only', `${what} cannot be written`, place)
    if (this.holds(at, bytes))
      return new Fault('alignment', `${what} are not at a multiple of ${bytes}`, place)
    const inside = (list: ReadonlyMap<number, number>) =>
      [...list].find(([from, size]) => at >= from && at < from + size)
    if (inside(this.freed)) return new Fault('freed', `${what} were freed`, place)
    const near = [...this.allocations].sort(([a], [b]) => Math.abs(a - at) - Math.abs(b - at))
    const before = near.find(([from]) => from <= at) ?? near[0]
    const where = before
      ? `: the nearest allocation is ${inBytes(before[1])} at ${hex(this.address(before[0]))}`
      : ': nothing is allocated'
    return new Fault('bounds', `${what} are no memory${where}`, place)
  }
}

/** Regions in order, those that touch as one. */
function merged(regions: readonly Region[]): Region[] {
  const list: Region[] = []
  for (const region of [...regions].sort((a, b) => a.from - b.from)) {
    const last = list.at(-1)
    if (last?.to === region.from) list[list.length - 1] = { from: last.from, to: region.to }
    else list.push(region)
  }
  return list
}
