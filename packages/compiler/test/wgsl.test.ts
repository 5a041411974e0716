/**
 * WGSL: the modules of three algorithms, to read, in kernels/; how many launches steps have, what
 * they are bound to. That all of it is WGSL is for @freestep/webgpu to test, which has a compiler
 * for it.
 */
import * as core from '@freestep/core'
import { describe, expect, test } from 'vitest'
import { compile, emitWgsl, type WgslKernel, type WgslOptions } from '../src/index.ts'
import { literal } from '../src/languages/wgsl/language.ts'
import { programOf } from './programs.ts'

const options: WgslOptions = {
  workgroupSize: { pass: 64, scalar: 64 },
  pairs: 1,
  data: 'f32',
  subgroups: false,
}
const emit = (algorithm: core.Algorithm, more: Partial<WgslOptions> = {}) =>
  emitWgsl(compile(programOf(algorithm), 'step'), { ...options, ...more })

describe('snapshots', () => {
  const algorithms: Record<string, core.Algorithm> = {
    adam: core.adam(),
    dog: core.dog(),
    prodigy: core.prodigy(),
  }
  for (const [name, algorithm] of Object.entries(algorithms))
    test(name, async () => {
      const modules = emit(algorithm).map(
        ({ kind, code }, i) => `// ${name}, launch ${i}: ${kind}\n\n${code}`,
      )
      await expect(modules.join('\n')).toMatchFileSnapshot(`kernels/${name}.wgsl`)
    })
})

const launches: readonly (readonly [string, core.Algorithm, string])[] = [
  ['prodigy', core.prodigy(), 'pass reduce scalar'],
  ['prodigy, sliced', core.prodigy({ sliceP: 7 }), 'pass reduce scalar'],
  [
    'prodigy as in prodigyopt',
    core.prodigy({ compat: 'prodigyopt' }),
    'pass reduce scalar pass scalar',
  ],
  ['adam', core.adam(), 'pass scalar'],
  ['sgd', core.sgd(), 'pass'],
  ['dadaptAdam', core.dadaptAdam(), 'pass reduce scalar'],
  ['dog', core.dog(), 'pass reduce scalar pass'],
  ['ldog', core.ldog(), 'pass reduce scalar pass'],
  ['clipByGlobalNorm(adam)', core.clipByGlobalNorm(1, core.adam()), 'pass reduce scalar pass'],
]
test.each(launches)('the launches of %s', (_, algorithm, kinds) => {
  expect(
    emit(algorithm)
      .map(({ kind }) => kind)
      .join(' '),
  ).toBe(kinds)
})

const storage = ({ bindings }: WgslKernel) =>
  bindings.filter(({ access }) => access !== 'uniform').length
const isFactory = (value: unknown): value is () => core.Algorithm =>
  typeof value === 'function' && 'algorithm' in value
const factories = Object.entries<unknown>(core).flatMap(([name, value]) =>
  isFactory(value) ? [[name, value] as const] : [],
)

test.each(factories)('%s has 8 storage buffers at most, with three pairs of buffers', (_, make) => {
  for (const kernel of emit(make(), { pairs: 3 })) expect(storage(kernel)).toBeLessThanOrEqual(8)
})

test('gradients are read only, parameters only where a pass does not move them', () => {
  const accesses = emit(core.dog()).map(({ bindings }) =>
    bindings
      .map(({ buffer, access }) => `${buffer} ${access}`)
      .filter((text) => /^[xg] /.test(text)),
  )
  expect(accesses).toEqual([['g read'], [], [], ['x read_write', 'g read']])
})

test('numbers are printed as the nearest single', () => {
  const printed = [0.9, 1e-8, 1 / 3, 16777217, -0.5, 3.4e38, 0, 2 ** -149].map(literal)
  expect(printed).toEqual([
    '0.9f',
    '1e-8f',
    '0.33333334f',
    '16777216f',
    '(-0.5f)',
    '3.4e+38f',
    '0f',
    '1e-45f',
  ])
  expect(literal(1e39)).toBe('bits(0x7f800000u)')
  expect(literal(Number.NaN)).toBe('bits(0x7fc00000u)')
  for (const number of [0.999, Math.PI, 1.17549435e-38, 8388609])
    expect(Math.fround(Number(literal(number).slice(0, -1)))).toBe(Math.fround(number))
})
