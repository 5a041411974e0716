/**
 * Loads, stores and atomics of every kind, and what the threads of a warp or block give each other,
 * against values worked out by hand from the PTX ISA.
 */
import { describe, expect, test } from 'vitest'
import { evaluate, header, type TypeName, type Value } from './emulator/evaluate.ts'
import { Session } from './emulator/session.ts'

describe('atomics', () => {
  const all = 2n ** 64n - 1n
  test.each<[string, TypeName, before: Value, operands: Value[], after: Value]>([
    ['add.u32', 'u32', 4294967295, [2], 1],
    ['add.s32', 's32', -5, [3], -2],
    ['add.u64', 'u64', 0xffffffffn, [1n], 0x100000000n],
    ['add.f32', 'f32', 16777216, [1], 16777216],
    ['add.f64', 'f64', 1, [0.5], 1.5],
    ['min.s32', 's32', -1, [1], -1],
    ['min.u32', 'u32', 4294967295, [1], 1],
    ['max.u32', 'u32', 4294967295, [1], 4294967295],
    ['max.s64', 's64', -1n, [1n], 1n],
    ['min.u64', 'u64', all, [1n], 1n],
    ['inc.u32', 'u32', 3, [3], 0],
    ['inc.u32', 'u32', 2, [3], 3],
    ['inc.u32', 'u32', 9, [3], 0],
    ['dec.u32', 'u32', 0, [3], 3],
    ['dec.u32', 'u32', 2, [3], 1],
    ['dec.u32', 'u32', 9, [3], 3],
    ['and.b32', 'b32', 0xff, [0xf0f], 0x0f],
    ['or.b32', 'b32', 0xf0, [0x0f], 0xff],
    ['xor.b64', 'b64', all, [0xffn], all - 0xffn],
    ['exch.b32', 'b32', 5, [7], 7],
    ['exch.b64', 'b64', 5n, [7n << 40n], 7n << 40n],
    ['cas.b32', 'b32', 5, [5, 9], 9],
    ['cas.b32', 'b32', 5, [6, 9], 5],
    ['cas.b32', 'b32', 0xffffffff, [0xffffffff, 1], 1],
    ['cas.b64', 'b64', 5n << 32n, [5n << 32n, 9n], 9n],
    ['cas.b64', 'b64', 5n << 32n, [5n, 9n], 5n << 32n],
  ])('%s in memory of %s with %s: %s, then %s', (op, type, before, operands, after) => {
    const inputs = [before, ...operands].map((value) => [type, value] as const)
    const args = operands.map((_, i) => `, %${'bc'[i]}`).join('')
    for (const [space, place] of [
      ['global', '%to+32'],
      ['shared', 'place'],
      ['', '%to+32'],
    ]) {
      const of = space && `.${space}`
      const code = `st${of}.${type} [${place}], %a; atom${of}.${op} %d, [${place}]${args}; ld${of}.${type} %e, [${place}];`
      expect(
        evaluate(code, inputs, [type, type], { declarations: '.shared .align 8 .b8 place[8];' }),
      ).toEqual([before, after])
    }
  })

  test('sums in single precision flush subnormal numbers in global memory, not in shared memory', () => {
    const tiny = 1.401298464324817e-45
    const sum = (space: string, place: string) =>
      evaluate(
        `st.${space}.f32 [${place}], %a; red.${space}.add.f32 [${place}], %a; ld.${space}.f32 %d, [${place}];`,
        [['f32', tiny]],
        ['f32'],
        { declarations: '.shared .align 8 .b8 place[8];' },
      )
    expect(sum('global', '%to+32')).toEqual([0])
    expect(sum('shared', 'place')).toEqual([2 * tiny])
  })
})

