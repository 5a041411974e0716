/**
 * What atomics put in the place of what they find: `old` (or `oldHi`, `oldLo`), as expressions.
 */
import type { Type } from '../syntax.ts'
import type { Long, Writer } from '../writer.ts'

const signs: Readonly<Record<string, string>> = { and: '&', or: '|', xor: '^' }

/**
 * The new value. In global memory, sums in single precision flush what is subnormal, as the device
 * does.
 */
export function combined(
  w: Writer,
  op: string,
  type: Type,
  values: readonly (string | Long)[],
  flushes: boolean,
): string | Long {
  const [b, c] = values
  const fits: Readonly<Record<string, string>> = {
    add: 'usf',
    min: 'us',
    max: 'us',
    inc: 'u',
    dec: 'u',
    and: 'b',
    or: 'b',
    xor: 'b',
    exch: 'b',
    cas: 'b',
  }
  if (!fits[op].includes(type.kind))
    throw w.error(`.${op} is not known for .${type.kind}${type.bits}`)
  if (typeof b !== 'string') return long(w, op, type, b, c as Long)
  if (type.kind === 'f') {
    if (type.bits === 64) return `old + ${b}`
    return flushes ? `ftz(fround(ftz(old) + ftz(${b})))` : `fround(old + ${b})`
  }
  const old = type.kind === 'u' ? '(old >>> 0)' : 'old'
  switch (op) {
    case 'add':
      return `old + ${b}`
    case 'min':
    case 'max':
      return `Math.${op}(${old}, ${b})`
    case 'inc':
      return `${old} >= ${b} ? 0 : old + 1`
    case 'dec':
      return `old === 0 || ${old} > ${b} ? ${b} : old - 1`
    case 'exch':
      return b
    case 'cas':
      return `(old >>> 0) === ${b} ? ${c} : old`
    default:
      return `old ${signs[op]} ${b}`
  }
}

function long(w: Writer, op: string, { kind, bits }: Type, b: Long, c: Long): Long {
  const order = (sign: string) => {
    const [oldHi, hi] = kind === 's' ? ['oldHi', b.hi] : ['(oldHi >>> 0)', `(${b.hi} >>> 0)`]
    const first = `(${oldHi} ${sign} ${hi} || (oldHi === ${b.hi} && (oldLo >>> 0) ${sign} (${b.lo} >>> 0)))`
    return { lo: `${first} ? oldLo : ${b.lo}`, hi: `${first} ? oldHi : ${b.hi}` }
  }
  const equal = `(oldHi === ${b.hi} && oldLo === ${b.lo})`
  switch (op) {
    case 'add':
      if (kind !== 'u') break
      return {
        lo: `(oldLo + ${b.lo}) | 0`,
        hi: `(oldHi + ${b.hi} + ((lo >>> 0) < (oldLo >>> 0) ? 1 : 0)) | 0`,
      }
    case 'min':
      return order('<')
    case 'max':
      return order('>')
    case 'exch':
      return b
    case 'cas':
      return { lo: `${equal} ? ${c.lo} : oldLo`, hi: `${equal} ? ${c.hi} : oldHi` }
    case 'and':
    case 'or':
    case 'xor':
      return { lo: `oldLo ${signs[op]} ${b.lo}`, hi: `oldHi ${signs[op]} ${b.hi}` }
  }
  throw w.error(`.${op} is not known for .${kind}${bits}`)
}
