/** Transcriptions of Prodigy, and of dual averaging with D-Adaptation. */
import { bias, estimate, square } from './estimate.ts'
import {
  coupled,
  decoupled,
  dot,
  each,
  kept,
  norm1,
  number,
  numbers,
  ofGradients,
  own,
  ratio,
  sum,
  type Taking,
  type Tensor,
  type Transcription,
  takes,
  total,
  type Vector,
  zeros,
} from './parts.ts'

/**
 * The average of the points with the weights of a tensor, over the steps that it took part in, kept
 * as what it is.
 */
const averages = () => {
  const of = own(({ x }) => ({ mean: [...x], weight: 0 }))
  return {
    /** Takes in the x before the step. */
    add(tensor: Taking, w: number) {
      const memory = of(tensor)
      memory.weight += w
      const part = ratio(w, memory.weight)
      memory.mean = memory.mean.map((each, i) =>
        part === 1 ? tensor.x[i] : each + part * (tensor.x[i] - each),
      )
    },
    mean: (tensor: Tensor) => of(tensor).mean,
  }
}

export const dualAveraging: Transcription = (start) => {
  const of = own(({ x }) => ({ s: zeros(x) }))
  const average = averages()
  const squares = kept()
  let [d, q, G2] = [number(start, 'd0'), 0, number(start, 'G') ** 2]
  return {
    d: () => d,
    evaluated: average.mean,
    step(tensors, _, h) {
      const lambda = (tensor: Tensor) => d * number(tensor.h, 'lr')
      const now = ofGradients(tensors, ({ g }) => square(g))
      const before = G2 > 0 ? 1 / Math.sqrt(G2) : ratio(1, Math.sqrt(now))
      G2 += now
      const gamma = ratio(1, Math.sqrt(G2))
      const gained = ofGradients(tensors, (tensor) =>
        h.option === 'I'
          ? lambda(tensor) ** 2 * square(tensor.g)
          : lambda(tensor) * dot(tensor.g, of(tensor).s),
      )
      q += before * gained
      for (const tensor of tensors.filter(takes)) {
        for (const [i, gi] of tensor.g.entries()) of(tensor).s[i] += lambda(tensor) * gi
        average.add(tensor, d)
      }
      const norm2 = sum(squares(tensors, (tensor) => square(of(tensor).s)))
      d = Math.max(d, ratio(h.option === 'I' ? (gamma * norm2 - q) / 2 : q, Math.sqrt(norm2)))
      return each(tensors, (tensor) => of(tensor).s.map((si, i) => -(gamma * si + tensor.moved[i])))
    },
  }
}

export const prodigyGd: Transcription = (start) => {
  const average = averages()
  const squares = kept()
  let [d, q, A] = [number(start, 'd0'), 0, 0]
  return {
    d: () => d,
    evaluated: average.mean,
    step(tensors) {
      const lambda = ({ h }: Tensor) => number(h, 'lr')
      A += ofGradients(tensors, (tensor) => (d * lambda(tensor)) ** 2 * square(tensor.g))
      const eta = (tensor: Tensor) =>
        ratio(d ** 2 * lambda(tensor), Math.sqrt((d * number(tensor.h, 'G')) ** 2 + A))
      const updates = each(tensors, (tensor) => tensor.g.map((gi) => -eta(tensor) * gi))
      q -= ofGradients(tensors, (tensor) => eta(tensor) * dot(tensor.g, tensor.moved))
      const ends = (tensor: Taking) =>
        tensor.moved.map((each, i) => each + (updates.get(tensor.id)?.[i] ?? 0))
      const norm = Math.sqrt(sum(squares(tensors, (tensor) => square(ends(tensor)))))
      for (const tensor of tensors.filter(takes)) average.add(tensor, eta(tensor))
      d = Math.max(d, ratio(q, norm))
      return updates
    },
  }
}

