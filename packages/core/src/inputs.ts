/**
 * The values that an algorithm's functions are given, put together without being read: reading
 * `moved` is what makes core keep it, and reading the loss what makes callers owe it.
 */
import type { AnyValues } from './algorithm.ts'
import type { Values } from './value.ts'

/** The values with some replaced; getters stay unread. */
export const withInputs = <V extends object>(values: V, replaced: object): V =>
  Object.create(Object.getPrototypeOf(values), {
    ...Object.getOwnPropertyDescriptors(values),
    ...Object.getOwnPropertyDescriptors(replaced),
  })

/** Values by name as an algorithm is given them, with p, which is a number. */
export const inputsOf = (values: Values, p: number): AnyValues =>
  withInputs<object>({ p }, values) as AnyValues
