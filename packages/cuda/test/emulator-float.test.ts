/**
 * Instructions in floating point and conversions, against values worked out by hand from IEEE 754
 * and the PTX ISA; what rounds once, also against exact arithmetic on whole numbers.
 */
import { describe, expect, test } from 'vitest'
import { evaluate } from './emulator/evaluate.ts'
import { testTable } from './emulator/table.ts'

describe('arithmetic', () => {
  testTable(`
# Ties go to the even neighbour; zeros keep their sign.
add.rn.f32 f32 f32 -> f32: 16777216 1 = 16777216 | 16777218 1 = 16777220 | 3e38 3e38 = inf | -0 0 = 0 | -0 -0 = -0 | inf -inf = nan
add.f32 f32 f32 -> f32: 16777218 1 = 16777220
add.rz.f32 f32 f32 -> f32: 16777218 1 = 16777218 | -16777218 -1 = -16777218 | 0f7F7FFFFF 0f7F7FFFFF = 0f7F7FFFFF
add.rp.f32 f32 f32 -> f32: 16777216 1 = 16777218 | -16777216 -1 = -16777216 | 1 1e-30 = 0f3F800001 | 0f7F7FFFFF 1 = inf
add.rm.f32 f32 f32 -> f32: 16777216 1 = 16777216 | 1 -1 = -0 | 0 0 = 0 | 0 -0 = -0 | 1 -1e-30 = 0f3F7FFFFF
sub.rn.f32 f32 f32 -> f32: 16777216 -1 = 16777216 | 5 3 = 2
sub.rz.f32 f32 f32 -> f32: 1 1e-30 = 0f3F7FFFFF
sub.ftz.f32 f32 f32 -> f32: 0f00800001 0f00800000 = 0 | 0f80800001 0f80800000 = -0 | 3 1 = 2
mul.rn.f32 f32 f32 -> f32: 0f00000001 0.5 = 0 | 0f00000003 0.5 = 0f00000002 | 0f3F800001 0f3F800001 = 0f3F800002 | 1e30 1e30 = inf
mul.rp.f32 f32 f32 -> f32: 0f00000001 0.5 = 0f00000001 | 0f80000001 0.5 = -0
mul.rm.f32 f32 f32 -> f32: 0f80000001 0.5 = 0f80000001
mul.sat.f32 f32 f32 -> f32: 3 2 = 1 | -3 2 = 0 | nan 1 = 0 | 0.25 2 = 0.5
mul.ftz.f32 f32 f32 -> f32: 0f00000001 1e38 = 0 | 0f80000001 1e38 = -0
div.rn.f32 f32 f32 -> f32: 1 3 = 0f3EAAAAAB | 1 0 = inf | 0 0 = nan | -1 inf = -0
div.approx.f32 f32 f32 -> f32: 1 4 = 0.25
div.full.f32 f32 f32 -> f32: 1 4 = 0.25
sqrt.rn.f32 f32 -> f32: 2 = 0f3FB504F3 | -1 = nan | -0 = -0 | inf = inf
rcp.rn.f32 f32 -> f32: 3 = 0f3EAAAAAB | -0 = -inf
# (1 + 2^-23)^2 - (1 + 2^-22) = 2^-46; then products half way between two singles, a little more or less.
fma.rn.f32 f32 f32 f32 -> f32: 0f3F800001 0f3F800001 0fBF800002 = 0f28800000
fma.rn.f32 f32 f32 f32 -> f32: 0f3F800800 0f3F800800 0f17800000 = 0f3F801001 | 0f3F800800 0f3F800800 0f97800000 = 0f3F801000
fma.rn.f32 f32 f32 f32 -> f32: 0f3F800800 0f3F800800 0 = 0f3F801000 | inf 0 1 = nan | 2 3 inf = inf | 1e30 1e30 -inf = -inf
fma.rm.f32 f32 f32 f32 -> f32: 0f3F800800 0f3F800800 0 = 0f3F801000
fma.rp.f32 f32 f32 f32 -> f32: 0f3F800800 0f3F800800 0 = 0f3F801001
fma.rz.f32 f32 f32 f32 -> f32: 0fBF800800 0f3F800800 0 = 0fBF801000
mad.rn.f32 f32 f32 f32 -> f32: 2 3 4 = 10
fma.rn.f64 f64 f64 f64 -> f64: 0d3FF0000000000001 0d3FF0000000000001 0dBFF0000000000002 = 0d3970000000000000
fma.rn.f64 f64 f64 f64 -> f64: 0d3FF0000004000000 0d3FF0000002000000 0d3370000000000000 = 0d3FF0000006000001
fma.rn.f64 f64 f64 f64 -> f64: 0d3FF0000004000000 0d3FF0000002000000 0dB370000000000000 = 0d3FF0000006000000
# 1.5 2^-1074 lies half way between two doubles.
fma.rn.f64 f64 f64 f64 -> f64: 0d0170000000000000 0d3B40000000000000 0d0000000000000001 = 0d0000000000000002
add.rn.f64 f64 f64 -> f64: 9007199254740992 1 = 9007199254740992
sub.f64 f64 f64 -> f64: 1 3 = -2
mul.f64 f64 f64 -> f64: 1e200 1e200 = inf
div.rn.f64 f64 f64 -> f64: 1 3 = 0.3333333333333333
sqrt.rn.f64 f64 -> f64: 2 = 1.4142135623730951
neg.f32 f32 -> f32: 0 = -0 | -3 = 3
neg.f64 f64 -> f64: 2 = -2
abs.f32 f32 -> f32: -0 = 0 | -3 = 3 | nan = nan
min.f32 f32 f32 -> f32: 1 nan = 1 | nan 1 = 1 | nan nan = nan | -0 0 = -0 | 0 -0 = -0 | 2 1 = 1
max.f32 f32 f32 -> f32: 1 nan = 1 | -0 0 = 0 | 0 -0 = 0 | -inf -1 = -1
max.NaN.f32 f32 f32 -> f32: 1 nan = nan | 1 2 = 2
min.NaN.f32 f32 f32 -> f32: nan 1 = nan
max.f64 f64 f64 -> f64: nan 1 = 1 | 1 2 = 2
ex2.approx.f32 f32 -> f32: 3 = 8 | -1 = 0.5 | -inf = 0 | 200 = inf
ex2.approx.ftz.f32 f32 -> f32: -130 = 0
lg2.approx.f32 f32 -> f32: 8 = 3 | 0 = -inf | -1 = nan
rsqrt.approx.f32 f32 -> f32: 4 = 0.5 | 0 = inf
sin.approx.f32 f32 -> f32: 0 = 0
cos.approx.f32 f32 -> f32: 0 = 1
tanh.approx.f32 f32 -> f32: 0 = 0 | inf = 1
copysign.f32 f32 f32 -> f32: -0 3 = -3 | 1 -3 = 3
`)
})

