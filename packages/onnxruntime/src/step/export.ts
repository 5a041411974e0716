/**
 * Steps as models in files, for ONNX Runtime in other languages: what goes in and out has the names
 * of checkpoints, and the file says what each of it is and where it starts. Not needed to train
 * here: the engine makes its models as it goes.
 */
import {
  emitOnnx,
  firstNumbers,
  type OnnxGraph,
  type OnnxOptions,
  type Part,
} from '@freestep/compiler'
import {
  type Algorithm,
  chooseOptions,
  createProgram,
  type Declared,
  FreestepError,
  given,
  integer,
  type OptimizerOptions,
  type OptionsOf,
  oneOf,
  optionsPerTensor,
  optionsText,
  type Program,
  suggest,
} from '@freestep/core'
import { encodeModel, type GraphProto, model } from '../onnx/index.ts'
import { graphProto } from './model.ts'

/** Options of {@link exportStep} and its companions: the same ones for all of them. */
export interface ExportOptions<O> extends Pick<OptimizerOptions<O>, 'groups'> {
  /**
   * The precision of parameters and gradients; that of states is float32 at least. Default:
   * float32.
   */
  readonly dtype?: 'float16' | 'float32' | 'float64'
  /**
   * The precision of single numbers such as d. Default: float64; choose float32 for devices that
   * have nothing else.
   */
  readonly scalars?: OnnxOptions['scalars']
  /**
   * The options that are given anew with every step, as inputs of their names; the init model says
   * what they are set to here. Those that are schedules are inputs in any case. Default: `lr`,
   * where the algorithm has it.
   */
  readonly inputs?: readonly string[]
  /** The version of the operators, 17 or higher. Default: 17, with IR version 8. */
  readonly opset?: number
}

const defaults: Declared<ExportOptions<object>> = {
  groups: given<ExportOptions<object>['groups']>(
    'a list of groups, such as [{ params: ["w"], lr: 0.1 }]',
    Array.isArray,
    [],
  ),
  dtype: oneOf<NonNullable<ExportOptions<object>['dtype']>>('float32', 'float16', 'float64'),
  scalars: oneOf<OnnxOptions['scalars']>('float64', 'float32'),
  inputs: given<readonly string[] | undefined>(
    'a list of names of options, such as ["lr"]',
    Array.isArray,
    undefined,
  ),
  opset: integer(17, Infinity)(17),
}

/** The shapes of parameters by name. */
export type Shapes = Readonly<Record<string, readonly number[]>>

/** Makes a model of one of the functions of an algorithm, for parameters of the given shapes. */
export type Export = <A extends Algorithm>(
  algorithm: A,
  shapes: Shapes,
  options?: ExportOptions<OptionsOf<A>>,
) => Uint8Array

/**
 * One step as the bytes of an ONNX model. Inputs: `x/W` and `g/W` for a parameter W and its
 * gradient, every state as checkpoints name it (`m/W`, `d`), `lr`, and `loss` where the algorithm
 * uses it. Outputs: `next/` and the name of the input whose place it takes; one whose name is no
 * input is there to be looked at. A parameter whose lr is 0 is left out.
 *
 * @param algorithm - for instance `prodigy()`
 * @param shapes - the shapes of the parameters by name
 * @throws FreestepError for options that are wrong
 */
export const exportStep: Export = (algorithm, shapes, options) =>
  exported('step', algorithm, shapes, options)

/**
 * What the first step takes, as a model: inputs `x/W`, outputs the states, and the options that are
 * inputs, by the names that the step takes them by.
 */
export const exportInit: Export = (algorithm, shapes, options) =>
  exported('init', algorithm, shapes, options)

/**
 * The point to evaluate at as a model: inputs `x/W` and states, outputs `evaluated/W`.
 *
 * @throws FreestepError `unsupported` where that point is x itself
 */
export const exportEvaluated: Export = (algorithm, shapes, options) => {
  if (algorithm.evaluate) return exported('evaluate', algorithm, shapes, options)
  throw refuse(
    'unsupported',
    `${algorithm.name} is evaluated at its parameters themselves. Take x/… for evaluated/….`,
  )
}

const refuse = (code: FreestepError['code'], message: string) =>
  new FreestepError('onnxruntime', code, message)

/** The option that is an input by default. */
const usual = 'lr'

