/** Transcriptions of the algorithms that estimate no distance, and of DoG and DoWG. */
import {
  coupled,
  decoupled,
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
const norm = (squares: number) => Math.sqrt(squares)
const square = (a: Vector) => dot(a, a)

export const sgd: Transcription = () => {
  const of = own(({ x }) => ({ m: zeros(x), first: true }))
  return {
    step: (tensors, _, shape) =>
      each(tensors, (tensor) => {
        const { h } = tensor
        const g = coupled(tensor)
        const [lr, mu, tau] = ['lr', 'momentum', 'dampening'].map((name) => number(h, name))
        if (shape.noBuffer) return times(-lr, g)
        const memory = of(tensor)
        const [weight, keep] = memory.first ? [1, 0] : [1 - tau, mu]
        memory.m = memory.m.map((mi, i) => keep * mi + weight * g[i])
        memory.first = false
        return memory.m.map((mi, i) => -lr * (h.nesterov ? g[i] + mu * mi : mi))
      }),
  }
}

export const adam: Transcription = () => {
  const of = own(({ x }) => ({ m: zeros(x), v: zeros(x), top: zeros(x), k: 0 }))
  return {
    step: (tensors) =>
      each(tensors, (tensor) => {
        const { h } = tensor
        const [beta1, beta2] = numbers(h, 'betas')
        const memory = of(tensor)
        const k = ++memory.k
        const g = coupled(tensor)
        const lr = number(h, 'lr')
        const u = g.map((gi, i) => {
          memory.m[i] = beta1 * memory.m[i] + (1 - beta1) * gi
          memory.v[i] = beta2 * memory.v[i] + (1 - beta2) * gi * gi
          memory.top[i] = Math.max(memory.top[i], memory.v[i])
          const v = h.amsgrad ? memory.top[i] : memory.v[i]
          return (-lr * (memory.m[i] / (1 - beta1 ** k))) / (Math.sqrt(v / (1 - beta2 ** k)) + number(h, 'eps'))
        })
        return decoupled(u, tensor, lr)
      }),
  }
}

export const adagrad: Transcription = () => {
  const of = own(({ x, h }) => ({ G: x.map(() => number(h, 'initialAccumulatorValue')), s: zeros(x), k: 0 }))
  return {
    step: (tensors) =>
      each(tensors, (tensor) => {
        const { h, moved } = tensor
        const memory = of(tensor)
        const gamma = number(h, 'lr') / (1 + memory.k * number(h, 'lrDecay'))
        memory.k++
        return coupled(tensor).map((gi, i) => {
          memory.G[i] += gi * gi
          memory.s[i] += gi
          const direction = h.primalDual ? memory.s[i] : gi
          const step = -gamma * ratio(direction, Math.sqrt(memory.G[i]) + number(h, 'eps'))
          return h.primalDual ? step - moved[i] : step
        })
      }),
  }
}

export const adagradNorm: Transcription = () => {
  let G = 0
  return {
    step(tensors) {
      G += ofGradients(tensors, (tensor) => square(coupled(tensor)))
      return each(tensors, (tensor) =>
        times(-ratio(number(tensor.h, 'lr'), Math.sqrt(G) + number(tensor.h, 'eps')), coupled(tensor)),
      )
    },
  }
}

export const adamG: Transcription = () => {
  const of = own(({ x }) => ({ m: zeros(x), v: zeros(x), r: zeros(x), k: 0 }))
  return {
    step: (tensors) =>
      each(tensors, (tensor) => {
        const { h } = tensor
        const [beta1, beta2, beta3] = numbers(h, 'betas')
        const memory = of(tensor)
        const k = ++memory.k
        const eta = Math.min(number(h, 'lr'), 1 / Math.sqrt(k))
        const u = coupled(tensor).map((gi, i) => {
          memory.v[i] = beta2 * memory.v[i] + (1 - beta2) * gi * gi
          memory.r[i] = beta3 * memory.r[i] + (1 - beta3) * number(h, 'p') * memory.v[i] ** number(h, 'q')
          memory.m[i] = beta1 * memory.m[i] + (1 - beta1) * memory.r[i] * gi
          return (-eta * (memory.m[i] / (1 - beta1 ** k))) / (Math.sqrt(memory.v[i] / (1 - beta2 ** k)) + number(h, 'eps'))
        })
        return decoupled(u, tensor, eta)
      }),
  }
}

export const cocob: Transcription = () => {
  const of = own(({ x, h }) => ({ L: x.map(() => number(h, 'eps')), G: zeros(x), R: zeros(x), theta: zeros(x) }))
  return {
    step: (tensors) =>
      each(tensors, (tensor) => {
        const { h, moved } = tensor
        const { L, G, R, theta } = of(tensor)
        return coupled(tensor).map((gi, i) => {
          const c = number(h, 'lr') * gi
          L[i] = Math.max(L[i], Math.abs(c))
          G[i] += Math.abs(c)
          R[i] = Math.max(R[i] - c * moved[i], 0)
          theta[i] -= c
          return (theta[i] * (L[i] + R[i])) / (L[i] * Math.max(G[i] + L[i], number(h, 'alpha') * L[i])) - moved[i]
        })
      }),
  }
}

export const dog: Transcription = (h, start) => {
  const given = h.initEta as number | null
  let rBar = given === null ? number(h, 'repsRel') * (1 + norm(start.reduce((all, { x }) => all + square(x), 0))) : 0
  let G = number(h, 'eps')
  const distances = kept()
  return {
    step(tensors) {
      rBar = Math.max(rBar, norm(sum(distances(tensors, ({ moved }) => square(moved)))))
      G += ofGradients(tensors, (tensor) => square(coupled(tensor)))
      return each(tensors, (tensor) => {
        const eta = given !== null && rBar === 0 ? given : number(tensor.h, 'lr') * ratio(rBar, Math.sqrt(G))
        return times(-eta, coupled(tensor))
      })
    },
  }
}

export const ldog: Transcription = () => {
  const of = own(({ x, h }) => ({
    rBar: h.initEta === null ? number(h, 'repsRel') * (1 + norm(square(x))) : 0,
    G: number(h, 'eps'),
  }))
  return {
    step(tensors) {
      for (const tensor of tensors) of(tensor)
      return each(tensors, (tensor) => {
        const { h, moved } = tensor
        const memory = of(tensor)
        const g = coupled(tensor)
        memory.rBar = Math.max(memory.rBar, norm(square(moved)))
        memory.G += square(g)
        const first = h.initEta !== null && memory.rBar === 0
        return times(first ? -number(h, 'initEta') : -number(h, 'lr') * ratio(memory.rBar, Math.sqrt(memory.G)), g)
      })
    },
  }
}

export const dowg: Transcription = (h) => {
  let [r2, v] = [number(h, 'eps'), 0]
  const distances = kept()
  return {
    step(tensors, _, now) {
      r2 = Math.max(r2, sum(distances(tensors, ({ moved }) => square(moved))))
      v += r2 * ofGradients(tensors, (tensor) => square(coupled(tensor)))
      return each(tensors, (tensor) =>
        times((-number(tensor.h, 'lr') * r2) / (Math.sqrt(v) + number(now, 'eps')), coupled(tensor)),
      )
    },
  }
}

export const cdowg: Transcription = () => {
  const of = own(({ x }) => ({ r2: x.map(() => 1e-4), v: zeros(x) }))
  return {
    step: (tensors) =>
      each(tensors, (tensor) => {
        const { h, moved } = tensor
        const { r2, v } = of(tensor)
        return coupled(tensor).map((gi, i) => {
          r2[i] = Math.max(r2[i], moved[i] ** 2)
          v[i] += r2[i] * gi * gi
          return (-number(h, 'lr') * r2[i] * gi) / (Math.sqrt(v[i]) + number(h, 'eps'))
        })
      }),
  }
}

export const polyak: Transcription = () => ({
  step(tensors, loss, h) {
    const squares = ofGradients(tensors, ({ g }) => square(g))
    const eta = Math.min(Math.max(ratio(loss - number(h, 'fOpt'), squares), number(h, 'lrMin')), number(h, 'lrMax'))
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
          ? Math.min(Math.max((loss - number(h, 'fstar')) / denominator, 0), (h.etaMax ?? Number.POSITIVE_INFINITY) as number)
          : Math.min(growth * eta, loss / denominator)
      const moves = squares > 1e-16
      if (moves) eta = rule
      return each(tensors, (tensor) => times(moves ? -number(tensor.h, 'lr') * eta : 0, tensor.g))
    },
  }
}

/** A step of a length that may fall as 1/√k, k being the steps of the tensor. */
const falling =
  (length: (tensor: Taking, k: number, norm: number) => number): Transcription =>
  () => {
    const of = own(() => ({ k: 0 }))
    return {
      step(tensors) {
        const size = norm(ofGradients(tensors, (tensor) => square(coupled(tensor))))
        return each(tensors, (tensor) => times(-length(tensor, ++of(tensor).k, size), coupled(tensor)))
      },
    }
  }
export const subgradient = falling(({ h }, k) => {
  const rule = h.D === null || h.G === null ? 1 : number(h, 'D') / (number(h, 'G') * Math.sqrt(k))
  return number(h, 'lr') * rule
})
export const normalizedGradient = falling(({ h }, k, size) =>
  ratio(number(h, 'lr') * (h.D === null ? 1 : number(h, 'D') / Math.sqrt(k)), size),
)

/** The step size of the model, and the lower bound that it leaves. */
function model(h: Readonly<Record<string, unknown>>, f: number, gamma: number, mx: number, m2: number, rho: number, lb: number) {
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
      return each(tensors, (tensor) => of(tensor).m.map((mi, i) => (tensor.x[i] - tau * mi) / shrink - tensor.x[i]))
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
