/**
 * Kernels as WebAssembly: one exported function per stage. Nothing here knows bytes: what comes out
 * is a module of instructions.
 */
import type { Kernels } from '../../fuse/kernels.ts'
import type { ElementType } from '../../lower/layout.ts'
import { namer } from '../../lower/names.ts'
import { serial } from '../../lower/serial.ts'
import { encode, type WasmModule } from './module.ts'
import { arrayGlobal, own, Printer } from './print.ts'
import { print } from './text.ts'

/** How a module is to be made. */
export interface WasmOptions {
  /** Runs on a memory that threads share. */
  readonly shared?: boolean
}

/**
 * Kernels as the bytes of a module. It imports `env.memory`, the numbers of a {@link Layout} as
 * `layout`, and `math.pow` if used.
 */
export const emitWasm = (
  kernels: Kernels,
  type: ElementType,
  options: WasmOptions = {},
): Uint8Array<ArrayBuffer> => encode(wasmModule(kernels, type, options))

/** The same module in WebAssembly's text format, to read. */
export const emitWat = (kernels: Kernels, type: ElementType, options: WasmOptions = {}): string =>
  print(wasmModule(kernels, type, options))

function wasmModule(
  kernels: Kernels,
  type: ElementType,
  { shared = false }: WasmOptions,
): WasmModule {
  const lowered = serial(kernels, { type, name: namer([]), vectors: true })
  const functions = lowered.functions.map(({ name, parameters, body }) => {
    const printer = new Printer(type)
    const code = printer.print(body)
    return { name, parameters: parameters.map(own), locals: printer.locals, body: code }
  })
  const code = functions.flatMap(({ body }) => body)
  const used = (op: string) =>
    new Set(code.filter(([each]) => each === op).map(([, name]) => String(name)))
  const globals = [
    ...['globals', 'tensors', 'tensorStride', 'segments', 'partials'],
    ...Object.keys(kernels.arrays).map(arrayGlobal),
  ]
  return {
    shared,
    globals: globals.filter((name) => used('global.get').has(name)),
    math: [...used('call')],
    functions,
  }
}
