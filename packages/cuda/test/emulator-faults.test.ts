/**
 * That the emulator reports the mistakes of kernels, each at its line, and what is none it leaves
 * alone.
 */
import { describe, expect, test } from 'vitest'
import { header } from './emulator/evaluate.ts'
import { KernelFault, type MachineOptions } from './emulator/machine.ts'
import { Session } from './emulator/session.ts'

interface Run extends MachineOptions {
  readonly blocks?: number
  readonly threads?: number
  readonly sharedBytes?: number
}

/**
 * Runs statements in every thread: %a and %b are the addresses of 64 zeros each, %own that of the
 * thread's own in the first, %t the thread, %c the block; there are %r0..., %l0... (64 bits),
 * %f0..., %p0..., and `shares`, 64 singles of shared memory.
 */
function run(
  body: string,
  { blocks = 1, threads = 32, sharedBytes = 0, ...options }: Run = {},
): KernelFault | undefined {
  const text = `${header}
    .extern .shared .align 4 .b8 dynamic[];
    .const .align 4 .u32 fixed = 7;
    .visible .entry kernel(.param .u64 a, .param .u64 b) {
      .reg .b32 %r<9>, %t, %c; .reg .b64 %l<9>, %a, %b, %own; .reg .f32 %f<9>; .reg .pred %p<9>;
      .shared .align 4 .f32 shares[64]; .local .align 4 .b8 private[16];
      ld.param.u64 %a, [a]; ld.param.u64 %b, [b]; mov.u32 %t, %tid.x; mov.u32 %c, %ctaid.x;
      mad.wide.u32 %own, %t, 4, %a;
      ${body}
      ret; }`
  const session = new Session(text, { seed: 5, ...options })
  const [a, b] = [0, 0].map(() => session.put(new Float32Array(64)))
  try {
    session.launch('kernel', [blocks], [threads], [a, b], sharedBytes)
    return undefined
  } catch (error) {
    if (error instanceof KernelFault) return error
    throw error
  }
}

/** Expects a mistake, at the line of the statement that ends in `// here`. */
function expectFault(
  body: string,
  mistake: KernelFault['mistake'],
  words: RegExp,
  options?: Run,
): void {
  const fault = run(body, options)
  expect(fault?.mistake).toBe(mistake)
  expect(fault?.message).toMatch(words)
  // Eleven lines come before the body.
  const at = body.split('\n').findIndex((line) => line.includes('// here'))
  if (at >= 0) expect(fault?.line).toBe(12 + at)
}

