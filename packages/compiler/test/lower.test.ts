/**
 * The lowering: what kernels are in either shape before any language, and that languages know of
 * nothing else.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { table } from '@freestep/conformance'
import { type Algorithm, dog, prodigy, sgd } from '@freestep/core'
import { expect, test } from 'vitest'
import { compile } from '../src/index.ts'
import { type GridOptions, grid } from '../src/lower/grid.ts'
import { namer } from '../src/lower/names.ts'
import { serial } from '../src/lower/serial.ts'
import { programOf } from './programs.ts'

interface Outlined {
  readonly kind: string
  readonly body?: readonly Outlined[]
  readonly cases?: readonly { readonly body: readonly Outlined[] }[]
}
/** The kinds of statements, with what is inside; values, stores and remarks are left out. */
const outline = (statements: readonly Outlined[]): string =>
  statements
    .filter(({ kind }) => !['let', 'store', 'note'].includes(kind))
    .map(({ kind, body, cases }) => {
      const inside = outline([...(body ?? []), ...(cases ?? []).flatMap((each) => each.body)])
      return inside ? `${kind} (${inside})` : kind
    })
    .join(' ')

const step = (algorithm: Algorithm) => compile(programOf(algorithm), 'step')
const ways = [{ index: 0, name: 'f32', lanes: 4 }]
const options: GridOptions = {
  names: () => namer([]),
  ways,
  shared: true,
  finishes: true,
  random: false,
}

test('serial: a worker takes segments, several elements at once or one by one', () => {
  const outlines = (vectors: boolean) =>
    serial(step(dog()), { type: 'float32', name: namer([]), vectors }).functions.map(({ body }) =>
      outline(body),
    )
  const between = 'tensors segments (add add) tensors tensors (add add) block'
  expect(outlines(true)).toEqual([
    'segments (zero begin each (add add) each (add add) partials)',
    between,
    'segments (begin each each)',
  ])
  expect(outlines(false)).toEqual([
    'segments (zero begin each (add add) partials)',
    between,
    'segments (begin each)',
  ])
})

test('grid: the first worker computes numbers, and the last block goes on', () => {
  expect(grid(step(sgd()), options).map(({ body }) => outline(body))).toEqual([
    'segment choose (begin each each)',
  ])
  expect(grid(step(prodigy()), options).map(({ body }) => outline(body))).toEqual([
    'segment first barrier zero choose (begin each (add add) each (add add)) ' +
      'collect (partials) last groups (zero rows collect (first)) ' +
      'barrier first barrier tensors barrier tensors barrier ' +
      'block (zero tensors (add add) collect (first)) barrier first barrier tensors',
  ])
})

test('grid: where no block is the last, every launch is a kernel', () => {
  const kernels = grid(step(prodigy()), { ...options, shared: false, finishes: false })
  expect(kernels.map(({ kind }) => kind)).toEqual(['pass', 'reduce', 'scalar'])
  expect(outline(kernels[0].body)).toBe(
    'segment begin zero choose (each (add add) each (add add)) collect (partials)',
  )
})

test('a term of a sum over elements that is not finite counts as zero, always', () => {
  const operations = table.flatMap(({ make, variants }) => {
    const { functions } = serial(step(make(variants[0])), {
      type: 'float64',
      name: namer([]),
      vectors: false,
    })
    const sums = JSON.stringify(functions).matchAll(
      /"to":\{"kind":"sum"[^}]*\},"term":\{"op":"(\w+)"/g,
    )
    return [...sums].map(([, op]) => op)
  })
  expect([...new Set(operations)]).toEqual(['finite'])
})

test('languages know kernels only to have them lowered', () => {
  const root = new URL('../src/languages/', import.meta.url)
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  const imports = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [
      ...readFileSync(new URL(file, root), 'utf8').matchAll(/import ([^;]*?) from '[./]*fuse\//g),
    ])
  expect([...new Set(imports.map(([, names]) => names))].sort()).toEqual([
    'type { Kernels }',
    'type { Slot }',
  ])
})
