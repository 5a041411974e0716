/** Transcriptions of the wrappers: each takes a rule and is one. */
import {
  dot,
  each,
  kept,
  number,
  ofGradients,
  own,
  type Rule,
  ratio,
  sum,
  type Tensor,
  takes,
  zeros,
} from './parts.ts'

type Wrapping = (inner: Rule, options: Readonly<Record<string, number>>) => Rule
const square = (a: readonly number[]) => dot([...a], [...a])
const update = (updates: ReadonlyMap<number, number[]>, { id }: Tensor): number[] =>
  updates.get(id) ?? []

const averaged: Wrapping = (inner, { gamma }) => {
  const of = own(({ x }) => ({ mean: [...x], t: 0 }))
  return {
    ...inner,
    step(tensors, loss, h) {
      const updates = inner.step(tensors, loss, h)
      for (const tensor of tensors) {
        const memory = of(tensor)
        if (!takes(tensor)) continue
        memory.t++
        const w = (gamma + 1) / (memory.t + gamma)
        const u = update(updates, tensor)
        memory.mean = memory.mean.map((each, i) => each + w * (tensor.x[i] + u[i] - each))
      }
      return updates
    },
    evaluated: (tensor) => of(tensor).mean,
  }
}

const clipByGlobalNorm: Wrapping = (inner, { max }) => ({
  ...inner,
  step(tensors, loss, h) {
    const norm = Math.sqrt(ofGradients(tensors, ({ g }) => square(g)))
    const weight = norm > max ? max / norm : 1
    return inner.step(
      tensors.map((tensor) => ({ ...tensor, g: tensor.g?.map((gi) => weight * gi) })),
      loss,
      h,
    )
  },
})

const mechanic: Wrapping = (inner, { weightDecay, eps, sInit, numBetas }) => {
  const of = own(({ x }) => ({ delta: zeros(x) }))
  const tuners = Array.from({ length: numBetas }, (_, i) => ({
    beta: 1 - 0.1 ** (i + 1),
    r: 0,
    m: 0,
    v: 0,
    s: 0,
  }))
  const [points, products] = [kept(), kept()]
  return {
    ...inner,
    step(tensors, loss, h) {
      const S = tuners.reduce((all, { s }) => all + s, 0)
      const norm = Math.sqrt(sum(points(tensors, ({ x }) => square(x))))
      const along = sum(products(tensors, (tensor) => dot(tensor.x, of(tensor).delta)))
      const pull =
        weightDecay *
        S *
        ratio(Math.sqrt(ofGradients(tensors, ({ g }) => square(g))), norm + eps) *
        along
      const gain = -(ofGradients(tensors, (tensor) => dot(tensor.g, of(tensor).delta)) + pull)
      const updates = inner.step(tensors, loss, h)
      for (const tuner of tuners) {
        const { beta, m } = tuner
        tuner.r = beta * tuner.r + tuner.s * Math.max(-m, Math.min(m, gain))
        tuner.m = Math.max(beta * m, Math.abs(gain) + eps)
        tuner.v = beta ** 2 * tuner.v + gain ** 2
        tuner.s = ((sInit / numBetas) * tuner.m + Math.max(tuner.r, 0)) / (Math.sqrt(tuner.v) + eps)
      }
      const scale = tuners.reduce((all, { s }) => all + s, 0)
      return each(tensors, (tensor) => {
        const memory = of(tensor)
        const u = update(updates, tensor)
        memory.delta = memory.delta.map((each, i) => each + u[i])
        return memory.delta.map((each, i) => scale * each - tensor.moved[i])
      })
    },
  }
}

/** With its points as the paper has them: y, where gradients are taken, z and x. */
const scheduleFree: Wrapping = (inner, { momentum: beta, weightLrPower, r, weightDecayAtY }) => {
  const of = own(({ x }) => ({ z: [...x], x: [...x], weights: 0, lambda: 0, k: 0 }))
  const d = () => inner.d?.() ?? 1
  return {
    ...inner,
    step(tensors, loss, h) {
      const before = d()
      const decayed = tensors.map((tensor) => {
        const memory = of(tensor)
        const shrink = takes(tensor) ? weightDecayAtY * before * number(tensor.h, 'lr') : 0
        const z = memory.z.map((zi, i) => zi - shrink * tensor.x[i])
        const start = tensor.x.map((yi, i) => yi - tensor.moved[i])
        return { ...tensor, x: z, moved: z.map((zi, i) => zi - start[i]) }
      })
      const updates = inner.step(decayed, loss, h)
      return each(tensors, (tensor) => {
        const memory = of(tensor)
        const u = update(updates, tensor)
        const z = decayed.find(({ id }) => id === tensor.id)?.x ?? []
        memory.k++
        memory.lambda = Math.max(memory.lambda, d() * number(tensor.h, 'lr'))
        const weight = memory.lambda ** weightLrPower * memory.k ** r
        memory.weights += weight
        const c = ratio(weight, memory.weights)
        memory.z = z.map((zi, i) => zi + u[i])
        memory.x = memory.x.map((xi, i) => (1 - c) * xi + c * memory.z[i])
        return tensor.x.map((yi, i) => beta * memory.x[i] + (1 - beta) * memory.z[i] - yi)
      })
    },
    evaluated: (tensor) => of(tensor).x,
  }
}

/** A step that is skipped did not happen. */
const skipNonFinite: Wrapping = (inner) => ({
  ...inner,
  step(tensors, loss, h) {
    const wrong = ofGradients(tensors, ({ g }) => g.filter((gi) => !Number.isFinite(gi)).length)
    return wrong > 0 ? each(tensors, ({ x }) => zeros(x)) : inner.step(tensors, loss, h)
  },
})

/** The wrappers by name. */
export const wrappings: Readonly<Record<string, Wrapping>> = {
  averaged,
  clipByGlobalNorm,
  mechanic,
  scheduleFree,
  skipNonFinite,
}
