/**
 * Printed kernels become code that runs: WebAssembly where it is allowed, JavaScript where that is.
 * The only file that makes code from text or bytes, and the memory it runs on.
 */
import {
  type ElementType,
  emitJs,
  emitWasm,
  type Kernels,
  type Layout,
  type StageFunctions,
} from '@freestep/compiler'
import { FreestepError } from '@freestep/core'

/** A language that kernels run in here. */
export type Target = 'wasm' | 'js'

/** The memory of one optimizer. */
export interface Memory {
  readonly buffer: ArrayBufferLike
  /** Where the kernels are WebAssembly: the same, as they see it. */
  readonly wasm?: WebAssembly.Memory
}

const pageBytes = 65536

/**
 * Zeroed memory of at least the given size, and less than a page more; `shared` between threads if
 * asked.
 */
export function allocate(target: Target, bytes: number, shared: boolean): Memory {
  try {
    if (target === 'js') return { buffer: new ArrayBuffer(bytes) }
    const pages = Math.max(1, Math.ceil(bytes / pageBytes))
    const wasm = new WebAssembly.Memory({ initial: pages, maximum: pages, shared })
    return { buffer: wasm.buffer, wasm }
  } catch (cause) {
    const most =
      target === 'wasm'
        ? ' WebAssembly addresses 4 GiB at most; cpu({ target: "js" }) does not have that limit.'
        : ''
    const message = `There is no memory of ${bytes} bytes for parameters, gradients and states.${most}`
    throw new FreestepError('cpu', 'unsupported', message, { cause })
  }
}

/** Kernels ready to be instantiated, here or in another thread. */
export interface Code {
  /** WebAssembly, or else the text of a function of (memory, layout). */
  readonly program: WebAssembly.Module | string
  readonly layout: Layout
}

/** Compiles kernels for a memory. */
export function codeOf(
  kernels: Kernels,
  type: ElementType,
  { wasm }: Memory,
  layout: Layout,
): Code {
  if (!wasm) return { program: emitJs(kernels, type), layout }
  return {
    program: new WebAssembly.Module(emitWasm(kernels, type, { shared: isShared(wasm.buffer) })),
    layout,
  }
}

/** The functions of compiled kernels, at work on a memory. */
export function instantiate({ program, layout }: Code, { wasm, buffer }: Memory): StageFunctions {
  if (typeof program === 'string') return new Function('memory', 'layout', program)(buffer, layout)
  return new WebAssembly.Instance(program, importsOf(layout, wasm))
    .exports as unknown as StageFunctions
}

/** What a module imports. */
export function importsOf(
  { arrays, ...addresses }: Layout,
  memory: WebAssembly.Memory | undefined,
): WebAssembly.Imports {
  const named = Object.entries(arrays).map(([name, address]) => [`arrays.${name}`, address])
  return {
    env: { memory: memory as WebAssembly.Memory },
    layout: { ...addresses, ...Object.fromEntries(named) },
    math: { pow: Math.pow },
  }
}

/** Whether a memory is shared between threads. */
export const isShared = (buffer: ArrayBufferLike): boolean =>
  typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer

/** The smallest module with a vector instruction. */
const probe = Uint8Array.of(
  ...[
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253,
    15, 253, 98, 11,
  ],
)

/** Whether this page or process lets a target run. */
export function allows(target: Target): boolean {
  try {
    if (target === 'js') return new Function('return true')() === true
    return (
      WebAssembly.validate(probe) && new WebAssembly.Module(probe) instanceof WebAssembly.Module
    )
  } catch {
    return false
  }
}
