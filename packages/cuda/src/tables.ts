/**
 * What one step runs over: the tensors, which of them take part, where they are, and the chunks
 * they are cut into, as the bytes of the tables that kernels read. Pure arithmetic. Not the memory
 * that the tables go to.
 */
import { chunkFields, type Field, packed, ptxData, tensorFields } from '@freestep/compiler'
import type { Program } from '@freestep/core'
import { bytesEach, type Tensors } from '@freestep/engine'
import type { Dtype } from './array.ts'
import { chunksOf, keptOf, type Start } from './chunks.ts'
import type { Device } from './device.ts'

/**
 * A tensor: where its parameters are, and its gradients (or the result of `evaluate`) if there are
 * any.
 */
export interface Placed {
  /** Whether it takes part in the step. */
  readonly active: boolean
  readonly size: number
  readonly dtype: Dtype
  readonly stride: number
  readonly x: bigint
  readonly g: bigint | undefined
}

/** The name of a precision in PTX. */
export const dataOf = { float32: 'f32', float16: 'f16', bfloat16: 'bf16', float64: 'f64' } as const

/** The tensors of a program, at the given places. */
export const placedOf = ({ tensors, strides }: Program, { x, g, active }: Tensors<Device>) =>
  tensors.map(({ size, dtype }, i): Placed => {
    const gradient = g[i]
    return {
      active: active[i],
      size,
      dtype,
      stride: strides?.[i] ?? 1,
      x: BigInt(x[i].at),
      g: gradient && BigInt(gradient.at),
    }
  })

/** Whether the same tensors take part. */
export const sameActive = (a: readonly Placed[], b: readonly Placed[]): boolean =>
  a.every(({ active }, i) => active === b[i].active)

/** The rows of `tensors`. */
export function tensorRows(
  all: readonly Placed[],
  { starts, chunk }: { readonly starts: readonly Start[]; readonly chunk: number },
): Uint8Array {
  let row = 0
  return rows(
    tensorFields,
    all.map((each, tensor) => {
      const { active, size, dtype, stride, x, g = x } = each
      const first = row
      const count = active ? chunksOf(size, chunk) : 0
      row += count
      const { state, kept } = starts[tensor]
      const data = ptxData.indexOf(dataOf[dtype])
      return {
        x,
        g,
        state: BigInt(state),
        kept: BigInt(kept),
        size: BigInt(size),
        data,
        whole: isWhole(each) ? 1 : 0,
        stride,
        row: first,
        rows: count,
      }
    }),
  )
}

/** Whether x and g may be accessed several elements at a time: four, two of double precision. */
function isWhole({ dtype, x, g = x }: Placed): boolean {
  const bytes = BigInt(Math.min(16, 4 * bytesEach[dtype]))
  return x % bytes === 0n && g % bytes === 0n
}

/** The rows of `chunks`. */
export function chunkRows(
  placed: readonly Placed[],
  chunk: number,
): { readonly bytes: Uint8Array; readonly count: number } {
  const all = placed.flatMap(({ active, size, stride }, tensor) =>
    Array.from({ length: active ? chunksOf(size, chunk) : 0 }, (_, number) => {
      const [from, to] = [
        keptOf(number * chunk, stride),
        keptOf(Math.min(size, (number + 1) * chunk), stride),
      ]
      return { tensor, number, kept: from, count: to - from }
    }),
  )
  return { bytes: rows(chunkFields, all), count: all.length }
}

/** Rows of fields as bytes. */
function rows(
  fields: readonly Field[],
  values: readonly Readonly<Record<string, number | bigint>>[],
): Uint8Array {
  const { bytes } = packed(fields)
  const all = new Uint8Array(bytes * values.length)
  for (const [i, row] of values.entries()) {
    const writer = new Fields(fields, all.subarray(bytes * i, bytes * (i + 1)))
    for (const { name } of fields) writer.set(name, row[name])
  }
  return all
}

/** Fields in the bytes where a kernel reads them. */
export class Fields {
  readonly bytes: Uint8Array
  private readonly view: DataView
  private readonly places: ReadonlyMap<
    string,
    { readonly at: number; readonly type: Field['type'] }
  >

  constructor(fields: readonly Field[], bytes = new Uint8Array(packed(fields).bytes)) {
    const { offsets } = packed(fields)
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.places = new Map(fields.map(({ name, type }) => [name, { at: offsets[name], type }]))
  }

  /** Writes one of them; names of no field are passed over. */
  set(name: string, value: number | bigint): void {
    const place = this.places.get(name)
    if (place?.type === 'u32') this.view.setUint32(place.at, Number(value), true)
    else if (place?.type === 'u64') this.view.setBigUint64(place.at, BigInt(value), true)
    else if (place) this.view.setFloat64(place.at, Number(value), true)
  }
}
