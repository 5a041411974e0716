// What counts as a number in a data file, and as a date. LIBSVM text has plain decimal notation
// that float32 can hold: no "0x1F", no "1,000", no "Infinity" (Number() alone would take the first
// and the last, and read an empty cell as 0). A table may also group its digits, and its decimal
// mark may be a comma, as in most of Europe.

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const LARGEST = 3.4e38

/** The number that `text` spells, or undefined. */
export function parseNumber(text: string): number | undefined {
  if (!DECIMAL.test(text)) return undefined
  const value = Number(text)
  return Math.abs(value) <= LARGEST ? value : undefined
}

/** Which mark begins the decimals: 1,234.5 or 1.234,5. */
export const NOTATIONS = ['point', 'comma'] as const
export type Notation = (typeof NOTATIONS)[number]

/** Digits in groups of three, all by the same sign, then the decimals. */
const grouped = (groups: string, mark: string) =>
  new RegExp(
    `^[+-]?(?:\\d+|[1-9]\\d{0,2}(?:([${groups} \u00a0\u202f'’])\\d{3}(?:\\1\\d{3})*))?(?:${mark}\\d*)?(?:[eE][+-]?\\d+)?$`,
  )

const SHAPES = { point: grouped(',', '\\.'), comma: grouped('\\.', ',') }
const GROUPS = { point: /[, \u00a0\u202f'’]/g, comma: /[. \u00a0\u202f'’]/g }

/** The number that `text` spells in a notation, or undefined. */
export function readNumber(text: string, notation: Notation): number | undefined {
  const plain = text.replace('\u2212', '-') // the minus sign of typography
  if (!SHAPES[notation].test(plain)) return undefined
  return parseNumber(plain.replaceAll(GROUPS[notation], '').replace(',', '.'))
}

const DATE = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:\d{2})?)?$/

/**
 * The days since 1970 of a date as in ISO 8601, with or without a time (in UTC unless it says
 * otherwise); or undefined.
 */
export function readDate(text: string): number | undefined {
  const [, day, time = '00:00', zone = 'Z'] = DATE.exec(text) ?? []
  const moment = day === undefined ? Number.NaN : Date.parse(`${day}T${time}${zone}`)
  return Number.isNaN(moment) ? undefined : moment / 86_400_000
}
