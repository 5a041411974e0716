/**
 * The graphs of a trainer, from a forward model and a loss: one for training, whose gradients go either out or straight into the operators of
 * a step, and one for evaluation. Models as data; sessions are made of them in trainer.ts.
 */
import { emitOnnx, type OnnxOptions } from '@freestep/compiler'
import type { Program } from '@freestep/core'
import { close, modelOf, neededBy } from '../gradient/close.ts'
import { type Forward, importsOf, type OpenOptions, openModel } from '../gradient/forward.ts'
import { checkScalar, gradientsOf, lossOf } from '../gradient/gradient.ts'
import { cast, reshape } from '../graph/ops.ts'
import type { Value } from '../graph/value.ts'
import { type ModelProto, type NumberType, node, type TensorProto, tensorProto } from '../onnx/index.ts'
import type { Taken } from './batch.ts'
import { type Statistic, trainingForm } from './forms.ts'
import { type Loss, onlyOutput } from './losses.ts'

/** What the graphs are made from. */
export interface Plan extends OpenOptions {
  /** The forward model, in its form for inference. */
  readonly model: ModelProto
  /** The loss: the name of an output, or a function of the outputs. */
  readonly loss: string | Loss | undefined
}

/** A graph to be run. */
export interface Runnable {
  readonly model: ModelProto
  /** What comes with each batch. */
  readonly batch: readonly Taken[]
  /** What has to be fed besides, by what the graph calls it: the parameters by name, `statistic`s by name, and what a step takes. */
  readonly inputs: ReadonlyMap<string, string>
  /** What comes out, by what the graph calls it. */
  readonly outputs: ReadonlyMap<string, string>
}

/** A forward model with its loss, in one of its forms. */
interface Opened extends Forward {
  readonly loss: Value
  /** What the loss takes besides the model's inputs. */
  readonly targets: readonly Value[]
}

/** The model's own values and the loss, in one builder. */
function open({ model: _, loss, ...options }: Plan, form: ModelProto): Opened {
  const forward = openModel(form, options)
  if (typeof loss !== 'function') return { ...forward, loss: lossOf(forward, loss), targets: [] }
  const { builder, outputs } = forward
  const targets: Value[] = []
  const before = builder.nodes.length
  const value = loss({
    output: (name) => onlyOutput(outputs, name),
    input(name, type, shape) {
      const declared = builder.find(name) ?? builder.declare(name, { type, shape })
      if (!forward.inputs.includes(declared)) targets.push(declared)
      return declared
    },
  })
  checkScalar(value)
  return { ...forward, sites: [...forward.sites, ...builder.nodes.slice(before)], loss: value, targets }
}

const takenFrom = (values: readonly Value[], used: ReadonlySet<string>): Taken[] =>
  values.flatMap(({ name, type, shape }) => (used.has(name) ? [{ name, type: type as NumberType, shape }] : []))

/** The statistics as inputs rather than constants, and what training makes of them. */
function statisticsOf({ builder }: Forward, statistics: readonly Statistic[]) {
  return statistics.map(({ name, successor }) => {
    const at = builder.initializers.findIndex((tensor) => tensor.name === name)
    const [tensor] = builder.initializers.splice(at, 1)
    return { name, tensor, value: builder.find(name) as Value, next: builder.find(successor) as Value }
  })
}

/** A model that is ready to be trained: what of it is trained, and how its graphs are made. */
export interface Trainable {
  /** The parameters that the loss depends on, where they begin. */
  readonly parameters: ReadonlyMap<string, TensorProto>
  /** Running statistics of normalizations, where they begin. */
  readonly statistics: ReadonlyMap<string, TensorProto>
  /** Loss and gradients, and the successors of the statistics. */
  gradients(): Runnable
  /** Loss, and what a step of the program makes of parameters and states, for the parameters that take part. */
  step(program: Program, active: readonly number[], scalars: OnnxOptions['scalars']): Runnable
  /** What a batch has to have for training: what the loss depends on. */
  readonly training: readonly Taken[]
  /** Everything that a batch can have: the model's inputs, and what the loss takes. */
  readonly batch: readonly Taken[]
  /** Those of the model's outputs, and the loss, that the given inputs suffice for; or what is missing for the first of them. */
  evaluation(given: ReadonlySet<string>): Runnable | { readonly missing: readonly string[] }
}

/** The kinds of what goes in and out of the graphs, beside what a step takes: parts of their names for the caller. */
export const kinds = { loss: 'loss', gradient: 'g', parameter: 'x', statistic: 'statistic', output: 'output' } as const
const named = (kind: keyof typeof kinds, name: string) => `${kinds[kind]}/${name}`

