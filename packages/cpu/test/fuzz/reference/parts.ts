/**
 * What the transcriptions of this folder are written with: plain numbers in loops, tensor by
 * tensor. A tensor that sits a step out has no g. Nothing of freestep is used.
 */

/** A point of R^p, or of one tensor. */
export type Vector = number[]

/** The options of one tensor at a step: numbers, and words where an option is one. */
export interface Options {
  readonly [name: string]: number | string | boolean | null | readonly number[]
}

/** A tensor at one step. */
export interface Tensor {
  readonly id: number
  readonly x: Vector
  /** x − x₀ */
  readonly moved: Vector
  readonly g: Vector | undefined
  readonly h: Options
}
/** A tensor that takes part. */
export type Taking = Tensor & { readonly g: Vector }

/** An algorithm at work. */
export interface Rule {
  /**
   * The updates by id of the tensors that take part; `h` are the options that are the same for all.
   */
  step(tensors: readonly Tensor[], loss: number, h: Options): ReadonlyMap<number, Vector>
  /** The point to evaluate at. */
  evaluated?(tensor: Tensor): Vector
  /** The estimate of the distance, where there is one. */
  d?(): number
}
/** An algorithm, from its options and the tensors that are there at first. */
export type Transcription = (h: Options, start: readonly Tensor[]) => Rule

export const takes = (tensor: Tensor): tensor is Taking => tensor.g !== undefined
export const zeros = (x: Vector): Vector => x.map(() => 0)
/** Options that are numbers. */
export const number = (h: Options, name: string): number => h[name] as number
export const numbers = (h: Options, name: string): readonly number[] => h[name] as readonly number[]

/** Σ over what is finite. */
export function total(n: number, f: (i: number) => number): number {
  let sum = 0
  for (let i = 0; i < n; i++) {
    const term = f(i)
    if (Number.isFinite(term)) sum += term
  }
  return sum
}
export const dot = (a: Vector, b: Vector): number => total(a.length, (i) => a[i] * b[i])
export const norm1 = (a: Vector): number => total(a.length, (i) => Math.abs(a[i]))
/** a / b, and 0 where b is 0. */
export const ratio = (a: number, b: number): number => (b > 0 ? a / b : 0)

/** Something of each tensor's own, made when it is first seen. */
export function own<T>(make: (tensor: Tensor) => T): (tensor: Tensor) => T {
  const known = new Map<number, T>()
  return (tensor) => {
    const found = known.get(tensor.id)
    if (found !== undefined) return found
    const made = make(tensor)
    known.set(tensor.id, made)
    return made
  }
}

/** Σ of what is made of the gradient: over the tensors that have one. */
export const ofGradients = (tensors: readonly Tensor[], f: (tensor: Taking) => number): number =>
  tensors.filter(takes).reduce((sum, tensor) => sum + f(tensor), 0)

/**
 * Σ of what is kept: each tensor's contribution is what f gives when it takes part, and stays else,
 * but for the factor that its states fall by. A tensor that has never taken part has contributed
 * nothing.
 */
export type Kept = (
  tensors: readonly Tensor[],
  f: (tensor: Taking) => number,
  factor?: (tensor: Tensor) => number,
) => Map<number, number>
export function kept(): Kept {
  const last = new Map<number, number>()
  return (tensors, f, factor = () => 1) => {
    for (const tensor of tensors)
      last.set(tensor.id, takes(tensor) ? f(tensor) : (last.get(tensor.id) ?? 0) * factor(tensor))
    return last
  }
}
/** The sum of all contributions. */
export const sum = (contributions: ReadonlyMap<number, number>): number =>
  [...contributions.values()].reduce((a, b) => a + b, 0)

/** The updates of all that take part. */
export const each = (
  tensors: readonly Tensor[],
  f: (tensor: Taking) => Vector,
): ReadonlyMap<number, Vector> =>
  new Map(tensors.filter(takes).map((tensor) => [tensor.id, f(tensor)]))

/** The gradient with decay added. */
export const coupled = ({ g, x, h }: Taking): Vector =>
  h.weightDecay && !h.decouple ? g.map((gi, i) => gi + number(h, 'weightDecay') * x[i]) : g
/** u with x shrunk beside it. */
export const decoupled = (u: Vector, { x, h }: Taking, eta: number, on = h.decouple): Vector =>
  h.weightDecay && on ? u.map((ui, i) => ui - number(h, 'weightDecay') * eta * x[i]) : u
