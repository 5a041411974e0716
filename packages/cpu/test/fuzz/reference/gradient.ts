/**
 * Transcriptions of the algorithms that estimate no distance and take no loss, and of DoG and DoWG.
 */
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
          return (
            (-lr * (memory.m[i] / (1 - beta1 ** k))) /
            (Math.sqrt(v / (1 - beta2 ** k)) + number(h, 'eps'))
          )
        })
        return decoupled(u, tensor, lr)
      }),
  }
}

export const adagrad: Transcription = () => {
  const of = own(({ x, h }) => ({
    G: x.map(() => number(h, 'initialAccumulatorValue')),
    s: zeros(x),
    k: 0,
  }))
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
        times(
          -ratio(number(tensor.h, 'lr'), Math.sqrt(G) + number(tensor.h, 'eps')),
          coupled(tensor),
        ),
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
          memory.r[i] =
            beta3 * memory.r[i] + (1 - beta3) * number(h, 'p') * memory.v[i] ** number(h, 'q')
          memory.m[i] = beta1 * memory.m[i] + (1 - beta1) * memory.r[i] * gi
          return (
            (-eta * (memory.m[i] / (1 - beta1 ** k))) /
            (Math.sqrt(memory.v[i] / (1 - beta2 ** k)) + number(h, 'eps'))
          )
        })
        return decoupled(u, tensor, eta)
      }),
  }
}

export const cocob: Transcription = () => {
  const of = own(({ x, h }) => ({
    L: x.map(() => number(h, 'eps')),
    G: zeros(x),
    R: zeros(x),
    theta: zeros(x),
  }))
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
          return (
            (theta[i] * (L[i] + R[i])) / (L[i] * Math.max(G[i] + L[i], number(h, 'alpha') * L[i])) -
            moved[i]
          )
        })
      }),
  }
}

export const dog: Transcription = (h, start) => {
  const given = h.initEta as number | null
  let rBar =
    given === null
      ? number(h, 'repsRel') * (1 + norm(start.reduce((all, { x }) => all + square(x), 0)))
      : 0
  let G = number(h, 'eps')
  const distances = kept()
  return {
    step(tensors) {
      rBar = Math.max(rBar, norm(sum(distances(tensors, ({ moved }) => square(moved)))))
      G += ofGradients(tensors, (tensor) => square(coupled(tensor)))
      return each(tensors, (tensor) => {
        const eta =
          given !== null && rBar === 0 ? given : number(tensor.h, 'lr') * ratio(rBar, Math.sqrt(G))
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
        return times(
          first
            ? -number(h, 'initEta')
            : -number(h, 'lr') * ratio(memory.rBar, Math.sqrt(memory.G)),
          g,
        )
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
        times(
          (-number(tensor.h, 'lr') * r2) / (Math.sqrt(v) + number(now, 'eps')),
          coupled(tensor),
        ),
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

/** A step of a length that may fall as 1/√k, k being the steps of the tensor. */
const falling =
  (length: (tensor: Taking, k: number, norm: number) => number): Transcription =>
  () => {
    const of = own(() => ({ k: 0 }))
    return {
      step(tensors) {
        const size = norm(ofGradients(tensors, (tensor) => square(coupled(tensor))))
        return each(tensors, (tensor) =>
          times(-length(tensor, ++of(tensor).k, size), coupled(tensor)),
        )
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
