/**
 * Core's wrappers, from a tf.Optimizer to a tf.Optimizer: `averaged(dog())`. The inner optimizer
 * lends its options and groups; it takes no step itself, and holds nothing that would have to be
 * freed. What each does stands at its definition in core.
 */
import * as core from '@freestep/core'
import { optimizerOf } from './factory.ts'
import type { FreestepOptimizer } from './optimizer.ts'

const around = (
  { algorithm, settings }: FreestepOptimizer,
  wrap: (inner: core.Algorithm) => core.Algorithm,
): FreestepOptimizer => optimizerOf(wrap(algorithm), settings)

/**
 * Averages the iterates, to evaluate at: https://arxiv.org/abs/1212.1824. See
 * {@link FreestepOptimizer.evaluating}.
 */
export const averaged = (
  inner: FreestepOptimizer,
  options?: core.AveragedOptions,
): FreestepOptimizer => around(inner, (algorithm) => core.averaged(algorithm, options))

/**
 * Momentum and averaging in place of a schedule: https://arxiv.org/abs/2405.15682. See
 * {@link FreestepOptimizer.evaluating}.
 */
export const scheduleFree = (
  inner: FreestepOptimizer,
  options?: core.ScheduleFreeOptions,
): FreestepOptimizer => around(inner, (algorithm) => core.scheduleFree(algorithm, options))

/** Tunes the scale of the inner optimizer's updates: https://arxiv.org/abs/2306.00144. */
export const mechanic = (
  inner: FreestepOptimizer,
  options?: core.MechanicOptions,
): FreestepOptimizer => around(inner, (algorithm) => core.mechanic(algorithm, options))

/** Scales gradients down to norm `max` over all variables: https://arxiv.org/abs/1211.5063. */
export const clipByGlobalNorm = (max: number, inner: FreestepOptimizer): FreestepOptimizer =>
  around(inner, (algorithm) => core.clipByGlobalNorm(max, algorithm))

/**
 * Leaves variables and states alone at a step whose gradient has a NaN or an infinity; decided on
 * the device.
 */
export const skipNonFinite = (inner: FreestepOptimizer): FreestepOptimizer =>
  around(inner, core.skipNonFinite)
