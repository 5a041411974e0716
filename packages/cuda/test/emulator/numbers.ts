/**
 * The arithmetic of a device in JavaScript, where it takes more than an operator: what printed
 * kernels call. Single precision is held in doubles; every function rounds once. Which NaN it is
 * gets lost, as on a device.
 */

const doubles = new Float64Array(1)
const halvesOfDouble = new Int32Array(doubles.buffer)
const singles = new Float32Array(1)
const bitsOfSingle = new Int32Array(singles.buffer)

/** The single that bits are. */
export function f32OfBits(bits: number): number {
  bitsOfSingle[0] = bits
  return singles[0]
}

/** The bits of a single. */
export function bitsOfF32(value: number): number {
  if (Number.isNaN(value)) return 0x7fffffff
  singles[0] = value
  return bitsOfSingle[0]
}

/** The double that two halves are. */
export function f64OfBits(hi: number, lo: number): number {
  halvesOfDouble[0] = lo
  halvesOfDouble[1] = hi
  return doubles[0]
}

/** The upper half of a double's bits. */
export function highBits(value: number): number {
  doubles[0] = value
  return halvesOfDouble[1]
}

/** The lower half of a double's bits. */
export function lowBits(value: number): number {
  doubles[0] = value
  return halvesOfDouble[0]
}

/** The upper half of the product of two unsigned numbers of 32 bits. */
export function umulh(a: number, b: number): number {
  const low = (a & 0xffff) * (b >>> 0)
  return Math.floor(((a >>> 16) * (b >>> 0) + Math.floor(low / 65536)) / 65536) | 0
}

/** The upper half of the product of two signed numbers of 32 bits. */
export const smulh = (a: number, b: number) => (umulh(a, b) - (a < 0 ? b : 0) - (b < 0 ? a : 0)) | 0

/** The upper half of the lower 64 bits of a product. */
export const mul64Hi = (ah: number, al: number, bh: number, bl: number) =>
  (umulh(al, bl) + Math.imul(ah, bl) + Math.imul(al, bh)) | 0

/** A shift to the left; from 32 on there is nothing left. */
export const shl32 = (a: number, by: number) => (by >>> 0 > 31 ? 0 : a << by)
/** An unsigned shift to the right. */
export const shr32 = (a: number, by: number) => (by >>> 0 > 31 ? 0 : a >>> by)
/** A shift to the right that copies the sign. */
export const sar32 = (a: number, by: number) => a >> (by >>> 0 > 31 ? 31 : by)

/** Shifts of 64 bits, each half. */
export const shl64Lo = (lo: number, by: number) => shl32(lo, by)
export const shl64Hi = (hi: number, lo: number, by: number) =>
  by >>> 0 > 31 ? shl32(lo, by - 32) : by === 0 ? hi : (hi << by) | (lo >>> (32 - by))
export const shr64Lo = (hi: number, lo: number, by: number) =>
  by >>> 0 > 31 ? shr32(hi, by - 32) : by === 0 ? lo : (lo >>> by) | (hi << (32 - by))
export const shr64Hi = (hi: number, by: number) => shr32(hi, by)
export const sar64Lo = (hi: number, lo: number, by: number) =>
  by >>> 0 > 31 ? sar32(hi, by - 32) : by === 0 ? lo : (lo >>> by) | (hi << (32 - by))
export const sar64Hi = (hi: number, by: number) => sar32(hi, by)

/** 64 bits as a whole number, signed or not, and its halves. */
export const signed64 = (hi: number, lo: number) => (BigInt(hi) << 32n) | BigInt(lo >>> 0)
export const unsigned64 = (hi: number, lo: number) => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)
export const highPart = (whole: bigint) => Number(BigInt.asIntN(32, whole >> 32n))
export const lowPart = (whole: bigint) => Number(BigInt.asIntN(32, whole))

/** How many bits are set. */
export function popc(a: number): number {
  let count = 0
  for (let rest = a; rest !== 0; rest &= rest - 1) count++
  return count
}

/** The bits in reverse. */
export function brev(a: number): number {
  let reversed = 0
  for (let i = 0; i < 32; i++) reversed |= ((a >>> i) & 1) << (31 - i)
  return reversed
}

/** Four bytes picked from eight. */
export function prmt(a: number, b: number, selection: number): number {
  let result = 0
  for (let i = 0; i < 4; i++) {
    const which = (selection >>> (4 * i)) & 15
    const byte = ((which & 4 ? b : a) >>> (8 * (which & 3))) & 255
    result |= (which & 8 ? (byte & 128 ? 255 : 0) : byte) << (8 * i)
  }
  return result
}

/** Any function of three bits, of each bit. */
export function lop3(a: number, b: number, c: number, table: number): number {
  let result = 0
  for (let i = 0; i < 8; i++)
    if ((table >>> i) & 1) result |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c)
  return result
}

/** A field of bits; a signed one repeats the field's last bit. */
export function bfe(a: number, position: number, length: number, signed: boolean): number {
  const from = position & 255
  const count = length & 255
  if (count === 0) return 0
  const sign = signed ? (a >>> Math.min(from + count - 1, 31)) & 1 : 0
  let result = 0
  for (let i = 0; i < 32; i++)
    result |= (i < count && from + i < 32 ? (a >>> (from + i)) & 1 : sign) << i
  return result
}

/** Puts a field of bits into a number. */
export function bfi(a: number, into: number, position: number, length: number): number {
  const from = position & 255
  const count = length & 255
  let result = into
  for (let i = 0; i < count && from + i < 32; i++)
    result = (result & ~(1 << (from + i))) | (((a >>> i) & 1) << (from + i))
  return result
}

/** The greater and the lesser number; one that is NaN does not count. */
export const fmax = (a: number, b: number) =>
  Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b)
export const fmin = (a: number, b: number) =>
  Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b)

/** Flushes what is subnormal in single precision to zero. */
export const ftz = (a: number) => (Math.abs(a) < 1.1754943508222875e-38 ? a * 0 : a)

/** Cuts to [0, 1]; NaN becomes 0. */
export const saturate = (a: number) => (a > 0 ? Math.min(a, 1) : 0)

/** To the nearest whole number, halves to the even one. */
export function roundEven(a: number): number {
  if (!(Math.abs(a) < 4503599627370496)) return a
  const magic = a < 0 || Object.is(a, -0) ? -4503599627370496 : 4503599627370496
  const rounded = a + magic - magic
  return rounded === 0 ? a * 0 : rounded
}
