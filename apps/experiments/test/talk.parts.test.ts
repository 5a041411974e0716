// The parts of the talk's experiments, each against something that does not come from it: closed
// forms, differences, tfjs's own gradients, core's algorithms.
import { type Algorithm, cpu, createOptimizer, prodigy } from '@freestep/cpu'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { startBackend } from '../src/backend.ts'
import { batchAt, normals, uniforms } from '../src/random.ts'
import { checkText } from '../src/talk/docs.ts'
import type { Metric, Trace } from '../src/talk/experiment.ts'
import { experiments } from '../src/talk/experiments/index.ts'
import { drawLines } from '../src/talk/figures.ts'
import { causalTransformer } from '../src/talk/models/language.ts'
import {
  conv,
  convParams,
  dense,
  denseParams,
  layerNorm,
  normParams,
  products,
  weights,
} from '../src/talk/models/layers.ts'
import { lstm, lstmParams } from '../src/talk/models/lstm.ts'
import {
  absolute,
  type Convex,
  distance,
  dot,
  kink,
  maxAffine,
  norm,
} from '../src/talk/problems/convex.ts'
import { drawSparse, logistic } from '../src/talk/problems/logistic.ts'
import { SIZE, undersampled } from '../src/talk/problems/phantoms.ts'
import { loadText, SYMBOLS, windows, windowsAt } from '../src/talk/problems/text.ts'
import { readRecords } from '../src/talk/records.ts'
import { renderReport } from '../src/talk/report.ts'
import { bestOf, gapOf, rowNamed, rowsOf, spread } from '../src/talk/summary.ts'
import { reading, tables } from '../src/talk/table.ts'
import { prodigyVariant } from '../src/talk/variants/prodigyVariant.ts'
import { besideAdam } from '../src/talk/verdict.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const values = (tensor: tf.Tensor): number[] => Array.from(tensor.dataSync())
/** The largest difference of two tensors, relative to the largest of the second. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const largest = (list: number[]) => Math.max(...list.map(Math.abs))
  return largest(Array.from(a, (each, i) => each - b[i])) / largest(Array.from(b))
}

describe('convex problems', () => {
  const problems: Convex[] = [
    kink(3),
    absolute(3, 10),
    maxAffine(3, 10),
    logistic(drawSparse(300), 1 / 300),
  ]
  test.each(problems.map((problem) => [problem.name, problem] as const))(
    '%s: x* is least, and subgradients are what they are',
    (_, p) => {
      expect(Math.abs(p.f(p.xStar) - p.fStar)).toBeLessThan(1e-12 * (1 + p.fStar))
      const draw = normals(5)
      for (const scale of [1e-4, 1e-2, 1, 10]) {
        const x = p.xStar.map((each) => each + scale * draw())
        const y = p.xStar.map((each) => each + scale * draw())
        const g = new Float64Array(x.length)
        const value = p.f(x, g)
        expect(value).toBeGreaterThan(p.fStar)
        expect(p.f(x)).toBe(value)
        // f(y) ≥ f(x) + ⟨g, y − x⟩, at x* above all.
        for (const z of [y, p.xStar]) {
          const plane =
            value -
            1e-13 * (1 + norm(x)) * norm(g) +
            dot(
              g,
              z.map((each, i) => each - x[i]),
            )
          expect(p.f(z)).toBeGreaterThanOrEqual(plane - 1e-12 * Math.abs(value))
        }
        if (scale <= 1) expect(norm(g)).toBeLessThanOrEqual(p.G)
      }
    },
  )
  test('the distance is what was asked for', () => {
    for (const make of [absolute, maxAffine])
      expect(distance(make(7, 10).x0, make(7, 10).xStar)).toBeCloseTo(10, 12)
  })
  test('a row’s values and gradients have those of the whole as their mean', () => {
    for (const p of [absolute(2, 10), logistic(drawSparse(100), 0.01)]) {
      const x = p.x0.map((_, i) => Math.sin(i))
      const [whole, row, mean] = [
        new Float64Array(x.length),
        new Float64Array(x.length),
        new Float64Array(x.length),
      ]
      let value = 0
      for (let i = 0; i < (p.rows ?? 0); i++) {
        value += (p.row?.(i, x, row) ?? 0) / (p.rows ?? 1)
        for (const [j, each] of row.entries()) mean[j] += each / (p.rows ?? 1)
      }
      expect(value).toBeCloseTo(p.f(x, whole), 12)
      expect(apart(mean, whole)).toBeLessThan(1e-12)
    }
  })
  test('the gradient of logistic regression is that of differences, and zero at its solution', () => {
    const p = logistic(drawSparse(200), 0.01)
    const x = p.x0.map((_, i) => Math.cos(i))
    const g = new Float64Array(x.length)
    p.f(x, g)
    for (const j of [0, 7, x.length - 1]) {
      const at = (t: number) => p.f(x.map((each, i) => (i === j ? each + t : each)))
      expect((at(1e-5) - at(-1e-5)) / 2e-5).toBeCloseTo(g[j], 8)
    }
    p.f(p.xStar, g)
    expect(norm(g)).toBeLessThan(1e-12)
  })
})

describe('batches and draws', () => {
  test('an epoch has every row once, in an order of its own, whenever it is asked for', () => {
    const epoch = (seed: number, number: number) =>
      [0, 1, 2, 3].flatMap((k) => [...batchAt(20, 5, seed, 4 * number + k)])
    const sorted = (rows: number[]) => rows.toSorted((a, b) => a - b)
    expect(sorted(epoch(1, 0))).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(epoch(1, 3)).not.toEqual(epoch(1, 0))
    expect(epoch(2, 0)).not.toEqual(epoch(1, 0))
    for (let other = 4; other < 20; other++) epoch(1, other) // so that the first is forgotten
    expect([...batchAt(20, 5, 1, 2)]).toEqual(epoch(1, 0).slice(10, 15))
  })
  test('uniform and normal draws have the moments of their kind', () => {
    const moments = (draw: () => number) => {
      const all = Array.from({ length: 20_000 }, draw)
      return [1, 2, 4].map(
        (power) => all.reduce((sum, each) => sum + each ** power, 0) / all.length,
      )
    }
    const [mean, second] = moments(uniforms(1))
    expect(mean).toBeCloseTo(0.5, 1.8)
    expect(second).toBeCloseTo(1 / 3, 1.8)
    const [zero, one, three] = moments(normals(1))
    expect(Math.abs(zero)).toBeLessThan(0.03)
    expect(one).toBeCloseTo(1, 1)
    expect(Math.abs(three - 3)).toBeLessThan(0.3)
  })
})

describe('layers on wasm', () => {
  beforeAll(() => startBackend('wasm'))
  const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed)

  test('a convolution and its gradients are those of tfjs', async () => {
    const shapes = { x: [3, 7, 7, 2], w: [3, 3, 2, 4], r: [3, 7, 7, 4] }
    const [x, w, r] = Object.values(shapes).map((shape, i) => values(random(shape, i + 1)))
    const results = async (
      backend: 'wasm' | 'cpu',
      layer: (x: tf.Tensor4D, w: tf.Tensor4D) => tf.Tensor,
    ) => {
      await startBackend(backend)
      return tf.tidy(() => {
        const f = (x: tf.Tensor, w: tf.Tensor) =>
          tf.sum(
            tf.mul(layer(x as tf.Tensor4D, w as tf.Tensor4D), tf.tensor(r, shapes.r)),
          ) as tf.Scalar
        const [image, filter] = [tf.tensor(x, shapes.x), tf.tensor(w, shapes.w)]
        return [
          values(layer(image as tf.Tensor4D, filter as tf.Tensor4D)),
          ...tf.grads(f)([image, filter]).map(values),
        ]
      })
    }
    const theirs = await results('cpu', (x, w) => tf.conv2d(x, w, 1, 'same'))
    const ours = await results('wasm', (x, w) => conv({ 'c.w': w, 'c.b': tf.zeros([4]) }, 'c', x))
    for (const [i, each] of ours.entries()) expect(apart(each, theirs[i])).toBeLessThan(1e-5)
    expect(Object.keys(convParams(weights(1), 'c', 2, 4))).toEqual(['c.w', 'c.b'])
  })
  test('products of matrices have the gradients of tfjs', () => {
    const [a, b, r] = [random([4, 3, 5], 1), random([4, 5, 2], 2), random([4, 3, 2], 3)]
    const of = (product: (a: tf.Tensor3D, b: tf.Tensor3D) => tf.Tensor) =>
      tf.grads(
        (a: tf.Tensor, b: tf.Tensor) =>
          tf.sum(tf.mul(product(a as tf.Tensor3D, b as tf.Tensor3D), r)) as tf.Scalar,
      )([a, b])
    const [ours, theirs] = [of(products), of(tf.matMul)]
    for (const [i, each] of ours.entries())
      expect(apart(values(each), values(theirs[i]))).toBeLessThan(1e-5)
  })
  test('normalized rows have mean 0 and deviation 1', () => {
    const rows = tf.add(tf.mul(random([5, 8], 1), 3), 2)
    const normal = layerNorm(normParams('n', 8), 'n', rows)
    expect(Math.max(...values(tf.mean(normal, 1)).map(Math.abs))).toBeLessThan(1e-5)
    for (const each of values(tf.mean(tf.square(normal), 1))) expect(each).toBeCloseTo(1, 4)
  })
  test('the transformer cannot see what comes after', () => {
    const shape = { length: 6, width: 8, heads: 2, blocks: 2 }
    const model = causalTransformer(5, shape)
    const params = model.params(weights(1))
    const scores = (symbols: number[]) =>
      values(model.logits(params, tf.cast(tf.oneHot(symbols, 5), 'float32') as tf.Tensor2D))
    const [one, other] = [scores([0, 1, 2, 3, 4, 0]), scores([0, 1, 2, 3, 1, 2])]
    expect(apart(one.slice(0, 20), other.slice(0, 20))).toBeLessThan(1e-5)
    expect(apart(one.slice(20), other.slice(20))).toBeGreaterThan(1e-2)
  })
  test('an LSTM is its recurrence', () => {
    const [symbols, width, length] = [3, 4, 5]
    const params = lstmParams(weights(2), symbols, width)
    const [W, U, b] = [params['in.w'], params.hidden, params['in.b']].map(values)
    const sequence = [2, 0, 1, 1, 2]
    const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))
    let [h, c] = [Array<number>(width).fill(0), Array<number>(width).fill(0)]
    for (const symbol of sequence) {
      const gate = (name: number, j: number) =>
        W[symbol * 4 * width + name * width + j] +
        b[name * width + j] +
        h.reduce((sum, each, i) => sum + each * U[i * 4 * width + name * width + j], 0)
      c = c.map(
        (each, j) => sigmoid(gate(1, j)) * each + sigmoid(gate(0, j)) * Math.tanh(gate(3, j)),
      )
      h = h.map((_, j) => sigmoid(gate(2, j)) * Math.tanh(c[j]))
    }
    const scores = values(
      lstm(params, tf.cast(tf.oneHot(sequence, symbols), 'float32') as tf.Tensor2D, length),
    )
    const expected = values(dense(params, 'out', tf.tensor2d([h])))
    expect(apart(scores.slice(-symbols), expected)).toBeLessThan(1e-5)
    expect(Object.keys(denseParams(weights(1), 'd', 2, 3))).toEqual(['d.w', 'd.b'])
  })
})

describe('data', () => {
  test('the text is English prose in few symbols, and nothing of the test is trained on', async () => {
    const { train, test: held } = await loadText()
    expect(train.length).toBeGreaterThan(600_000)
    expect(held.length / train.length).toBeGreaterThan(0.03)
    for (const text of [train, held])
      for (const symbol of text) if (symbol >= SYMBOLS) throw new Error('no symbol')
    const read = (symbols: Uint8Array) =>
      Array.from(symbols, (each) => " abcdefghijklmnopqrstuvwxyz0.,-();'"[each]).join('')
    expect(read(held).includes('won the presidency in 0000 in an election')).toBe(true)
    expect(read(train).includes('the world')).toBe(true)
    const [some] = read(held).match(/[a-z ]{60,}/) ?? ['']
    expect(some.length).toBeGreaterThan(59)
    expect(read(train).includes(some)).toBe(false)
    const { inputs, targets } = windowsAt(train, 3, 10, 1, 5)
    for (const i of [0, 1, 2])
      expect([...inputs.subarray(10 * i + 1, 10 * i + 10)]).toEqual([
        ...targets.subarray(10 * i, 10 * i + 9),
      ])
    expect(windowsAt(train, 3, 10, 1, 5)).toEqual({ inputs, targets })
    expect([...windows(train, [7], 4).targets]).toEqual([...train.subarray(8, 12)])
  })
  test('what a scanner sees of a wave is all of it, half of it, or nothing', () => {
    // k and −k are lines of their own: a wave whose two lines are seen is whole, and of one with a
    // line missing half is left.
    const seen = (k: number, first: number) => {
      const wave = Float32Array.from({ length: SIZE * SIZE }, (_, at) =>
        Math.cos((2 * Math.PI * k * (at % SIZE)) / SIZE),
      )
      const result = undersampled(wave, first)
      return result[0] / wave[0]
    }
    for (const first of [0, 1, 2, 3])
      for (const k of [0, 1, 2]) expect(seen(k, first)).toBeCloseTo(1, 5)
    expect([8, 6, 5].map((k) => seen(k, 0))).toEqual(
      [1, 0, 0].map((share) => expect.closeTo(share, 5)),
    )
    expect([8, 6, 5].map((k) => seen(k, 1))).toEqual(
      [0, 0, 0.5].map((share) => expect.closeTo(share, 5)),
    )
  })
})

describe('Prodigy with its open choices', () => {
  const problem = logistic(drawSparse(200), 0.01)
  /** The parameters after so many steps. */
  async function path(
    algorithm: Algorithm,
    { x0, f }: Pick<Convex, 'x0' | 'f'> = problem,
    steps = 150,
  ): Promise<number[]> {
    const optimizer = await createOptimizer(algorithm, { x: Float64Array.from(x0) }, await cpu())
    const g = new Float64Array(x0.length)
    for (let k = 0; k < steps; k++) {
      f(optimizer.params.x, g)
      optimizer.step({ x: g })
    }
    return Array.from(optimizer.params.x)
  }

  test('is prodigy to the last bit where nothing is changed', async () => {
    const reference = await path(prodigy())
    expect(await path(prodigyVariant())).toEqual(reference)
    expect(await path(prodigyVariant({ safeguardWarmup: true, lr: (k) => 1 / (k + 1) }))).toEqual(
      await path(prodigy({ safeguardWarmup: true, lr: (k) => 1 / (k + 1) })),
    )
    expect(distance(reference, problem.xStar)).toBeLessThan(0.9 * norm(problem.xStar))
  })
  test('with one tensor a d per tensor is the shared one, with one coordinate also a d per coordinate', async () => {
    expect(await path(prodigyVariant({ per: 'tensor' }))).toEqual(await path(prodigy()))
    expect(await path(prodigyVariant({ per: 'coordinate' }))).not.toEqual(await path(prodigy()))
    expect(await path(prodigyVariant({ per: 'coordinate' }), kink(1))).toEqual(
      await path(prodigy(), kink(1)),
    )
  })
  test('each choice changes the path; d falls only where it may', async () => {
    const paths = await Promise.all(
      [{}, { fall: 0 }, { fall: 0.9 }, { power: 1 }, { power: 3 }].map((options) =>
        path(prodigyVariant(options)),
      ),
    )
    expect(new Set(paths.map(String)).size).toBe(5)
    for (const [fall, falls] of [
      [1, false],
      [0.5, true],
    ] as const) {
      const optimizer = await createOptimizer(
        prodigyVariant({ fall }),
        { x: Float64Array.from(problem.x0) },
        await cpu(),
      )
      const g = new Float64Array(problem.x0.length)
      const ds: number[] = []
      for (let k = 0; k < 300; k++) {
        problem.f(optimizer.params.x, g)
        optimizer.step({ x: g })
        ds.push((await optimizer.scalars()).d)
      }
      expect(ds.some((d, i) => i > 0 && d < ds[i - 1])).toBe(falls)
      expect(Math.min(...ds)).toBeGreaterThanOrEqual(1e-6)
    }
  })
})

