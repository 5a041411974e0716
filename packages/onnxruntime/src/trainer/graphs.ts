/**
 * The graphs of a trainer, from a forward model and a loss: one for training, whose gradients go
 * either out or straight into the operators of a step, and one for evaluation. Models as data;
 * sessions are made of them in trainer.ts.
 */
import { emitOnnx, type OnnxOptions } from '@freestep/compiler'
import type { Program } from '@freestep/core'
import { close, modelOf, neededBy } from '../gradient/close.ts'
import { type Forward, importsOf, type OpenOptions, openModel } from '../gradient/forward.ts'
import { checkScalar, gradientsOf, lossOf } from '../gradient/gradient.ts'
import { cast, reshape } from '../graph/ops.ts'
import type { Value } from '../graph/value.ts'
import {
  type ModelProto,
  type NumberType,
  node,
  type TensorProto,
  tensorProto,
} from '../onnx/index.ts'
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
  /**
   * What has to be fed besides, by what the graph calls it: the parameters by name, `statistic`s by
   * name, and what a step takes.
   */
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
  return {
    ...forward,
    sites: [...forward.sites, ...builder.nodes.slice(before)],
    loss: value,
    targets,
  }
}

const takenFrom = (values: readonly Value[], used: ReadonlySet<string>): Taken[] =>
  values.flatMap(({ name, type, shape }) =>
    used.has(name) ? [{ name, type: type as NumberType, shape }] : [],
  )

/** The statistics as inputs rather than constants, and what training makes of them. */
function statisticsOf({ builder }: Forward, statistics: readonly Statistic[]) {
  return statistics.map(({ name, successor }) => {
    const at = builder.initializers.findIndex((tensor) => tensor.name === name)
    const [tensor] = builder.initializers.splice(at, 1)
    return {
      name,
      tensor,
      value: builder.find(name) as Value,
      next: builder.find(successor) as Value,
    }
  })
}

/**
 * The kinds of what goes in and out of the graphs, beside what a step takes: parts of their names
 * for the caller.
 */
export const kinds = {
  loss: 'loss',
  gradient: 'g',
  parameter: 'x',
  statistic: 'statistic',
  output: 'output',
} as const
const named = (kind: keyof typeof kinds, name: string) => `${kinds[kind]}/${name}`

/**
 * A graph under construction: what it takes besides a batch, and what comes out, by the caller's
 * names.
 */
interface Draft {
  readonly opened: Opened
  readonly inputs: Map<string, Value>
  readonly outputs: Map<string, Value>
}

/** A model that is ready to be trained: what of it is trained, and how its graphs are made. */
export class Trainable {
  /** The parameters that the loss depends on, where they begin. */
  readonly parameters: ReadonlyMap<string, TensorProto>
  /** Running statistics of normalizations, where they begin. */
  readonly statistics: ReadonlyMap<string, TensorProto>
  /** What a batch has to have for training: what the loss depends on. */
  readonly training: readonly Taken[]
  /** Everything that a batch can have: the model's inputs, and what the loss takes. */
  readonly batch: readonly Taken[]
  private readonly plan: Plan
  /** The model in its form for training, and which of its values are statistics. */
  private readonly form: ModelProto
  private readonly running: readonly Statistic[]

  constructor(plan: Plan) {
    const first = open(plan, plan.model)
    // What is trained decides which normalizations use the batch; whether the loss depends on it
    // does not hang on that.
    const trained = gradientsOf(first, first.loss, plan)
    this.parameters = new Map(
      [...first.parameters].flatMap(([name, { tensor }]) =>
        trained.has(name) ? [[name, tensor]] : [],
      ),
    )
    this.plan = { ...plan, parameters: [...trained.keys()], frozen: [] }
    const { form, statistics } = trainingForm(plan.model, (name) => trained.has(name))
    this.form = form
    this.running = statistics
    this.statistics = new Map(
      statisticsOf(open(this.plan, form), statistics).map(({ name, tensor }) => [name, tensor]),
    )
    const fed = [...first.inputs, ...first.targets]
    this.batch = takenFrom(fed, new Set(fed.map(({ name }) => name)))
    this.training = takenFrom(fed, neededBy(first.builder, [first.loss.name]).needed)
  }

  /** Loss and gradients, and the successors of the statistics. */
  gradients(): Runnable {
    const { draft, gradients } = this.differentiated([...this.parameters.keys()])
    for (const [name, value] of gradients) draft.outputs.set(named('gradient', name), value)
    return finish(draft)
  }

