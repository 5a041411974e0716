/**
 * What a step takes beside the gradients, checked for every backend alike, before anything changes.
 * Not where a loss is used: a program says whether it is, and an engine where it goes.
 */
import type { Algorithm } from './algorithm.ts'
import type { Backend } from './backend.ts'
import { FreestepError, kindOf } from './errors.ts'
import type { StepOptions } from './optimizer.ts'
import type { Ranges } from './options.ts'
import { checkOptions } from './settings.ts'

const ranges: Ranges = { loss: { says: 'a finite number', holds: () => true, follows: false } }

/**
 * The loss of a step's options: a finite number, or a tensor of one as the backend has them;
 * undefined where there is none.
 *
 * @throws FreestepError `bad-option`, `unknown-option` or `bad-shape` for anything else, also where
 * the algorithm does not use it; only a number that is not finite is left alone there
 */
export function lossOf<P>(
  options: StepOptions<P> | undefined,
  algorithm: Algorithm,
  backend: Pick<Backend<P>, 'describe'>,
  isUsed: boolean,
): number | P | undefined {
  if (options === undefined) return undefined
  checkOptions({ what: 'step' }, ranges, options)
  const { loss } = options
  if (loss !== undefined) checkLoss(loss, backend, !isUsed || skips(algorithm))
  return loss
}

const refuse = (code: 'bad-option' | 'bad-shape', loss: string, advice: string) =>
  new FreestepError('core', code, `The loss ${loss}. ${advice}`)
const advice = 'Give a finite number, or a tensor of one number as the backend has them.'

function checkLoss<P>(
  loss: unknown,
  { describe }: Pick<Backend<P>, 'describe'>,
  isFree: boolean,
): void {
  if (typeof loss === 'number') {
    checkNumber(loss, isFree)
    return
  }
  if (typeof loss !== 'object' || loss === null || Array.isArray(loss))
    throw refuse('bad-option', `is ${kindOf(loss)}`, advice)
  if ('then' in loss) throw refuse('bad-option', 'is a promise', 'Await it, and give the number.')
  // The backend says what a tensor is; a number of dimensions matters to none.
  const { size } = describe(loss as P, 'The loss')
  if (size !== 1) throw refuse('bad-shape', `has ${size} numbers`, 'Give one, such as their mean.')
  if (ArrayBuffer.isView(loss) && 0 in loss) checkNumber(Number(loss[0]), isFree)
}

/**
 * One that is on the host can be looked at. Whoever has steps skipped that are not finite may give
 * what is not.
 */
function checkNumber(loss: number, isFree: boolean): void {
  if (Number.isFinite(loss) || isFree) return
  throw refuse(
    'bad-option',
    `is ${loss}`,
    'Give a finite number: leave out this step, or have skipNonFinite around the algorithm do so.',
  )
}

const skips = ({ wrapper }: Algorithm): boolean =>
  wrapper !== undefined && (wrapper.name === 'skipNonFinite' || skips(wrapper.inner))
