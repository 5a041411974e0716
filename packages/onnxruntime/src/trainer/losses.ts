/**
 * Losses for models that have none: what is added behind the outputs, as operators that the
 * gradient is then taken of. Each is a function of the model, so one's own loss is one, too.
 */
import { chooseOptions, type Declared, FreestepError, given, oneOf, suggest } from '@freestep/core'
import { classesAt } from '../gradient/lower.ts'
import { logSoftmax } from '../gradient/normalization.ts'
import type { Dim } from '../graph/dims.ts'
import {
  add,
  axesFrom,
  axisIn,
  cast,
  count,
  div,
  exp,
  log,
  mul,
  neg,
  op,
  shapeOf,
  sub,
  sum,
  typeOf,
  where,
} from '../graph/ops.ts'
import type { Value } from '../graph/value.ts'
import type { NumberType } from '../onnx/index.ts'

/** What a loss is made from. */
export interface LossScope {
  /**
   * An output of the model, or any value in it, by name; without a name, its only output of
   * floating point.
   */
  output(name?: string): Value
  /** Declares what a batch has besides the model's inputs: the target. */
  input(name: string, type: NumberType, shape: readonly Dim[]): Value
}

/** A loss: from the model's outputs, and a target that comes with each batch, to one number. */
export type Loss = (scope: LossScope) => Value

/** The mean of all elements. */
function average(value: Value): Value {
  const axes = axesFrom(0, shapeOf(value).length)
  return div(sum(value, axes, false), count(value, axes, typeOf(value)))
}

/** What the losses have in common. */
export interface LossOptions {
  /** The name of the model's output, if there are several. */
  readonly output?: string
  /** What the target is called in a batch. Default: `target`. */
  readonly target?: string
}

const isText = (value: unknown) => typeof value === 'string'
const defaults: Declared<LossOptions> = {
  output: given<string | undefined>('the name of an output', isText, undefined),
  target: given('a name', isText, 'target'),
}
/** The options of a loss. */
const chosen = <O extends LossOptions>(what: string, declared: Declared<O>, options: O): O =>
  chooseOptions({ what, place: 'onnxruntime' }, declared, options)

/** Options of {@link softmaxCrossEntropy}. */
export interface CrossEntropyOptions extends LossOptions {
  /**
   * Whether targets are the numbers of classes, in the logits' shape without the axis of classes,
   * or their probabilities.
   */
  readonly labels?: 'indices' | 'probabilities'
  /** The axis of the classes. Default: the last. */
  readonly axis?: number
  /** A label that counts for nothing, for padding. */
  readonly ignored?: number
}

const entropyDefaults: Declared<CrossEntropyOptions> = {
  ...defaults,
  labels: oneOf<'indices' | 'probabilities'>('indices', 'probabilities'),
  axis: given<number | undefined>('an integer', Number.isSafeInteger, -1),
  ignored: given<number | undefined>('an integer', Number.isSafeInteger, undefined),
}

/** −Σ t log softmax(logits), averaged over all labels: for a model whose output are logits. */
export function softmaxCrossEntropy(options: CrossEntropyOptions = {}): Loss {
  const {
    output,
    target: name = 'target',
    labels,
    axis: classes = -1,
    ignored,
  } = chosen('softmaxCrossEntropy', entropyDefaults, options)
  return (scope) => {
    const logits = scope.output(output)
    const shape = shapeOf(logits)
    const axis = axisIn(logits, classes)
    const logP = logSoftmax(logits, axis)
    const perLabel = shape.filter((_, i) => i !== axis)
    if (labels === 'probabilities') {
      const target = scope.input(name, typeOf(logits), shape)
      return neg(average(sum(mul(target, logP), [axis], false)))
    }
    const size = shape[axis]
    if (typeof size !== 'number')
      throw new FreestepError(
        'onnxruntime',
        'bad-shape',
        `The output "${logits.name}" has shape [${shape.join(', ')}], and the number of classes has to be known. ` +
          `Give it: dimensions: { '${size}': … }, or another axis.`,
      )
    const isClass = classesAt(logits, scope.input(name, 'int32', perLabel), axis, size, ignored)
    // Chosen rather than multiplied by 0: the others may be −∞.
    const likelihood = sum(where(isClass, logP, 0), [axis], false)
    if (ignored === undefined) return neg(average(likelihood))
    const all = axesFrom(0, shape.length)
    const labelled = sum(cast(isClass, typeOf(logits)), all, false)
    return neg(div(sum(likelihood, axesFrom(0, shape.length - 1), false), labelled))
  }
}

/** (y − t)², averaged over all elements. */
export function meanSquaredError(options: LossOptions = {}): Loss {
  const { output, target = 'target' } = chosen('meanSquaredError', defaults, options)
  return (scope) => {
    const y = scope.output(output)
    const difference = sub(y, scope.input(target, typeOf(y), shapeOf(y)))
    return average(mul(difference, difference))
  }
}

/**
 * −t log σ(z) − (1 − t) log (1 − σ(z)), averaged over all elements: for a model whose output z are
 * logits, and targets in [0, 1].
 */
export function binaryCrossEntropy(options: LossOptions = {}): Loss {
  const { output, target = 'target' } = chosen('binaryCrossEntropy', defaults, options)
  return (scope) => {
    const z = scope.output(output)
    const t = scope.input(target, typeOf(z), shapeOf(z))
    // max(z, 0) − z t + log(1 + exp(−|z|)), where max(z, 0) is (z + |z|)/2: nothing here overflows,
    // and at z = 0, where a last layer of zeros begins, the gradient is σ(0) − t as it should be.
    const size = op('Abs', [z])
    return average(add(add(mul(z, sub(0.5, t)), mul(size, 0.5)), log(add(exp(neg(size)), 1))))
  }
}

/** The only output that could be meant. */
export function onlyOutput(outputs: readonly Value[], name: string | undefined): Value {
  const names = outputs.map((value) => value.name)
  const candidates = outputs.filter(
    ({ type }) => type === undefined || type === 'float32' || type === 'float64',
  )
  if (name === undefined && candidates.length === 1) return candidates[0]
  const found = name === undefined ? undefined : outputs[0]?.in.find(name)
  if (found) return found
  const what =
    name === undefined
      ? `The model has ${names.length} outputs. Say which one is meant.`
      : `The model has no output "${name}".`
  throw new FreestepError('onnxruntime', 'bad-option', `${what}${suggest(name ?? '', names)}`)
}
