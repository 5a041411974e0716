/**
 * What a step runs over: every coordinate is worked on exactly once, wherever the limits cut, and
 * each dispatch keeps to them. On buffers that are nothing but a size: no device is needed.
 */

import { compile } from '@freestep/compiler'
import { prodigy } from '@freestep/core'
import { expect, test } from 'vitest'
import { layoutOf } from '../src/layout.ts'
import { type Active, type Extent, extentOf } from '../src/segments.ts'
import { programOf } from './programs.ts'

const fakeBuffer = (size: number) => ({ size }) as GPUBuffer

/** Random layouts: sizes, strides, buffers shared or not, offsets, limits. */
function layout(seed: number) {
  let state = seed
  const draw = (n: number) => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  const sizes = Array.from({ length: 1 + draw(6) }, () => (draw(5) ? 1 + draw(900) : 0))
  const sliceP = 1 + draw(4)
  const program = programOf(prodigy({ sliceP }), sizes)
  const window = 256 * (1 + draw(8))
  const memory = layoutOf(
    program,
    [compile(program, 'step')],
    { threads: 16, groups: 8, atLeast: 1 },
    window,
  )
  const places = () => {
    const shared = draw(2)
    const offsets = sizes.map((_, i) =>
      shared ? sizes.slice(0, i).reduce((sum, size) => sum + 4 * size + 8, 4) : 4 * draw(50),
    )
    const whole = fakeBuffer(4 * sizes.reduce((sum, size) => sum + size + 2, 2))
    return sizes.map((size, i) => {
      const buffer = shared ? whole : fakeBuffer(offsets[i] + 4 * size)
      return { memory: buffer, at: offsets[i], bytes: 4 * size }
    })
  }
  const [x, apart] = [places(), places()]
  // Now and then a gradient is where another tensor has its parameters.
  const other = (i: number) =>
    x.findIndex(({ bytes, memory }, j) => j !== i && bytes >= x[i].bytes && memory !== x[i].memory)
  const g = apart.map((place, i) =>
    draw(4) === 0 && other(i) >= 0 ? { ...x[other(i)], bytes: place.bytes } : place,
  )
  const active = sizes.flatMap((_, i): Active[] =>
    draw(6)
      ? [{ tensor: i, x: x[i], g: g[i], bytesEach: 4, stride: program.strides?.[i] ?? 1 }]
      : [],
  )
  const pairs = 1 + draw(3)
  return {
    active,
    memory,
    sizes,
    pairs,
    window,
    extent: extentOf(active, memory, { pairs, window }),
  }
}

test.each([...Array(200).keys()])('layout %i: every coordinate once', (seed) => {
  const { active, memory, sizes, extent } = layout(seed)
  for (const { tensor, x, g, stride } of active) {
    const elements: number[] = []
    const kept: number[] = []
    for (const { pair, piece } of piecesOf(extent, tensor)) {
      const from = (4 * piece.x + pair.x.offset - x.at) / 4
      expect(pair.x.buffer).toBe(x.memory)
      expect(pair.g?.buffer).toBe(g?.memory)
      expect(piece.g + (pair.g?.offset ?? 0) / 4).toBe((g?.at ?? 0) / 4 + from)
      for (let i = 0; i < piece.length; i++) elements.push(from + i)
      for (let i = piece.phase; i < piece.length; i += stride) kept.push(from + i)
      const span = memory.spans[tensor].find(
        (each) => each.from <= from && from < each.from + each.length,
      )
      if (!span) throw new Error(`no span has element ${from}`)
      expect(piece.state).toBe(span.state + from - span.from)
      const before = Array.from({ length: from - span.from }, (_, i) => span.from + i).filter(
        (i) => i % stride === 0,
      )
      expect(piece.kept).toBe(span.kept + before.length)
    }
    expect(elements).toEqual([...Array(sizes[tensor]).keys()])
    expect(kept).toEqual([...Array(sizes[tensor]).keys()].filter((i) => i % stride === 0))
  }
})

test.each([...Array(200).keys()])('layout %i: every dispatch keeps to the limits', (seed) => {
  const { extent, memory, pairs: most, window } = layout(seed)
  const rows = new Set<number>()
  for (const { pairs, pieces, groups, states } of extent.batches) {
    expect(pairs.length).toBeLessThanOrEqual(most)
    const written = pairs.map(({ x }) => x.buffer)
    expect(new Set(written).size).toBe(written.length)
    for (const { g } of pairs) expect(written).not.toContain(g?.buffer)
    for (const { x, g } of pairs)
      for (const each of [x, g]) {
        expect((each?.offset ?? 0) % 256).toBe(0)
        expect(each?.size).toBeLessThanOrEqual(window)
      }
    let next = 0
    for (const { group, length, pair, x, g, partial, state } of pieces) {
      expect(group).toBe(next)
      const count = Math.ceil(length / memory.segment)
      next += count
      for (let row = partial; row < partial + count; row++) {
        expect(rows.has(row)).toBe(false)
        rows.add(row)
      }
      expect(4 * (x + length)).toBeLessThanOrEqual(pairs[pair].x.size)
      expect(4 * (g + length)).toBeLessThanOrEqual(pairs[pair].g?.size ?? 0)
      expect(memory.bases[states][0] + state + length).toBeLessThanOrEqual(
        memory.words.states[states],
      )
    }
    expect(groups).toBe(next)
  }
  expect(rows.size).toBe(extent.rows)
  expect(memory.partials + 2 * extent.rows).toBeLessThanOrEqual(memory.words.numbers)
  for (const words of memory.words.states) expect(4 * words).toBeLessThanOrEqual(window)
})

function piecesOf({ batches }: Extent, tensor: number) {
  return batches
    .flatMap(({ pairs, pieces }) => pieces.map((piece) => ({ pair: pairs[piece.pair], piece })))
    .filter(({ piece }) => piece.tensor === tensor)
    .sort((a, b) => a.piece.partial - b.piece.partial)
}

test('states take four numbers a parameter for Prodigy, and nothing else does', () => {
  const program = programOf(prodigy(), [1000, 24, 1_000_000])
  const memory = layoutOf(
    program,
    [compile(program, 'step')],
    { threads: 128, groups: 4096, atLeast: 4 },
    2 ** 27,
  )
  expect(memory.words.states).toEqual([4 * 1_001_024])
  // Two sums for each of 1957 groups of threads; the slots; some more groups, if gradients are cut.
  expect(4 * memory.words.numbers).toBeLessThan(8 * 1980 + 100)
})
