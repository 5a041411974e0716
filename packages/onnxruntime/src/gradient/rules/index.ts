/** All rules of differentiation, and the operators that nothing flows back through. */
import type { Rules } from '../rule.ts'
import { algebra } from './algebra.ts'
import { elementwise } from './elementwise.ts'
import { normalize } from './normalize.ts'
import { shaping } from './shaping.ts'
import { windowed } from './windows.ts'

export const rules: Rules = { ...elementwise, ...algebra, ...normalize, ...shaping, ...windowed }

/**
 * Piecewise constant, or not about the numbers in their input at all: the derivative is 0 wherever
 * there is one.
 */
export const constants: ReadonlySet<string> = new Set(
  (
    'And ArgMax ArgMin Bernoulli BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Ceil Constant ConstantOfShape Equal EyeLike Floor ' +
    'Greater GreaterOrEqual Hardmax IsInf IsNaN Less LessOrEqual Multinomial NonZero Not OneHot Or RandomNormal RandomNormalLike ' +
    'RandomUniform RandomUniformLike Range Round Shape Sign Size Xor'
  ).split(' '),
)
