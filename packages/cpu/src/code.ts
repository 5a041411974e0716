/**
 * Makes printed kernels run: WebAssembly where it is allowed, JavaScript where that is. The only file that turns text into code.
 */
import { type ElementType, emitJs, emitWasm, type Kernels, type Layout, type StageFunctions } from '@freestep/compiler'
import { FreestepError } from '@freestep/core'

/** A language that kernels run in here. */
export type Target = 'wasm' | 'js'

/** The memory of one optimizer. */
export interface Memory {
  readonly buffer: ArrayBufferLike
  readonly wasm?: WebAssembly.Memory
}

const pageBytes = 65536

/** Zeroed memory of at least the given size, and less than a page more. */
export function allocate(target: Target, bytes: number): Memory {
  try {
    if (target === 'js') return { buffer: new ArrayBuffer(bytes) }
    const pages = Math.max(1, Math.ceil(bytes / pageBytes))
    const wasm = new WebAssembly.Memory({ initial: pages, maximum: pages })
    return { buffer: wasm.buffer, wasm }
  } catch (cause) {
    const most = target === 'wasm' ? ' WebAssembly addresses 4 GiB at most; cpu({ target: "js" }) does not have that limit.' : ''
    const message = `There is no memory of ${bytes} bytes for parameters, gradients and states.${most}`
    throw new FreestepError('cpu', 'unsupported', message, { cause })
  }
}

/** The functions of compiled kernels, at work on a memory. */
export function instantiate(kernels: Kernels, type: ElementType, { wasm, buffer }: Memory, layout: Layout): StageFunctions {
  if (!wasm) return new Function('memory', 'layout', emitJs(kernels, type))(buffer, layout)
  const { arrays, ...addresses } = layout
  const named = Object.entries(arrays).map(([name, address]) => [`arrays.${name}`, address])
  const imports = { env: { memory: wasm }, layout: { ...addresses, ...Object.fromEntries(named) }, math: { pow: Math.pow } }
  return new WebAssembly.Instance(new WebAssembly.Module(emitWasm(kernels, type)), imports).exports as unknown as StageFunctions
}

/** The smallest module with a vector instruction. */
const probe = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
)

/** Whether this page or process lets a target run. */
export function allows(target: Target): boolean {
  try {
    if (target === 'js') return new Function('return true')() === true
    return WebAssembly.validate(probe) && new WebAssembly.Module(probe) instanceof WebAssembly.Module
  } catch {
    return false
  }
}
