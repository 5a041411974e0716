/**
 * PTX: the modules of three algorithms, to read, in kernels/; how many launches steps have; what
 * kernels are given. That all of it is PTX, and what it computes, is for @freestep/cuda to test,
 * which has a compiler and a machine for it.
 */
import * as core from '@freestep/core'
import { describe, expect, test } from 'vitest'
import {
  compile,
  emitPtx,
  type Kernels,
  type PtxOptions,
  packed,
  ptxParameters,
  tensorFields,
} from '../src/index.ts'
import { literal } from '../src/languages/ptx/literal.ts'
import { programOf } from './programs.ts'

const options: PtxOptions = {
  name: 'step',
  threads: 256,
  data: ['f32'],
  given: ['lr'],
  stochastic: false,
}
const emit = (algorithm: core.Algorithm, more: Partial<PtxOptions> = {}) =>
  emitPtx(compile(programOf(algorithm), 'step'), { ...options, ...more })

describe('snapshots', () => {
  const algorithms: Record<string, core.Algorithm> = {
    adam: core.adam(),
    dog: core.dog(),
    prodigy: core.prodigy(),
  }
  for (const [name, algorithm] of Object.entries(algorithms))
    test(name, async () => {
      await expect(emit(algorithm, { name }).code).toMatchFileSnapshot(`kernels/${name}.ptx`)
    })
})

const launches: readonly (readonly [string, core.Algorithm, string])[] = [
  ['prodigy', core.prodigy(), 'chunks'],
  ['prodigy, sliced', core.prodigy({ sliceP: 7 }), 'chunks'],
  ['prodigy as in prodigyopt', core.prodigy({ compat: 'prodigyopt' }), 'chunks chunks'],
  ['adam', core.adam(), 'chunks'],
  ['sgd', core.sgd(), 'chunks'],
  ['dadaptAdam', core.dadaptAdam(), 'chunks'],
  ['dog', core.dog(), 'chunks chunks'],
  ['ldog', core.ldog(), 'chunks chunks'],
  ['clipByGlobalNorm(adam)', core.clipByGlobalNorm(1, core.adam()), 'chunks chunks'],
]
test.each(launches)('the launches of %s: one for each pass', (_, algorithm, grids) => {
  expect(
    emit(algorithm)
      .kernels.map(({ grid }) => grid)
      .join(' '),
  ).toBe(grids)
})

test('single numbers alone are one launch of one block', () => {
  const { kernels } = emitPtx(compile(programOf(core.prodigy()), 'init'), options)
  expect(kernels).toEqual([{ entry: 'step_0', grid: 'one' }])
})

/** The instructions of a text, without their operands. */
const instructions = (code: string) =>
  [...code.matchAll(/^ {2}(?:@!?%\w+ )?([a-z][\w.]*)/gm)].map(([, name]) => name)

test('arithmetic is rounded operation by operation, and never approximate', () => {
  for (const make of [core.prodigy, core.adamG, core.dadaptAdan, core.cocob, core.momo])
    for (const instruction of instructions(emit(make(), { data: ['f32', 'bf16', 'f64'] }).code)) {
      expect(instruction).not.toMatch(/approx|ftz|^fma|^mad\.(?!lo\.u32)/)
      if (/^(add|sub|mul|div|sqrt).*\.f(32|64)$/.test(instruction))
        expect(instruction).toMatch(/\.rn\.f/)
    }
})

test('elements move 16 bytes at a time, and one by one what is left', () => {
  const moves = instructions(emit(core.sgd()).code).filter((name) =>
    /^(ld|st)\.global(\.v\d)?\.f32$/.test(name),
  )
  const whole = ['ld.global.v4.f32', 'ld.global.v4.f32', 'st.global.v4.f32']
  expect(moves).toEqual([...whole, ...whole.map((name) => name.replace('.v4', ''))])
  const doubles = instructions(emit(core.sgd(), { data: ['f64'] }).code).filter((name) =>
    /^(ld|st)\.global\.v/.test(name),
  )
  expect(doubles.slice(1)).toEqual(['ld.global.v2.f64', 'ld.global.v2.f64', 'st.global.v2.f64'])
})

test('what kernels are given, in the order and at the places that they read', () => {
  const kernels: Kernels = compile(programOf(core.prodigy()), 'step')
  const fields = ptxParameters(kernels, ['lr'])
  const declared = [...emit(core.prodigy()).code.matchAll(/^ {2}\.param \.(\w+) (\w+)/gm)].map(
    ([, type, name]) => [name, type],
  )
  expect(declared).toEqual(fields.map(({ name, type }) => [name.replace(' ', '_'), type]))
  const { offsets, bytes } = packed(tensorFields)
  expect([offsets.x, offsets.size, offsets.data, offsets.rows, bytes]).toEqual([0, 32, 40, 56, 64])
})

test('numbers are the bits of the nearest single or double', () => {
  expect([1, -0.5, 0.1, 1e39].map((value) => literal(value, 'f32'))).toEqual([
    '0f3F800000',
    '0fBF000000',
    '0f3DCCCCCD',
    '0f7F800000',
  ])
  expect([1, 0.1, -0].map((value) => literal(value, 'f64'))).toEqual([
    '0d3FF0000000000000',
    '0d3FB999999999999A',
    '0d8000000000000000',
  ])
})
