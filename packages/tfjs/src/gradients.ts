/**
 * What callers give to a step, as tf.train's optimizers take it, and what an engine can use of it: float32 tensors of the variables'
 * shapes, and a loss of one number. Refuses the rest before anything is changed.
 */
import { FreestepError, suggest } from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import { refuseForeign } from './copies.ts'
import type { Given } from './growing.ts'
import { checkTensor, describe } from './tensors.ts'

/**
 * A gradient: a tensor (int32 and bool are cast), or numbers in an array, or arrays of arrays, of the variable's shape. With null or
 * undefined the variable sits the step out.
 */
export type Gradient = tf.Tensor | tf.TensorLike | null | undefined

/** Gradients, by variable name or as a list. */
export type Gradients = Readonly<Record<string, Gradient>> | readonly { readonly name: string; readonly tensor: Gradient }[]

/** A loss: a number, or a tensor of one. */
export type Loss = number | tf.Tensor

/** The gradients that are there, each with its variable. Tensors that this makes are the caller's scope's. */
export function checkedGradients(gradients: Gradients): Given[] {
  if (typeof gradients !== 'object' || gradients === null || gradients instanceof tf.Tensor)
    throw new FreestepError(
      'tfjs',
      'missing-gradient',
      `The gradients are ${gradients === null ? 'null' : typeof gradients === 'object' ? 'one tensor' : typeof gradients}. ` +
        'Give them by the names of their variables: { [variable.name]: gradient }.',
    )
  const registered = tf.engine().registeredVariables
  const list = Array.isArray(gradients) ? gradients : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }))
  const seen = new Set<string>()
  const given = list.flatMap(({ name, tensor }): Given[] => {
    const variable = registered[name]
    if (!variable) throw unknown(name, tensor, Object.keys(registered))
    if (seen.has(name)) throw new FreestepError('tfjs', 'bad-shape', `There are two gradients for ${name}. Give their sum, once.`)
    seen.add(name)
    if (tensor === null || tensor === undefined) return []
    describe(variable, name)
    const gradient = toFloat(tensor, `the gradient of ${name}`)
    if (!tf.util.arraysEqual(gradient.shape, variable.shape))
      throw new FreestepError(
        'tfjs',
        'bad-shape',
        `The gradient of ${name} has shape [${gradient.shape}], the variable [${variable.shape}]. Give one number per coordinate.`,
      )
    return [{ variable, gradient }]
  })
  if (given.length) return given
  throw new FreestepError(
    'tfjs',
    'missing-gradient',
    'No variable has a gradient. Give at least one, by the name of its variable.',
  )
}

function unknown(name: string, gradient: Gradient, known: readonly string[]): FreestepError {
  if (gradient instanceof tf.Tensor) refuseForeign(tf, gradient, `the gradient of ${name}`)
  return new FreestepError(
    'tfjs',
    'unknown-parameter',
    `There is a gradient for "${name}", which is not a variable, or was disposed.${suggest(name, known)}`,
  )
}

/** A float32 tensor of the given numbers. */
function toFloat(value: tf.Tensor | tf.TensorLike, name: string): tf.Tensor {
  const tensor = value instanceof tf.Tensor ? value : fromNumbers(value, name)
  checkTensor(tensor, name)
  const float = tensor.dtype === 'int32' || tensor.dtype === 'bool' ? tf.cast(tensor, 'float32') : tensor
  describe(float, name)
  return float
}

function fromNumbers(value: tf.TensorLike, name: string): tf.Tensor {
  try {
    return tf.tensor(value)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `${name} is neither a tensor nor an array of numbers (${reason}). Give one of the two.`
    throw new FreestepError('tfjs', 'bad-dtype', message, { cause })
  }
}

/** The loss as an engine takes it: a finite number or a scalar. */
export function checkedLoss(loss: Loss | undefined): number | tf.Scalar | undefined {
  if (loss === undefined) return undefined
  if (typeof loss === 'number') {
    if (Number.isFinite(loss)) return loss
    throw new FreestepError('tfjs', 'bad-option', `The loss is ${loss}. Give a finite number, or leave this step out.`)
  }
  if (!(loss instanceof tf.Tensor))
    throw new FreestepError(
      'tfjs',
      'bad-option',
      `The loss is ${kindOf(loss)}. Give a number, or a tensor of one, such as tf.mean(losses).`,
    )
  const { size, shape } = describe(loss, 'the loss')
  if (size !== 1)
    throw new FreestepError('tfjs', 'bad-shape', `The loss has shape [${shape}]. Give one number, such as tf.mean(losses).`)
  return shape.length ? tf.reshape(loss, []) : (loss as tf.Scalar)
}

const kindOf = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Promise) return 'a promise, which has to be awaited'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
