/**
 * The problems of the playground, in one and two dimensions, with a subgradient and a solution in
 * closed form. Not the methods.
 */

/** A function to minimize. */
export interface Problem {
  readonly id: string
  readonly title: string
  /** As text. */
  readonly formula: string
  /** What it is there to show. */
  readonly about: string
  readonly dimensions: 1 | 2
  f(x: readonly number[]): number
  /** A subgradient. */
  g(x: readonly number[]): number[]
  /** A point where f is least. */
  readonly solution: readonly number[]
  /** Where to start if nobody says. */
  readonly start: readonly number[]
  /** What is drawn of each axis. */
  readonly window: readonly (readonly [least: number, most: number])[]
}

const kappa = 100

/** All of them. */
export const problems: readonly Problem[] = [
  {
    id: 'kink',
    title: 'A kink',
    formula: 'f(x) = |x| + 0.5001 (x − 1)²',
    about:
      'Strongly convex, its minimum hidden right beside the kink: steps of a fixed length jump over it for ever.',
    dimensions: 1,
    f: ([x]) => Math.abs(x) + 0.5001 * (x - 1) ** 2,
    g: ([x]) => [Math.sign(x) + 1.0002 * (x - 1)],
    solution: [1 - 1 / 1.0002],
    start: [5],
    window: [[-4, 6]],
  },
  {
    id: 'rosenbrock',
    title: 'Rosenbrock',
    formula: 'f(x, y) = (1 − x)² + 100 (y − x²)²',
    about:
      'Not convex: a bent valley with steep walls and a nearly flat floor. No bound is proved here.',
    dimensions: 2,
    f: ([x, y]) => (1 - x) ** 2 + 100 * (y - x * x) ** 2,
    g: ([x, y]) => [2 * (x - 1) - 400 * x * (y - x * x), 200 * (y - x * x)],
    solution: [1, 1],
    start: [-1.2, 1],
    window: [
      [-2, 2],
      [-1, 3],
    ],
  },
  {
    id: 'quadratic',
    title: 'An ill-conditioned quadratic',
    formula: 'f(x, y) = ½ (x² + 100 y²)',
    about:
      'Curvatures that differ by a factor of 100. Methods that adapt to each coordinate see two easy problems.',
    dimensions: 2,
    f: ([x, y]) => (x * x + kappa * y * y) / 2,
    g: ([x, y]) => [x, kappa * y],
    solution: [0, 0],
    start: [8, 2],
    window: [
      [-10, 10],
      [-5, 5],
    ],
  },
  {
    id: 'max',
    title: 'A maximum',
    formula: 'f(x, y) = max(|x|, 3 |y|)',
    about:
      'Convex with edges everywhere: the gradient never gets smaller, so only a falling step or an average comes to rest.',
    dimensions: 2,
    f: ([x, y]) => Math.max(Math.abs(x), 3 * Math.abs(y)),
    g: ([x, y]) => (Math.abs(x) > 3 * Math.abs(y) ? [Math.sign(x), 0] : [0, 3 * Math.sign(y)]),
    solution: [0, 0],
    start: [4, 2],
    window: [
      [-6, 6],
      [-3, 3],
    ],
  },
]

/** The problem of that id. */
export const problemOf = (id: string): Problem =>
  problems.find((problem) => problem.id === id) ?? problems[0]

/**
 * ‖x − x*‖ in the Euclidean norm and in ℓ∞, in which the methods that step coordinate by coordinate
 * measure.
 */
export function distances(
  { solution }: Problem,
  x: readonly number[],
): { readonly l2: number; readonly max: number } {
  const parts = x.map((xi, i) => Math.abs(xi - solution[i]))
  return { l2: Math.hypot(...parts), max: Math.max(...parts) }
}