describe('conversions', () => {
  testTable(`
cvt.rni.s32.f32 f32 -> s32: 2.5 = 2 | 3.5 = 4 | -2.5 = -2 | 3e9 = 2147483647 | -3e9 = -2147483648 | nan = 0 | 0.49999997 = 0
cvt.rmi.s32.f32 f32 -> s32: -1.5 = -2 | 1.5 = 1
cvt.rpi.s32.f32 f32 -> s32: -1.5 = -1 | 1.5 = 2
cvt.rzi.u32.f32 f32 -> u32: -1.5 = 0 | 4e9 = 4000000000 | 5e9 = 4294967295
cvt.rzi.u8.f32 f32 -> u16: 300 = 255 | 7.9 = 7
cvt.rzi.s32.f64 f64 -> s32: nan = -2147483648 | 1e10 = 2147483647
cvt.rzi.s64.f64 f64 -> s64: nan = -0x8000000000000000 | 1e30 = 0x7fffffffffffffff | -7.9 = -7 | 4503599627370497 = 0x10000000000001
cvt.rzi.u64.f32 f32 -> u64: nan = 0x8000000000000000 | -1 = 0 | 1e30 = 0xffffffffffffffff
cvt.rn.f32.u32 u32 -> f32: 16777217 = 16777216 | 4294967295 = 4294967296
cvt.rp.f32.u32 u32 -> f32: 16777217 = 16777218
cvt.rz.f32.s32 s32 -> f32: -16777219 = -16777218
# 2^55 + 2^31 + 1 is a little more than half way to 2^55 + 2^32; a double in between would lose the 1.
cvt.rn.f32.s64 s64 -> f32: 0x80000080000001 = 36028801313931264 | 0x80000080000000 = 36028797018963968 | -5 = -5
cvt.rn.f64.u64 u64 -> f64: 0xffffffffffffffff = 18446744073709551616
cvt.rn.f64.s32 s32 -> f64: -7 = -7
cvt.rn.f32.f64 f64 -> f32: 0d3FF0000010000000 = 1 | 0d3FF0000010000001 = 0f3F800001 | 1e300 = inf
cvt.rz.f32.f64 f64 -> f32: 0d3FEFFFFFFFFFFFFF = 0f3F7FFFFF | 1e300 = 0f7F7FFFFF
cvt.rp.f32.f64 f64 -> f32: 1e-300 = 0f00000001 | -1e-300 = -0
cvt.rm.f32.f64 f64 -> f32: 1e-300 = 0 | -1e-300 = 0f80000001
cvt.f64.f32 f32 -> f64: 0f3DCCCCCD = 0.10000000149011612
cvt.sat.f32.f32 f32 -> f32: 2 = 1 | -1 = 0 | nan = 0
cvt.rni.f32.f32 f32 -> f32: 2.5 = 2 | -0.25 = -0 | 8388609 = 8388609
cvt.rmi.f32.f32 f32 -> f32: -0.25 = -1
cvt.ftz.f64.f32 f32 -> f64: 0f00000001 = 0
cvt.rn.f16.f32 f32 -> b16: 1 = 0x3c00 | 65520 = 0x7c00 | 65519 = 0x7bff | 2.9802322387695312e-8 = 0 | 4.4703483581542969e-8 = 1 | -2 = 0xc000
cvt.rn.f16.f32 f32 -> b16: nan = 0x7fff | -0 = 0x8000 | 6.097555160522461e-5 = 0x3ff | 6.10352e-5 = 0x400 | -inf = 0xfc00
cvt.rz.f16.f32 f32 -> b16: 65520 = 0x7bff | 1e30 = 0x7bff
cvt.rn.f16.f64 f64 -> b16: 1.00048828125 = 0x3c00 | 1.0004882812500002 = 0x3c01
cvt.f32.f16 b16 -> f32: 0x3c00 = 1 | 0x0001 = 5.960464477539063e-8 | 0xfc00 = -inf | 0x7e00 = nan | 0x7bff = 65504
cvt.rn.bf16.f32 f32 -> b16: 1 = 0x3f80 | 0f3F808000 = 0x3f80 | 0f3F818000 = 0x3f82 | 0f3F808001 = 0x3f81 | inf = 0x7f80
cvt.rn.bf16.f32 f32 -> b16: 0f7F7FFFFF = 0x7f80 | nan = 0x7fff | 0f00000001 = 0 | 0f00008001 = 1 | 0f807FFFFF = 0x8080
cvt.rz.bf16.f32 f32 -> b16: 0f3F81FFFF = 0x3f81
cvt.f32.bf16 b16 -> f32: 0x3f80 = 1 | 0xc040 = -3
cvt.rn.bf16x2.f32 f32 f32 -> b32: 1 2 = 0x3f804000
cvt.rn.f16x2.f32 f32 f32 -> b32: 1 2 = 0x3c004000
cvt.u32.u16 u16 -> u32: 65535 = 65535
cvt.s32.s16 s16 -> s32: -5 = -5
cvt.s32.u16 u16 -> s32: 65535 = 65535
cvt.u32.u8 u16 -> u32: 0x1ff = 0xff
cvt.s32.s8 u16 -> s32: 0x80 = -128
cvt.u16.u32 u32 -> u16: 0x12345 = 0x2345
cvt.s8.s32 s32 -> s16: 0x180 = -128
cvt.u8.u32 u32 -> b32: 0x1ff = 0xff
cvt.s64.s32 s32 -> s64: -1 = -1
cvt.u64.u32 u32 -> u64: 0xffffffff = 0xffffffff
cvt.s64.s8 s16 -> s64: 0x80 = -128
cvt.u32.u64 u64 -> u32: 0x100000005 = 5
cvt.sat.u8.s32 s32 -> u16: 300 = 255 | -5 = 0
cvt.sat.s8.s32 s32 -> s16: 200 = 127 | -200 = -128
cvt.sat.s32.s64 s64 -> s32: 0x100000000 = 2147483647 | -0x100000000 = -2147483648
cvt.sat.u32.s64 s64 -> u32: -1 = 0
cvt.sat.u64.s64 s64 -> u64: -1 = 0
`)
})

