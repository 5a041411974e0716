/**
 * The one error class of freestep, and the small helpers that make its messages useful.
 * Not a logger and not a result type: wrong use throws, at once, before anything is written.
 */

/** What kind of mistake a {@link FreestepError} reports; stable, so that code may branch on it. */
export type FreestepErrorCode =
  | 'bad-algorithm'
  | 'bad-batch'
  | 'bad-checkpoint'
  | 'bad-dtype'
  | 'bad-model'
  | 'bad-option'
  | 'bad-shape'
  | 'device-lost'
  | 'disposed'
  | 'missing-gradient'
  | 'missing-loss'
  | 'not-loaded'
  | 'out-of-memory'
  | 'shared-memory'
  | 'unknown-option'
  | 'unknown-parameter'
  | 'unsupported'

/**
 * Every error that freestep throws. The message has the form
 * `[freestep/webgpu] what happened, to what, what to do`.
 */
export class FreestepError extends Error {
  override readonly name = 'FreestepError'
  readonly code: FreestepErrorCode

  /**
   * @param place - the package that refuses, without the scope: `core`, `cpu`, `tfjs`...
   * @param code - the kind of mistake
   * @param message - what happened, to what, what to do
   */
  constructor(place: string, code: FreestepErrorCode, message: string, options?: ErrorOptions) {
    super(`[freestep/${place}] ${message}`, options)
    this.code = code
  }
}

/**
 * ` Did you mean "weightDecay"?` when one of the known names is near, else the list of them:
 * the last sentence of every error about a name.
 */
export function suggest(wrong: string, known: readonly string[]): string {
  const nearest = known
    .map((name) => ({ name, farness: farness(wrong, name) }))
    .sort((a, b) => a.farness - b.farness)[0]
  if (nearest && nearest.farness < Infinity) return ` Did you mean "${nearest.name}"?`
  return known.length
    ? ` Known: ${known.slice(0, 30).join(', ')}${known.length > 30 ? ', …' : ''}.`
    : ''
}

/**
 * How far a name is from a wrong one; Infinity where they have nothing to do with each other. Near
 * are, in this order: the same letters (weight_decay), few slips (weigthDecay), some of its words
 * (wieght), its initials (wd), its beginning (epsilon for eps), a word of the wrong name (baseLr
 * for lr).
 */
function farness(wrong: string, name: string): number {
  const [a, b] = [wordsOf(wrong), wordsOf(name)]
  const [whole, other] = [a.join(''), b.join('')]
  const slips = slipsBetween(whole, other)
  if (slips < Math.min(whole.length, other.length) && slips <= Math.max(1, whole.length / 3))
    return slips
  const words = whole.length >= 4 ? wordsLike(whole, b) : 0
  if (words > 0) return 100 + b.length - words
  if (b.length > 1 && b.map(([first]) => first).join('') === whole) return 200
  if (other.length >= 3 && whole.startsWith(other)) return 300 + whole.length - other.length
  return a.includes(other) && other.length >= 2 ? 400 : Infinity
}

/** How many words of a name, one after the other but not all, are nearly `whole`; 0 if none are. */
function wordsLike(whole: string, words: readonly string[]): number {
  for (let count = 1; count < words.length; count++)
    for (let from = 0; from + count <= words.length; from++)
      if (slipsBetween(whole, words.slice(from, from + count).join('')) <= whole.length / 5)
        return count
  return 0
}

/** `weightDecay_AtY` as weight, decay, at, y. */
const wordsOf = (name: string): string[] =>
  name
    .match(/\p{Lu}?[\p{Ll}\d]+|\p{Lu}+(?!\p{Ll})|[^\p{L}\d\s_.\-/:]/gu)
    ?.map((word) => word.toLowerCase()) ?? [name]

/**
 * How many letters were missed, added, mistaken or swapped with the next: Damerau's distance, by
 * three rows of its recurrence.
 */
function slipsBetween(a: string, b: string): number {
  let [before, row] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const mistaken = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? before[j - 2] + 1
          : Infinity
      next.push(Math.min(mistaken, swapped, row[j] + 1, next[j - 1] + 1))
    }
    ;[before, row] = [row, next]
  }
  return row[b.length]
}

/**
 * What a value is, in the words of a message: `NaN`, `"0.1"`, `a promise`, `an Int32Array`,
 * `the factory sgd, which was not called`.
 */
export function kindOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
    case 'bigint':
      return `${value}n, a BigInt`
    case 'symbol':
      return 'a Symbol'
    case 'function':
      return 'algorithm' in value
        ? `the factory ${nameOf(value.algorithm)}, which was not called`
        : 'a function'
    case 'object':
      if (value === null) return 'null'
      return Array.isArray(value) ? kindOfArray(value) : kindOfObject(value)
    default:
      return String(value)
  }
}

const nameOf = (algorithm: unknown) =>
  String((algorithm as { readonly name?: unknown } | undefined)?.name)

const kindOfArray = (array: readonly unknown[]): string =>
  array.length <= 4 && array.every((each) => typeof each !== 'object' || each === null)
    ? `[${array.map(kindOf).join(', ')}]`
    : `an array of ${array.length}`

function kindOfObject(value: object): string {
  if ('then' in value && typeof value.then === 'function') return 'a promise'
  if ('step' in value && 'state' in value && 'name' in value)
    return `the algorithm ${nameOf(value)}`
  // The tag of a typed array is right in every realm; that of most other objects says nothing.
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  const name = tag === 'Object' ? value.constructor?.name : tag
  if (typeof name !== 'string' || name === '' || name === 'Object') return 'an object'
  return `${/^([AEIO]|U(?!int|ni))/i.test(name) ? 'an' : 'a'} ${name}`
}