function exported(
  part: Part,
  algorithm: Algorithm,
  shapes: Shapes,
  asked: ExportOptions<object> = {},
): Uint8Array {
  const options = chooseOptions({ what: names[part], place: 'onnxruntime' }, defaults, asked)
  const { dtype = 'float32', scalars = 'float64', groups = [], opset } = options
  const all = Object.entries(shapes).map(([name, shape]) => ({
    name,
    shape,
    size: shape.reduce((a, b) => a * b, 1),
    dtype,
  }))
  if (!all.length)
    throw refuse('unknown-parameter', 'There are no parameters. Give at least one shape by name.')
  const { inputs = usual in algorithm.options ? [usual] : [] } = options
  const perTensor = optionsPerTensor(algorithm, all, groups)
  const taking = [...all.keys()].filter((i) => perTensor[i][usual] !== 0)
  if (!taking.length)
    throw refuse(
      'bad-option',
      'The lr of every parameter is 0, so nothing would move. Give one of them another.',
    )
  const [tensors, fixed] = [taking.map((i) => all[i]), taking.map((i) => perTensor[i])]
  // A model is of a step that all of them take part in, always.
  const program = createProgram(algorithm, tensors, withInputs(algorithm, fixed, inputs), {
    absences: false,
  })
  const first = new Map([...firstNumbers(program), ...settings(program, fixed)])
  const graph = emitOnnx(program, part, { scalars, prefix: `${part}/` })
  const whole = part === 'init' ? withSettings(graph, settings(program, fixed), scalars) : graph
  return encodeModel({
    ...model(messageOf(program, part, whole, first), { opset }),
    docString: `${algorithm.name} by freestep: ${meaning[part]}`,
    metadataProps: [
      { key: 'freestep.algorithm', value: algorithm.name },
      { key: 'freestep.options', value: optionsText(algorithm) },
      ...[...first].map(([name, number]) => ({
        key: `freestep.first.${name}`,
        value: String(number),
      })),
    ],
  })
}

const names: Readonly<Record<Part, string>> = {
  step: 'exportStep',
  init: 'exportInit',
  evaluate: 'exportEvaluated',
}
const meaning: Readonly<Record<Part, string>> = {
  step: 'one step. Give every output next/NAME as the input NAME of the next step.',
  init: 'what the first step takes beside parameters and gradients.',
  evaluate: 'the point to evaluate the model at.',
}

type Options = Record<string, unknown>

/** Options per tensor, those that are inputs as schedules, which makes inputs of them. */
function withInputs(
  { name: algorithm, defaults }: Algorithm,
  perTensor: readonly Options[],
  inputs: readonly string[],
): Options[] {
  for (const name of inputs)
    if (typeof (defaults as Options)[name] !== 'number')
      throw refuse(
        'unknown-option',
        `${algorithm} has no option "${name}" that is a number.${suggest(name, Object.keys(defaults))}`,
      )
  const schedules = new Map<unknown, unknown>()
  const scheduleOf = (value: unknown) => {
    if (typeof value !== 'number') return value
    if (!schedules.has(value)) schedules.set(value, () => value)
    return schedules.get(value)
  }
  return perTensor.map((options) => ({
    ...options,
    ...Object.fromEntries(inputs.map((name) => [name, scheduleOf(options[name])])),
  }))
}

/** What the options that are inputs are set to, by the names of the inputs; without schedules. */
function settings(
  { uniforms, tensors }: Program,
  fixed: readonly Options[],
): [input: string, number: number][] {
  const all = Object.entries(uniforms).flatMap(([option, { scope }]) =>
    scope === 'global'
      ? [[option, fixed[0][option]] as const]
      : tensors.map(({ name }, i) => [`${option}/${name}`, fixed[i][option]] as const),
  )
  return all.filter((entry): entry is [string, number] => typeof entry[1] === 'number')
}

/** The graph with more outputs, that are known. */
function withSettings(
  graph: OnnxGraph,
  known: readonly [string, number][],
  type: 'float32' | 'float64',
): OnnxGraph {
  const constants = known.map(([name, number]) => ({
    name: `init/${name}`,
    type,
    dims: [],
    numbers: [number],
  }))
  return {
    inputs: graph.inputs,
    outputs: [...graph.outputs, ...known.map(([name]) => ({ name, type, dims: [] }))],
    constants: [...graph.constants, ...constants],
    nodes: [
      ...graph.nodes,
      ...known.map(([name]) => ({ op: 'Identity', inputs: [`init/${name}`], outputs: [name] })),
    ],
  }
}

/** The graph as a message, with a word on everything that goes in or comes out. */
function messageOf(
  program: Program,
  part: Part,
  graph: OnnxGraph,
  first: ReadonlyMap<string, number>,
): GraphProto {
  const proto = graphProto(`${program.name} ${part}`, graph)
  const about = (name = ''): string => {
    const [what, tensor] = split(name)
    const of = tensor === undefined ? '' : ` of ${tensor}`
    const known: Readonly<Record<string, string>> = {
      next: `the next ${tensor}`,
      x: `the parameter ${tensor}`,
      g: `the gradient${of}`,
      loss: 'the value of the objective',
      evaluated: `the point to evaluate at${of}`,
    }
    if (Object.hasOwn(known, what)) return known[what]
    if (what in program.states)
      return `the state ${what}${of}; starts at ${first.get(what) ?? 'what the init model gives'}`
    const set = first.get(name)
    return `the option ${what}${of}${set === undefined ? '' : `; set to ${set}`}`
  }
  const described = (values: GraphProto['input']) =>
    values?.map((value) => ({ ...value, docString: about(value.name) }))
  return { ...proto, input: described(proto.input), output: described(proto.output) }
}

/** A name's parts, before and after the first stroke. */
const split = (name: string): [string, string?] => {
  const at = name.indexOf('/')
  return at < 0 ? [name] : [name.slice(0, at), name.slice(at + 1)]
}