describe('addresses', () => {
  test.each([
    [
      'a single at an odd place',
      'ld.global.f32 %f0, [%a+2]; // here',
      'alignment',
      /4 bytes at 0x7f00.* are not at a multiple of 4/,
    ],
    [
      'four singles at a multiple of 4',
      'ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%a+4];',
      'alignment',
      /16 bytes .* multiple of 16/,
    ],
    [
      'a store to shared memory',
      'mov.f32 %f0, 0f00000000; st.shared.f32 [shares+1], %f0;',
      'alignment',
      /shared memory/,
    ],
    [
      'behind the end',
      'mov.u32 %r0, 1;\nst.global.u32 [%a+256], %r0; // here',
      'bounds',
      /nearest allocation is 256 bytes at 0x7f00/,
    ],
    ['before the start', 'ld.global.u32 %r0, [%a+-4];', 'bounds', /are no memory/],
    ['half behind the end', 'ld.global.v2.u64 {%l0, %l1}, [%a+256];', 'bounds', /16 bytes/],
    ['null', 'ld.global.u32 %r0, [0];', 'bounds', /4 bytes at 0x0 are no memory/],
    [
      'an address cut to 32 bits',
      'cvt.u32.u64 %r0, %a; cvt.u64.u32 %l0, %r0; ld.global.u32 %r0, [%l0];',
      'bounds',
      /no memory/,
    ],
    [
      'shared memory from a global address',
      'ld.shared.u32 %r0, [%a];',
      'bounds',
      /no address within shared memory/,
    ],
    ['behind a shared array', 'ld.shared.f32 %f0, [shares+256];', 'bounds', /of no variable/],
    [
      'behind dynamic shared memory',
      'mov.u32 %r0, 0; st.shared.u32 [dynamic+64], %r0;',
      'bounds',
      /of no variable/,
    ],
    ['behind local memory', 'ld.local.u32 %r0, [private+16];', 'bounds', /local memory/],
    [
      'behind the parameters',
      'ld.param.u32 %r0, [b+8];',
      'bounds',
      /beyond the 16 bytes of parameters/,
    ],
    [
      'constant memory',
      'mov.u64 %l0, fixed; mov.u32 %r0, 8; st.global.u32 [%l0], %r0;',
      'read-only',
      /cannot be written/,
    ],
    [
      'a generic address as one of shared memory',
      'cvta.to.shared.u64 %l0, %a;',
      'bounds',
      /is not in shared memory/,
    ],
  ] as const)('%s', (_, body, mistake, words) =>
    expectFault(body, mistake, words, { sharedBytes: 64 }),
  )

  test('all that is within is reached, also by generic addresses', () => {
    const body = `ld.global.u32 %r0, [%a+252]; mov.u64 %l0, fixed; ld.global.u32 %r0, [%l0]; st.shared.u32 [dynamic+60], %r0;
      st.local.u32 [private+12], %r0; mov.u64 %l1, private; cvta.local.u64 %l1, %l1; ld.u32 %r1, [%l1+12];
      mov.u64 %l2, shares; cvta.shared.u64 %l2, %l2; st.f32 [%l2+252], 0f3F800000; cvta.to.shared.u64 %l2, %l2; ld.shared.f32 %f1, [%l2+252];
      cvta.global.u64 %l3, %a; ld.u32 %r2, [%l3]; setp.ne.u32 %p0, %r1, 7; @%p0 trap; setp.ne.f32 %p0, %f1, 0f3F800000; @%p0 trap;`
    expect(run(body, { sharedBytes: 64 })).toBeUndefined()
  })
})

describe('registers', () => {
  test.each([
    ['never written', 'add.u32 %r0, %r1, 1; // here'],
    [
      'written on one way only',
      'setp.lt.u32 %p0, %t, 16; @%p0 bra skip; mov.u32 %r1, 1; skip:\nadd.u32 %r0, %r1, 1; // here',
    ],
    [
      'written under a predicate that does not hold for all',
      'setp.lt.u32 %p0, %t, 16; @%p0 mov.u32 %r1, 1;\nadd.u32 %r0, %r1, 1; // here',
    ],
    ['a guard', '@%p0 mov.u32 %r1, 1; // here'],
    ['lost in a wait', '@%p1 mov.u32 %r1, 1;'],
  ])('%s', (_, body) => expectFault(body, 'unwritten', /is read before it is written/))

  test('written by another block only, in the very place', () => {
    const body =
      'setp.eq.u32 %p0, %c, 0; bar.sync 0; @%p0 mov.u32 %r1, 1; bar.sync 0; add.u32 %r0, %r1, 1;'
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8])
      expectFault(body, 'unwritten', /of block 1,0,0: %r1/, { blocks: 2, seed })
  })
  test('written and read under the same predicate, over waits', () => {
    const body =
      'setp.lt.u32 %p0, %t, 16; @%p0 mov.u32 %r1, 1; bar.sync 0; @%p0 add.u32 %r0, %r1, 1; bar.sync 0; @%p0 add.u32 %r0, %r0, %r1;'
    expect(run(body, { threads: 64 })).toBeUndefined()
  })
})