/** Opens a model for training. */
export function trainable(plan: Plan): Trainable {
  const first = open(plan, plan.model)
  // What is trained decides which normalizations use the batch; whether the loss depends on it does not hang on that.
  const trained = new Set(gradientsOf(first, first.loss, plan).keys())
  const { form, statistics } = trainingForm(plan.model, (name) => trained.has(name))
  const parameters = new Map(
    [...first.parameters].flatMap(([name, { tensor }]) => (trained.has(name) ? [[name, tensor] as const] : [])),
  )

  /** Opens a form anew: a graph is only ever added to. */
  const opened = (which: ModelProto) => open({ ...plan, parameters: [...trained], frozen: [] }, which)
  const finish = (
    { builder, model, inputs: fed, targets }: Opened,
    others: ReadonlyMap<string, Value>,
    outputs: ReadonlyMap<string, Value>,
  ): Runnable => {
    const batch = [...fed, ...targets]
    const taken = new Set([...batch, ...others.values(), ...builder.initializers].map(({ name = '' }) => name))
    const renamed = new Map([...outputs].map(([key, value]) => [key, outputOf(value, taken)]))
    const { needed: used } = neededBy(
      builder,
      [...renamed.values()].map(({ name }) => name),
    )
    const inputs = [...batch, ...others.values()].filter(({ name }) => used.has(name))
    const graph = close(builder, model.graph?.name ?? '', inputs, [...renamed.values()])
    return {
      model: modelOf(model, importsOf(model), graph),
      batch: takenFrom(batch, used),
      inputs: new Map([...others].flatMap(([key, { name }]) => (used.has(name) ? [[name, key]] : []))),
      outputs: new Map([...renamed].map(([key, { name }]) => [name, key])),
    }
  }
  const fedTo = (each: Opened, running: readonly { name: string; value: Value }[]) =>
    new Map([
      ...[...each.parameters].map(([name, { value }]) => [named('parameter', name), value] as const),
      ...running.map(({ name, value }) => [named('statistic', name), value] as const),
    ])

  /** The training form with its gradients, and what both uses of them have in common. */
  const differentiated = (active: readonly string[]) => {
    const each = opened(form)
    const running = statisticsOf(each, statistics)
    const gradients = gradientsOf(
      { ...each, parameters: new Map([...each.parameters].filter(([name]) => active.includes(name))) },
      each.loss,
      {},
    )
    const outputs = new Map<string, Value>([
      [kinds.loss, each.loss],
      ...running.map(({ name, next }) => [named('statistic', name), next] as const),
    ])
    return { each, inputs: fedTo(each, running), gradients, outputs }
  }

  const all = [...first.inputs, ...first.targets]
  return {
    parameters,
    training: takenFrom(all, neededBy(first.builder, [first.loss.name]).needed),
    batch: takenFrom(all, new Set(all.map(({ name }) => name))),
    statistics: new Map(statisticsOf(opened(form), statistics).map(({ name, tensor }) => [name, tensor])),

    gradients() {
      const { each, inputs, gradients, outputs } = differentiated([...trained])
      for (const [name, value] of gradients) outputs.set(named('gradient', name), value)
      return finish(each, inputs, outputs)
    },

    step(program, active, scalars) {
      const { each, inputs, gradients, outputs } = differentiated(active.map((i) => program.tensors[i].name))
      addStep(each, program, { scalars, active }, gradients, inputs, outputs)
      return finish(each, inputs, outputs)
    },

    evaluation(given) {
      const each = opened(plan.model)
      const running = statisticsOf(
        each,
        statistics.map(({ name }) => ({ name, successor: name })),
      )
      const batch = [...each.inputs, ...each.targets].map(({ name }) => name)
      const all = new Map([
        ...each.outputs.map((value) => [named('output', value.name), value] as const),
        [kinds.loss, each.loss],
      ])
      const missing = (value: Value) => {
        const { needed } = neededBy(each.builder, [value.name])
        return batch.filter((name) => needed.has(name) && !given.has(name))
      }
      const outputs = new Map([...all].filter(([, value]) => missing(value).length === 0))
      const least = [...all.values()].map(missing).sort((a, b) => a.length - b.length)[0]
      return outputs.size ? finish(each, fedTo(each, running), outputs) : { missing: least }
    },
  }
}

/** A value as an output, whose name may be that of no input and of no other output. */
function outputOf(value: Value, taken: Set<string>): Value {
  const graph = value.in
  const free = taken.has(value.name) ? graph.add(node('Identity', [value.name], [graph.fresh(value.name)]))[0] : value
  taken.add(free.name)
  return free
}

/** Adds the operators of a step behind the gradients. */
function addStep(
  { builder, loss }: Opened,
  program: Program,
  options: OnnxOptions,
  gradients: ReadonlyMap<string, Value>,
  inputs: Map<string, Value>,
  outputs: Map<string, Value>,
): void {
  const prefix = `${builder.fresh('step')}/`
  const key = (what: string, tensor?: string) => (tensor === undefined ? what : `${what}/${tensor}`)
  const objective = program.usesLoss ? cast(reshape(loss, []), options.scalars) : loss
  const graph = emitOnnx(program, 'step', {
    ...options,
    prefix,
    input(what, tensor) {
      if (what === 'loss') return objective.name
      if (what === 'g') return gradients.get(tensor ?? '')?.name ?? ''
      return what === 'x' ? (tensor ?? '') : prefix + key(what, tensor)
    },
    output: (what, tensor) => `${prefix}next/${key(what, tensor)}`,
  })
  for (const { name, type, dims } of graph.inputs) {
    if (builder.find(name)) continue
    inputs.set(name.slice(prefix.length), builder.declare(name, { type, shape: dims }))
  }
  for (const { name, type, dims, numbers } of graph.constants) {
    const size = dims.reduce((product, each) => product * each, 1)
    builder.initializer(tensorProto(name, type, dims, numbers.length === size ? numbers : Array<number>(size).fill(numbers[0])))
  }
  for (const { op, inputs: given, outputs: made, attributes } of graph.nodes) builder.add(node(op, given, made, attributes))
  for (const { name } of graph.outputs) outputs.set(name.slice(`${prefix}next/`.length), builder.find(name) as Value)
}
