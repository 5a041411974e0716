/**
 * gradient(): a forward model with a loss becomes a model that gives the loss and its gradients.
 * The session is the caller's business.
 */
import { chooseOptions, type Declared, FreestepError, given, suggest } from '@freestep/core'
import type { Value } from '../graph/value.ts'
import type { ModelProto, TensorProto } from '../onnx/index.ts'
import { backward } from './backward.ts'
import { close, modelOf } from './close.ts'
import { type Forward, importsOf, type OpenOptions, openModel, openOptions } from './forward.ts'

/** Options of {@link gradient}. */
export interface GradientOptions extends OpenOptions {
  /**
   * The value to differentiate: a scalar output of the model, by name. Not needed for a model of
   * one output.
   */
  readonly loss?: string
}

const defaults: Declared<GradientOptions> = {
  ...openOptions,
  loss: given<string | undefined>(
    'the name of a value of the model',
    (value) => typeof value === 'string',
    undefined,
  ),
}

/** What {@link gradient} gives. */
export interface GradientModel {
  /**
   * A model that takes the inputs of the forward model and the parameters, and gives its outputs,
   * the loss and the gradients.
   */
  readonly model: ModelProto
  /** The name of the loss among the outputs. */
  readonly loss: string
  /** The initializers that are inputs now, by name: where training begins. */
  readonly parameters: Readonly<Record<string, TensorProto>>
  /** The output that has the gradient of each parameter, by the parameter's name. */
  readonly gradients: Readonly<Record<string, string>>
}

/** The value that is to be minimized. */
export function lossOf({ builder, outputs }: Forward, name: string | undefined): Value {
  const names = outputs.map((value) => value.name)
  if (name === undefined && outputs.length !== 1)
    throw new FreestepError(
      'onnxruntime',
      'bad-option',
      `The model has ${outputs.length} outputs. Say which is the loss.${suggest('', names)}`,
    )
  const loss = builder.find(name ?? names[0])
  if (!loss)
    throw new FreestepError(
      'onnxruntime',
      'bad-option',
      `The model has no value "${name}".${suggest(name ?? '', names)}`,
    )
  checkScalar(loss)
  return loss
}

/** Refuses a loss that is not one number, as far as that is known. */
export function checkScalar({ name, shape, type }: Value): void {
  if (shape?.some((size) => size !== 1))
    throw new FreestepError(
      'onnxruntime',
      'bad-shape',
      `The loss "${name}" has shape [${shape.join(', ')}]. A loss is one number: reduce it with ReduceMean, or give a loss for these outputs.`,
    )
  if (type !== undefined && type !== 'float32' && type !== 'float64')
    throw new FreestepError(
      'onnxruntime',
      'bad-dtype',
      `The loss "${name}" is of type ${type}. Cast it to float32.`,
    )
}

/**
 * The gradients of those parameters that the loss depends on; a parameter that was asked for by
 * name has to be one.
 */
export function gradientsOf(
  forward: Forward,
  loss: Value,
  { parameters }: OpenOptions,
): ReadonlyMap<string, Value> {
  const gradients = backward(forward, loss, [...forward.parameters.keys()])
  const lost = Array.isArray(parameters)
    ? parameters.find((name) => !gradients.has(name))
    : undefined
  if (lost !== undefined)
    throw new FreestepError(
      'onnxruntime',
      'unknown-parameter',
      `The loss "${loss.name}" does not depend on the parameter "${lost}". Leave it out.`,
    )
  if (gradients.size) return gradients
  throw new FreestepError(
    'onnxruntime',
    'unknown-parameter',
    `The loss "${loss.name}" depends on no parameter: no initializer of type float32 or float64 that was chosen leads to it. ` +
      'Choose others with `parameters`, or export the model with its weights as initializers.',
  )
}

/**
 * Differentiates a model: reverse mode, over the graph, with standard ONNX operators only, so the
 * result runs in every ONNX Runtime. Dropout is off. BatchNormalization normalizes as its
 * `training_mode` says.
 *
 * @param source - the forward model: the bytes of an .onnx file, or what `decodeModel` made of them
 * @throws FreestepError `unsupported` for an operator without a gradient, naming it and the node;
 * `bad-model`, `bad-shape` for a loss that is no scalar, `unknown-parameter`, `bad-dtype` for a
 * parameter that is not of floating point
 */
export function gradient(
  source: ModelProto | Uint8Array,
  settings: GradientOptions = {},
): GradientModel {
  const options = chooseOptions({ what: 'gradient', place: 'onnxruntime' }, defaults, settings)
  const forward = openModel(source, options)
  const { builder, inputs, outputs, parameters, model } = forward
  const loss = lossOf(forward, options.loss)
  const found = gradientsOf(forward, loss, options)
  const named = [...found].map(([name, value]) => {
    const output = builder.fresh(`gradient_${name}`)
    return {
      name,
      value: builder.add({ opType: 'Identity', input: [value.name], output: [output] })[0],
    }
  })
  const all = [
    ...outputs,
    ...(outputs.some(({ name }) => name === loss.name) ? [] : [loss]),
    ...named.map(({ value }) => value),
  ]
  // A parameter that the loss does not depend on stays what it was: a constant.
  for (const [name, { tensor }] of parameters) if (!found.has(name)) builder.initializer(tensor)
  const trained = [...parameters].filter(([name]) => found.has(name))
  const graph = close(
    builder,
    `gradient of ${model.graph?.name ?? ''}`,
    [...inputs, ...trained.map(([, { value }]) => value)],
    all,
  )
  return {
    model: modelOf(model, importsOf(model), graph),
    loss: loss.name,
    parameters: Object.fromEntries(trained.map(([name, { tensor }]) => [name, tensor])),
    gradients: Object.fromEntries(named.map(({ name, value }) => [name, value.name])),
  }
}
