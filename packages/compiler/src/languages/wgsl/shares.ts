/**
 * Adding up over the threads of a group: as WGSL, with or without subgroups. Two steps through
 * shared memory instead of a binary tree: fewer barriers, which cost most on a software adapter
 * (measured), and as exact. The order never changes.
 */
import { block } from '../lines.ts'

/** What a module declares to add up `count` sums over `size` threads. */
export function declareShares(count: number, size: number, subgroups: boolean): string[] {
  if (!count) return []
  const parts = partsOf(size)
  const fold = (from: string, to: string, step: string) => [
    'var sum = 0f;',
    ...block(`for (var i = ${from}; i < ${to}; i += ${step})`, ['sum += shares[k][i];']),
  ]
  const last = block(`for (var k = local; k < ${count}u; k += ${size}u)`, [
    ...fold('0u', subgroups ? 'subgroups' : `${parts}u`, '1u'),
    'shares[k][0] = sum;',
  ])
  const first = [
    'workgroupBarrier();',
    ...block(`if (local < ${parts}u)`, [
      ...block(`for (var k = 0u; k < ${count}u; k++)`, [
        ...fold('local', `${size}u`, `${parts}u`),
        'shares[k][local] = sum;',
      ]),
    ]),
  ]
  const parameters = subgroups ? 'local: u32, subgroups: u32' : 'local: u32'
  return [
    `var<workgroup> shares: array<array<f32, ${size}>, ${count}>;`,
    '',
    '// Adds up what the threads left in shares[k], into shares[k][0].',
    ...block(`fn collect(${parameters})`, [
      ...(subgroups ? [] : first),
      'workgroupBarrier();',
      ...last,
      'workgroupBarrier();',
    ]),
    '',
  ]
}

/** Statements that leave the totals of `sum0`, `sum1`, … in shares[0][0], shares[1][0], … */
export function collectShares(count: number, subgroups: boolean): string[] {
  if (!count) return []
  const sums = [...Array(count).keys()]
  if (!subgroups)
    return [...sums.map((k) => `shares[${k}][local] = settled(sum${k});`), 'collect(local);']
  return [
    ...sums.map((k) => `let part${k} = subgroupAdd(settled(sum${k}));`),
    ...block(
      'if (lane == 0u)',
      sums.map((k) => `shares[${k}][subgroup] = part${k};`),
    ),
    'collect(local, subgroups);',
  ]
}

/** What `main` has to be given beside its own parameters to collect with subgroups. */
export const subgroupParameters = [
  'subgroup_invocation_id) lane: u32',
  'subgroup_id) subgroup: u32',
  'num_subgroups) subgroups: u32',
]

/** Into how many parts the first step adds up: near the square root. */
const partsOf = (size: number) => 2 ** Math.floor(Math.log2(size) / 2)
