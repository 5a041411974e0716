/** Transcriptions of D-Adaptation, but for dual averaging. */
import { bias, estimate, square, times, weighted } from './estimate.ts'
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
  type Tensor,
  type Transcription,
  takes,
  total,
  type Vector,
  zeros,
} from './parts.ts'

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
      q += ofGradients(
        tensors,
        (tensor) => lambda(tensor) ** 2 * weighted(coupled(tensor), of(tensor).a, eps(tensor)),
      )
      const norm = sum(
        norms(tensors, (tensor) => weighted(of(tensor).s, of(tensor).a, eps(tensor))),
      )
      d.take(ratio(norm - q, sum(lengths(tensors, (tensor) => norm1(of(tensor).s)))), h)
      return each(tensors, (tensor) => {
        const { a, s } = of(tensor)
        const mu = number(tensor.h, 'momentum')
        return s.map(
          (si, i) => -(1 - mu) * (si / (Math.sqrt(a[i]) + eps(tensor)) + tensor.moved[i]),
        )
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
      const lambda = (tensor: Tensor) =>
        d.now() * number(tensor.h, 'lr') * bias(tensor, of(tensor).k + 1)
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
  const of = own(({ x }) => ({
    m: zeros(x),
    n: zeros(x),
    v: zeros(x),
    s: zeros(x),
    last: undefined as Vector | undefined,
  }))
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
      return each(tensors, (tensor) =>
        of(tensor).s.map((si, i) => -(1 - number(tensor.h, 'momentum')) * (si + tensor.moved[i])),
      )
    },
  }
}