describe('loads and stores', () => {
  test.each<[string, TypeName, Value]>([
    ['ld.global.u8 %d, [%from];', 'u32', 0x81],
    ['ld.global.s8 %d, [%from];', 's32', -127],
    ['ld.global.b8 %d, [%from+1];', 'u16', 0xf2],
    ['ld.global.u16 %d, [%from];', 'u32', 0xf281],
    ['ld.global.s16 %d, [%from];', 's32', -3455],
    ['ld.global.s16 %d, [%from];', 's64', -3455n],
    ['ld.global.u32 %d, [%from];', 'u64', 0xd4e3f281n],
    ['ld.global.s32 %d, [%from];', 's64', BigInt(0xd4e3f281 | 0)],
    ['ld.global.nc.L1::no_allocate.L2::128B.b32 %d, [%from];', 'u32', 0xd4e3f281],
    ['ld.volatile.global.u64 %d, [%from];', 'u64', 0x6655d4e3f281n],
    ['ld.global.cs.v2.b32 {_, %d}, [%from];', 'u32', 0x6655],
    ['ld.global.v4.u16 {_, %d, _, _}, [%from];', 'u32', 0xd4e3],
    [
      'mov.u32 %d, 0x12345678; st.global.u8 [%to+32], %d; ld.global.u32 %d, [%to+32];',
      'u32',
      0xffffff78,
    ],
    [
      'mov.u32 %d, 0x12345678; st.global.wt.u16 [%to+34], %d; ld.global.u32 %d, [%to+32];',
      'u32',
      0x5678ffff,
    ],
    ['st.global.v2.u32 [%to+32], {7, 8}; ld.global.u64 %d, [%to+32];', 'u64', 0x800000007n],
  ])('%s', (code, type, expected) => {
    const inputs: [TypeName, Value][] = [['u64', 0x6655d4e3f281n]]
    expect(evaluate(code, inputs, [type])).toEqual([expected])
  })

  test('fresh memory holds NaN', () => {
    expect(
      evaluate('ld.global.f32 %d, [%to+40]; ld.global.f64 %e, [%to+40];', [], ['f32', 'f64']),
    ).toEqual([Number.NaN, Number.NaN])
  })
})

/** What 64 threads leave as their number in %d. */
function ofBlock(code: string): number[] {
  const text = `${header}.entry kernel(.param .u64 to) { .reg .b32 %d, %t, %r<9>; .reg .b64 %to; .reg .pred %p, %q; .reg .f32 %f<2>;
    ld.param.u64 %to, [to]; mov.u32 %t, %tid.x; mad.wide.u32 %to, %t, 4, %to; ${code} st.global.u32 [%to], %d; ret; }`
  const session = new Session(text)
  const to = session.put(new Uint32Array(64))
  session.launch('kernel', [1], [64], [to])
  return [...to.read()]
}

const threads = Array.from({ length: 64 }, (_, t) => t)
const lane = (t: number) => t % 32

describe('shuffles', () => {
  test.each<[string, (t: number) => number]>([
    ['down.b32 %d, %t, 4, 31, -1', (t) => (lane(t) + 4 < 32 ? t + 4 : t)],
    ['up.b32 %d, %t, 3, 0, -1', (t) => (lane(t) >= 3 ? t - 3 : t)],
    ['bfly.b32 %d, %t, 5, 31, -1', (t) => t ^ 5],
    ['idx.b32 %d, %t, 7, 31, -1', (t) => t - lane(t) + 7],
    ['idx.b32 %d, %t, 39, 31, -1', (t) => t - lane(t) + 7],
    // Segments of 8 lanes: the upper byte of c has the bits of a lane that say which segment,
    // clamped at its last lane.
    ['down.b32 %d, %t, 3, 0x181f, -1', (t) => ((t % 8) + 3 < 8 ? t + 3 : t)],
    ['up.b32 %d, %t, 3, 0x1800, -1', (t) => (t % 8 >= 3 ? t - 3 : t)],
    ['idx.b32 %d, %t, 2, 0x181f, -1', (t) => t - (t % 8) + 2],
    ['bfly.b32 %d, %t, 12, 0x181f, -1', (t) => (Math.floor(t / 8) % 2 ? t ^ 12 : t)],
    // Up to lane 15 only.
    ['down.b32 %d, %t, 1, 15, -1', (t) => (lane(t) < 15 ? t + 1 : t)],
  ])('%s', (code, expected) => {
    expect(ofBlock(`shfl.sync.${code};`)).toEqual(threads.map(expected))
  })
  test('a predicate says whether the lane was in range', () => {
    expect(ofBlock('shfl.sync.down.b32 %r0|%p, %t, 4, 31, -1; selp.u32 %d, 1, 0, %p;')).toEqual(
      threads.map((t) => Number(lane(t) < 28)),
    )
  })
  test('half a warp among itself', () => {
    const code =
      'mov.u32 %d, 99; and.b32 %r0, %t, 16; setp.eq.u32 %p, %r0, 0; @%p shfl.sync.bfly.b32 %d, %t, 1, 31, 0xffff;'
    expect(ofBlock(code)).toEqual(threads.map((t) => (lane(t) < 16 ? t ^ 1 : 99)))
  })
  test('floating point goes through as bits', () => {
    const code =
      'cvt.rn.f32.u32 %f0, %t; shfl.sync.idx.b32 %f1, %f0, 3, 31, -1; cvt.rzi.u32.f32 %d, %f1;'
    expect(ofBlock(code)).toEqual(threads.map((t) => t - lane(t) + 3))
  })
})

