/**
 * The same steps on plain arrays: for eager ones by core's eager execution with the operations of
 * the host, for fused ones by \@freestep/cpu. Not a test.
 */
import {
  type Algorithm,
  type Backend,
  createOptimizerSync,
  type EagerOps,
  type Elementwise,
  eagerBackend,
  host,
} from '@freestep/core'
import { cpu, type FloatArray } from '@freestep/cpu'
import { evaluate, initial } from './problem.ts'

type Operand = Float32Array | number

const elementwise =
  (op: Elementwise) =>
  (...args: Operand[]): Operand => {
    const shaped = args.find((arg) => typeof arg !== 'number') as Float32Array | undefined
    if (!shaped) return Math.fround(host[op](...(args as number[])))
    return shaped.map((_, i) =>
      host[op](...args.map((arg) => (typeof arg === 'number' ? arg : arg[i]))),
    )
  }

/** Scalars are float32 too, as they are on a device. */
const ops = {
  ...(Object.fromEntries(
    Object.keys(host).map((op) => [op, elementwise(op as Elementwise)]),
  ) as Record<Elementwise, () => Operand>),
  constant: (c: number) => Math.fround(c),
  sum: (a: Operand) => (typeof a === 'number' ? a : Math.fround(a.reduce((s, v) => s + v, 0))),
  slice: (a: Operand, p: number) => (typeof a === 'number' ? a : a.filter((_, i) => i % p === 0)),
} as EagerOps<Operand>

const backend = eagerBackend<Float32Array, Operand>({
  name: 'reference',
  ops,
  describe: (array) => ({ shape: [array.length], size: array.length, dtype: 'float32' }),
  load: (array) => array,
  store: (param, value) => param.set(value as Float32Array),
  export: (value) => (value as Float32Array).slice(),
  fill: (param, value, size = param.length) => new Float32Array(size).fill(value),
  from: (_, numbers) => Float32Array.from(numbers),
  read: (value) => (typeof value === 'number' ? Float32Array.of(value) : value.slice()),
  copy: (value) => (typeof value === 'number' ? value : value.slice()),
})

/** The variables in a row, and the scalars, after some steps on the problem. */
export async function reference(algorithm: Algorithm, steps: number, fused: boolean) {
  const params = initial()
  const optimizer = createOptimizerSync<Algorithm, FloatArray>(
    algorithm,
    params,
    fused ? await cpu({ dtype: 'float32' }) : (backend as Backend<FloatArray>),
  )
  for (let k = 0; k < steps; k++) {
    const { gradients, loss } = evaluate(params)
    optimizer.step(gradients, { loss })
  }
  const evaluated = Object.values(optimizer.evaluated()).flatMap((array) => Array.from(array))
  return {
    x: Object.values(params).flatMap((array) => Array.from(array)),
    scalars: await optimizer.scalars(),
    evaluated,
  }
}
