/**
 * The graphs of a trainer as sessions of ONNX Runtime: what they take and give goes by the
 * trainer's names for it.
 */
import { FreestepError } from '@freestep/core'
import { feeds } from '../float16.ts'
import { encodeModel } from '../onnx/index.ts'
import type { Ort, OrtSession, OrtSessionOptions, OrtTensor, OrtTensors } from '../ort.ts'
import type { Runnable } from './graphs.ts'

/** A graph that was loaded. */
export interface Loaded {
  readonly graph: Runnable
  /** Runs it on a batch, and on what `value` gives for each other input. */
  run(batch: OrtTensors, value: (key: string) => OrtTensor): Promise<Map<string, OrtTensor>>
  release(): Promise<void>
}

async function failing<T>(what: string, f: () => Promise<T>): Promise<T> {
  try {
    return await f()
  } catch (cause) {
    const message = `ONNX Runtime failed to ${what}: ${(cause as Error).message}. Nothing has changed.`
    throw new FreestepError('onnxruntime', 'unsupported', message, { cause })
  }
}

/** Loads a graph; `what` says what for. */
export async function load(
  ort: Ort,
  what: string,
  graph: Runnable,
  options: OrtSessionOptions,
): Promise<Loaded> {
  const bytes = encodeModel(graph.model)
  const session: OrtSession = await failing(`load the model for ${what}`, () =>
    ort.InferenceSession.create(bytes, options),
  )
  return {
    graph,
    async run(batch, value) {
      const own = graph.batch.map(({ name }) => [name, batch[name]] as const)
      const others = [...graph.inputs].map(([name, key]) => [name, value(key)] as const)
      const given = feeds(Object.fromEntries([...own, ...others]))
      const results = await failing(`run the model for ${what}`, () => session.run(given))
      return new Map([...graph.outputs].map(([name, key]) => [key, results[name]]))
    },
    release: () => session.release(),
  }
}
