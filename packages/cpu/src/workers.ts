/**
 * Threads that share in the passes of one optimizer: worker threads in Node, web workers in
 * cross-origin-isolated pages. They sleep between steps. Not the division of the work, which is
 * runner.ts's; and no part of the arithmetic, which does not depend on them.
 */
import { FreestepError } from '@freestep/core'
import { type Code, importsOf, type Memory } from './code.ts'

/**
 * Where in the shared numbers the orders are; after these, for each thread and region, the first
 * segment and the one after the last.
 */
const entry = { order: 0, done: 1, quit: 2, stage: 3, ranges: 4 }

/** What a thread is given. */
interface Post {
  readonly entry: Readonly<Record<'order' | 'done' | 'quit' | 'stage' | 'ranges', number>>
  readonly control: Int32Array
  /** Which of the threads it is. */
  readonly place: number
  readonly modules: readonly WebAssembly.Module[]
  readonly imports: readonly Record<string, unknown>[]
}

/**
 * What a thread does, from beginning to end. It is sent there as text, so it must not mention
 * anything outside itself.
 */
function serve({ entry, control, place, modules, imports }: Post, ready: () => void): void {
  const math = { pow: Math.pow }
  const kernels = modules.map((module, i) => {
    const instance = new WebAssembly.Instance(module, {
      ...imports[i],
      math,
    } as WebAssembly.Imports)
    return instance.exports as unknown as Record<string, (from: number, to: number) => void>
  })
  ready()
  for (let orders = 0; ; ) {
    // The next pass of a step comes within microseconds; the next step takes its time. A call may
    // also come late, after its order was seen and done: it wakes for nothing.
    for (let spins = 0; Atomics.load(control, entry.order) === orders; spins++)
      if (spins > 2000) Atomics.wait(control, entry.order, orders)
    orders = Atomics.load(control, entry.order)
    if (Atomics.load(control, entry.quit)) return
    for (const [region, stages] of kernels.entries()) {
      const at = entry.ranges + 2 * (place * kernels.length + region)
      stages[`stage${control[entry.stage]}`](control[at], control[at + 1])
    }
    Atomics.add(control, entry.done, 1)
    Atomics.notify(control, entry.done)
  }
}

/** Some threads at the disposal of one runner. */
export class Workers {
  /** Resolves when all of them are at work. */
  readonly ready: Promise<void>
  private readonly control: Int32Array<SharedArrayBuffer>
  private readonly size: number

  /** Starts `size` threads beside this one. */
  constructor(size: number, codes: readonly Code[], memory: Memory) {
    this.size = size
    this.control = new Int32Array(
      new SharedArrayBuffer(4 * (entry.ranges + 2 * size * codes.length)),
    )
    const imports = codes.map(({ layout }) => {
      const { env, layout: addresses } = importsOf(layout, memory.wasm)
      return { env, layout: addresses }
    })
    const modules = codes.map(({ program }) => program as WebAssembly.Module)
    const threads = Array.from({ length: size }, (_, place) =>
      start({ entry, control: this.control, place, modules, imports }),
    )
    this.ready = Promise.all(threads).then(() => undefined)
  }

  /**
   * Runs a pass: thread i the segments from cuts[i] to cuts[i + 1] of each region, and `here` what
   * comes after.
   */
  run(stage: number, regions: readonly (readonly number[])[], here: () => void): void {
    const { control, size } = this
    control[entry.stage] = stage
    for (let place = 0; place < size; place++)
      for (const [region, cuts] of regions.entries())
        control.set(
          [cuts[place], cuts[place + 1]],
          entry.ranges + 2 * (place * regions.length + region),
        )
    Atomics.store(control, entry.done, 0)
    this.call()
    here()
    for (let spins = 0; ; spins++) {
      const done = Atomics.load(control, entry.done)
      if (done === size) return
      if (mayWait && spins > 2000) Atomics.wait(control, entry.done, done)
    }
  }

  private call(): void {
    Atomics.add(this.control, entry.order, 1)
    Atomics.notify(this.control, entry.order)
  }

  /** Ends the threads. */
  dispose(): void {
    Atomics.store(this.control, entry.quit, 1)
    this.call()
  }
}

/** Whether this thread may sleep: that of a page may not, and spins. */
const mayWait = (() => {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1)
    return true
  } catch {
    return false
  }
})()

type NodeThreads = typeof import('node:worker_threads')
const nodeThreads = (): NodeThreads | undefined =>
  globalThis.process?.getBuiltinModule?.('node:worker_threads')

/** Whether threads with a shared memory are to be had here. */
export const allowsThreads = (): boolean =>
  typeof SharedArrayBuffer !== 'undefined' &&
  (nodeThreads() !== undefined ||
    (globalThis.crossOriginIsolated === true && typeof Worker === 'function'))

/** Starts one thread; resolves when it is at work. */
function start(post: Post): Promise<void> {
  const node = nodeThreads()
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        new FreestepError(
          'cpu',
          'unsupported',
          'A thread did not start. Leave the option threads out.',
          { cause },
        ),
      )
    if (node) {
      const text = `const { workerData, parentPort } = require('node:worker_threads')\n;(${serve})(workerData, () => parentPort.postMessage(0))`
      const worker = new node.Worker(text, { eval: true, workerData: post })
      worker.once('error', fail)
      worker.once('message', () => {
        // A program that is done ends, whether or not its optimizers were disposed.
        worker.unref()
        resolve()
      })
      return
    }
    const url = URL.createObjectURL(
      new Blob([`onmessage = ({ data }) => (${serve})(data, () => postMessage(0))`]),
    )
    const worker = new Worker(url)
    worker.onerror = fail
    worker.onmessage = () => {
      URL.revokeObjectURL(url)
      resolve()
    }
    worker.postMessage(post)
  })
}
