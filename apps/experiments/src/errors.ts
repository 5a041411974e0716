// What went wrong on the user's side: an option, a file, a cell. The command line prints the
// message as one line and ends with exit code 1. Anything else that is thrown is a bug of ours and
// keeps its stack trace.
import { distance } from 'fastest-levenshtein'

const MAX_MESSAGE = 300

/** Wrong input; `message` is one printable line that says what, where and what to do. */
export class InputError extends Error {
  override readonly name = 'InputError'
  constructor(message: string) {
    super(clip(printable(message), MAX_MESSAGE))
  }
}

/** `; did you mean 'X'?` with the candidate nearest to `name`, or nothing when none is near. */
export function suggestion(name: string, candidates: readonly string[]): string {
  const wanted = name.toLowerCase()
  const [nearest] = candidates
    .map((candidate) => ({ candidate, edits: distance(wanted, candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)
  const near =
    nearest !== undefined &&
    nearest.edits <= Math.max(1, wanted.length / 2) &&
    nearest.edits < wanted.length
  return near ? `; did you mean '${nearest.candidate}'?` : ''
}

/** Text from a file without control characters, line breaks and the like. */
export const printable = (text: string): string => text.replace(/\p{C}/gu, '\u{fffd}')

/** Text from a file or a command line, quoted and not too long. */
export const quoted = (text: string): string => `'${clip(text, 60)}'`

/** Text that is not too long. */
export const clip = (text: string, length: number) =>
  text.length > length ? `${text.slice(0, length - 3)}...` : text