describe('votes and reductions', () => {
  const even = 'and.b32 %r0, %t, 1; setp.eq.u32 %p, %r0, 0; '
  const small = 'setp.lt.u32 %p, %t, 32; '
  const asNumber = 'selp.u32 %d, 1, 0, %q;'
  test.each<[string, (t: number) => number]>([
    [`${even} vote.sync.ballot.b32 %d, %p, -1;`, () => 0x55555555],
    [`${small} vote.sync.all.pred %q, %p, -1; ${asNumber}`, (t) => Number(t < 32)],
    [`${even} vote.sync.any.pred %q, %p, -1; ${asNumber}`, () => 1],
    [`${even} vote.sync.uni.pred %q, %p, -1; ${asNumber}`, () => 0],
    [`${small} vote.sync.uni.pred %q, !%p, -1; ${asNumber}`, () => 1],
    ['redux.sync.add.u32 %d, %t, -1;', (t) => (t < 32 ? 496 : 1520)],
    ['redux.sync.max.s32 %d, %t, -1;', (t) => (t < 32 ? 31 : 63)],
    ['sub.u32 %r0, %t, 3; redux.sync.min.u32 %d, %r0, -1;', (t) => (t < 32 ? 0 : 29)],
    ['redux.sync.xor.b32 %d, %t, -1;', () => 0],
    [`${even} bar.red.popc.u32 %d, 0, %p;`, () => 32],
    [`${even} bar.red.and.pred %q, 0, %p; ${asNumber}`, () => 0],
    [`${even} bar.red.or.pred %q, 0, !%p; ${asNumber}`, () => 1],
  ])('%s', (code, expected) => {
    expect(ofBlock(code)).toEqual(threads.map(expected))
  })
})

test('special registers', () => {
  const text = `${header}.entry kernel(.param .u64 to) { .reg .b32 %r<14>, %i; .reg .b64 %to;
    mov.u32 %r0, %tid.x; mov.u32 %r1, %tid.y; mov.u32 %r2, %tid.z; mov.u32 %r3, %ntid.y; mov.u32 %r4, %ctaid.x; mov.u32 %r5, %ctaid.y;
    mov.u32 %r6, %ctaid.z; mov.u32 %r7, %nctaid.z; mov.u32 %r8, %laneid; mov.u32 %r9, %warpid; mov.u32 %r10, %lanemask_lt; mov.u32 %r11, %lanemask_ge;
    mad.lo.u32 %i, %r6, 2, %r5; mad.lo.u32 %i, %i, 3, %r4; mad.lo.u32 %i, %i, 2, %r2; mad.lo.u32 %i, %i, 4, %r1; mad.lo.u32 %i, %i, 5, %r0;
    ld.param.u64 %to, [to]; mad.wide.u32 %to, %i, 48, %to;
    st.global.v4.u32 [%to], {%r0, %r1, %r2, %r3}; st.global.v4.u32 [%to+16], {%r4, %r5, %r6, %r7};
    st.global.v4.u32 [%to+32], {%r8, %r9, %r10, %r11}; ret; }`
  const session = new Session(text)
  const to = session.put(new Uint32Array(12 * 40 * 12))
  session.launch('kernel', [3, 2, 2], [5, 4, 2], [to])
  const found = to.read()
  for (let i = 0; i < 480; i++) {
    const [t, c] = [i % 40, Math.floor(i / 40)]
    const [x, y, z] = [t % 5, Math.floor(t / 5) % 4, Math.floor(t / 20)]
    const masks = [2 ** (t % 32) - 1, 2 ** 32 - 2 ** (t % 32)]
    const block = [c % 3, Math.floor(c / 3) % 2, Math.floor(c / 6), 2]
    expect([...found.subarray(12 * i, 12 * i + 12)]).toEqual([
      x,
      y,
      z,
      4,
      ...block,
      t % 32,
      t >> 5,
      ...masks,
    ])
  }
})