  /**
   * Loss, and what a step of the program makes of parameters and states, for the parameters that
   * take part.
   */
  step(program: Program, active: readonly number[], scalars: OnnxOptions['scalars']): Runnable {
    const { draft, gradients } = this.differentiated(active.map((i) => program.tensors[i].name))
    addStep(draft, program, { scalars, active }, gradients)
    return finish(draft)
  }

  /**
   * Those of the model's outputs, and the loss, that the given inputs suffice for; or what is
   * missing for the first of them.
   */
  evaluation(given: ReadonlySet<string>): Runnable | { readonly missing: readonly string[] } {
    const opened = open(this.plan, this.plan.model)
    const running = statisticsOf(
      opened,
      this.running.map(({ name }) => ({ name, successor: name })),
    )
    const missing = (value: Value) => {
      const { needed } = neededBy(opened.builder, [value.name])
      return this.batch.flatMap(({ name }) => (needed.has(name) && !given.has(name) ? [name] : []))
    }
    const all: readonly (readonly [string, Value])[] = [
      ...opened.outputs.map((value) => [named('output', value.name), value] as const),
      [kinds.loss, opened.loss],
    ]
    const outputs = new Map(all.filter(([, value]) => missing(value).length === 0))
    if (outputs.size) return finish({ opened, inputs: fedTo(opened, running), outputs })
    const [least] = all.map(([, value]) => missing(value)).sort((a, b) => a.length - b.length)
    return { missing: least }
  }

  /**
   * The training form with the gradients of some parameters. A form is opened anew for each graph,
   * which is only ever added to.
   */
  private differentiated(names: readonly string[]) {
    const opened = open(this.plan, this.form)
    const running = statisticsOf(opened, this.running)
    const wanted = new Map([...opened.parameters].filter(([name]) => names.includes(name)))
    const gradients = gradientsOf({ ...opened, parameters: wanted }, opened.loss, {})
    const outputs = new Map<string, Value>([
      [kinds.loss, opened.loss],
      ...running.map(({ name, next }) => [named('statistic', name), next] as const),
    ])
    return { draft: { opened, inputs: fedTo(opened, running), outputs }, gradients }
  }
}

/** What is fed besides a batch: the parameters, and the statistics. */
function fedTo(
  { parameters }: Opened,
  running: readonly { readonly name: string; readonly value: Value }[],
): Map<string, Value> {
  return new Map([
    ...[...parameters].map(([name, { value }]) => [named('parameter', name), value] as const),
    ...running.map(({ name, value }) => [named('statistic', name), value] as const),
  ])
}

/** A draft as a model, whose inputs are those that its outputs need. */
function finish({ opened, inputs: others, outputs }: Draft): Runnable {
  const { builder, model, inputs: fed, targets } = opened
  const batch = [...fed, ...targets]
  const taken = new Set(
    [...batch, ...others.values(), ...builder.initializers].map(({ name = '' }) => name),
  )
  const results = new Map([...outputs].map(([key, value]) => [key, outputOf(value, taken)]))
  const names = [...results.values()].map(({ name }) => name)
  const { needed } = neededBy(builder, names)
  const inputs = [...batch, ...others.values()].filter(({ name }) => needed.has(name))
  const graph = close(builder, model.graph?.name ?? '', inputs, [...results.values()])
  return {
    model: modelOf(model, importsOf(model), graph),
    batch: takenFrom(batch, needed),
    inputs: new Map(
      [...others].flatMap(([key, { name }]) => (needed.has(name) ? [[name, key]] : [])),
    ),
    outputs: new Map([...results].map(([key, { name }]) => [name, key])),
  }
}

/** A value as an output, whose name may be that of no input and of no other output. */
function outputOf(value: Value, taken: Set<string>): Value {
  const graph = value.in
  const free = taken.has(value.name)
    ? graph.add(node('Identity', [value.name], [graph.fresh(value.name)]))[0]
    : value
  taken.add(free.name)
  return free
}

/** Adds the operators of a step behind the gradients. */
function addStep(
  { opened: { builder, loss }, inputs, outputs }: Draft,
  program: Program,
  options: OnnxOptions,
  gradients: ReadonlyMap<string, Value>,
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
    builder.initializer(
      tensorProto(
        name,
        type,
        dims,
        numbers.length === size ? numbers : Array<number>(size).fill(numbers[0]),
      ),
    )
  }
  for (const { op, inputs: given, outputs: made, attributes } of graph.nodes)
    builder.add(node(op, given, made, attributes))
  for (const { name } of graph.outputs)
    outputs.set(name.slice(`${prefix}next/`.length), builder.find(name) as Value)
}
