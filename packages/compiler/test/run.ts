/**
 * Runs compiled kernels over one tensor of doubles, through the JavaScript emitter: the least that
 * a backend has to do around them.
 */
import { type Program, uniformsAt } from '@freestep/core'
import {
  emitJs,
  type Kernels,
  type Layout,
  type StageFunctions,
  segmentInts,
} from '../src/index.ts'

/** Kernels at work on memory of their own; `arrays` and the global slots by name. */
export function start(program: Program, kernels: readonly Kernels[], x0: readonly number[]) {
  const size = x0.length
  const names = Object.keys(kernels[0].arrays)
  const at = (index: number) => 1024 + 64 + 8 * size * index
  const layout: Layout = {
    globals: 64,
    tensors: 512,
    tensorStride: 32,
    segments: 16,
    partials: 768,
    arrays: Object.fromEntries(names.map((name, i) => [name, at(i)])),
  }
  const memory = new ArrayBuffer(at(names.length))
  const arrays = Object.fromEntries(
    names.map((name) => [name, new Float64Array(memory, layout.arrays[name], size)]),
  )
  arrays.x.set(x0)
  new Int32Array(memory, layout.segments, segmentInts).set([0, size, 0, 0, size, 0, 1])
  const numbers = {
    global: new Float64Array(memory, layout.globals),
    tensor: new Float64Array(memory, layout.tensors),
  }
  const slots = Object.fromEntries(kernels[0].slots.map((slot) => [slot.name, slot]))
  const set = (name: string, value: number) => {
    const { scope, index } = slots[name]
    numbers[scope][index] = value
  }
  const run = kernels.map(({ stages, ...rest }) => {
    const code: StageFunctions = new Function(
      'memory',
      'layout',
      emitJs({ stages, ...rest }, 'float64'),
    )(memory, layout)
    return (k: number) => {
      for (const [name, [value]] of Object.entries(uniformsAt(program, k))) set(name, value)
      for (const [i, { kind }] of stages.entries()) code[`stage${i}`](kind === 'pass' ? 0 : 1, 1)
    }
  })
  return { arrays, set, run }
}

/** x after each of some steps, the gradient being x − goal. */
export function iterates(
  program: Program,
  init: Kernels,
  step: Kernels,
  goal: readonly number[],
  steps: number,
): number[][] {
  const { arrays, run } = start(
    program,
    [step, init],
    goal.map(() => 0),
  )
  run[1](0)
  return Array.from({ length: steps }, (_, k) => {
    for (const [i, value] of arrays.x.entries()) arrays.g[i] = value - goal[i]
    run[0](k)
    return [...arrays.x]
  })
}
