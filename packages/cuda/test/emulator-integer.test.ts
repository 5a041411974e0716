/**
 * Instructions on whole numbers and bits, against values worked out by hand from the PTX ISA.
 */
import { describe, expect, test } from 'vitest'
import { evaluate, type TypeName, type Value } from './emulator/evaluate.ts'
import { testTable } from './emulator/table.ts'

testTable(`
add.u32 u32 u32 -> u32: 0xffffffff 2 = 1
add.s32 s32 s32 -> s32: 2147483647 1 = -2147483648
add.u16 u16 u16 -> u16: 65535 2 = 1
add.s16 s16 s16 -> s16: 32767 1 = -32768
# Carries go from the lower half to the upper one.
add.u64 u64 u64 -> u64: 0xffffffff 1 = 0x100000000 | 0xffffffffffffffff 1 = 0 | 0x1ffffffff 0x2ffffffff = 0x4fffffffe
sub.u64 u64 u64 -> u64: 0x100000000 1 = 0xffffffff | 0 1 = 0xffffffffffffffff
sub.s32 s32 s32 -> s32: -2147483648 1 = 2147483647
mul.lo.u32 u32 u32 -> u32: 0x10001 0x10001 = 0x20001 | 0xffffffff 0xffffffff = 1
mul.hi.u32 u32 u32 -> u32: 0xffffffff 0xffffffff = 0xfffffffe | 0x80000000 2 = 1 | 65536 65536 = 1 | 65536 65535 = 0
mul.hi.s32 s32 s32 -> s32: -1 -1 = 0 | -2147483648 -2147483648 = 0x40000000 | -1 1 = -1
mul.lo.s16 s16 s16 -> s16: -3 5 = -15 | 256 256 = 0
mul.hi.s16 s16 s16 -> s16: -32768 -32768 = 16384 | -1 1 = -1
mul.wide.s16 s16 s16 -> s32: -32768 32767 = -0x3fff8000
mul.wide.u16 u16 u16 -> u32: 65535 65535 = 0xfffe0001
mul.wide.u32 u32 u32 -> u64: 0xffffffff 0xffffffff = 0xfffffffe00000001 | 3 5 = 15
mul.wide.s32 s32 s32 -> s64: -1 4 = -4 | -2147483648 -2147483648 = 0x4000000000000000
mul.lo.u64 u64 u64 -> u64: 0x123456789abcdef 0xfedcba987654321 = 0x22236d88fe5618cf
mul.hi.u64 u64 u64 -> u64: 0xffffffffffffffff 0xffffffffffffffff = 0xfffffffffffffffe
mul.hi.s64 s64 s64 -> s64: -1 1 = -1 | -0x8000000000000000 -0x8000000000000000 = 0x4000000000000000
mad.lo.s32 s32 s32 s32 -> s32: 7 -3 100 = 79 | 65536 65536 -5 = -5
mad.lo.u64 u64 u64 u64 -> u64: 0xffffffffffffffff 0xffffffffffffffff 0xffffffffffffffff = 0
mad.hi.u32 u32 u32 u32 -> u32: 0xffffffff 0xffffffff 3 = 1
mad.wide.u32 u32 u32 u64 -> u64: 0xffffffff 0xffffffff 0xffffffff = 0xffffffff00000000
mad.wide.s32 s32 s32 s64 -> s64: -2 3 -1 = -7
div.s32 s32 s32 -> s32: -7 2 = -3 | 7 -2 = -3
rem.s32 s32 s32 -> s32: -7 2 = -1 | 7 -2 = 1
div.u32 u32 u32 -> u32: 0xffffffff 2 = 2147483647 | 0xffffffff 1 = 0xffffffff
rem.u32 u32 u32 -> u32: 0xffffffff 10 = 5
div.s64 s64 s64 -> s64: -7 2 = -3 | -0x8000000000000000 3 = -0x2aaaaaaaaaaaaaaa
rem.u64 u64 u64 -> u64: 0xffffffffffffffff 10 = 5
min.s32 s32 s32 -> s32: -1 1 = -1
min.u32 u32 u32 -> u32: 0xffffffff 1 = 1
max.u32 u32 u32 -> u32: 0xffffffff 1 = 0xffffffff
max.s64 s64 s64 -> s64: -1 1 = 1 | 0x100000000 0xffffffff = 0x100000000 | 0x7fffffffffffffff -0x8000000000000000 = 0x7fffffffffffffff
min.u64 u64 u64 -> u64: 0xffffffffffffffff 1 = 1 | 0x100000001 0x100000000 = 0x100000000
abs.s32 s32 -> s32: -5 = 5 | -2147483648 = -2147483648
abs.s64 s64 -> s64: -0x100000000 = 0x100000000 | -1 = 1
neg.s64 s64 -> s64: 1 = -1 | 0x100000000 = -0x100000000 | 0 = 0
neg.s32 s32 -> s32: -7 = 7
and.b32 b32 b32 -> b32: 0xff00ff00 0x0ff00ff0 = 0x0f000f00
or.b64 b64 b64 -> b64: 0xff00000000 0xf = 0xff0000000f
xor.b16 b16 b16 -> b16: 0xffff 0x0f0f = 0xf0f0
not.b64 b64 -> b64: 0 = 0xffffffffffffffff
not.b16 b16 -> b16: 1 = 0xfffe
# Shifts by more than the width shift everything out.
shl.b32 b32 u32 -> b32: 1 31 = 0x80000000 | 1 32 = 0 | 1 0xffffffff = 0 | 3 0 = 3
shr.u32 u32 u32 -> u32: 0x80000000 31 = 1 | 0x80000000 32 = 0
shr.s32 s32 u32 -> s32: -8 1 = -4 | -8 32 = -1 | 8 100 = 0
shr.s16 s16 u32 -> s16: -8 1 = -4 | -8 16 = -1
shr.u16 u16 u32 -> u16: 0x8000 15 = 1 | 0x8000 16 = 0
shl.b16 b16 u32 -> b16: 1 15 = 0x8000 | 1 16 = 0
shl.b64 b64 u32 -> b64: 1 63 = 0x8000000000000000 | 1 64 = 0 | 0x80000000 1 = 0x100000000 | 5 32 = 0x500000000 | 5 0 = 5
shr.u64 u64 u32 -> u64: 0xffffffffffffffff 63 = 1 | 0xffffffffffffffff 64 = 0 | 0x300000000 1 = 0x180000000 | 0x700000000 32 = 7
shr.s64 s64 u32 -> s64: -0x8000000000000000 63 = -1 | -0x8000000000000000 200 = -1 | -0x200000000 33 = -1 | 0x7fffffffffffffff 62 = 1
popc.b32 b32 -> u32: 0xf0f0f0f0 = 16 | 0xffffffff = 32 | 0 = 0
popc.b64 b64 -> u32: 0xffffffffffffffff = 64
clz.b32 b32 -> u32: 1 = 31 | 0 = 32
clz.b64 b64 -> u32: 1 = 63 | 0x100000000 = 31 | 0 = 64
brev.b32 b32 -> b32: 1 = 0x80000000 | 0xf0 = 0x0f000000
brev.b64 b64 -> b64: 1 = 0x8000000000000000 | 0x8000000000000000 = 1
bfe.u32 u32 u32 u32 -> u32: 0xabcd1234 8 8 = 0x12 | 0xabcd1234 28 8 = 0xa | 1 0 0 = 0 | 0xffffffff 40 3 = 0
bfe.s32 s32 u32 u32 -> s32: 0x80 4 4 = -8 | 0x70 4 4 = 7 | -1 28 8 = -1
bfi.b32 b32 b32 u32 u32 -> b32: 0xff 0 4 4 = 0xf0 | 0 0xffffffff 0 8 = 0xffffff00 | 1 0 31 5 = 0x80000000
prmt.b32 b32 b32 u32 -> b32: 0x33221100 0x77665544 0x7531 = 0x77553311 | 0x80 0 0x8888 = 0xffffffff | 0x00ff7f80 0 0x9a98 = 0x00ff00ff
shf.l.wrap.b32 b32 b32 u32 -> b32: 0x80000000 1 1 = 3 | 7 9 32 = 9
shf.r.wrap.b32 b32 b32 u32 -> b32: 2 1 1 = 0x80000001
shf.l.clamp.b32 b32 b32 u32 -> b32: 7 9 33 = 7
shf.r.clamp.b32 b32 b32 u32 -> b32: 7 9 33 = 9
`)

