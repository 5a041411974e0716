/**
 * Every algorithm of core as a factory of tf.Optimizers; a new one is a line here. What each does,
 * its paper and its options stand at its definition in core.
 */
import * as core from '@freestep/core'
import { optimizerFactory } from './factory.ts'

/** Prodigy, the Adam form: https://arxiv.org/abs/2306.06101. The one to try first. */
export const prodigy = optimizerFactory(core.prodigy)
/** Prodigy by gradient descent: https://arxiv.org/abs/2306.06101, Algorithm 1. */
export const prodigyGd = optimizerFactory(core.prodigyGd)
/** Prodigy by dual averaging: https://arxiv.org/abs/2306.06101, Algorithm 2. */
export const prodigyDa = optimizerFactory(core.prodigyDa)

/** Dual averaging with D-Adaptation: https://arxiv.org/abs/2301.07733, Algorithm 1. */
export const dualAveraging = optimizerFactory(core.dualAveraging)
/** SGD with D-Adaptation: https://arxiv.org/abs/2301.07733. */
export const dadaptSgd = optimizerFactory(core.dadaptSgd)
/** AdaGrad with D-Adaptation: https://arxiv.org/abs/2301.07733. */
export const dadaptAdagrad = optimizerFactory(core.dadaptAdagrad)
/** Adam with D-Adaptation: https://arxiv.org/abs/2301.07733. */
export const dadaptAdam = optimizerFactory(core.dadaptAdam)
/** Adan with D-Adaptation: https://arxiv.org/abs/2301.07733, https://arxiv.org/abs/2208.06677. */
export const dadaptAdan = optimizerFactory(core.dadaptAdan)
/** Lion with D-Adaptation: https://arxiv.org/abs/2301.07733, https://arxiv.org/abs/2302.06675. */
export const dadaptLion = optimizerFactory(core.dadaptLion)

/** Distance over Gradients: https://arxiv.org/abs/2302.12022. */
export const dog = optimizerFactory(core.dog)
/** Distance over Gradients for each variable by itself: https://arxiv.org/abs/2302.12022. */
export const ldog = optimizerFactory(core.ldog)
/** Distance over Weighted Gradients: https://arxiv.org/abs/2305.16284. */
export const dowg = optimizerFactory(core.dowg)
/** Distance over Weighted Gradients for each coordinate: https://arxiv.org/abs/2305.16284. */
export const cdowg = optimizerFactory(core.cdowg)

/** Coin betting: https://arxiv.org/abs/1705.07795. */
export const cocob = optimizerFactory(core.cocob)
/** SGD with a model of the loss: https://arxiv.org/abs/2305.07583. Uses the loss. */
export const momo = optimizerFactory(core.momo)
/** Adam with a model of the loss: https://arxiv.org/abs/2305.07583. Uses the loss. */
export const momoAdam = optimizerFactory(core.momoAdam)
/** Adam with a golden step size: https://arxiv.org/abs/2405.04376. */
export const adamG = optimizerFactory(core.adamG)
/** Polyak's step size: https://doi.org/10.1016/0041-5553(69)90061-5. Uses the loss. */
export const polyak = optimizerFactory(core.polyak)
/** The stochastic Polyak step size: https://arxiv.org/abs/2002.10542. Uses the loss. */
export const sps = optimizerFactory(core.sps)

/** The subgradient method. */
export const subgradient = optimizerFactory(core.subgradient)
/** The normalized gradient method. */
export const normalizedGradient = optimizerFactory(core.normalizedGradient)
/** AdaGrad with one step size for all coordinates: https://arxiv.org/abs/1002.4862. */
export const adagradNorm = optimizerFactory(core.adagradNorm)
/** AdaGrad: https://jmlr.org/papers/v12/duchi11a.html. */
export const adagrad = optimizerFactory(core.adagrad)
/** SGD with momentum, as torch.optim.SGD. */
export const sgd = optimizerFactory(core.sgd)
/** Adam, as torch.optim.Adam: https://arxiv.org/abs/1412.6980. */
export const adam = optimizerFactory(core.adam)
/** Adam with decoupled weight decay, as torch.optim.AdamW: https://arxiv.org/abs/1711.05101. */
export const adamW = optimizerFactory(core.adamW)
