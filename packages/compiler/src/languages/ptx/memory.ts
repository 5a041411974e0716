/**
 * Elements between memory and registers: several at a time, 16 bytes where they are singles or
 * doubles, or one by one; half precisions become f32 and are rounded on their way back. Not
 * addresses.
 */
import type { Code } from './code.ts'
import type { PtxData } from './layout.ts'
import type { Float } from './literal.ts'

/** The precision that elements are computed in. */
export const floatOf = (data: PtxData): Float => (data === 'f64' ? 'f64' : 'f32')

/** The registers of the elements at an address; `names` are what they are called. */
export function load(
  code: Code,
  data: PtxData,
  address: string,
  names: readonly string[],
): string[] {
  if (data === 'bf16') return loadBfloat16(code, address, names)
  const into = names.map((name) => code.register(data === 'f16' ? 'b16' : data, name))
  code.do(`ld.global${width(names)}.${data === 'f16' ? 'b16' : data} ${vector(into)}, [${address}]`)
  return data === 'f16'
    ? into.map((half, i) => code.put('f32', names[i], 'cvt.f32.f16', half))
    : into
}

/** A bfloat16 is the upper half of an f32. */
function loadBfloat16(code: Code, address: string, names: readonly string[]): string[] {
  const single = (name: string, bits: string) => code.put('f32', name, 'mov.b32', bits)
  if (names.length === 1) {
    const bits = code.put('b32', 'bits', 'ld.global.u16', `[${address}]`)
    return [single(names[0], code.calc('shl.b32', bits, 16))]
  }
  const pairs = names.slice(0, names.length / 2).map(() => code.register('b32', 'bits'))
  code.do(`ld.global.v${pairs.length}.b32 ${vector(pairs)}, [${address}]`)
  return pairs.flatMap((pair, i) => [
    single(names[2 * i], code.calc('shl.b32', pair, 16)),
    single(names[2 * i + 1], code.calc('and.b32', pair, upper)),
  ])
}
const upper = '0xFFFF0000'

/**
 * Rounds to bfloat16: leaves its bits in the upper half of a register, and anything in the lower.
 */
export type Rounding = (value: string, lane: number) => string

/** Writes elements to an address. */
export function store(
  code: Code,
  data: PtxData,
  address: string,
  values: readonly string[],
  rounding: Rounding,
): void {
  if (data === 'bf16') {
    storeBfloat16(code, address, values.map(rounding))
    return
  }
  const from =
    data === 'f16' ? values.map((value) => code.put('b16', 'h', 'cvt.rn.f16.f32', value)) : values
  code.do(`st.global${width(from)}.${data === 'f16' ? 'b16' : data} [${address}], ${vector(from)}`)
}

function storeBfloat16(code: Code, address: string, rounded: readonly string[]): void {
  const lower = (bits: string) => code.calc('shr.u32', bits, 16)
  if (rounded.length === 1) {
    code.do(`st.global.u16 [${address}], ${lower(rounded[0])}`)
    return
  }
  const pairs = rounded.slice(0, rounded.length / 2).map((_, i) => {
    const high = code.calc('and.b32', rounded[2 * i + 1], upper)
    return code.calc('or.b32', lower(rounded[2 * i]), high)
  })
  code.do(`st.global.v${pairs.length}.b32 [${address}], ${vector(pairs)}`)
}

/** To the nearest bfloat16, ties to even. */
export const nearest = (code: Code): Rounding =>
  adding(code, (bits) => {
    const odd = code.calc('and.b32', code.calc('shr.u32', bits, 16), 1)
    return code.calc('add.u32', odd, '0x7FFF')
  })

/** Up or down at random, so that the mean is right; `random` gives 16 random bits for a lane. */
export const stochastic = (code: Code, random: (lane: number) => string): Rounding =>
  adding(code, (_, lane) => random(lane))

/** Rounds by adding to the bits, unless the value is NaN, whose bits that could carry away. */
const adding =
  (code: Code, what: (bits: string, lane: number) => string): Rounding =>
  (value, lane) => {
    const bits = code.put('b32', 'bits', 'mov.b32', value)
    const rounded = code.calc('add.u32', bits, what(bits, lane))
    return code.calc('selp.b32', '0x7FC00000', rounded, code.calc('setp.nan.f32', value, value))
  }

const width = (lanes: readonly string[]) => (lanes.length > 1 ? `.v${lanes.length}` : '')
const vector = (lanes: readonly string[]) => (lanes.length > 1 ? `{${lanes.join(', ')}}` : lanes[0])

/** Reads a single number from shared memory, as elements take it. */
export function loadShared(code: Code, type: Float, address: string, name: string): string {
  const wide = code.put('f64', name, 'ld.shared.f64', `[${address}]`)
  return type === 'f64' ? wide : code.put('f32', name, 'cvt.rn.f32.f64', wide)
}
