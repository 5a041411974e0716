/**
 * The functions of a program as sessions of ONNX Runtime. Not what they work on: values are the engine's.
 */
import { emitOnnx, type OnnxOptions, type Part } from '@freestep/compiler'
import { FreestepError, type MaybePromise, type Program } from '@freestep/core'
import { encodeModel, type GraphProto, model, node, valueInfo } from '../onnx/index.ts'
import type { Ort, OrtSession, OrtSessionOptions, OrtTensor } from '../ort.ts'
import { graphProto } from './model.ts'

/** What the engines of a backend share. */
export interface Shop {
  readonly ort: Ort
  readonly options: OrtSessionOptions
  /** The precision of single numbers. */
  readonly scalars: OnnxOptions['scalars']
  /** Whether results can be written into tensors that are there. */
  readonly intoTensors?: boolean
  /** Loads a step over the active tensors in another way than by itself: a trainer's has the model and its gradients in it. */
  readonly step?: (program: Program, active: readonly number[]) => Promise<Callable>
}

/** A function that can be called. */
export interface Callable {
  /** Calls it on the values of these names, and gives all that it returns, in the tensors of `into` where it has one. */
  call(value: (name: string) => OrtTensor, into?: ReadonlyMap<string, OrtTensor>): Promise<[name: string, tensor: OrtTensor][]>
  release(): Promise<void>
}

/** Loads one function of a program, or what is wanted of it. What a step returns goes by the names of its inputs. */
export async function load(
  { ort, options, scalars }: Shop,
  program: Program,
  part: Part,
  some: Pick<OnnxOptions, 'active' | 'wanted'> = {},
): Promise<Callable> {
  const graph = emitOnnx(program, part, { scalars, ...some, output: (what, tensor) => after(inCheckpoint(what, tensor)) })
  const bytes = encodeModel(model(graphProto(`${program.name} ${part}`, graph)))
  const session = await failing(program, part, () => ort.InferenceSession.create(bytes, options))
  return {
    async call(value, into) {
      const feeds = Object.fromEntries(graph.inputs.map(({ name }) => [name, value(name)]))
      const fetches = into && Object.fromEntries(graph.outputs.map(({ name }) => [name, into.get(before(name)) ?? null]))
      const results = await failing(program, part, () => (fetches ? session.run(feeds, fetches) : session.run(feeds)))
      return graph.outputs.map(({ name }) => [before(name), results[name]])
    },
    release: () => session.release(),
  }
}

/** What a copy of ONNX Runtime can do, by where it runs. */
const abilities = new WeakMap<Ort, Map<string, Promise<Pick<Shop, 'scalars' | 'intoTensors'>>>>()

/**
 * The same with single numbers in a precision that is there (the WebAssembly of onnxruntime-web/webgpu has hardly any double), and with
 * results in tensors that are there where that works (onnxruntime-web leaves those as they are, without a word).
 */
export async function settled(shop: Shop): Promise<Shop> {
  if (shop.scalars === 'float32') return shop
  const { ort, options } = shop
  const known = abilities.get(ort) ?? new Map<string, Promise<Pick<Shop, 'scalars' | 'intoTensors'>>>()
  abilities.set(ort, known)
  const where = JSON.stringify(options.executionProviders ?? [])
  const found = known.get(where) ?? abilitiesOf(shop)
  known.set(where, found)
  return { ...shop, ...(await found) }
}

// One session after the other, as onnxruntime-web wants it.
const abilitiesOf = async (shop: Shop): Promise<Pick<Shop, 'scalars' | 'intoTensors'>> => ({
  scalars: (await works(shop, doubles(), () => true)) ? 'float64' : 'float32',
  intoTensors: await works(shop, nothing, async (session) => {
    const [x, y] = [1, 0].map((number) => new shop.ort.Tensor('float32', Float32Array.of(number), []))
    await session.run({ x }, { y })
    return (y.data as Float32Array)[0] === 1
  }),
})

/** Whether a graph can be loaded and does what it should. */
async function works(
  { ort, options }: Shop,
  graph: GraphProto,
  test: (session: OrtSession) => MaybePromise<boolean>,
): Promise<boolean> {
  try {
    const session = await ort.InferenceSession.create(encodeModel(model(graph)), { ...options, logSeverityLevel: 4 })
    try {
      return await test(session)
    } finally {
      await session.release()
    }
  } catch {
    return false
  }
}

/** Every operation that steps need, on single numbers of double precision. */
function doubles(): GraphProto {
  const unary = ['Sqrt', 'Abs', 'Neg', 'Sign', 'ReduceSum'].map((op, i) => node(op, [`x${i}`], [`x${i + 1}`]))
  const binary = ['Div', 'Mul', 'Add', 'Sub', 'Max', 'Min', 'Pow'].map((op, i) => node(op, [`x${i + 5}`, 'x0'], [`x${i + 6}`]))
  const choice = [node('Greater', ['x12', 'x0'], ['c']), node('Where', ['c', 'x12', 'x0'], ['y'])]
  return {
    name: 'doubles',
    node: [...unary, ...binary, ...choice],
    input: [valueInfo('x0', 'float64', [])],
    output: [valueInfo('y', 'float64', [])],
  }
}

/** A model that gives what it gets: one number. */
const nothing = {
  name: 'nothing',
  node: [node('Identity', ['x'], ['y'])],
  input: [valueInfo('x', 'float32', [])],
  output: [valueInfo('y', 'float32', [])],
}

const kept = new WeakMap<Ort, Promise<OrtSession>>()

/**
 * Opens a session that is never released: with the last one onnxruntime-web would lose its WebGPU device, and every tensor on it, the
 * parameters too.
 */
export async function keepDevice({ ort, options, scalars }: Shop): Promise<void> {
  if (scalars === 'float64') return
  const session = kept.get(ort) ?? ort.InferenceSession.create(encodeModel(model(nothing)), options)
  kept.set(ort, session)
  await session
}

/** An output's name, which may not be that of an input. */
const after = (name: string) => `next/${name}`
const before = (name: string) => name.slice(after('').length)

/** The name of an array in checkpoints, of an input in graphs. */
export const inCheckpoint = (what: string, tensor?: string): string => (tensor === undefined ? what : `${what}/${tensor}`)

async function failing<T>({ name }: Program, part: Part, f: () => Promise<T>): Promise<T> {
  try {
    return await f()
  } catch (cause) {
    const message = `ONNX Runtime failed in ${name} (${part}): ${(cause as Error).message}. Nothing has changed.`
    throw new FreestepError('onnxruntime', 'unsupported', message, { cause })
  }
}
