/**
 * That the emulator finds races, and takes none of the ways in which kernels order their accesses
 * for one. The kernels are small ones of PTX, after the examples of the CUDA programming guide.
 */
import { describe, expect, test } from 'vitest'
import { header } from './emulator/evaluate.ts'
import { KernelFault } from './emulator/machine.ts'
import { Session } from './emulator/session.ts'

/**
 * Runs statements in blocks of 64 threads: %a is the address of 256 whole numbers, %own that of the
 * thread's own, %block that of the block's own, %t the thread, %c the block, %first whether the
 * thread is the block's first.
 */
function run(body: string, { blocks = 1, seed = 3 } = {}): KernelFault | undefined {
  const text = `${header}
    .global .align 4 .u32 counter; .global .align 4 .u32 flag;
    .visible .entry kernel(.param .u64 a) {
      .reg .b32 %r<9>, %t, %c, %n; .reg .b64 %l<9>, %a, %own, %block; .reg .b16 %s<3>; .reg .pred %p<9>, %first;
      .shared .align 16 .b32 shares[64]; .shared .align 4 .b8 bytes[64];
      ld.param.u64 %a, [a]; mov.u32 %t, %tid.x; mov.u32 %c, %ctaid.x; mov.u32 %n, %nctaid.x;
      mad.wide.u32 %own, %t, 4, %a; mad.wide.u32 %block, %c, 4, %a; setp.eq.u32 %first, %t, 0;
      mad.lo.u32 %r8, %t, 4, 0; mov.u32 %r7, shares; add.u32 %r7, %r7, %r8; mov.u32 %r6, bytes; add.u32 %r6, %r6, %t;
      ${body}
      ret; }`
  const session = new Session(text, { seed, races: true })
  try {
    session.launch('kernel', [blocks], [64], [session.put(new Uint32Array(256))])
    return undefined
  } catch (error) {
    if (error instanceof KernelFault) return error
    throw error
  }
}

const orders = [1, 2, 3, 4, 5, 6]

/** In some order of blocks and warps; most are found in any. */
const finds = (body: string, blocks: number) =>
  orders.map((seed) => run(body, { blocks, seed })).find((fault) => fault)
const isQuiet = (body: string, blocks: number) =>
  expect(finds(body, blocks)?.message).toBeUndefined()

