/**
 * Layer 7: two backends take the same steps. Convergence would not show that a fused kernel reads a
 * state too late, this does: both get the same gradients, computed where the second one is, and
 * must move alike, coordinate by coordinate. Not a comparison of speed, and not of the last bits:
 * sums may be added in another order.
 */
import type { MaybePromise } from '@freestep/core'
import { expect } from 'vitest'
import { type Create, eachPrecision, Kit, type TestBackendOptions } from '../kit.ts'
import { fill, generator } from '../numbers.ts'
import { quick } from '../quick.ts'
import type { Row } from '../row.ts'
import { named, type Session, type Stack, withSession } from '../session.ts'
import { table } from '../table.ts'

/** How parameters are laid out in tensors and groups. */
interface Layout {
  readonly sizes: readonly number[]
  readonly options?: object
  /** Parameters that get no gradient at step k. */
  readonly missing?: (k: number) => readonly string[]
}

const layouts = (hasLr: boolean): Readonly<Record<string, Layout>> => ({
  'one coordinate': { sizes: [1] },
  'three coordinates': { sizes: [3] },
  '257 coordinates': { sizes: [257] },
  'several tensors': { sizes: [3, 257, 1, 64] },
  'a gradient missing now and then': {
    sizes: [5, 3],
    missing: (k) => ({ 1: ['p0'], 3: ['p1'] })[k] ?? [],
  },
  ...(hasLr && {
    groups: {
      sizes: [4, 9, 2],
      options: {
        groups: [
          { params: ['p1'], lr: 0.5 },
          { params: ['p2'], lr: (k: number) => (k < 2 ? 0 : 0.25) },
        ],
      },
    },
  }),
  'groups by themselves': {
    sizes: [4, 9],
    options: { groups: [{ params: ['p1'] }], splitGroups: true },
  },
})

/** Registers the comparison of a kit's backend with another. */
export function compare<P, Done extends MaybePromise<void>, Q, DoneQ extends MaybePromise<void>>(
  kit: Kit<P, Done>,
  other: () => MaybePromise<Stack<Q, DoneQ>>,
): void {
  for (const row of table) {
    const relative = kit.tolerance(2e-4, 1e-10, row.name, 'compare')
    const variants = kit.options.brief ? row.variants.slice(0, 1) : row.variants
    kit.test(`${row.name}: the same steps`, [row.name, 'compare'], async (stack) => {
      for (const settings of variants)
        for (const [name, layout] of Object.entries(
          layouts('lr' in row.make().options && !row.oneLr),
        )) {
          const difference = await differ(
            [stack, await other()],
            row,
            settings,
            layout,
            quick ? 4 : 10,
            relative,
          )
          expect(difference, `${JSON.stringify(settings, showFunctions)}, ${name}`).toBeUndefined()
        }
    })
    if (kit.options.large)
      kit.test(
        `${row.name}: the same steps over 65537 coordinates`,
        [row.name, 'compare'],
        async (stack) => {
          const layout = { sizes: [65_537] }
          expect(
            await differ([stack, await other()], row, row.variants[0], layout, 3, relative),
          ).toBeUndefined()
        },
      )
  }
}

const showFunctions = (_: string, value: unknown) =>
  typeof value === 'function' ? 'schedule' : value

/** Runs both and says where they part, if they do. */
function differ<P, Done extends MaybePromise<void>, Q, DoneQ extends MaybePromise<void>>(
  [stack, other]: readonly [Stack<P, Done>, Stack<Q, DoneQ>],
  row: Row,
  settings: object,
  { sizes, options = {}, missing = () => [] }: Layout,
  steps: number,
  relative: number,
): Promise<string | undefined> {
  const draw = generator(17)
  // Half of the coordinates start at 0, where the smallest move can be seen.
  const x0 = sizes.map((size) => fill(size, (i) => (i % 2 === 0 ? 0 : draw())))
  const a = sizes.map((size) => fill(size, () => 0.55 + 0.45 * draw()))
  const b = sizes.map((size) => fill(size, () => 2 * draw()))
  const params = named(x0)
  return withSession(stack, row.make(settings), params, options, (left) =>
    withSession(other, row.make(settings), params, options, async (right) => {
      const start = Object.values(await right.params())
      for (let k = 0; k < steps; k++) {
        const x = Object.values(await right.params())
        const loss = x
          .flatMap((list, t) => list.map((value, i) => 0.5 * a[t][i] * (value - b[t][i]) ** 2))
          .reduce((s, v) => s + v, 0)
        const g = Object.fromEntries(
          x.map((list, t) => [
            `p${t}`,
            missing(k).includes(`p${t}`) ? undefined : list.map((v, i) => a[t][i] * (v - b[t][i])),
          ]),
        )
        await left.step(g, loss)
        await right.step(g, loss)
        const parted = await partedAt(left, right, start, relative)
        if (parted) return `after ${k + 1} steps ${parted}`
      }
      return undefined
    }),
  )
}

/**
 * The first number that differs: parameters and the point to evaluate at by how far they moved,
 * scalars by their size.
 */
async function partedAt(
  left: Session<unknown, MaybePromise<void>>,
  right: Session<unknown, MaybePromise<void>>,
  start: readonly (readonly number[])[],
  relative: number,
): Promise<string | undefined> {
  const ulp = right.stack.dtype === 'float32' ? 2 ** -22 : 2 ** -50
  for (const read of ['params', 'evaluated'] as const) {
    const [found, wanted] = [Object.values(await left[read]()), Object.values(await right[read]())]
    const moved = Math.max(
      ...wanted.flatMap((list, t) => list.map((value, i) => Math.abs(value - start[t][i]))),
    )
    for (const [t, list] of wanted.entries())
      for (const [i, value] of list.entries())
        if (!(Math.abs(found[t][i] - value) <= relative * moved + ulp * Math.abs(value)))
          return `${read} p${t}[${i}] is ${found[t][i]}, not ${value}`
  }
  const [found, wanted] = [await left.scalars(), await right.scalars()]
  const names = Object.keys(wanted)
  if (Object.keys(found).join() !== names.join())
    return `scalars are ${Object.keys(found)}, not ${names}`
  // What is a difference of nearly equal sums, as d̂ is at first, has no digits of its own: it
  // counts from 1e-4 on.
  const off = names.find(
    (name) =>
      !(Math.abs(found[name] - wanted[name]) <= relative * Math.max(1e-4, Math.abs(wanted[name]))),
  )
  return off && `${off} is ${found[off]}, not ${wanted[off]}`
}

/**
 * Registers tests that a backend takes the same steps as another one of the same precision: every
 * algorithm, set of options, layout of tensors and groups of the kit. For a fused backend beside
 * its eager form, or a device beside the CPU.
 *
 * @param name - what the tests are called
 * @param create - makes the backend
 * @param options - as for `testBackend`
 * @param other - the backend to compare with, and its tensors
 */
export function compareBackends<
  P,
  Done extends MaybePromise<void>,
  Q,
  DoneQ extends MaybePromise<void>,
>(
  name: string,
  create: Create<P, Done>,
  options: TestBackendOptions<P>,
  other: { create: Create<Q, DoneQ> } & Pick<Stack<Q, DoneQ>, 'tensor' | 'read' | 'dispose'>,
): void {
  eachPrecision(name, create, options, (kit) => {
    const wanted = new Kit(other.create, kit.dtype, other)
    compare(kit, () => wanted.stack())
  })
}
