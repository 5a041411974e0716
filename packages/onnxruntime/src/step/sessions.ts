/**
 * The functions of a program as sessions of ONNX Runtime. Not what they work on: values are the
 * engine's.
 */
import { emitOnnx, type OnnxOptions, type Part } from '@freestep/compiler'
import { FreestepError, type Program } from '@freestep/core'
import { encodeModel, model, node, valueInfo } from '../onnx/index.ts'
import type { Ort, OrtSession, OrtSessionOptions, OrtTensor } from '../ort.ts'
import { graphProto } from './model.ts'

/** What the engines of a backend share. */
export interface Shop {
  readonly ort: Ort
  readonly options: OrtSessionOptions
  /** The precision of single numbers. */
  readonly scalars: OnnxOptions['scalars']
  /**
   * Loads a step over the active tensors in another way than by itself: a trainer's has the model
   * and its gradients in it.
   */
  readonly step?: (program: Program, active: readonly number[]) => Promise<Callable>
}

/** A function that can be called. */
export interface Callable {
  /** Calls it on the values of these names, and gives all that it returns. */
  call(value: (name: string) => OrtTensor): Promise<[name: string, tensor: OrtTensor][]>
  release(): Promise<void>
}

/**
 * Loads one function of a program, or what is wanted of it. What a step returns goes by the names
 * of its inputs.
 */
export async function load(
  { ort, options, scalars }: Shop,
  program: Program,
  part: Part,
  some: Pick<OnnxOptions, 'active' | 'wanted'> = {},
): Promise<Callable> {
  const graph = emitOnnx(program, part, {
    scalars,
    ...some,
    output: (what, tensor) => after(inCheckpoint(what, tensor)),
  })
  const bytes = encodeModel(model(graphProto(`${program.name} ${part}`, graph)))
  const session = await failing(program, part, () => ort.InferenceSession.create(bytes, options))
  return {
    async call(value) {
      const feeds = Object.fromEntries(graph.inputs.map(({ name }) => [name, value(name)]))
      const results = await failing(program, part, () => session.run(feeds))
      return graph.outputs.map(({ name }) => [name.slice(after('').length), results[name]])
    },
    release: () => session.release(),
  }
}

/** Whether a copy of ONNX Runtime computes in double precision, by where it runs. */
const doubles = new WeakMap<Ort, Map<string, Promise<boolean>>>()

/**
 * The same with single numbers in a precision that is there: the WebAssembly of
 * onnxruntime-web/webgpu has hardly any double.
 */
export async function settled(shop: Shop): Promise<Shop> {
  if (shop.scalars === 'float32') return shop
  const { ort, options } = shop
  const known = doubles.get(ort) ?? new Map<string, Promise<boolean>>()
  doubles.set(ort, known)
  const where = JSON.stringify(options.executionProviders ?? [])
  const answer = known.get(where) ?? hasDoubles(shop)
  known.set(where, answer)
  return (await answer) ? shop : { ...shop, scalars: 'float32' }
}

async function hasDoubles({ ort, options }: Shop): Promise<boolean> {
  const unary = ['Sqrt', 'Abs', 'Neg', 'Sign', 'ReduceSum'].map((op, i) =>
    node(op, [`x${i}`], [`x${i + 1}`]),
  )
  const binary = ['Div', 'Mul', 'Add', 'Sub', 'Max', 'Min', 'Pow'].map((op, i) =>
    node(op, [`x${i + 5}`, 'x0'], [`x${i + 6}`]),
  )
  const choice = [node('Greater', ['x12', 'x0'], ['c']), node('Where', ['c', 'x12', 'x0'], ['y'])]
  const graph = {
    name: 'doubles',
    node: [...unary, ...binary, ...choice],
    input: [valueInfo('x0', 'float64', [])],
    output: [valueInfo('y', 'float64', [])],
  }
  try {
    const session = await ort.InferenceSession.create(encodeModel(model(graph)), {
      ...options,
      logSeverityLevel: 4,
    })
    await session.release()
    return true
  } catch {
    return false
  }
}

const kept = new WeakMap<Ort, Promise<OrtSession>>()

/**
 * Opens a session that is never released: with the last one onnxruntime-web would lose its WebGPU
 * device, and every tensor on it, the parameters too.
 */
export async function keepDevice({ ort, options, scalars }: Shop): Promise<void> {
  if (scalars === 'float64') return
  const nothing = {
    name: 'nothing',
    node: [node('Identity', ['x'], ['y'])],
    input: [valueInfo('x', 'float32', [])],
    output: [valueInfo('y', 'float32', [])],
  }
  const session = kept.get(ort) ?? ort.InferenceSession.create(encodeModel(model(nothing)), options)
  kept.set(ort, session)
  await session
}

/** An output's name, which may not be that of an input. */
const after = (name: string) => `next/${name}`

/** The name of an array in checkpoints, of an input in graphs. */
export const inCheckpoint = (what: string, tensor?: string): string =>
  tensor === undefined ? what : `${what}/${tensor}`

async function failing<T>({ name }: Program, part: Part, f: () => Promise<T>): Promise<T> {
  try {
    return await f()
  } catch (cause) {
    const message = `ONNX Runtime failed in ${name} (${part}): ${(cause as Error).message}. Nothing has changed.`
    throw new FreestepError('onnxruntime', 'unsupported', message, { cause })
  }
}