describe('within a block', () => {
  // Every thread leaves its number and takes that of its neighbour.
  const exchange = (barrier: string) => `st.shared.u32 [%r7], %t; ${barrier}
    xor.b32 %r0, %t, 1; shl.b32 %r0, %r0, 2; mov.u32 %r1, shares; add.u32 %r0, %r0, %r1; ld.shared.u32 %r2, [%r0]; st.global.u32 [%own], %r2;`

  test('neighbours in shared memory, without a barrier', () => {
    const fault = finds(exchange(''), 1)
    expect(fault?.mistake).toMatch(/^(race|unwritten)$/)
  })
  test.each(['bar.sync 0;', 'bar.warp.sync -1;', 'barrier.cta.sync 0;'])('with %s', (barrier) =>
    isQuiet(exchange(barrier), 1),
  )
  test('a shuffle is no barrier', () => {
    expect(finds(exchange('shfl.sync.idx.b32 %r3, %t, 0, 31, -1;'), 1)?.mistake).toBe('race')
  })

  test('shared memory that is used again too early', () => {
    const again = (barrier: string) =>
      `${exchange('bar.sync 0;')} ${barrier} st.shared.u32 [%r7], %t;`
    const fault = finds(again(''), 1)
    expect(fault?.mistake).toBe('race')
    expect(fault?.message).toMatch(
      /4 bytes that thread \d+ has (read|written) in block 0 at line \d+ \((ld|st).shared.u32\) are (read|written) here/,
    )
    isQuiet(again('bar.sync 0;'), 1)
  })

  test('what several threads read one after the other, and the last of them writes', () => {
    const body = `@%first ld.global.u32 %r0, [%a+4]; bar.sync 0; setp.eq.u32 %p0, %t, 1; @%p0 ld.global.u32 %r0, [%a+4]; @%p0 st.global.u32 [%a+4], %r0;`
    isQuiet(body, 1)
    expect(finds(body.replace('bar.sync 0;', ''), 1)?.mistake).toBe('race')
    isQuiet(body.replace('bar.sync 0;', 'bar.warp.sync -1;'), 1)
  })

  test('one place that all write', () => {
    expect(finds('st.global.u32 [%a], %t;', 1)?.mistake).toBe('race')
    expect(finds('@%first st.global.u32 [%a], %t;', 2)?.message).toMatch(/written.*written/)
    isQuiet('@%first st.global.u32 [%a], %t;', 1)
    isQuiet('atom.global.add.u32 %r0, [%a], 1; red.global.add.u32 [%a], 1;', 4)
  })

  test('an atomic and a plain read', () => {
    expect(finds('red.global.add.u32 [%a], 1; ld.global.u32 %r0, [%a];', 1)?.mistake).toBe('race')
    isQuiet('red.global.add.u32 [%a], 1; ld.relaxed.gpu.global.u32 %r0, [%a];', 2)
    isQuiet(
      'st.shared.u32 [%r7], 0; red.shared.add.u32 [%r7], 1; bar.sync 0; @%first ld.shared.u32 %r0, [shares+252];',
      1,
    )
  })

  test('bytes and halves beside each other are different places', () => {
    isQuiet('cvt.u16.u32 %s0, %t; st.shared.u8 [%r6], %s0;', 1)
    isQuiet(
      'cvt.u16.u32 %s0, %t; mad.wide.u32 %l0, %t, 2, %a; st.global.u16 [%l0], %s0; ld.global.u16 %s1, [%l0];',
      1,
    )
    const word = 'cvt.u16.u32 %s0, %t; st.shared.u8 [%r6], %s0; @%first ld.shared.u32 %r0, [bytes];'
    expect(finds(word, 1)?.mistake).toMatch(/^(race|unwritten)$/)
    isQuiet(word.replace('@%first', 'bar.sync 0; @%first'), 1)
  })

  test('four numbers at a time', () => {
    const body =
      'and.b32 %r0, %t, 15; mad.wide.u32 %l0, %r0, 16, %a; setp.lt.u32 %p0, %t, 16; @%p0 ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%l0]; st.global.u32 [%own], %t;'
    expect(finds(body, 1)?.mistake).toBe('race')
    isQuiet(body.replace('st.global', 'bar.sync 0; st.global'), 1)
  })

  test('shared memory that nobody has written', () => {
    expect(run('ld.shared.u32 %r0, [%r7];')?.mistake).toBe('unwritten')
  })

  test('memory read as constant and written in the same launch, even in order', () => {
    expect(
      run('ld.global.nc.u32 %r0, [%own]; bar.sync 0; st.global.u32 [%own], %r0;')?.message,
    ).toMatch(/read as constant \(.nc\).*in the same launch/)
    expect(run('st.global.u32 [%own], %t; ld.global.nc.u32 %r0, [%own];')?.mistake).toBe('race')
    isQuiet('ld.global.nc.u32 %r0, [%a]; add.u64 %l0, %own, 512; st.global.u32 [%l0], %r0;', 1)
  })
})

