/**
 * A problem to step on: a separable quadratic over two variables, its gradient and value in closed
 * form. Not a test.
 */
import * as tf from '@tensorflow/tfjs-core'

/** The shapes of the variables. */
const shapes: Record<string, number[]> = { W: [5, 7], c: [3] }

const curvature = (i: number) => 0.1 + ((i * 37) % 11) / 10
const target = (i: number) => ((i * 13) % 7) - 3

/** The start, by name. */
export const initial = (): Record<string, Float32Array> => ({
  W: Float32Array.from({ length: 35 }, (_, i) => Math.sin(i)),
  c: Float32Array.from({ length: 3 }, (_, i) => i + 1),
})

/** Gradient and value at x. */
export function evaluate(x: Record<string, ArrayLike<number>>): {
  gradients: Record<string, Float32Array>
  loss: number
} {
  let loss = 0
  const gradients = Object.fromEntries(
    Object.entries(x).map(([name, values]) => [
      name,
      Float32Array.from(values, (v, i) => {
        loss += (curvature(i) / 2) * (v - target(i)) ** 2
        return curvature(i) * (v - target(i))
      }),
    ]),
  )
  return { gradients, loss: Math.fround(loss) }
}

/** New variables at the start; names get a suffix of their own. */
export function variables(suffix: string): tf.Variable[] {
  return Object.entries(initial()).map(([name, values]) =>
    tf.tidy(() => tf.variable(tf.tensor(values, shapes[name]), true, name + suffix)),
  )
}

/** The value as a function of variables, for `minimize`. */
export function objective(variables: readonly tf.Variable[]): () => tf.Scalar {
  return () =>
    variables
      .map((variable): tf.Scalar => {
        const of = (f: (i: number) => number) =>
          tf.tensor(
            Float32Array.from({ length: variable.size }, (_, i) => f(i)),
            variable.shape,
          )
        return tf.sum(
          tf.mul(
            of((i) => curvature(i) / 2),
            tf.square(tf.sub(variable, of(target))),
          ),
        )
      })
      .reduce((a, b) => tf.add(a, b))
}

/** The numbers of all variables in a row. */
export const numbers = (variables: readonly tf.Variable[]): number[] =>
  variables.flatMap((variable) => Array.from(variable.dataSync()))

/** One step with the gradient in closed form. */
export function step(
  optimizer: { applyGradients: (g: never, o?: object) => void },
  variables: readonly tf.Variable[],
): void {
  const { gradients, loss } = evaluate(
    Object.fromEntries(variables.map((v, i) => [i, v.dataSync()])),
  )
  const list = variables.map((variable, i) => ({
    name: variable.name,
    tensor: tf.tensor(gradients[i], variable.shape),
  }))
  optimizer.applyGradients(list as never, { loss })
  tf.dispose(list.map(({ tensor }) => tensor))
}
