/**
 * \@freestep/cpu: optimizers on plain Float32Array and Float64Array, everywhere JavaScript runs.
 *
 * @packageDocumentation
 */
import {
  type Backend,
  chooseOptions,
  type Declared,
  eagerBackend,
  FreestepError,
  integer,
  kindOf,
  memoryOf,
  oneOf,
  precisionOf,
} from '@freestep/core'
import type { FloatArray } from './arrays.ts'
import { allows, type Target } from './code.ts'
import { eagerSpec } from './eager.ts'
import { FusedEngine } from './engine.ts'
import { allowsThreads } from './workers.ts'

export * from '@freestep/core'
export type { FloatArray } from './arrays.ts'
export type { Target } from './code.ts'

/** Options of {@link cpu}. */
export interface CpuOptions {
  /** Refuses arrays of the other precision; either is taken when left out. */
  readonly dtype?: 'float32' | 'float64'
  /**
   * Compiles the step into a few passes over memory (the default). False runs it operation by
   * operation on the caller's own arrays: many times slower, and what fused steps are tested
   * against.
   */
  readonly fused?: boolean
  /**
   * What fused steps are compiled to. Left out: WebAssembly with SIMD, or else JavaScript; where a
   * content security policy forbids both, steps are not fused.
   */
  readonly target?: Target
  /**
   * How many threads share in each pass over memory: worker threads in Node, workers in a page that
   * is cross-origin isolated; one elsewhere. Results do not depend on it. With more than one,
   * memory is a SharedArrayBuffer, `createOptimizer` has to be awaited, and `dispose` is what ends
   * the threads. The default is 1, because more of them pay only where cores are idle, and for
   * large models: two took a million parameters of Prodigy in 0.51 of the time of one, ten million
   * in 0.57, and fewer than 2¹⁸ are not shared at all.
   */
  readonly threads?: number
}
type Chosen = Pick<CpuOptions, 'dtype' | 'target'> & Required<Pick<CpuOptions, 'fused' | 'threads'>>
const defaults: Declared<Chosen> = {
  dtype: oneOf(undefined, 'float32', 'float64'),
  fused: true,
  target: oneOf(undefined, 'wasm', 'js'),
  threads: integer(1, 256)(1),
}

/**
 * The backend for plain arrays. A parameter is a Float32Array or Float64Array of any length, its
 * gradient an array of the same kind and length.
 *
 * Fused, parameters and gradients live in the kernels' own memory, and `optimizer.params` and
 * `optimizer.grads` are views on it: compute with these, call `step()`, and nothing is copied.
 * Whoever gives `step` gradients in arrays of their own works on parameters in arrays of their own:
 * for every such gradient, the array that `createOptimizer` was given for the parameter is read
 * before the step and overwritten after it (24 or 48 bytes a parameter more). After steps on the
 * views, `optimizer.params` is what is saved, evaluated and gone on with, until the caller writes
 * into an array of their own and steps with it. `dispose` brings the caller's arrays up to date,
 * but leaves alone those that were written to after the views took over.
 *
 * @throws FreestepError `unsupported` if a `target` is asked for that is not allowed here,
 * `bad-option` or `unknown-option` for options that are none
 */
export async function cpu(options?: CpuOptions): Promise<Backend<FloatArray>> {
  const { dtype, fused, target, threads } = chooseOptions(
    { what: 'cpu', place: 'cpu' },
    defaults,
    options,
  )
  const chosen = fused ? choose(target) : undefined
  const describe = describer(dtype)
  if (!chosen) return eagerBackend(eagerSpec(describe))
  const running = { target: chosen, threads: chosen === 'wasm' && allowsThreads() ? threads : 1 }
  return {
    name: 'cpu',
    describe,
    memory: memoryOf,
    start(program, params) {
      const engine = new FusedEngine(program, params, running)
      return engine.ready ? engine.ready.then(() => engine) : engine
    },
  }
}

function choose(target: Target | undefined): Target | undefined {
  if (!target) return (['wasm', 'js'] as const).find(allows)
  if (allows(target)) return target
  const reason =
    target === 'wasm'
      ? 'WebAssembly with SIMD is missing or forbidden'
      : 'making code from text is forbidden'
  throw new FreestepError(
    'cpu',
    'unsupported',
    `${reason} here. Leave the option target out to use what there is.`,
  )
}

/** Shape and precision of an array. */
const describer = (dtype: CpuOptions['dtype']) => (array: FloatArray, name: string) => {
  const found = precisionOf(array)
  if (!found || found === 'float16' || (dtype && dtype !== found))
    throw new FreestepError(
      'cpu',
      'bad-dtype',
      `${name} is ${kindOf(array)}. Give a ${dtype ? arrays[dtype] : 'Float32Array or a Float64Array'}.`,
    )
  return { shape: [array.length], size: array.length, dtype: found } as const
}

const arrays = { float32: 'Float32Array', float64: 'Float64Array' }