describe('the last block to finish', () => {
  /**
   * Every block writes a number, and the last one to count adds them up and counts from 0 again.
   */
  const lastBlock = ({
    write = '@%first st.global.u32 [%block], %t;',
    before = 'membar.gl;',
    atom = 'atom.global.inc.u32',
    after = 'membar.gl;',
    barrier = 'bar.sync 0;',
  }) => `
    ${write} @!%first bra wait; ${before}
    sub.u32 %r0, %n, 1; ${atom} %r1, [counter], %r0; ${after}
    setp.eq.u32 %p0, %r1, %r0; selp.u32 %r2, 1, 0, %p0; st.shared.u32 [shares], %r2;
    wait: ${barrier} ld.shared.u32 %r2, [shares]; setp.eq.u32 %p1, %r2, 0; @%p1 ret;
    setp.ge.u32 %p2, %t, %n; @%p2 ret; ld.global.u32 %r3, [%own]; st.global.u32 [%own], %r3;`
  const blocks = 5

  test('with fences', () => isQuiet(lastBlock({}), blocks))
  test('with fences that belong to the atomic', () => {
    isQuiet(lastBlock({ before: '', after: '', atom: 'atom.acq_rel.gpu.global.inc.u32' }), blocks)
    isQuiet(
      lastBlock({
        before: 'fence.acq_rel.gpu;',
        after: 'fence.sc.gpu;',
        atom: 'atom.relaxed.gpu.global.inc.u32',
      }),
      blocks,
    )
  })
  test.each([
    ['no fence before', { before: '' }],
    ['no fence after', { after: '' }],
    [
      'a fence too early',
      { write: '@%first membar.gl; @%first st.global.u32 [%block], %t;', before: '' },
    ],
    ['a fence of the block only', { before: 'membar.cta;' }],
    ['a fence of the block only, after', { after: 'fence.acq_rel.cta;' }],
    [
      'an atomic that only releases',
      { before: '', after: '', atom: 'atom.release.gpu.global.inc.u32' },
    ],
  ])('%s', (_, parts) => expect(finds(lastBlock(parts), blocks)?.mistake).toBe('race'))

  test('what other threads wrote goes with a barrier and then a fence, or a fence and then a barrier', () => {
    const write = 'setp.eq.u32 %p3, %t, 40; @%p3 st.global.u32 [%block], %t;'
    expect(finds(lastBlock({ write }), blocks)?.mistake).toBe('race')
    isQuiet(lastBlock({ write: `${write} bar.sync 0;` }), blocks)
    isQuiet(lastBlock({ write: `${write} membar.gl; bar.sync 0;`, before: '' }), blocks)
    expect(finds(lastBlock({ write: `${write} bar.sync 0;`, before: '' }), blocks)?.mistake).toBe(
      'race',
    )
    // The fence of another thread serves nobody else.
    expect(
      finds(lastBlock({ write: `${write} @%first membar.gl; bar.sync 0;`, before: '' }), blocks)
        ?.mistake,
    ).toBe('race')
  })

  test('what all threads of all blocks read may be written by the last block', () => {
    const read = 'ld.global.u32 %r5, [%a+512]; bar.sync 0; @%first st.global.u32 [%block], %r5;'
    const all = lastBlock({ write: read }).replace(
      'ld.global.u32 %r3, [%own];',
      '@%first st.global.u32 [%a+512], %t; ld.global.u32 %r3, [%own];',
    )
    isQuiet(all, blocks)
    expect(finds(all.replace('bar.sync 0;', ''), blocks)?.message).toMatch(/has read|have read/)
  })
})

test('a flag that is released and acquired orders blocks', () => {
  const handOver = (
    store: string,
    load: string,
  ) => `@!%first bra end; setp.eq.u32 %p0, %c, 0; @!%p0 bra other;
    st.global.u32 [%a+64], %t; ${store} [flag], 1; bra end; other: ${load} %r0, [flag]; setp.eq.u32 %p1, %r0, 1; @%p1 ld.global.u32 %r1, [%a+64]; end:`
  isQuiet(handOver('st.release.gpu.global.u32', 'ld.acquire.gpu.global.u32'), 2)
  expect(
    finds(handOver('st.relaxed.gpu.global.u32', 'ld.acquire.gpu.global.u32'), 2)?.mistake,
  ).toBe('race')
  expect(
    finds(handOver('st.release.gpu.global.u32', 'ld.relaxed.gpu.global.u32'), 2)?.mistake,
  ).toBe('race')
  expect(finds(handOver('st.global.u32', 'ld.global.u32'), 2)?.mistake).toBe('race')
})
