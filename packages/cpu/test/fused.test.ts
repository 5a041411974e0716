/**
 * Fused steps are eager steps: to the last bit, with one tensor; and to the rounding of a sum with
 * several of mixed precision, where each step starts from the eager state, so that no chaos in the
 * algorithm hides or exaggerates a difference.
 */
import { generator, type Row, table } from '@freestep/conformance'
import { describe, expect, test } from 'vitest'
import type { FloatArray } from '../src/arrays.ts'
import {
  type Backend,
  type Checkpoint,
  cpu,
  createOptimizer,
  type Optimizer,
  type Target,
} from '../src/index.ts'

const targets: readonly Target[] = ['wasm', 'js']
const kinds = { float64: Float64Array, float32: Float32Array }
type Dtype = keyof typeof kinds

/**
 * A quadratic with random curvatures, coordinate by coordinate; half of the coordinates start at 0.
 */
function quadratic(sizes: readonly number[], dtype: Dtype) {
  const draw = generator(1)
  const array = (size: number, of: (i: number) => number): FloatArray => {
    const all = new kinds[dtype](size)
    for (let i = 0; i < size; i++) all[i] = of(i)
    return all
  }
  const start = sizes.map((size) => array(size, (i) => (i % 2 ? draw() : 0)))
  const curvature = sizes.map((size) => array(size, () => 0.55 + 0.45 * draw()))
  const goal = sizes.map((size) => array(size, () => 2 * draw()))
  const params = () => Object.fromEntries(start.map((x, t) => [`p${t}`, x.slice()]))
  const at = (x: Readonly<Record<string, FloatArray>>) => {
    let loss = 0
    const gradients = sizes.map((size, t) =>
      array(size, (i) => {
        const off = x[`p${t}`][i] - goal[t][i]
        loss += 0.5 * curvature[t][i] * off * off
        return curvature[t][i] * off
      }),
    )
    return { loss, gradients: Object.fromEntries(gradients.map((g, t) => [`p${t}`, g])) }
  }
  return { params, at }
}

/**
 * Where two checkpoints part; `near` compares numbers of one array, given the largest of them.
 * Plain loops: it sees many numbers.
 */
function difference(
  a: Checkpoint,
  b: Checkpoint,
  near: (x: number, y: number, scale: number) => boolean,
): string | undefined {
  for (const [name, { data }] of Object.entries(b.tensors)) {
    const found = a.tensors[name].data
    let scale = 0
    for (let i = 0; i < data.length; i++) scale = Math.max(scale, Math.abs(data[i]))
    for (let i = 0; i < data.length; i++)
      if (!near(found[i], data[i], scale)) return `${name}[${i}] is ${found[i]}, not ${data[i]}`
  }
  return undefined
}

interface Case {
  readonly row: Row
  readonly settings: object
  readonly sizes: readonly number[]
  readonly dtype: Dtype
  readonly steps: number
  readonly options?: object
  /** The parameters without a gradient at step k. */
  readonly missing?: (k: number) => readonly string[]
}

/** Runs two backends side by side; `after` sees both after every step. */
async function sideBySide(
  { row, settings, sizes, dtype, steps, options, missing = () => [] }: Case,
  backends: readonly [Backend<FloatArray>, Backend<FloatArray>],
  after: (fused: Optimizer<FloatArray>, eager: Optimizer<FloatArray>, k: number) => Promise<void>,
): Promise<void> {
  const { params, at } = quadratic(sizes, dtype)
  const [fused, eager] = await Promise.all(
    backends.map((backend) => createOptimizer(row.make(settings), params(), backend, options)),
  )
  for (let k = 0; k < steps; k++) {
    const { gradients, loss } = at(eager.params)
    for (const name of missing(k)) delete gradients[name]
    fused.step(gradients, { loss })
    eager.step(gradients, { loss })
    await after(fused, eager, k)
  }
  fused.dispose()
  eager.dispose()
}

const saved = (optimizer: Optimizer<FloatArray>) => optimizer.save({ params: true })
const text = (settings: object) =>
  JSON.stringify(settings, (_, value) => (typeof value === 'function' ? 'schedule' : value))

describe.each(targets)('%s, one tensor: to the last bit', (target) => {
  const same = async (each: Case) =>
    sideBySide(
      each,
      [await cpu({ target }), await cpu({ fused: false })],
      async (fused, eager, k) => {
        if (k > 20 && k < each.steps - 1) return
        const parted = difference(await saved(fused), await saved(eager), Object.is)
        expect(
          parted,
          `${text(each.settings)}, ${each.sizes}, ${each.dtype}, step ${k}`,
        ).toBeUndefined()
        const [found, wanted] = [fused.evaluated().p0, eager.evaluated().p0]
        expect(found.every((value, i) => Object.is(value, wanted[i]))).toBe(true)
      },
    )

  if (target === 'wasm')
    test('prodigy, 65537 coordinates, 300 steps', async () => {
      const row = table.find(({ name }) => name === 'prodigy') as Row
      await same({ row, settings: { d0: 0.01 }, sizes: [65_537], dtype: 'float64', steps: 300 })
    })

  for (const row of table)
    test(row.name, async () => {
      for (const settings of row.variants) {
        await same({ row, settings, sizes: [257], dtype: 'float64', steps: 300 })
        await same({ row, settings, sizes: [257], dtype: 'float32', steps: 30 })
        for (const size of [1, 3])
          await same({ row, settings, sizes: [size], dtype: 'float64', steps: 30 })
      }
      for (const dtype of ['float64', 'float32'] as const)
        await same({ row, settings: row.variants[0], sizes: [65_537], dtype, steps: 2 })
    })
})

/**
 * Sums of several tensors are added in another order, which shows in the last digits of what
 * depends on them. Not more steps: near the minimum MoMo's τ is a difference of nearly equal sums,
 * of which few digits are left.
 */
describe.each(targets)('%s, several tensors: to the rounding of a sum', (target) => {
  const near = (x: number, y: number, scale: number) =>
    Object.is(x, y) || Math.abs(x - y) <= 1e-12 * Math.max(scale, 1e-3)
  const layouts: Record<string, Omit<Case, 'row' | 'settings' | 'dtype' | 'steps'>> = {
    'mixed sizes': { sizes: [3, 257, 1, 2049, 64] },
    'gradients missing': {
      sizes: [5, 30, 7],
      missing: (k) => [['p0'], [], ['p1', 'p2'], ['p1']][k % 4],
    },
    groups: {
      sizes: [40, 9, 2, 300],
      options: {
        groups: [
          { params: ['p1'], lr: 0.5 },
          { params: ['p2'], lr: (k: number) => (k < 3 ? 0 : 0.25) },
        ],
      },
    },
    'groups by themselves': {
      sizes: [40, 9, 20],
      options: { groups: [{ params: ['p1'] }, { params: ['p2'] }], splitGroups: true },
    },
  }
  for (const row of table)
    test(row.name, async () => {
      const backends = [await cpu({ target }), await cpu({ fused: false })] as const
      for (const settings of row.variants)
        for (const [layout, each] of Object.entries(layouts)) {
          if (layout === 'groups' && (row.oneLr || !('lr' in row.make().options))) continue
          await sideBySide(
            { row, settings, dtype: 'float64', steps: 25, ...each },
            backends,
            async (fused, eager, k) => {
              const [found, wanted] = [await saved(fused), await saved(eager)]
              expect(
                difference(found, wanted, near),
                `${text(settings)}, ${layout}, step ${k}`,
              ).toBeUndefined()
              await fused.load(wanted)
            },
          )
        }
    })
})
