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
    .map((name) => ({ name, distance: editDistance(wrong.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0]
  if (nearest && nearest.distance <= Math.max(1, wrong.length / 3)) return ` Did you mean "${nearest.name}"?`
  return known.length ? ` Known: ${known.slice(0, 30).join(', ')}${known.length > 30 ? ', …' : ''}.` : ''
}

/** Levenshtein distance by the two-row recurrence. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1))
    }
    row = next
  }
  return row[b.length]
}
