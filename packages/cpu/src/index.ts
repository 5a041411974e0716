/**
 * \@freestep/cpu: optimizers on plain Float32Array and Float64Array, everywhere JavaScript runs.
 *
 * @packageDocumentation
 */
import { type Backend, eagerBackend, FreestepError } from '@freestep/core'
import { type FloatArray, like, type Operand, ops } from './eager.ts'

export * from '@freestep/core'
export type { FloatArray } from './eager.ts'

/** Options of {@link cpu}. */
export interface CpuOptions {
  /** Refuses arrays of the other precision; either is taken when left out. */
  readonly dtype?: 'float32' | 'float64'
}

/**
 * The backend for plain arrays. A parameter is a Float32Array or Float64Array of any length, its gradient an array of the same kind
 * and length.
 */
export async function cpu({ dtype }: CpuOptions = {}): Promise<Backend<FloatArray>> {
  return eagerBackend<FloatArray, Operand>({
    name: 'cpu',
    ops,
    describe(array, name) {
      const found = array instanceof Float32Array ? 'float32' : array instanceof Float64Array ? 'float64' : undefined
      if (!found || (dtype && dtype !== found))
        throw new FreestepError(
          'cpu',
          'bad-dtype',
          `${name} is ${kind(array)}. Give a ${dtype ? arrays[dtype] : 'Float32Array or a Float64Array'}.`,
        )
      return { shape: [array.length], size: array.length, dtype: found }
    },
    load: (array) => array,
    store: (param, value) => void param.set(value as FloatArray),
    export: (value) => (value as FloatArray).slice(),
    fill: (param, value, size = param.length) => like(param, size).fill(value),
    from(param, numbers, size = param.length) {
      const out = like(param, size)
      out.set(numbers)
      return out
    },
    read: (value) => (typeof value === 'number' ? Float64Array.of(value) : value.slice()),
    copy: (value) => (typeof value === 'number' ? value : value.slice()),
  })
}

const arrays = { float32: 'Float32Array', float64: 'Float64Array' }
const kind = (value: unknown) =>
  value === null ? 'null' : typeof value === 'object' ? `a ${value.constructor.name}` : `a ${typeof value}`
