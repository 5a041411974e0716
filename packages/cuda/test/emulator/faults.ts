/**
 * What the emulator reports of a kernel: where it does what no kernel may.
 */

/** The kinds of mistakes. */
export type Mistake =
  | 'alignment'
  | 'bounds'
  | 'freed'
  | 'read-only'
  | 'unwritten'
  | 'deadlock'
  | 'lane'
  | 'race'
  | 'endless'
  | 'trap'
  | 'by-zero'

/** A mistake of a kernel, before it is known which thread made it. */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly mistake: Mistake
  /** The place of the instruction in its kernel, where there is one. */
  readonly place: number | undefined

  constructor(mistake: Mistake, text: string, place?: number) {
    super(text)
    this.mistake = mistake
    this.place = place
  }
}

/** A number of bytes in words. */
export const inBytes = (count: number) => `${count} byte${count === 1 ? '' : 's'}`

/** An address as programmers write it. */
export const hex = (address: bigint | number) => `0x${address.toString(16)}`
