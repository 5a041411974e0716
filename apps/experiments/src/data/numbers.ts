// What counts as a number in a data file: plain decimal notation that float32 can hold. No "0x1F", no "1,000", no
// "Infinity"; Number() alone would take the first and the last, and read an empty cell as 0.

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const LARGEST = 3.4e38

/** The number that `text` spells, or undefined. */
export function parseNumber(text: string): number | undefined {
  if (!DECIMAL.test(text)) return undefined
  const value = Number(text)
  return Math.abs(value) <= LARGEST ? value : undefined
}
