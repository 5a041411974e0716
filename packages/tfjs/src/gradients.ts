/**
 * What callers give to a step, as tf.train's optimizers take it, and what an engine can use of it:
 * float32 tensors of the variables' shapes, and a loss of one number. Refuses the rest before
 * anything is changed.
 */
import { FreestepError, suggest } from '@freestep/core'
import * as tf from '@tensorflow/tfjs-core'
import { refuseForeign } from './copies.ts'
import type { Given } from './growing.ts'
import { checkTensor, describe } from './tensors.ts'

/**
 * A gradient: a tensor (int32 and bool are cast), or numbers in an array, or arrays of arrays, of
 * the variable's shape. With null or undefined the variable sits the step out.
 */
export type Gradient = tf.Tensor | tf.TensorLike | null | undefined

/** Gradients, by variable name or as a list. */
export type Gradients =
  | Readonly<Record<string, Gradient>>
  | readonly { readonly name: string; readonly tensor: Gradient }[]

/** A loss: a number, or a tensor of one. */
export type Loss = number | tf.Tensor

/**
 * The gradients that are there, each with its variable. Tensors that this makes are the caller's
 * scope's.
 */
export function checkedGradients(gradients: Gradients): Given[] {
  if (typeof gradients !== 'object' || gradients === null || gradients instanceof tf.Tensor)
    throw new FreestepError(
      'tfjs',
      'missing-gradient',
      `The gradients are ${gradients instanceof tf.Tensor ? 'one tensor' : typeName(gradients)}. ` +
        'Give them by the names of their variables: { [variable.name]: gradient }.',
    )
  const registered = tf.engine().registeredVariables
  const list = Array.isArray(gradients)
    ? gradients
    : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }))
  const seen = new Set<string>()
  const given = list.flatMap(({ name, tensor }): Given[] => {
    const variable = registered[name]
    if (!variable) throw unknown(name, tensor, Object.keys(registered))
    if (seen.has(name))
      throw new FreestepError(
        'tfjs',
        'bad-shape',
        `There are two gradients for ${name}. Give their sum, once.`,
      )
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
  const float =
    tensor.dtype === 'int32' || tensor.dtype === 'bool' ? tf.cast(tensor, 'float32') : tensor
  describe(float, name)
  return float
}

function fromNumbers(value: tf.TensorLike, name: string): tf.Tensor {
  const refuse = (what: string) =>
    new FreestepError(
      'tfjs',
      'bad-dtype',
      `${name} is ${what}. Give a tensor, or numbers in an array of the variable's shape.`,
    )
  if (typeof value !== 'number' && !isList(value)) throw refuse(kindOf(value))
  const shape: number[] = []
  for (let inner: unknown = value; isList(inner); inner = inner[0]) shape.push(inner.length)
  // tfjs looks at the first rows and numbers alone, and takes null for 0.
  if (!isFull(value, shape))
    throw refuse('an array whose rows are not all numbers, or not all of one length')
  return tf.tensor(value, shape, 'float32')
}

type List = readonly unknown[] | Float32Array | Int32Array | Uint8Array | Uint8ClampedArray

const isList = (value: unknown): value is List =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))

/** Whether there are numbers, and nothing else, in every place of an array of arrays. */
function isFull(value: unknown, [length, ...inner]: readonly number[]): boolean {
  if (length === undefined) return typeof value === 'number' || typeof value === 'boolean'
  if (!isList(value) || value.length !== length) return false
  return Array.from<unknown>(value).every((each) => isFull(each, inner))
}

/** The loss as an engine takes it: a finite number or a scalar. */
export function checkedLoss(loss: Loss | undefined): number | tf.Scalar | undefined {
  if (loss === undefined) return undefined
  if (typeof loss === 'number') {
    if (Number.isFinite(loss)) return loss
    throw new FreestepError(
      'tfjs',
      'bad-option',
      `The loss is ${loss}. Give a finite number, or leave this step out.`,
    )
  }
  if (!(loss instanceof tf.Tensor))
    throw new FreestepError(
      'tfjs',
      'bad-option',
      `The loss is ${kindOf(loss)}. Give a number, or a tensor of one, such as tf.mean(losses).`,
    )
  const { size, shape } = describe(loss, 'the loss')
  if (size !== 1)
    throw new FreestepError(
      'tfjs',
      'bad-shape',
      `The loss has shape [${shape}]. Give one number, such as tf.mean(losses).`,
    )
  return shape.length ? tf.reshape(loss, []) : (loss as tf.Scalar)
}

const typeName = (value: unknown) => (value === null ? 'null' : typeof value)

const kindOf = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Promise) return 'a promise, which has to be awaited'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
