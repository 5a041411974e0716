/**
 * What every wrapper is: a function from an algorithm to an algorithm that adds states of its own
 * to the inner ones. Not an algorithm.
 */
import type {
  Algorithm,
  AnyPoint,
  AnyValues,
  Inputs,
  Outputs,
  States,
  ValuesOf,
} from '../algorithm.ts'
import { FreestepError, kindOf } from '../errors.ts'
import { withInputs } from '../inputs.ts'
import { isAlgorithm } from '../settings.ts'
import type { Expr } from '../value.ts'

/** The parts of a wrapper; the options of the result are those of the inner algorithm. */
export interface Wrapping<S extends States> {
  /** The wrapper's name, as in `averaged(dog)`. */
  readonly name: string
  /** The wrapper's own options, numbers fixed when it is made. */
  readonly options: Readonly<Record<string, number>>
  /** The wrapper's own states, given the inner algorithm's options. */
  state(h: { readonly lr?: Expr }): S
  /** One step; `inner` runs the inner algorithm's step on the values it is given. */
  step(
    values: Inputs & ValuesOf<S>,
    inner: (values: Inputs) => Outputs<States>,
    h: { readonly lr?: Expr },
  ): Outputs<States>
  /** The point to evaluate at; `inner` gives that of the inner algorithm. */
  evaluate?(values: AnyPoint, inner: (x: Pick<Inputs, 'x' | 'moved'>) => Expr): Expr
}

/**
 * Puts a wrapper around an algorithm. What its options may be is for the wrapper to say: see
 * {@link chooseOptions}.
 */
export function wrap<O extends object, S extends States>(
  inner: Algorithm<O>,
  wrapping: Wrapping<S>,
): Algorithm<O> {
  if (!isAlgorithm(inner))
    throw new FreestepError(
      'core',
      'bad-option',
      `${wrapping.name} goes around an algorithm, such as sgd(). It got ${kindOf(inner)}.`,
    )
  for (const [name, value] of Object.entries(wrapping.options))
    if (typeof value !== 'number' || Number.isNaN(value))
      throw new FreestepError(
        'core',
        'bad-option',
        `${wrapping.name}: option ${name} is ${kindOf(value)}. Give a number.`,
      )
  return {
    ...inner,
    name: `${wrapping.name}(${inner.name})`,
    wrapper: { name: wrapping.name, options: wrapping.options, inner },
    state(h) {
      const states = inner.state(h)
      const own = wrapping.state(commonOf(h))
      for (const name of Object.keys(own))
        if (Object.hasOwn(states, name))
          throw new FreestepError(
            'core',
            'bad-algorithm',
            `${wrapping.name} cannot go around ${inner.name} twice: both keep "${name}".`,
          )
      return { ...states, ...own }
    },
    step: (values, h) =>
      wrapping.step(
        values as Inputs & ValuesOf<S>,
        (inputs) => inner.step(inputs as AnyValues, h),
        commonOf(h),
      ),
    ...((wrapping.evaluate || inner.evaluate) && {
      evaluate(values, h) {
        const evaluateInner = (point: Pick<Inputs, 'x' | 'moved'>) =>
          inner.evaluate?.(withInputs(values, point), h) ?? point.x
        return wrapping.evaluate ? wrapping.evaluate(values, evaluateInner) : evaluateInner(values)
      },
    }),
  }
}

/** What a wrapper may know of any algorithm's options, which need not have it. */
const commonOf = (h: { readonly lr?: Expr }): { readonly lr?: Expr } =>
  'lr' in h ? { lr: h.lr } : {}
