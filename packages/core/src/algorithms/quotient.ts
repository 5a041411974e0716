/**
 * Division by a root and an ε beside it, as the adaptive methods have it. Not an operation: it
 * chooses one.
 *
 * With an ε > 0, which single precision holds, a / (√v + ε) is never 0/0, and plain division will
 * do. With ε = 0, or one that gets lost beside a factor or may be 0 at some step, a coordinate
 * without any gradient would become 0/0; the papers' convention is that this is 0.
 */
import { div, ratio } from '../ops.ts'
import type { Expr } from '../value.ts'

/** How to divide by a root to which ε is added. */
export const quotient = (eps: Expr): ((a: Expr, b: Expr) => Expr) =>
  typeof eps === 'number' && eps >= 1e-30 ? div : ratio
