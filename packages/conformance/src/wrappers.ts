/**
 * The table of wrappers, each around one algorithm or more, as further rows of the table of
 * algorithms. Not every pair: a wrapper sees nothing of the inner algorithm but its step, its lr
 * and its d.
 */
import {
  type Algorithm,
  type AveragedOptions,
  adam,
  averaged,
  clipByGlobalNorm,
  dadaptAdam,
  dog,
  type MechanicOptions,
  mechanic,
  prodigy,
  type ScheduleFreeOptions,
  scheduleFree,
  sgd,
  skipNonFinite,
} from '@freestep/core'
import type { Trajectory } from './recording.ts'
import { type Both, d0, type Row, warmup, wrapped } from './row.ts'

type Recorded = Readonly<Record<string, unknown>>

/**
 * What the original schedule-free optimizers take, as settings of the wrapper and of what it wraps.
 */
function scheduleFreeSettings(
  recorded: Recorded,
  inner: { readonly lr: number },
): Both<object, ScheduleFreeOptions> {
  const {
    lr = inner.lr,
    warmupSteps = 0,
    weightDecay,
    momentum,
    r,
    weightLrPower,
  } = recorded as Record<string, number>
  const schedule = warmupSteps === 0 ? lr : (k: number) => lr * Math.min(1, (k + 1) / warmupSteps)
  return {
    inner: { ...inner, lr: schedule },
    outer: { momentum, r, weightLrPower, weightDecayAtY: weightDecay },
  }
}

/** The same for AdamW, whose first β is the wrapper's momentum. */
function scheduleFreeAdamW(recorded: Recorded): Both<object, ScheduleFreeOptions> {
  const { betas = [0.9, 0.999], innerMomentum = 0 } = recorded as {
    betas?: number[]
    innerMomentum?: number
  }
  const adamOptions = { lr: 0.0025, betas: [innerMomentum, betas[1]] }
  return scheduleFreeSettings({ ...recorded, momentum: betas[0] }, adamOptions)
}

/** The same for the original wrapper, whose options name a base with options of its own. */
function scheduleFreeWrapper(
  { baseOptions, momentum, weightDecayAtY }: Recorded,
  t: Trajectory,
): Both<object, object> {
  const compat = t.options.base === 'Prodigy' && { compat: 'prodigyopt' }
  return { inner: { ...(baseOptions as object), ...compat }, outer: { momentum, weightDecayAtY } }
}
/** The recordings of the wrapper around one base. */
const wrapperOf = (base: string) => ({
  file: 'schedulefree_wrapper',
  takes: (t: Trajectory) => t.options.base === base,
  settings: scheduleFreeWrapper,
})
/** How the original code is run, which its numbers do not show. */
const ignored = ['foreach']

const free = (inner: Algorithm, options?: ScheduleFreeOptions) => scheduleFree(inner, options)

/** Every wrapper. */
export const wrappers: readonly Row[] = [
  wrapped((inner, options?: AveragedOptions) => averaged(inner, options), dog, {
    range: ({ D }) => [{ inner: { repsRel: 1e-6 * D, eps: 0 } }],
    variants: [{ inner: { repsRel: 0.01 } }, { inner: { repsRel: 0.01 }, outer: { gamma: 0 } }],
  }),
  wrapped(free, sgd, {
    range: ({ D, G }) => [{ inner: { lr: (0.3 * D) / G } }],
    variants: [
      { inner: { lr: 0.3 } },
      {
        inner: { lr: warmup },
        outer: { momentum: 0.8, r: 1, weightLrPower: 1, weightDecayAtY: 0.1 },
      },
    ],
    goldens: [
      {
        file: 'schedulefree_sgd',
        ignored,
        settings: (options) => scheduleFreeSettings(options, { lr: 1 }),
      },
      wrapperOf('torch.optim.SGD'),
    ],
  }),
  wrapped(free, adam, {
    range: ({ D, G }) => [{ inner: { lr: 0.03 * D, eps: 1e-8 * G, betas: [0, 0.99] as const } }],
    variants: [
      { inner: { lr: 0.1, betas: [0, 0.99] as const }, outer: { weightDecayAtY: 0.1 } },
      { inner: { lr: 0.1, betas: [0.5, 0.99] as const } },
    ],
    goldens: [{ file: 'schedulefree_adamw', ignored, settings: scheduleFreeAdamW }],
  }),
  wrapped(free, dadaptAdam, {
    range: ({ D, G }) => [{ inner: { d0: 1e-6 * D, eps: 1e-8 * G, growthRate: 2 } }],
    variants: [{ inner: { d0, betas: [0, 0.99] as const } }],
    goldens: [{ ...wrapperOf('DAdaptAdam'), scalars: { d: 'd', numerator_weighted: 'q' } }],
  }),
  wrapped(free, prodigy, {
    range: ({ D }) => [{ inner: { d0: 1e-6 * D, betas: [0, 0.999] as const } }],
    variants: [
      { inner: { d0 } },
      { inner: { d0, betas: [0, 0.99] as const }, outer: { weightDecayAtY: 0.1 } },
      { inner: { d0, sliceP: 3 } },
    ],
    distance: 'd',
    goldens: [
      {
        ...wrapperOf('Prodigy'),
        scalars: { d: 'd', d_hat: 'dHat', d_numerator: 'r' },
        single: () => 0.2,
        leftOut: (t) =>
          t.options.weight_decay_at_y
            ? 'upstream decays by lr without d, and measures distances from the point after the first decay'
            : false,
      },
    ],
  }),
  wrapped((inner, options?: MechanicOptions) => mechanic(inner, options), sgd, {
    range: ({ D, G }) => [{ inner: { lr: D / G } }],
    variants: [
      { inner: { lr: 0.1 }, outer: { sInit: 0.01 } },
      { inner: { lr: warmup }, outer: { sInit: 0.1, numBetas: 2, weightDecay: 0 } },
    ],
  }),
  wrapped((inner, max: number = 0.1) => clipByGlobalNorm(max, inner), adam, {
    range: ({ D, G }) => [{ inner: { lr: 0.03 * D, eps: 1e-8 * G }, outer: 0.5 * G }],
    variants: [{}, { inner: { lr: 0.1 }, outer: 1 }],
  }),
  wrapped((inner) => skipNonFinite(inner), prodigy, {
    range: ({ D }) => [{ inner: { d0: 1e-6 * D } }],
    variants: [{ inner: { d0 } }],
    distance: 'd',
  }),
]
