/**
 * The table of algorithms: one row each, with all that the kit needs to test it. A new algorithm is
 * one new row. Not the tests: those are in layers/, and take every row alike.
 */
import {
  adagrad,
  adagradNorm,
  adam,
  adamG,
  adamW,
  cdowg,
  cocob,
  dadaptAdagrad,
  dadaptAdam,
  dadaptAdan,
  dadaptLion,
  dadaptSgd,
  dog,
  dowg,
  dualAveraging,
  ldog,
  momo,
  momoAdam,
  normalizedGradient,
  polyak,
  prodigy,
  prodigyDa,
  prodigyGd,
  sgd,
  sps,
  subgradient,
} from '@freestep/core'
import type { Trajectory } from './recording.ts'
import { d0, halved, type Row, row, type Scale, warmup } from './row.ts'
import { wrappers } from './wrappers.ts'

/** What the D-Adaptation and Prodigy families share. */
const estimates = [
  { d0, growthRate: 1.3 },
  { d0, dLimit: 0.015 },
  { d0, adaptSteps: 4 },
  { d0, lr: warmup },
] as const
/** A first estimate in the scale of the problem. */
const far = ({ D }: Scale) => ({ d0: 1e-6 * D })
/** That one, and the default where it is one. */
const begun = (at: Scale) => [far(at), ...(at.D < 1 ? [] : [{}])]
/**
 * An ε in scale too, as far as Prodigy's v, which is of the size of (1 − β₂) d² g², can be seen at
 * all.
 */
const visible = (at: Scale) => ({ ...far(at), eps: 1e-8 * (at.G < 1e-9 ? 1 : at.G) })
/**
 * The original code takes x − x₀ from rounded parameters, so its own float32 recordings are this
 * far from float64.
 */
const rounded = (t: Trajectory) => (t.dtype === 'float32' ? 4e-3 : 0)
/**
 * The same for Prodigy, whose first steps depend on it most, and which does so here too with
 * `compat`.
 */
const lost = () => 0.2
const first = (t: Trajectory, option: string) => (t.options[option] as number[] | undefined)?.[0]

