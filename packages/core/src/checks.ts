/**
 * What a running optimizer refuses: gradients that do not fit its parameters, and more parameters
 * that it cannot go on with. Everything is checked before an engine sees any of it. Not the loss
 * (loss.ts), not memory that is shared (memory.ts).
 */
import type { Backend } from './backend.ts'
import { FreestepError, suggest } from './errors.ts'
import type { MaybePromise } from './later.ts'
import type { Named } from './optimizer.ts'
import { type Entries, type Part, type Prepared, type Started, startNow } from './part.ts'
import type { TensorInfo } from './tensor.ts'

/**
 * Of a step with `undefined` in place of gradients: repeating the last ones would be wrong in
 * silence.
 */
export const forgotten = (given: null | undefined) =>
  new FreestepError(
    'core',
    'missing-gradient',
    `The gradients are ${given}. Give them by name; step() without an argument takes the views, and step(optimizer.grads, { loss }) ` +
      'takes them with a loss.',
  )

/**
 * Puts gradients into the parameters' order, or refuses them: unknown names, other shapes or
 * dtypes, none at all.
 */
export function gradientCheck<P>(
  tensors: readonly TensorInfo[],
  backend: Pick<Backend<P>, 'describe'>,
) {
  const names = tensors.map(({ name }) => name)
  const indexOf = new Map(names.map((name, i) => [name, i]))
  return (given: Readonly<Record<string, P | null | undefined>> | undefined): (P | undefined)[] => {
    const gradients: (P | undefined)[] = tensors.map(() => undefined)
    let found = false
    for (const [name, gradient] of Object.entries(given ?? {})) {
      const index = indexOf.get(name)
      if (index === undefined) {
        const message = `There is a gradient for "${name}", which is no parameter.${suggest(name, names)}`
        throw new FreestepError('core', 'unknown-parameter', message)
      }
      if (gradient === undefined || gradient === null) continue
      checkGradient(tensors[index], backend.describe(gradient, `the gradient of ${name}`))
      gradients[index] = gradient
      found = true
    }
    if (found) return gradients
    throw new FreestepError(
      'core',
      'missing-gradient',
      `No parameter has a gradient. Give them by name: ${names.slice(0, 5).join(', ')}.`,
    )
  }
}

function checkGradient(param: TensorInfo, gradient: Omit<TensorInfo, 'name'>): void {
  const refuse = (code: 'bad-shape' | 'bad-dtype', ours: string, theirs: string, advice: string) =>
    new FreestepError(
      'core',
      code,
      `The gradient of ${param.name} is ${theirs}, the parameter ${ours}. ${advice}`,
    )
  const shape = (dims: readonly number[]) => `of shape [${dims.join(', ')}]`
  if (gradient.size !== param.size || gradient.shape.some((dim, i) => dim !== param.shape[i]))
    throw refuse(
      'bad-shape',
      shape(param.shape),
      shape(gradient.shape),
      'Give one number per coordinate.',
    )
  if (gradient.dtype !== param.dtype)
    throw refuse('bad-dtype', param.dtype, gradient.dtype, 'Convert it.')
}

/**
 * All parameters in the order of those so far, the new ones behind them; refuses a set that lacks
 * one.
 */
export function inOrder<P>(tensors: readonly TensorInfo[], all: Named<P>): Entries<P> {
  const known = new Set(tensors.map(({ name }) => name))
  const missing = tensors.find(({ name }) => !Object.hasOwn(all, name))
  if (missing)
    throw new FreestepError(
      'core',
      'unknown-parameter',
      `Parameter ${missing.name} is missing. Give all, those so far too.`,
    )
  const added = Object.entries(all).filter(([name]) => !known.has(name))
  return [...tensors.map(({ name }) => [name, all[name]] as const), ...added]
}

/**
 * The running parts for more parameters; all is checked, and what is new started, before any engine
 * that runs goes on.
 */
export function extended<P, Done extends MaybePromise<void>>(
  now: Started<P, Done>,
  wanted: Prepared<P, Done>,
  backend: Backend<P, Done>,
): Part<P, Done>[] {
  checkShapes(now.tensors, wanted.tensors)
  const known = wanted.parts.map((part) =>
    now.parts.find(({ indices }) => indices[0] === part.indices[0]),
  )
  const goesOn = (part: Part<P, Done>) => {
    const next = wanted.parts[known.indexOf(part)]
    return next && part.indices.every((index, j) => index === next.indices[j])
  }
  if (!now.parts.every(goesOn))
    throw new FreestepError(
      'core',
      'unsupported',
      'With the new parameters, some of those so far are in other groups. Choose groups that stay the same.',
    )
  if (!now.parts.every(({ engine }) => engine.extended))
    throw new FreestepError(
      'core',
      'unsupported',
      `${backend.name} cannot take more parameters. Create a new optimizer.`,
    )
  const started = wanted.parts.map((part, p) => known[p]?.engine ?? startNow(part, backend))
  return wanted.parts.map(({ indices, options, program, params }, p) => {
    const engine = (known[p] && started[p].extended?.(program, params)) ?? started[p]
    return { indices, options, program, params, engine }
  })
}

function checkShapes(now: readonly TensorInfo[], wanted: readonly TensorInfo[]): void {
  for (const [i, { name, shape }] of now.entries()) {
    const { shape: other } = wanted[i]
    if (String(other) !== String(shape))
      throw new FreestepError(
        'core',
        'bad-shape',
        `${name} had shape [${shape}], and has [${other}]. Give a tensor like it.`,
      )
  }
}
