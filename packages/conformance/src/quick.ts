/**
 * The quick tests, `npm run test:quick`: fewer sizes, seeds and repetitions of everything, and no
 * subject less. The one place that knows of FREESTEP_QUICK.
 */
const { process } = globalThis as {
  readonly process?: { readonly env: Readonly<Record<string, string | undefined>> }
}

/** Whether only the quick tests are wanted. */
export const quick: boolean = process?.env.FREESTEP_QUICK === '1'

/** All of a list; of a long one every n-th, from the first on, where tests are to be quick. */
export const some = <T>(list: readonly T[], n: number): readonly T[] =>
  quick ? list.filter((_, i) => i % n === 0) : list
