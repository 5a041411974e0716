/**
 * Numbers as PTX writes them. Not their arithmetic.
 */

/** The precision of arithmetic. */
export type Float = 'f32' | 'f64'

/** A number as the bits of the nearest one of a type: exact, whatever reads it. */
export function literal(value: number, type: Float): string {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  if (type === 'f64') return `0d${hex(view.getUint32(0))}${hex(view.getUint32(4))}`
  view.setFloat32(0, value)
  return `0f${hex(view.getUint32(0))}`
}
const hex = (bits: number) => bits.toString(16).toUpperCase().padStart(8, '0')
