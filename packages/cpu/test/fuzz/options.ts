/**
 * What random runs are made of: every algorithm and wrapper with the values that its options take,
 * and how each may be given. Options that are left out keep their defaults.
 */

/** An option's value as data; a schedule repeats its list. */
export type Setting =
  | number
  | boolean
  | string
  | null
  | readonly number[]
  | { readonly schedule: readonly number[] }

/**
 * The values to draw from, and whether the option may also follow a schedule (s) or differ between
 * groups (g).
 */
export interface Choice {
  readonly values: readonly Setting[]
  readonly schedule: boolean
  readonly group: boolean
  /** Values for groups, where not all of the others will do. */
  readonly inGroups?: readonly Setting[]
}
const choice = (
  how: '' | 's' | 'g' | 'sg',
  values: readonly Setting[],
  inGroups?: readonly Setting[],
): Choice => ({
  values,
  schedule: how.includes('s'),
  group: how.includes('g'),
  ...(inGroups && { inGroups }),
})

const lr = (...values: readonly number[]) => choice('sg', values)
const factor = choice('sg', [1, 0.5, 2])
const weightDecay = choice('sg', [0, 0.01, 0.3])
const eps = choice('sg', [1e-8, 1e-3])
const flag = choice('', [false, true])
const d0 = choice('', [1e-6, 1e-3, 0.1, 1])
const estimate = {
  d0,
  growthRate: choice('s', [1.02, 2, Number.POSITIVE_INFINITY]),
  dLimit: choice('s', [0.05, 3, Number.POSITIVE_INFINITY]),
  adaptSteps: choice('', [0, 3, Number.POSITIVE_INFINITY]),
}
/** Every algorithm by name. */
export const algorithms: Readonly<Record<string, Readonly<Record<string, Choice>>>> = {
  sgd: {
    lr: lr(0.01, 0.3),
    momentum: choice('g', [0, 0.9, 0.5], [0.9, 0.7]),
    dampening: choice('sg', [0, 0.5]),
    nesterov: flag,
    weightDecay,
  },
  adam: {
    lr: lr(0.01, 0.1),
    betas: choice('g', [
      [0.9, 0.999],
      [0, 0.9],
      [0.5, 0.5],
    ]),
    eps,
    weightDecay,
    amsgrad: flag,
    decouple: flag,
  },
  adamW: {
    lr: lr(0.01, 0.1),
    betas: choice('g', [
      [0.9, 0.999],
      [0, 0.9],
      [0.5, 0.5],
    ]),
    eps,
    weightDecay,
    amsgrad: flag,
  },
  adagrad: {
    lr: lr(0.01, 0.5),
    lrDecay: choice('sg', [0, 0.1]),
    weightDecay,
    initialAccumulatorValue: choice('', [0, 0.5]),
    eps: choice('sg', [1e-10, 1e-3]),
    primalDual: flag,
  },
  adagradNorm: { lr: lr(0.1, 1), eps: choice('sg', [0, 0.1]), weightDecay },
  adamG: {
    lr: lr(1, 0.05),
    betas: choice('g', [
      [0.95, 0.999, 0.95],
      [0.5, 0.9, 0],
    ]),
    p: choice('sg', [0.2, 1]),
    q: choice('', [0.24, 0.5]),
    weightDecay,
    decouple: flag,
    eps,
  },
  cocob: { alpha: choice('sg', [100, 2]), eps: choice('', [1e-8, 1e-2]), weightDecay, lr: factor },
  dadaptAdagrad: {
    lr: factor,
    momentum: choice('sg', [0, 0.9]),
    weightDecay,
    eps: choice('sg', [1e-6, 1e-2]),
    ...estimate,
  },
  dadaptAdam: {
    lr: factor,
    betas: choice(
      'g',
      [
        [0.9, 0.999],
        [0, 0.999],
        [0.9, 0.9],
      ],
      [
        [0.5, 0.999],
        [0, 0.999],
      ],
    ),
    eps,
    weightDecay,
    decouple: flag,
    useBiasCorrection: flag,
    layerScale: choice('sg', [1, 0.3, 2]),
    form: choice('', ['v3', 'preprint']),
    ...estimate,
  },
  dadaptAdan: {
    lr: factor,
    betas: choice('g', [
      [0.98, 0.92, 0.99],
      [0.5, 0.9, 0.99],
    ]),
    eps,
    weightDecay,
    noProx: flag,
    ...estimate,
  },
  dadaptLion: {
    lr: factor,
    betas: choice('g', [
      [0.9, 0.99],
      [0, 0.99],
    ]),
    weightDecay,
    ...estimate,
  },
  dadaptSgd: { lr: factor, momentum: choice('sg', [0, 0.9]), weightDecay, ...estimate },
  dog: {
    lr: factor,
    repsRel: choice('', [1e-6, 0.01]),
    eps: choice('', [1e-8, 0.1]),
    initEta: choice('', [null, 0.01]),
    weightDecay,
  },
  ldog: {
    lr: factor,
    repsRel: choice('g', [1e-6, 0.01]),
    eps: choice('g', [1e-8, 0.1]),
    initEta: choice('', [null, 0.01]),
    weightDecay,
  },
  dowg: { eps: choice('', [1e-4, 0.1]), lr: factor, weightDecay },
  cdowg: { eps: choice('sg', [1e-8, 0.1]), lr: factor, weightDecay },
  dualAveraging: { lr: factor, d0, G: choice('', [0, 2]), option: choice('', ['I', 'II']) },
  momo: {
    lr: choice('s', [1, 0.1]),
    weightDecay: choice('s', [0, 0.1]),
    beta: choice('s', [0.9, 0.5]),
    lb: choice('', [0, 0.5]),
    biasCorrection: flag,
    useFstar: flag,
  },
  momoAdam: {
    lr: choice('s', [0.01, 0.3]),
    betas: choice('', [
      [0.9, 0.999],
      [0.5, 0.9],
    ]),
    eps,
    weightDecay: choice('s', [0, 0.1]),
    lb: choice('', [0, 0.5]),
    divide: flag,
    useFstar: flag,
  },
  normalizedGradient: { lr: lr(0.1, 1), D: choice('', [null, 2]), weightDecay },
  polyak: {
    fOpt: choice('s', [0, 0.3]),
    lrMin: choice('s', [0, 1e-3]),
    lrMax: choice('s', [Number.POSITIVE_INFINITY, 0.1]),
    lr: factor,
  },
  prodigy: {
    lr: factor,
    betas: choice(
      'g',
      [
        [0.9, 0.999],
        [0, 0.999],
        [0.9, 0.9],
      ],
      [
        [0.5, 0.999],
        [0, 0.999],
      ],
    ),
    beta3: choice('', [null, 0.9, 0]),
    eps,
    weightDecay,
    decouple: flag,
    useBiasCorrection: flag,
    safeguardWarmup: flag,
    ...estimate,
    dCoef: choice('s', [1, 0.5, 2]),
    sliceP: choice('g', [1, 2, 11]),
    compat: choice('', ['paper', 'prodigyopt']),
  },
  prodigyGd: { lr: choice('s', [1, 0.5, 2]), d0, G: choice('s', [0, 2]) },
  prodigyDa: { lr: choice('s', [1, 0.5, 2]), d0, G: choice('sg', [0, 2]) },
  sps: {
    nBatchesPerEpoch: choice('', [500, 3]),
    initStepSize: choice('', [1, 0.01]),
    c: choice('s', [0.5, 2]),
    gamma: choice('', [2]),
    etaMax: choice('', [null, 0.1]),
    adaptFlag: choice('', ['smooth_iter', 'constant']),
    fstar: choice('s', [0, 0.3]),
    eps: choice('s', [1e-8, 0.1]),
    lr: factor,
  },
  subgradient: { lr: lr(0.1, 1), D: choice('', [null, 2]), G: choice('', [null, 3]), weightDecay },
}

/** Every wrapper by name. */
export const wrappers: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  averaged: { gamma: [0, 1, 8] },
  clipByGlobalNorm: { max: [0.01, 1, 30] },
  mechanic: { weightDecay: [0, 0.01], eps: [1e-8], sInit: [1e-6, 0.1], numBetas: [1, 3, 6] },
  scheduleFree: {
    momentum: [0.9, 0.5],
    weightLrPower: [0, 1, 2],
    r: [0, 1, 2],
    weightDecayAtY: [0, 0.1],
  },
  skipNonFinite: {},
}

/** The algorithms with a point of their own to evaluate at. */
export const evaluates: ReadonlySet<string> = new Set(['dualAveraging', 'prodigyGd', 'prodigyDa'])

/** What goes with lr 0 as a schedule's value: the options that may fall to zero on the way. */
export const mayBeZero: ReadonlySet<string> = new Set([
  'lr',
  'weightDecay',
  'dampening',
  'momentum',
  'lrDecay',
])