describe('waits that never end', () => {
  test.each([
    [
      'half a warp',
      'setp.lt.u32 %p0, %t, 16; @%p0 bar.sync 0;',
      /0–15 at line \d+ \(barrier.sync\); 16–63 have ended/,
    ],
    ['a thread that ended', 'setp.eq.u32 %p0, %t, 40; @%p0 ret; bar.sync 0;', /40 have ended/],
    [
      'two barriers',
      'setp.lt.u32 %p0, %t, 32; @%p0 bra other; bar.sync 1; bra end; other: bar.sync 2; end:',
      /threads wait for each other/,
    ],
    [
      'a barrier and a shuffle',
      'setp.lt.u32 %p0, %t, 16; @%p0 bra other; bar.sync 0; bra end; other: shfl.sync.idx.b32 %r0, %t, 0, 31, -1; end:',
      /shfl.idx/,
    ],
    [
      'a shuffle and a vote',
      'and.b32 %r2, %t, 31; setp.lt.u32 %p0, %r2, 16; @%p0 bra other; shfl.sync.idx.b32 %r0, %t, 0, 31, -1; bra end; other: vote.sync.any.pred %p1, %p0, -1; end:',
      /0–15, 32–47 at line \d+ \(vote.any for lanes 0–31\)/,
    ],
    [
      'masks that differ',
      'and.b32 %r2, %t, 31; setp.lt.u32 %p0, %r2, 16; selp.b32 %r1, -1, 0xffff8000, %p0; shfl.sync.idx.b32 %r0, %t, 0, 31, %r1;',
      /0–15, 32–47 at line \d+ \(shfl.idx for lanes 0–31\); 16–31, 48–63 at line \d+ \(shfl.idx for lanes 15–31\)/,
    ],
    [
      'different barriers of one warp',
      'setp.lt.u32 %p0, %t, 16; @%p0 bra other; bar.sync 0; bra end; other: bar.sync 0; end:',
      /threads wait/,
    ],
  ])('%s', (_, body, words) => expectFault(body, 'deadlock', words, { threads: 64 }))

  test('two barriers for the two halves of a block, and more than once', () => {
    const body = `setp.lt.u32 %p0, %t, 32; @%p0 bra other; bar.sync 1, 32; bar.sync 1, 32; bra end; other: bar.sync 2, 32; end: bar.sync 0;`
    expect(run(body, { threads: 64 })).toBeUndefined()
  })
  test('threads of a warp on different ways meet in a shuffle, as they may from sm_70 on', () => {
    const body = `setp.lt.u32 %p0, %t, 16; @%p0 bra other; shfl.sync.bfly.b32 %r0, %t, 16, 31, -1; bra end;
      other: shfl.sync.bfly.b32 %r0, %t, 16, 31, -1; end: xor.b32 %r1, %t, 16; setp.ne.u32 %p1, %r0, %r1; @%p1 trap;`
    expect(run(body)).toBeUndefined()
  })
  test('a loop', () => {
    expectFault('loop:\nadd.u32 %r0, %t, 1; // here\nbra loop;', 'endless', /does not end/, {
      limit: 1e5,
    })
  })
})

describe('other mistakes', () => {
  test.each([
    [
      'a value of a lane that is not there',
      'shfl.sync.idx.b32 %r0, %t, 20, 31, -1;',
      'lane',
      /lane 0 takes a value of lane 20/,
    ],
    [
      'waiting for others only',
      'setp.eq.u32 %p0, %t, 3; @%p0 shfl.sync.idx.b32 %r0, %t, 0, 31, 7;',
      'lane',
      /lane 3 waits for lanes 0–2/,
    ],
    [
      'dividing by zero',
      'mov.u32 %r1, 0; div.u32 %r0, %t, %r1; // here',
      'by-zero',
      /divided by zero/,
    ],
    ['trap', 'setp.eq.u32 %p0, %t, 7;\n@%p0 trap; // here', 'trap', /thread 7,0,0 of block 0,0,0/],
  ] as const)('%s', (_, body, mistake, words) => expectFault(body, mistake, words, { threads: 16 }))
})
