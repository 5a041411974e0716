/** Transcriptions of the algorithms that estimate the distance to the solution: D-Adaptation and Prodigy. */
import {
  coupled,
  decoupled,
  dot,
  each,
  kept,
  norm1,
  number,
  numbers,
  type Options,
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

const square = (a: Vector) => dot(a, a)
/** ‖a‖² in the norm of 1 / (√v + ε) */
const weighted = (a: Vector, v: Vector, eps: number) => total(a.length, (i) => a[i] * (a[i] / (Math.sqrt(v[i]) + eps)))
/** Σ of each tensor's number times a factor of its own. */
const times = (tensors: readonly Tensor[], contributions: ReadonlyMap<number, number>, factor: (tensor: Tensor) => number) =>
  tensors.reduce((all, tensor) => all + factor(tensor) * (contributions.get(tensor.id) ?? 0), 0)

/** d and the limits on it. */
function estimate(start: Options) {
  let d = number(start, 'd0')
  let steps = 0
  return {
    now: () => d,
    take(dHat: number, h: Options, grown = Math.min(dHat, number(h, 'growthRate') * d)) {
      if (steps < number(h, 'adaptSteps')) d = Math.max(d, Math.min(grown, number(h, 'dLimit')))
      steps++
    },
  }
}

/** √(1 − β₂ᵏ) / (1 − β₁ᵏ), k being the steps of the tensor from the first gradient that is not zero on. */
const bias = ({ h }: Tensor, k: number): number => {
  const [beta1, beta2] = numbers(h, 'betas')
  return h.useBiasCorrection ? Math.sqrt(1 - beta2 ** k) / (1 - beta1 ** k) : 1
}

export const dadaptAdagrad: Transcription = (start) => {
  const of = own(({ x }) => ({ a: x.map(() => 1e-6), s: zeros(x) }))
  const d = estimate(start)
  const [norms, lengths] = [kept(), kept()]
  let q = 0
  return {
    d: d.now,
    step(tensors, _, h) {
      const lambda = ({ h }: Tensor) => d.now() * number(h, 'lr')
      const eps = ({ h }: Tensor) => number(h, 'eps')
      for (const tensor of tensors.filter(takes))
        for (const [i, gi] of coupled(tensor).entries()) {
          of(tensor).a[i] += gi * gi
          of(tensor).s[i] += lambda(tensor) * gi
        }
      q += ofGradients(tensors, (tensor) => lambda(tensor) ** 2 * weighted(coupled(tensor), of(tensor).a, eps(tensor)))
      const norm = sum(norms(tensors, (tensor) => weighted(of(tensor).s, of(tensor).a, eps(tensor))))
      d.take(ratio(norm - q, sum(lengths(tensors, (tensor) => norm1(of(tensor).s)))), h)
      return each(tensors, (tensor) => {
        const { a, s } = of(tensor)
        const mu = number(tensor.h, 'momentum')
        return s.map((si, i) => -(1 - mu) * (si / (Math.sqrt(a[i]) + eps(tensor)) + tensor.moved[i]))
      })
    },
  }
}

export const dadaptAdam: Transcription = (start) => {
  const of = own(({ x }) => ({ m: zeros(x), v: zeros(x), s: zeros(x), k: 0 }))
  const d = estimate(start)
  const [norms, lengths] = [kept(), kept()]
  let q = 0
  return {
    d: d.now,
    step(tensors, _, h) {
      const preprint = h.form === 'preprint'
      const beta = preprint ? numbers(h, 'betas')[1] : Math.sqrt(numbers(h, 'betas')[1])
      const scale = (tensor: Tensor) => number(tensor.h, 'layerScale')
      const lambda = (tensor: Tensor) => d.now() * number(tensor.h, 'lr') * bias(tensor, of(tensor).k + 1)
      let gained = 0
      for (const tensor of tensors) {
        const { m, v, s } = of(tensor)
        if (!takes(tensor)) {
          for (const i of s.keys()) s[i] *= beta
          continue
        }
        const [beta1, beta2] = numbers(tensor.h, 'betas')
        const [eps, step] = [number(tensor.h, 'eps'), lambda(tensor)]
        const g = coupled(tensor)
        const product = total(g.length, (i) => g[i] * (s[i] / (Math.sqrt(v[i]) + eps)))
        for (const [i, gi] of g.entries()) {
          m[i] = beta1 * m[i] + scale(tensor) * step * (1 - beta1) * gi
          v[i] = beta2 * v[i] + (1 - beta2) * gi * gi
          s[i] = beta * s[i] + step * (1 - beta) * gi
        }
        gained += preprint ? step ** 2 * weighted(g, v, eps) : scale(tensor) * step * product
      }
      q = beta * q + (1 - beta) * gained
      const length = times(
        tensors,
        lengths(
          tensors,
          (tensor) => norm1(of(tensor).s),
          () => beta,
        ),
        scale,
      )
      const norm = sum(
        norms(
          tensors,
          (tensor) => weighted(of(tensor).s, of(tensor).v, number(tensor.h, 'eps')),
          () => beta ** 2,
        ),
      )
      const updates = each(tensors, (tensor) => {
        const { m, v } = of(tensor)
        const u = m.map((mi, i) => -mi / (Math.sqrt(v[i]) + number(tensor.h, 'eps')))
        return decoupled(u, tensor, lambda(tensor))
      })
      d.take(ratio(preprint ? norm / (1 - beta) - q : q / (1 - beta), length), h)
      if (length > 0) for (const tensor of tensors.filter(takes)) of(tensor).k++
      return updates
    },
  }
}

export const dadaptAdan: Transcription = (start) => {
  const of = own(({ x }) => ({ m: zeros(x), n: zeros(x), v: zeros(x), s: zeros(x), last: undefined as Vector | undefined }))
  const d = estimate(start)
  const [norms, lengths] = [kept(), kept()]
  let q = 0
  return {
    d: d.now,
    step(tensors, _, h) {
      const beta = numbers(h, 'betas')[2]
      const lambda = (tensor: Tensor) => d.now() * number(tensor.h, 'lr')
      const eps = ({ h }: Tensor) => number(h, 'eps')
      let spent = 0
      for (const tensor of tensors) {
        const { m, n, v, s, last } = of(tensor)
        if (!takes(tensor)) {
          for (const i of s.keys()) s[i] *= beta
          continue
        }
        const [beta1, beta2] = numbers(tensor.h, 'betas')
        for (const [i, gi] of tensor.g.entries()) {
          const change = last ? gi - last[i] : 0
          m[i] = beta1 * m[i] + lambda(tensor) * (1 - beta1) * gi
          n[i] = beta2 * n[i] + lambda(tensor) * (1 - beta2) * change
          v[i] = beta * v[i] + (1 - beta) * (gi + beta2 * change) ** 2
          s[i] = beta * s[i] + lambda(tensor) * (1 - beta) * gi
        }
        spent += lambda(tensor) ** 2 * weighted(tensor.g, v, eps(tensor))
      }
      q = beta * q + (1 - beta) * spent
      const length = sum(
        lengths(
          tensors,
          (tensor) => norm1(of(tensor).s),
          () => beta,
        ),
      )
      const norm = sum(
        norms(
          tensors,
          (tensor) => weighted(of(tensor).s, of(tensor).v, eps(tensor)),
          () => beta ** 2,
        ),
      )
      const updates = each(tensors, (tensor) => {
        const { m, n, v } = of(tensor)
        const decay = lambda(tensor) * number(tensor.h, 'weightDecay')
        const beta2 = numbers(tensor.h, 'betas')[1]
        return m.map((mi, i) => {
          const step = -(mi + beta2 * n[i]) / (Math.sqrt(v[i]) + eps(tensor))
          return h.noProx ? step - decay * tensor.x[i] : (step - decay * tensor.x[i]) / (1 + decay)
        })
      })
      d.take(ratio(norm / (1 - beta) - q, length), h)
      if (length > 0) for (const tensor of tensors.filter(takes)) of(tensor).last = [...tensor.g]
      return updates
    },
  }
}

export const dadaptLion: Transcription = (start) => {
  const of = own(({ x }) => ({ m: zeros(x), s: zeros(x) }))
  const d = estimate(start)
  const lengths = kept()
  let q = 0
  return {
    d: d.now,
    step(tensors, _, h) {
      const beta = Math.sqrt(numbers(h, 'betas')[1])
      const updates = new Map<number, Vector>()
      let gained = 0
      for (const tensor of tensors) {
        const { m, s } = of(tensor)
        if (!takes(tensor)) {
          for (const i of s.keys()) s[i] *= beta
          continue
        }
        const lambda = d.now() * number(tensor.h, 'lr')
        const [beta1, beta2] = numbers(tensor.h, 'betas')
        const c = tensor.g.map((gi, i) => Math.sign(beta1 * m[i] + (1 - beta1) * gi))
        gained += lambda * dot(c, s)
        for (const [i, gi] of tensor.g.entries()) {
          m[i] = beta2 * m[i] + lambda * (1 - beta2) * gi
          s[i] = beta * s[i] + lambda * (1 - beta) * c[i]
        }
        updates.set(
          tensor.id,
          decoupled(
            c.map((ci) => -lambda * ci),
            tensor,
            lambda,
            true,
          ),
        )
      }
      q = beta * q + (1 - beta) * gained
      const length = sum(
        lengths(
          tensors,
          (tensor) => norm1(of(tensor).s),
          () => beta,
        ),
      )
      d.take(ratio(q / (1 - beta), length), h)
      return updates
    },
  }
}

export const dadaptSgd: Transcription = (start) => {
  const of = own(({ x }) => ({ s: zeros(x) }))
  const d = estimate(start)
  const squares = kept()
  let [q, first] = [0, 0]
  return {
    d: d.now,
    step(tensors, _, h) {
      if (!(first > 0)) first = Math.sqrt(ofGradients(tensors, ({ g }) => square(g)))
      const lambda = (tensor: Tensor) => number(tensor.h, 'lr') * ratio(d.now(), first)
      q += ofGradients(tensors, (tensor) => lambda(tensor) * dot(coupled(tensor), of(tensor).s))
      for (const tensor of tensors.filter(takes))
        for (const [i, gi] of coupled(tensor).entries()) of(tensor).s[i] += lambda(tensor) * gi
      const norm = Math.sqrt(sum(squares(tensors, (tensor) => square(of(tensor).s))))
      d.take(ratio(2 * q, norm), h)
      return each(tensors, (tensor) => of(tensor).s.map((si, i) => -(1 - number(tensor.h, 'momentum')) * (si + tensor.moved[i])))
    },
  }
}

/** The average of the points with the weights of a tensor, over the steps that it took part in, kept as what it is. */
const averages = () => {
  const of = own(({ x }) => ({ mean: [...x], weight: 0 }))
  return {
    /** Takes in the x before the step. */
    add(tensor: Taking, w: number) {
      const memory = of(tensor)
      memory.weight += w
      const part = ratio(w, memory.weight)
      memory.mean = memory.mean.map((each, i) => (part === 1 ? tensor.x[i] : each + part * (tensor.x[i] - each)))
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
        h.option === 'I' ? lambda(tensor) ** 2 * square(tensor.g) : lambda(tensor) * dot(tensor.g, of(tensor).s),
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
      const eta = (tensor: Tensor) => ratio(d ** 2 * lambda(tensor), Math.sqrt((d * number(tensor.h, 'G')) ** 2 + A))
      const updates = each(tensors, (tensor) => tensor.g.map((gi) => -eta(tensor) * gi))
      q -= ofGradients(tensors, (tensor) => eta(tensor) * dot(tensor.g, tensor.moved))
      const ends = (tensor: Taking) => tensor.moved.map((each, i) => each + (updates.get(tensor.id)?.[i] ?? 0))
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
  const of = own(({ x }) => ({ m: zeros(x), v: zeros(x), s: zeros(x), k: 0, x0: undefined as Vector | undefined }))
  const d = estimate(start)
  const lengths = kept()
  const d0 = number(start, 'd0')
  let [r, dMax] = [0, d0]
  return {
    d: d.now,
    step(tensors, _, h) {
      const beta3 = (h.beta3 as number | null) ?? Math.sqrt(numbers(h, 'betas')[1])
      const before = d.now()
      const lambda = (tensor: Tensor) => before * number(tensor.h, 'lr') * bias(tensor, of(tensor).k + 1)
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
        number(h, 'growthRate') === Number.POSITIVE_INFINITY ? dHat : Math.min(dMax, number(h, 'growthRate') * from),
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
