/** Transcriptions of the algorithms that take the loss. */
import {
  dot,
  each,
  kept,
  number,
  numbers,
  ofGradients,
  own,
  ratio,
  sum,
  type Taking,
  type Transcription,
  total,
  type Vector,
  zeros,
} from './parts.ts'

const times = (c: number, a: Vector): Vector => a.map((ai) => c * ai)
const square = (a: Vector) => dot(a, a)

export const polyak: Transcription = () => ({
  step(tensors, loss, h) {
    const squares = ofGradients(tensors, ({ g }) => square(g))
    const eta = Math.min(
      Math.max(ratio(loss - number(h, 'fOpt'), squares), number(h, 'lrMin')),
      number(h, 'lrMax'),
    )
    return each(tensors, (tensor) => times(-number(tensor.h, 'lr') * eta, tensor.g))
  },
})

export const sps: Transcription = (start) => {
  let eta = number(start, 'initStepSize')
  return {
    step(tensors, loss, h) {
      const squares = ofGradients(tensors, ({ g }) => square(g))
      const denominator = number(h, 'c') * squares + number(h, 'eps')
      const growth = number(h, 'gamma') ** (1 / number(h, 'nBatchesPerEpoch'))
      const rule =
        h.adaptFlag === 'constant'
          ? Math.min(
              Math.max((loss - number(h, 'fstar')) / denominator, 0),
              (h.etaMax ?? Number.POSITIVE_INFINITY) as number,
            )
          : Math.min(growth * eta, loss / denominator)
      const moves = squares > 1e-16
      if (moves) eta = rule
      return each(tensors, (tensor) => times(moves ? -number(tensor.h, 'lr') * eta : 0, tensor.g))
    },
  }
}

/** The step size of the model, and the lower bound that it leaves. */
function model(
  h: Readonly<Record<string, unknown>>,
  f: number,
  gamma: number,
  mx: number,
  m2: number,
  rho: number,
  lb: number,
) {
  const [lr, wd, least] = [h.lr, h.weightDecay, h.lb] as number[]
  const shrink = 1 + lr * wd
  const top = shrink * (f - gamma) + mx
  let bound = lb
  if (h.useFstar && top < shrink * rho * lb) bound = Math.max(top / (2 * shrink * rho), least)
  const tau = Math.min(lr / rho, ratio(Math.max(shrink * (f - rho * bound - gamma) + mx, 0), m2))
  if (h.useFstar) bound = Math.max((f + mx - gamma - (tau * m2) / 2) / rho, least)
  return { tau, bound, shrink }
}

export const momo: Transcription = (start) => {
  const of = own(({ x }) => ({ m: zeros(x), gamma: 0, seen: false }))
  let [f, k, lb, weight] = [0, 0, number(start, 'lb'), 0]
  const [products, squares] = [kept(), kept()]
  return {
    step(tensors, loss, h) {
      const beta = number(h, 'beta')
      f = h.biasCorrection || k > 0 ? beta * f + (1 - beta) * loss : loss
      weight = beta * weight + (1 - beta)
      k++
      for (const tensor of tensors) {
        const memory = of(tensor)
        const { g, x } = tensor
        if (!g) continue
        const [keep, take] = h.biasCorrection || memory.seen ? [beta, 1 - beta] : [0, 1]
        memory.m = memory.m.map((mi, i) => (keep ? keep * mi + take * g[i] : take * g[i]))
        memory.gamma = keep * memory.gamma + take * dot(g, x)
        memory.seen = true
      }
      const gamma = tensors.reduce((all, tensor) => all + of(tensor).gamma, 0)
      const mx = sum(products(tensors, (tensor) => dot(of(tensor).m, tensor.x)))
      const m2 = sum(squares(tensors, (tensor) => square(of(tensor).m)))
      const { tau, bound, shrink } = model(h, f, gamma, mx, m2, h.biasCorrection ? weight : 1, lb)
      lb = bound
      return each(tensors, (tensor) =>
        of(tensor).m.map((mi, i) => (tensor.x[i] - tau * mi) / shrink - tensor.x[i]),
      )
    },
  }
}

export const momoAdam: Transcription = (start) => {
  const of = own(({ x }) => ({ m: zeros(x), v: zeros(x), D: zeros(x), gamma: 0, k: 0 }))
  let [f, lb, rho] = [0, number(start, 'lb'), 0]
  const [products, squares] = [kept(), kept()]
  return {
    step(tensors, loss, h) {
      const beta1 = numbers(h, 'betas')[0]
      f = beta1 * f + (1 - beta1) * loss
      rho = beta1 * rho + (1 - beta1)
      for (const tensor of tensors) {
        const memory = of(tensor)
        const { g, x } = tensor
        const beta2 = numbers(tensor.h, 'betas')[1]
        if (!g) continue
        memory.k++
        for (const [i, gi] of g.entries()) {
          memory.m[i] = beta1 * memory.m[i] + (1 - beta1) * gi
          memory.v[i] = beta2 * memory.v[i] + (1 - beta2) * gi * gi
          memory.D[i] = number(tensor.h, 'eps') + Math.sqrt(memory.v[i] / (1 - beta2 ** memory.k))
        }
        memory.gamma = beta1 * memory.gamma + (1 - beta1) * dot(g, x)
      }
      const gamma = tensors.reduce((all, tensor) => all + of(tensor).gamma, 0)
      const mx = sum(products(tensors, (tensor) => dot(of(tensor).m, tensor.x)))
      const inNorm = (tensor: Taking) => {
        const { m, D } = of(tensor)
        return total(m.length, (i) => m[i] * (m[i] / D[i]))
      }
      const m2 = sum(squares(tensors, inNorm))
      const { tau, bound, shrink } = model(h, f, gamma, mx, m2, rho, lb)
      lb = bound
      const decay = number(h, 'lr') * number(h, 'weightDecay')
      return each(tensors, (tensor) => {
        const { m, D } = of(tensor)
        return m.map((mi, i) => {
          const move = -(tau * (mi / D[i]) + decay * tensor.x[i])
          return h.divide ? move / shrink : move
        })
      })
    },
  }
}