/** Every algorithm, then every wrapper. */
export const table: readonly Row[] = [
  row(sgd, {
    range: ({ D, G }) => [{ lr: (0.3 * D) / G, momentum: 0.9 }],
    variants: [
      { lr: 0.1 },
      { lr: halved, momentum: 0.9, weightDecay: 0.1 },
      { lr: 0.1, momentum: 0.9, nesterov: true },
      { lr: 0.1, momentum: 0.9, dampening: 0.5 },
    ],
    goldens: [{ file: 'torch_sgd' }],
  }),
  row(subgradient, {
    range: (scale) => [scale],
    variants: [
      { lr: halved, weightDecay: 0.1 },
      { D: 2, G: 3 },
    ],
  }),
  row(polyak, {
    range: () => [{ lr: 0.3 }],
    variants: [{}, { fOpt: 0.1, lrMin: 0.01, lrMax: 0.5, lr: warmup }],
    goldens: [{ file: 'om_polyak', scalars: { lr: 'eta' } }],
  }),
  row(sps, {
    range: ({ D, G }) => [
      { c: 5, eps: 0, adaptFlag: 'constant' as const },
      { c: 5, eps: 0, initStepSize: (0.1 * D) / G },
    ],
    variants: [
      {},
      { adaptFlag: 'constant', fstar: 0.1, etaMax: 0.5, c: 1, eps: 0.1, lr: warmup },
      { nBatchesPerEpoch: 5, gamma: 1.5, initStepSize: 0.1 },
    ],
    goldens: [
      {
        file: 'sps',
        settings: ({ fstarFlag, ...options }) => ({
          ...options,
          ...(fstarFlag === true && { fstar: 0.25 }),
        }),
        leftOut: (t) =>
          t.options.centralize_grad || t.options.centralize_grad_norm
            ? 'centralizing the gradient is not an option here'
            : false,
      },
    ],
  }),
  row(normalizedGradient, {
    range: ({ D }) => [{ D }],
    variants: [{ lr: halved, weightDecay: 0.1 }, { D: 2 }],
  }),
  row(adagradNorm, {
    range: ({ D }) => [{ lr: D }],
    variants: [{}, { lr: halved, eps: 0.1, weightDecay: 0.1 }],
  }),
  row(adagrad, {
    range: ({ D, G }) => [
      { lr: D },
      { lr: D, eps: 1e-10 * G },
      { lr: D, eps: 1e-10 * G, primalDual: true },
    ],
    variants: [
      { lr: 0.1 },
      { lr: halved, lrDecay: 0.1, weightDecay: 0.1, initialAccumulatorValue: 0.1, eps: 0.01 },
      { lr: 0.1, primalDual: true },
    ],
    goldens: [{ file: 'torch_adagrad' }, { file: 'om_adagrad', rename: { delta: 'eps' } }],
  }),
  row(adam, {
    range: ({ D, G }) => [{ lr: 0.03 * D }, { lr: 0.03 * D, eps: 1e-8 * G, amsgrad: true }],
    variants: [
      {},
      { lr: halved, weightDecay: 0.1, eps: 0.01 },
      { amsgrad: true, betas: [0.8, 0.9] },
      { betas: [0, 0.99], decouple: true, weightDecay: 0.1 },
    ],
    goldens: [{ file: 'torch_adam' }],
  }),
  row(adamW, {
    range: ({ D, G }) => [{ lr: 0.03 * D, eps: 1e-8 * G, weightDecay: 0.01 / D }],
    variants: [{}],
    goldens: [{ file: 'torch_adamw' }],
  }),
  row(dog, {
    range: ({ D, G }) => [
      { repsRel: 1e-6 * D },
      { repsRel: 1e-6 * D, eps: 0 },
      { initEta: (1e-6 * D) / G, eps: 0 },
    ],
    variants: [{}, { repsRel: 0.01, eps: 0.1, weightDecay: 0.1, lr: warmup }, { initEta: 0.1 }],
    distance: 'rBar',
    goldens: [
      {
        file: 'dog',
        scalars: { rbar: 'rBar', G: 'G', eta: 'eta' },
        perGroup: true,
        single: rounded,
      },
    ],
  }),
  row(ldog, {
    range: ({ D }) => [{ repsRel: 1e-6 * D }, { repsRel: 1e-6 * D, eps: 0 }],
    variants: [{}, { repsRel: 0.01, eps: 0.1, weightDecay: 0.1, lr: warmup }, { initEta: 0.1 }],
    global: false,
    goldens: [
      {
        file: 'ldog',
        scalars: { rbar: 'rBar', G: 'G', eta: 'eta' },
        perGroup: true,
        single: rounded,
      },
    ],
  }),
  row(dowg, {
    range: ({ D, G }) => [{}, { eps: Math.max(1e-30, 1e-8 * D * Math.min(D, G)) }],
    variants: [{}, { eps: 0.01, lr: warmup, weightDecay: 0.1 }],
    distance: 'r2',
    goldens: [{ file: 'dowg', scalars: { rt2: 'r2', vt: 'v' } }],
  }),
  row(cdowg, {
    range: ({ D, G }) => (D < 1 ? [] : [{}, { eps: 1e-8 * D * G }]),
    variants: [{}, { eps: 0.01, lr: warmup, weightDecay: 0.1 }],
    goldens: [{ file: 'cdowg' }],
  }),
  row(dualAveraging, {
    range: (at) => [far(at), {}, { ...far(at), option: 'I', G: at.G }],
    variants: [{ d0 }, { d0, option: 'I', G: 5 }, { d0, lr: warmup }],
    distance: 'd',
  }),
  row(dadaptSgd, {
    range: (at) => [...begun(at), { ...far(at), momentum: 0.5 }],
    variants: [{ d0, weightDecay: 0.1, momentum: 0.9 }, ...estimates],
    distance: 'd',
    goldens: [
      {
        file: 'dadapt_sgd',
        scalars: { d: 'd', numerator_weighted: 'q', g0_norm: 'g0Norm' },
        leftOut: (t) =>
          t.param_groups?.some((group) => 'weight_decay' in group) &&
          'upstream applies the weight decay of the first group to all groups',
      },
    ],
  }),
  row(dadaptAdagrad, {
    range: (at) => [...begun(at), { ...far(at), eps: 1e-6 * at.G }],
    variants: [{ d0, weightDecay: 0.1, momentum: 0.9, eps: 0.1 }, ...estimates],
    distance: 'd',
    goldens: [
      {
        file: 'dadapt_adagrad',
        scalars: { d: 'd', gsq_weighted: 'q' },
        leftOut: (t, record) =>
          t.problem === 'lsq1' && t.options.d0 === 1e-3 && record !== undefined && record.step >= 40
            ? 'the recording is 7e-10 from the same steps in 60 digits: rounding decides here, which its amp does not show'
            : false,
      },
    ],
  }),
  row(dadaptAdam, {
    range: (at) => [
      ...begun(at),
      { ...far(at), eps: 1e-8 * at.G, useBiasCorrection: true },
      { ...far(at), eps: 1e-8 * at.G, form: 'preprint' },
    ],
    variants: [
      { d0, weightDecay: 0.1, eps: 0.01 },
      { d0, weightDecay: 0.1, decouple: true, betas: [0.8, 0.9] },
      { d0, useBiasCorrection: true, layerScale: 2 },
      { d0, form: 'preprint' },
      ...estimates,
    ],
    distance: 'd',
    goldens: [
      { file: 'dadapt_adam', scalars: { d: 'd', numerator_weighted: 'q' } },
      {
        file: 'dadapt_adam_preprint',
        scalars: { d: 'd', gsq_weighted: 'q' },
        settings: (options) => ({ ...options, form: 'preprint' }),
      },
    ],
  }),
  row(dadaptAdan, {
    range: (at) => [
      { ...far(at), growthRate: 2 },
      { ...far(at), growthRate: 2, eps: 1e-8 * at.G },
    ],
    variants: [
      { d0 },
      { d0, noProx: true, betas: [0.9, 0.8, 0.9], eps: 0.01, weightDecay: 0.1 },
      ...estimates,
    ],
    distance: 'd',
    goldens: [{ file: 'dadapt_adan', scalars: { d: 'd', gsq_weighted: 'q' } }],
  }),
  row(dadaptLion, {
    range: (at) => begun(at),
    variants: [{ d0, weightDecay: 0.1, betas: [0.8, 0.9] }, ...estimates],
    distance: 'd',
    goldens: [{ file: 'dadapt_lion', scalars: { d: 'd', numerator_weighted: 'q' } }],
  }),
  row(prodigyGd, {
    range: (at) => [...begun(at), { ...far(at), G: at.G }],
    oneLr: true,
    variants: [{ d0 }, { d0, G: 5, lr: warmup }],
    distance: 'd',
  }),
  row(prodigyDa, {
    range: (at) => [...begun(at), { ...far(at), G: at.G }],
    oneLr: true,
    variants: [{ d0 }, { d0, G: 5, lr: warmup }],
    distance: 'd',
  }),
  row(prodigy, {
    range: (at) => [
      ...begun(at),
      { ...visible(at), useBiasCorrection: true, safeguardWarmup: true },
      { ...visible(at), betas: [0, 0.99] },
      { ...visible(at), compat: 'prodigyopt' },
    ],
    variants: [
      { d0 },
      { d0, weightDecay: 0.1, eps: 0.01 },
      { d0, weightDecay: 0.1, decouple: false, betas: [0, 0.9] },
      { d0, useBiasCorrection: true, safeguardWarmup: true, lr: warmup },
      { d0, dCoef: 2, beta3: 0.9, sliceP: 3 },
      { d0, compat: 'prodigyopt', growthRate: 1.3, sliceP: 2 },
      ...estimates,
    ],
    distance: 'd',
    goldens: [
      {
        file: 'prodigy',
        scalars: { d: 'd', d_hat: 'dHat', d_max: 'dMax', d_numerator: 'r' },
        settings: (options) => ({ ...options, compat: 'prodigyopt' }),
        single: lost,
      },
      {
        file: 'prodigy_reference',
        scalars: { d: 'd', d_hat: 'dHat', d_max: 'dMax', d_numerator: 'r' },
        settings: (options) => ({ ...options, compat: 'prodigyopt' }),
        single: lost,
        leftOut: (t) =>
          first(t, 'betas') === 0 &&
          'the old d multiplies the gradient and the new d ε, which is neither form here',
      },
    ],
  }),
  row(cocob, {
    range: ({ D, G }) => (D < 1 ? [] : [{}, { eps: 1e-8 * G }]),
    variants: [{}, { alpha: 2, eps: 0.1, weightDecay: 0.1, lr: 0.5 }],
    goldens: [{ file: 'cocob' }],
  }),
  row(momo, {
    range: ({ D, G }) => [{ lr: (0.3 * D) / G }],
    oneLr: true,
    variants: [
      {},
      { lr: 5, weightDecay: 0.1, useFstar: true },
      { beta: 0.5, biasCorrection: true, lb: 0.1, lr: warmup },
    ],
    goldens: [{ file: 'momo', scalars: { lb: 'lb', loss_avg: 'fBar' } }],
  }),
  row(momoAdam, {
    range: ({ D, G }) => [{ lr: 0.1 * D }, { lr: 0.1 * D, eps: 1e-8 * G }],
    oneLr: true,
    variants: [
      {},
      { lr: 1, weightDecay: 0.1, useFstar: true, eps: 0.01 },
      { betas: [0.8, 0.9], divide: false, weightDecay: 0.1, lb: 0.1, lr: warmup },
    ],
    goldens: [{ file: 'momo_adam', scalars: { lb: 'lb', loss_avg: 'fBar' } }],
  }),
  row(adamG, {
    range: ({ D, G }) => (G > 1e6 ? [] : [{ lr: Math.min(1, D) }]),
    variants: [
      {},
      {
        lr: 0.1,
        betas: [0.8, 0.9, 0.8],
        p: 0.5,
        q: 0.5,
        eps: 0.01,
        weightDecay: 0.1,
        decouple: true,
      },
    ],
    goldens: [{ file: 'kozistr_adamg' }],
  }),
  ...wrappers,
]

/** The files that no row runs, with the reason. */
export const leftOutFiles: Readonly<Record<string, string>> = {
  kt: 'KT betting is not in freestep; it diverges where gradients are unbounded',
  ckt: 'coordinate-wise KT betting is not in freestep; it diverges where gradients are unbounded',
  om_adgd: 'AdGD is not in freestep',
  kozistr_alig: 'ALI-G is not in freestep; sps with a ceiling is the same method',
  kozistr_trac: 'TRAC is not in freestep',
  kozistr_dadapt_adagrad: 'a copy that departs from the authors’ own code, which dadapt_adagrad is',
  kozistr_dadapt_adam: 'a copy that is wrong: d̂ is multiplied by ‖s‖₁ instead of divided',
  kozistr_dadapt_lion: 'a copy that departs from the authors’ own code, which dadapt_lion is',
  kozistr_dadapt_sgd: 'a copy that departs from the authors’ own code, which dadapt_sgd is',
  kozistr_prodigy:
    'a copy that is wrong: it counts every step twice and applies coupled decay too late',
  prodigy_plus_schedulefree:
    'Prodigy Plus Schedule-Free is not in freestep; its states are bfloat16',
  schedulefree_radam: 'RAdam is not in freestep',
}