describe('summaries', () => {
  const metric: Metric = {
    key: 'error',
    label: 'error',
    better: 'lower',
    gap: 'difference',
    format: String,
  }
  const trace = (
    method: string,
    lr: number | undefined,
    seed: number,
    error: number | null,
  ): Trace => ({
    problem: 'p',
    method,
    lr,
    free: lr === undefined,
    seed,
    steps: 1,
    stepsPerSecond: 1,
    final: { error },
    series: { step: [] },
  })
  const traces = [
    ...[
      trace('Adam', 0.1, 1, 4),
      trace('Adam', 0.1, 2, 6),
      trace('Adam', 0.01, 1, 1),
      trace('Adam', 0.01, 2, 2),
    ],
    ...[
      trace('Adam', 1, 1, null),
      trace('Adam', 1, 2, 0.5),
      trace('Prodigy', undefined, 1, 3),
      trace('Prodigy', undefined, 2, 1),
    ],
  ]
  test('mean and deviation', () => {
    expect(spread([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, deviation: Math.sqrt(32 / 7) })
    expect(spread([3, null, Number.NaN])).toEqual({ mean: 3, deviation: 0 })
  })
  test('rows, the best and the worst: what diverged once is worse than what never did', () => {
    const rows = rowsOf(traces, 'p', metric)
    expect(rows.map(({ label, rank, diverged }) => [label, rank, diverged])).toEqual([
      ['Prodigy', undefined, 0],
      ['Adam 0.1', undefined, 0],
      ['Adam 0.01', 'best', 0],
      ['Adam 1', 'worst', 1],
    ])
    const [best, row] = [bestOf(rows, metric), rowNamed(rows, 'Prodigy')]
    expect(best && row && gapOf(metric, row, best)).toBe(0.5)
  })
  test('of numbers that span decades the geometric mean, and quotients', () => {
    const rows = rowsOf(
      [trace('A', 1, 1, 1e-6), trace('A', 1, 2, 1e-2), trace('A', 2, 1, 1e-3)],
      'p',
      {
        ...metric,
        gap: 'ratio',
      },
    )
    expect(rows[0].value.mean).toBeCloseTo(1e-4, 10)
    expect(gapOf({ ...metric, gap: 'ratio' }, rows[0], rows[1])).toBeCloseTo(0.1, 10)
  })
})

describe('what is drawn and written', () => {
  test('a band that reaches below 0 ends at the bottom of a logarithmic axis', () => {
    const line = (low: number) => ({
      method: 'Adam',
      role: 'best' as const,
      label: 'Adam',
      points: [0.5, 0.8, 0.6].map((y, i) => ({
        x: 10 ** i,
        y,
        low: i === 1 ? low : 0.4,
        high: 0.9,
      })),
    })
    const axes = (low: number) =>
      drawLines([line(low)], { label: 'rate', log: true }, { label: 'error', log: true })
    for (const low of [-0.3, 0]) {
      expect(axes(low)).not.toContain('NaN')
      // As if it ended at the least number that is drawn.
      const paths = (svg: string) => svg.match(/d="[^"]*"/g)
      expect(paths(axes(low))).toEqual(paths(axes(0.4)))
    }
  })
  test('the docs refuse numbers that are none, and sentences that end twice', () => {
    for (const text of [
      'M1,NaNL2',
      'is NaN.',
      'tuned Adam. .',
      'the end..',
      'a, , b',
      'x undefined',
      '× Infinity',
      'a; .',
    ]) {
      expect(() => checkText('page', text), text).toThrow('page has text that should not be there')
    }
    for (const text of ['1, 1e-5, ... 1', 'k = 0, 1, 2, …', 'a.b.c', 'M1,2L.5.5', 'so. Then.'])
      checkText('page', text)
  })
  test('the text below tables speaks of the columns that they have', async () => {
    for (const { results } of await readRecords()) {
      const experiment = experiments.find(({ name }) => name === results.experiment)!
      const shown = tables(results.traces, experiment)
      const text = reading(shown, experiment)
      const heads = shown.flatMap((table) => table.heads)
      const named = [...text.matchAll(/“(beside best [^”]*)”/g)].map(([, head]) => head)
      expect(named).toEqual([...new Set(heads.filter((head) => head.startsWith('beside best')))])
      expect(text.includes('d is the method')).toBe(heads.includes('d'))
      expect(text.includes('Adam')).toBe(heads.includes('beside best Adam'))
      expect(renderReport(experiment, results)).toContain(text)
    }
  })
  test('a verdict beside Adam is beside Adam, whatever else is tuned, and says so where nothing was measured', () => {
    const metric: Metric = {
      key: 'e',
      label: 'error',
      better: 'lower',
      gap: 'difference',
      format: String,
    }
    const run = (method: string, e: number | null, lr?: number): Trace => ({
      problem: 'p',
      method,
      free: lr === undefined,
      seed: 1,
      steps: 1,
      stepsPerSecond: 1,
      final: { e },
      series: { step: [] },
      ...(lr !== undefined && { lr }),
    })
    const traces = [
      run('Prodigy', 3),
      run('Adam', 4, 1),
      run('Adam', 5, 2),
      run('SGD', 1, 1),
      run('SGD', 2, 2),
    ]
    const { verdict, because } = besideAdam(traces, metric, 'Prodigy', 0)
    expect([verdict, because]).toEqual([
      'reproduced',
      'Measure: no more than 0 worse than the best tuned Adam. p: Prodigy 3, Adam 4 (at 1).',
    ])
    const nothing = besideAdam(
      traces.map((trace) => ({ ...trace, final: {} })),
      metric,
      'Prodigy',
      0,
    )
    expect(nothing.because).toBe(
      'Measure: no more than 0 worse than the best tuned Adam. Not measured: error.',
    )
  })
})