describe('comparisons with NaN', () => {
  const compare = (comparison: string, a: number, b: number) => {
    const code = `setp.${comparison}.f32 %p, %a, %b; selp.u32 %d, 1, 0, %p;`
    const [d] = evaluate(code, [['f32', a], ['f32', b]], ['u32']) // biome-ignore format: two operands
    return d
  }
  const outcomes: Readonly<
    Record<string, readonly [less: number, equal: number, unordered: number]>
  > = {
    eq: [0, 1, 0],
    ne: [1, 0, 0],
    lt: [1, 0, 0],
    le: [1, 1, 0],
    gt: [0, 0, 0],
    ge: [0, 1, 0],
    equ: [0, 1, 1],
    neu: [1, 0, 1],
    ltu: [1, 0, 1],
    leu: [1, 1, 1],
    gtu: [0, 0, 1],
    geu: [0, 1, 1],
    num: [1, 1, 0],
    nan: [0, 0, 1],
  }
  test.each(Object.entries(outcomes))('%s', (comparison, [less, equal, unordered]) => {
    expect(compare(comparison, 1, 2)).toBe(less)
    expect(compare(comparison, 0, -0)).toBe(equal)
    expect(compare(comparison, Number.NaN, 2)).toBe(unordered)
    expect(compare(comparison, 2, Number.NaN)).toBe(unordered)
  })
  test.each([
    ['finite', [1, 0, 0]],
    ['infinite', [0, 1, 0]],
    ['number', [1, 1, 0]],
    ['notanumber', [0, 0, 1]],
  ])('testp.%s', (kind, expected) => {
    const of = (a: number) =>
      evaluate(`testp.${kind}.f32 %p, %a; selp.u32 %d, 1, 0, %p;`, [['f32', a]], ['u32'])[0]
    expect([1, -Infinity, Number.NaN].map(of)).toEqual(expected)
  })
})