export const prodigyDa: Transcription = (start) => {
  const of = own(({ x }) => ({ s: zeros(x) }))
  const average = averages()
  const squares = kept()
  let [d, q, A] = [number(start, 'd0'), 0, 0]
  return {
    d: () => d,
    evaluated: average.mean,
    step(tensors) {
      const lambda = ({ h }: Tensor) => number(h, 'lr')
      q -= ofGradients(tensors, (tensor) => lambda(tensor) * d ** 2 * dot(tensor.g, tensor.moved))
      A += ofGradients(tensors, (tensor) => (d * lambda(tensor)) ** 2 * square(tensor.g))
      for (const tensor of tensors.filter(takes)) {
        const w = lambda(tensor) * d ** 2
        for (const [i, gi] of tensor.g.entries()) of(tensor).s[i] += w * gi
        average.add(tensor, w)
      }
      d = Math.max(d, ratio(q, Math.sqrt(sum(squares(tensors, (tensor) => square(of(tensor).s))))))
      return each(tensors, (tensor) => {
        const gamma = ratio(1, Math.sqrt((lambda(tensor) * d * number(tensor.h, 'G')) ** 2 + A))
        return of(tensor).s.map((si, i) => -(gamma * si + tensor.moved[i]))
      })
    },
  }
}

export const prodigy: Transcription = (start) => {
  const of = own(({ x }) => ({
    m: zeros(x),
    v: zeros(x),
    s: zeros(x),
    k: 0,
    x0: undefined as Vector | undefined,
  }))
  const d = estimate(start)
  const lengths = kept()
  const d0 = number(start, 'd0')
  let [r, dMax] = [0, d0]
  return {
    d: d.now,
    step(tensors, _, h) {
      const beta3 = (h.beta3 as number | null) ?? Math.sqrt(numbers(h, 'betas')[1])
      const before = d.now()
      const lambda = (tensor: Tensor) =>
        before * number(tensor.h, 'lr') * bias(tensor, of(tensor).k + 1)
      let gained = 0
      for (const tensor of tensors) {
        const { m, v, s } = of(tensor)
        if (!takes(tensor)) {
          for (const i of s.keys()) s[i] *= beta3
          continue
        }
        const [beta1, beta2] = numbers(tensor.h, 'betas')
        const every = number(tensor.h, 'sliceP')
        const g = coupled(tensor)
        for (const [i, gi] of g.entries()) {
          m[i] = beta1 * m[i] + (1 - beta1) * before * gi
          v[i] = beta2 * v[i] + (1 - beta2) * (before * gi) ** 2
          if (i % every) continue
          s[i] = beta3 * s[i] + (before / d0) * (h.safeguardWarmup ? before : lambda(tensor)) * gi
        }
        gained += lambda(tensor) * total(g.length, (i) => (i % every ? 0 : g[i] * -tensor.moved[i]))
      }
      r = beta3 * r + (before / d0) * gained
      const length = sum(
        lengths(
          tensors,
          (tensor) => norm1(of(tensor).s),
          () => beta3,
        ),
      )
      const dHat = number(h, 'dCoef') * ratio(r, length)
      dMax = Math.max(dMax, dHat)
      // The growth limit is on the largest estimate so far; only d₀ may grow without one.
      const from = before > d0 ? before : Math.max(before, dHat)
      d.take(
        dHat,
        h,
        number(h, 'growthRate') === Number.POSITIVE_INFINITY
          ? dHat
          : Math.min(dMax, number(h, 'growthRate') * from),
      )
      const asPackage = h.compat === 'prodigyopt'
      const inStep = asPackage ? d.now() : before
      const updates = each(tensors, (tensor) => {
        const { m, v } = of(tensor)
        const beta1 = numbers(tensor.h, 'betas')[0]
        const g = coupled(tensor)
        const u = v.map((vi, i) => {
          const direction = h.noFirstMoment && beta1 === 0 ? inStep * g[i] : m[i]
          return (-lambda(tensor) * direction) / (Math.sqrt(vi) + inStep * number(tensor.h, 'eps'))
        })
        const move = decoupled(u, tensor, lambda(tensor))
        return asPackage && !(length > 0) ? zeros(move) : move
      })
      if (length > 0) for (const tensor of tensors.filter(takes)) of(tensor).k++
      return updates
    },
  }
}
