/**
 * Which adapter fits: the questions, and what is left of the adapters after some of them have been
 * answered. Not how it looks.
 */

/** A question, and its answers by id. */
export interface Question {
  readonly id: string
  readonly ask: string
  readonly answers: Readonly<Record<string, string>>
}

/** Answers to each question that go with each other, by id. */
export type Case = Readonly<Record<string, readonly string[]>>

/** An adapter as the site shows it. */
export interface Adapter {
  /** Its folder in packages/. */
  readonly name: string
  /** Its name on npm. */
  readonly package: string
  readonly title: string
  readonly runsOn: string
  readonly tensors: string
  readonly steps: 'fused' | 'one graph' | 'eager'
  readonly how: string
  readonly why: string
  /** The cases it is right for: for each question, the answers to it. */
  readonly fits: readonly Case[]
  readonly install: string
  /** Its first lines. */
  readonly code: string
  /**
   * What it adds to a page (minified and gzipped) and to node_modules, in bytes, without its peers.
   */
  readonly bytes: { readonly page: number; readonly disk: number } | undefined
  readonly peers: readonly string[]
  /** What was measured, and where and when. */
  readonly speed: readonly {
    readonly figure: string
    readonly what: string
    readonly value: number
    readonly on: string
  }[]
}

/** All of them. */
export interface Adapters {
  readonly questions: readonly Question[]
  readonly adapters: readonly Adapter[]
}

/** The answer to each question, by id; left out where it does not matter. */
export type Answers = Readonly<Record<string, string | undefined>>

/** The questions that an adapter answers otherwise, in the case that is closest. */
export function against({ fits }: Adapter, answers: Answers): string[] {
  const given = Object.entries(answers).flatMap(([id, answer]) =>
    answer === undefined ? [] : [{ id, answer }],
  )
  const otherwise = fits.map((each) =>
    given.filter(({ id, answer }) => !each[id]?.includes(answer)).map(({ id }) => id),
  )
  return otherwise.sort((a, b) => a.length - b.length)[0] ?? given.map(({ id }) => id)
}

/** Whether one of its cases has that answer. */
export const mayAnswer = ({ fits }: Adapter, id: string, answer: string): boolean =>
  fits.some((each) => each[id]?.includes(answer))

/** The adapters that fit, or the closest where none does. */
export function choose(
  adapters: readonly Adapter[],
  answers: Answers,
): { readonly fit: boolean; readonly found: readonly Adapter[] } {
  const misses = adapters.map((adapter) => against(adapter, answers).length)
  const least = Math.min(...misses)
  return { fit: least === 0, found: adapters.filter((_, i) => misses[i] === least) }
}