test('lop3 is any function of three bits', () => {
  const [a, b, c] = [0xf0, 0xcc, 0xaa]
  const inputs = [a, b, c].map((value) => ['b32', value] as const)
  // The table of a function is its value at these three: PTX ISA, lop3.
  for (const table of [0x80, 0xfe, 0x96, 0xca, 0x1a]) {
    const [d] = evaluate(`lop3.b32 %d, %a, %b, %c, ${table};`, inputs, ['u32'])
    expect(Number(d) & 255).toBe(table)
  }
})

test('constants are decimal, hexadecimal, octal and binary', () => {
  expect(
    evaluate(
      'mov.u32 %d, 0x1F; mov.s32 %e, -017; mov.u32 %f, 0b101; mov.u64 %g, 0xFFFFFFFFFFU;',
      [],
      ['u32', 's32', 'u32', 'u64'],
    ),
  ).toEqual([31, -15, 5, 0xffffffffffn])
})

describe('setp', () => {
  const compare = (comparison: string, type: TypeName, a: Value, b: Value) =>
    evaluate(
      `setp.${comparison}.${type} %p|%q, %a, %b; selp.u32 %d, 1, 0, %p; selp.u32 %e, 1, 0, %q;`,
      [
        [type, a],
        [type, b],
      ],
      ['u32', 'u32'],
    )
  test.each([
    ['lt', 's32', -1, 1, 1],
    ['lt', 'u32', 0xffffffff, 1, 0],
    ['hi', 'u32', 0xffffffff, 1, 1],
    ['ls', 'u32', 1, 1, 1],
    ['ge', 's16', -1, 1, 0],
    ['ge', 'u16', 65535, 1, 1],
    ['eq', 'b64', 0x100000000n, 0n, 0],
    ['ne', 'b64', 0x100000000n, 0n, 1],
    ['lt', 's64', -1n, 0n, 1],
    ['lt', 'u64', 0xffffffffffffffffn, 0n, 0],
    ['le', 'u64', 0x100000000n, 0xffffffffn, 0],
    ['gt', 's64', 0x80000000n, 1n, 1],
    ['ge', 's64', 5n, 5n, 1],
  ] as const)('%s.%s of %s and %s is %s', (comparison, type, a, b, expected) => {
    expect(compare(comparison, type, a, b)).toEqual([expected, 1 - expected])
  })

  test.each([
    ['and', 0, [0, 0]],
    ['and', 1, [1, 0]],
    ['or', 0, [1, 0]],
    ['or', 1, [1, 1]],
    ['xor', 0, [1, 0]],
    ['xor', 1, [0, 1]],
  ])('of 1 < 2, .%s with %s', (join, third, expected) => {
    const code = `setp.ne.s32 %p, %a, 0; setp.lt.${join}.s32 %p|%q, 1, 2, %p; selp.u32 %d, 1, 0, %p; selp.u32 %e, 1, 0, %q;`
    expect(evaluate(code, [['s32', third]], ['u32', 'u32'])).toEqual(expected)
  })
})

