/** Values that are there now, or later as promises: what is synchronous stays so. */

/** A value now, or a promise of it: synchronous backends stay synchronous. */
export type MaybePromise<T> = T | Promise<T>

/** What f makes of a value, now or when it is there. */
export const after = <T, R>(
  value: MaybePromise<T>,
  f: (value: T) => MaybePromise<R>,
): MaybePromise<R> => (value instanceof Promise ? value.then(f) : f(value))

/** All of some values, now or when the last is there. */
export const together = <T>(values: readonly MaybePromise<T>[]): MaybePromise<readonly T[]> =>
  values.some((value) => value instanceof Promise) ? Promise.all(values) : (values as readonly T[])
