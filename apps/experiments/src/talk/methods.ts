// The methods that are compared, by the talk's names: learning-rate-free ones at their defaults,
// and those that need a learning rate at every rate of a grid. Definitions are core's; nothing here
// computes.
import type { Algorithm, Schedule } from '@freestep/core'
import * as core from '@freestep/core'

/**
 * What a method may depend on: how long the run is, the shape of the step size over it, and, for
 * theorems, the truth.
 */
export interface Context {
  readonly steps: number
  /** The schedule of lr; 1 for none. */
  readonly lr: Schedule | 1
  /** Whether the schedule begins with a warm-up. */
  readonly warmup: boolean
  /**
   * ‖x₀ − x*‖, where it is known, and the same in ℓ∞; methods that must not know it do not read it.
   */
  readonly D: number
  readonly largest: number
  /** A bound on ‖g‖. */
  readonly G: number
  /** f*. */
  readonly fStar: number
}

/** A method. */
export interface Method {
  readonly name: string
  /** The learning rate, for a method that needs one. */
  readonly lr?: number
  /** Whether it finds its own step size. */
  readonly free: boolean
  /** The scalar that estimates a distance; `root` where it is the square of one. */
  readonly distance?: { readonly scalar: string; readonly root?: boolean }
  create(context: Context): Algorithm
}

/** A method's name among others: `Prodigy`, `Adam 0.001`. */
export const label = ({ name, lr }: Pick<Method, 'name' | 'lr'>): string =>
  lr === undefined ? name : `${name} ${lr}`

const free = (
  name: string,
  create: Method['create'],
  distance: Method['distance'] = { scalar: 'd' },
): Method => ({
  name,
  free: true,
  distance,
  create,
})
const rBar = { scalar: 'rBar' }

/** The learning-rate-free methods. */
export const methods = {
  prodigy: free('Prodigy', ({ lr, warmup }) => core.prodigy({ lr, safeguardWarmup: warmup })),
  prodigyGd: free('Prodigy GD', ({ G }) => core.prodigyGd({ G })),
  prodigyDa: free('Prodigy DA', ({ G }) => core.prodigyDa({ G })),
  dualAveraging: free('D-Adaptation DA', ({ G }) => core.dualAveraging({ G })),
  dualAveragingI: free('D-Adaptation DA, option I', ({ G }) =>
    core.dualAveraging({ G, option: 'I' }),
  ),
  dadaptSgd: free('D-Adaptation SGD', ({ lr }) => core.dadaptSgd({ lr })),
  dadaptAdagrad: free('D-Adaptation AdaGrad', () => core.dadaptAdagrad()),
  dadaptAdam: free('D-Adaptation Adam', ({ lr }) => core.dadaptAdam({ lr })),
  dadaptPreprint: free('D-Adaptation Adam, preprint', ({ lr }) =>
    core.dadaptAdam({ lr, form: 'preprint' }),
  ),
  dadaptAdan: free('D-Adaptation Adan', ({ lr }) => core.dadaptAdan({ lr, weightDecay: 0 })),
  dadaptLion: free('D-Adaptation Lion', ({ lr }) => core.dadaptLion({ lr })),
  /** DoG with the average that its authors advise. */
  dog: free('DoG', () => core.averaged(core.dog()), rBar),
  /** DoWG, as its authors have it: no average. */
  dowg: free('DoWG', () => core.dowg(), { scalar: 'r2', root: true }),
} satisfies Record<string, Method>

/** A learning rate with a shape over time. */
const shaped = (rate: number, lr: Schedule | 1): number | Schedule =>
  lr === 1 ? rate : (k) => rate * lr(k)

/** Adam at each of the rates. */
export const adamGrid = (rates: readonly number[]): Method[] =>
  rates.map((rate) => ({
    name: 'Adam',
    lr: rate,
    free: false,
    create: ({ lr }) => core.adam({ lr: shaped(rate, lr) }),
  }))