test('predicates are combined and negated', () => {
  const code = `setp.lt.s32 %p, %a, %b; not.pred %q, %p; or.pred %q, %q, %p; selp.u32 %d, 1, 0, %q; and.pred %q, %p, !%q; @!%q mov.u32 %e, 7; @%q mov.u32 %e, 8;`
  expect(
    evaluate(
      code,
      [
        ['s32', 1],
        ['s32', 2],
      ],
      ['u32', 'u32'],
    ),
  ).toEqual([1, 7])
})

describe('registers as parts of wider ones', () => {
  test('two of 32 bits in 64, and back', () => {
    expect(
      evaluate(
        'mov.b64 %d, {%a, %b}; mov.b64 {%f, %e}, %d;',
        [
          ['b32', 0x11],
          ['b32', 0x22],
        ],
        ['b64', 'b32', 'b32'],
      ),
    ).toEqual([0x2200000011n, 0x22, 0x11])
  })
  test('two of 16 bits in 32, with a constant', () => {
    expect(
      evaluate('mov.b32 %d, {0, %a}; mov.b32 {_, %e}, %d;', [['b16', 0x3f80]], ['f32', 'b16']),
    ).toEqual([1, 0x3f80])
  })
  test('four of 16 bits in 64', () => {
    const code = 'mov.b64 %d, {%a, %b, %b, %a}; mov.b64 {_, _, _, %e}, %d;'
    expect(
      evaluate(
        code,
        [
          ['b16', 1],
          ['b16', 2],
        ],
        ['b64', 'b16'],
      ),
    ).toEqual([0x1000200020001n, 1])
  })
  test('constants of floating point as bits, NaN too', () => {
    expect(
      evaluate(
        'mov.b32 %d, 0fFFC12345; mov.b64 %e, 0d7FF8000000000001; add.u32 %d, %d, 0;',
        [],
        ['u32', 'u64'],
      ),
    ).toEqual([0xffc12345, 0x7ff8000000000001n])
  })
  test('floating point as bits, in registers of either kind', () => {
    const code = 'mov.b32 %d, %a; mov.b64 %e, %b; mov.b32 %f, %c;'
    expect(
      evaluate(
        code,
        [
          ['f32', -2],
          ['f64', 1],
          ['u32', 0x40400000],
        ],
        ['u32', 'u64', 'f32'],
      ),
    ).toEqual([0xc0000000, 0x3ff0000000000000n, 3])
  })
})
