/**
 * What a step costs, for every algorithm: its passes and what each of them reads and writes. A
 * change here makes steps faster or slower for everyone, so it has to be made on purpose.
 */
import * as core from '@freestep/core'
import { expect, test } from 'vitest'
import { compile, traffic } from '../src/index.ts'
import { programOf } from './programs.ts'

const {
  adam,
  averaged,
  clipByGlobalNorm,
  dadaptAdam,
  dog,
  mechanic,
  prodigy,
  scheduleFree,
  sgd,
  skipNonFinite,
} = core

/**
 * Each pass as bytes a parameter in float32, `+` bytes a kept coordinate of sliceP, what it reads
 * and what it writes.
 */
const expected: readonly (readonly [string, core.Algorithm, readonly string[]])[] = [
  ['adagrad', core.adagrad(), ['20: x g G → x G']],
  ['adagradNorm', core.adagradNorm(), ['4: g →', '12: x g → x']],
  ['adam', core.adam(), ['28: x g m v → x v m']],
  ['adamG', core.adamG(), ['36: x g m v r → x m v r']],
  ['adamW', core.adamW(), ['28: x g m v → x v m']],
  ['cdowg', core.cdowg(), ['36: x g moved r2 v → x moved r2 v']],
  ['cocob', core.cocob(), ['52: x g moved L G R theta → x moved L G R theta']],
  ['dadaptAdagrad', core.dadaptAdagrad(), ['36: x g moved a s → x moved a s']],
  ['dadaptAdam', core.dadaptAdam(), ['36: x g m v s → x m v s']],
  ['dadaptAdan', core.dadaptAdan(), ['52: x g m n v s gLast → x m n v s gLast']],
  ['dadaptLion', core.dadaptLion(), ['28: x g m s → x m s']],
  ['dadaptSgd', core.dadaptSgd(), ['4: g →', '28: x g moved s → x moved s']],
  ['dog', core.dog(), ['8: g moved →', '20: x g moved → x moved']],
  ['dowg', core.dowg(), ['8: g moved →', '20: x g moved → x moved']],
  ['dualAveraging', core.dualAveraging(), ['4: g →', '36: x g moved s lag → x moved s lag']],
  ['ldog', core.ldog(), ['8: g moved →', '20: x g moved → x moved']],
  ['momo', core.momo(), ['16: x g m → m', '12: x m → x']],
  ['momoAdam', core.momoAdam(), ['24: x g m v → m v', '16: x m v → x']],
  ['normalizedGradient', core.normalizedGradient(), ['4: g →', '12: x g → x']],
  ['polyak', core.polyak(), ['4: g →', '12: x g → x']],
  ['prodigy', core.prodigy(), ['44: x g moved m v s → x moved v s m']],
  ['prodigyDa', core.prodigyDa(), ['16: g moved s → s', '28: x moved lag s → x moved lag']],
  ['prodigyGd', core.prodigyGd(), ['4: g →', '28: x g moved lag → x moved lag']],
  ['sgd', core.sgd(), ['12: x g → x']],
  ['sps', core.sps(), ['4: g →', '12: x g → x']],
  ['subgradient', core.subgradient(), ['12: x g → x']],
  ['sgd({ momentum: 0.9 })', sgd({ momentum: 0.9 }), ['20: x g m → x m']],
  ['adam({ amsgrad: true })', adam({ amsgrad: true }), ['36: x g m v vMax → x v m vMax']],
  [
    'prodigy({ betas: [0, 0.999] })',
    prodigy({ betas: [0, 0.999] }),
    ['36: x g moved v s → x moved v s'],
  ],
  [
    'prodigy({ sliceP: 11 })',
    prodigy({ sliceP: 11 }),
    ['28 + 28: g moved m v s x → moved s x v m'],
  ],
  [
    "prodigy({ compat: 'prodigyopt' })",
    prodigy({ compat: 'prodigyopt' }),
    ['20: x g s x0 → s', '28: x g m v → x v m'],
  ],
  [
    'prodigy({ weightDecay: 0.1, decouple: false })',
    prodigy({ weightDecay: 0.1, decouple: false }),
    ['44: x g moved m v s → x moved v s m'],
  ],
  [
    'dadaptAdam({ weightDecay: 0.1 })',
    dadaptAdam({ weightDecay: 0.1 }),
    ['36: x g m v s → x m v s'],
  ],
  [
    'dog({ weightDecay: 0.1 })',
    dog({ weightDecay: 0.1 }),
    ['12: x g moved →', '20: x g moved → x moved'],
  ],
  ['averaged(dog())', averaged(dog()), ['8: g moved →', '28: x g moved xBar → x moved xBar']],
  ['scheduleFree(sgd())', scheduleFree(sgd()), ['20: x g zLag → x zLag']],
  [
    'scheduleFree(prodigy())',
    scheduleFree(prodigy()),
    ['20: g moved s zLag → s', '44: x g moved m v zLag → x moved v m zLag'],
  ],
  ['mechanic(sgd())', mechanic(sgd()), ['16: x g delta → delta', '20: x moved delta → x moved']],
  [
    'mechanic(adam())',
    mechanic(adam()),
    ['32: x g m v delta → v m delta', '20: x moved delta → x moved'],
  ],
  ['clipByGlobalNorm(1, adam())', clipByGlobalNorm(1, adam()), ['4: g →', '28: x g m v → x v m']],
  [
    'clipByGlobalNorm(1, prodigy())',
    clipByGlobalNorm(1, prodigy()),
    ['4: g →', '44: x g moved m v s → x moved v s m'],
  ],
  ['skipNonFinite(adam())', skipNonFinite(adam()), ['4: g →', '28: x g m v → x v m']],
  [
    'skipNonFinite(prodigy())',
    skipNonFinite(prodigy()),
    ['4: g →', '44: x g moved m v s → x moved v s m'],
  ],
]

test.each(expected)('%s', (_, algorithm, passes) => {
  expect(describe(algorithm)).toEqual(passes)
})

function describe(algorithm: core.Algorithm): string[] {
  return traffic(compile(programOf(algorithm), 'step')).map(
    ({ bytes, sliceBytes, reads, writes }) =>
      `${bytes}${sliceBytes ? ` + ${sliceBytes}` : ''}: ${reads.join(' ')} → ${writes.join(' ')}`.trim(),
  )
}
