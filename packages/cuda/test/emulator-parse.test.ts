/**
 * Reading PTX: names and their scopes, what is refused and with which words, and damaged texts.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { evaluate, header } from './emulator/evaluate.ts'
import { layoutOf } from './emulator/layout.ts'
import { factoryOf } from './emulator/link.ts'
import { parse } from './emulator/parse.ts'
import { printKernel } from './emulator/print.ts'
import { random } from './emulator/random.ts'
import { PtxError, tokenize } from './emulator/tokens.ts'

/** Reads and prints all of a text, as JavaScript that has no mistakes in its own grammar. */
function compile(text: string): void {
  const module = parse(text)
  for (const kernel of module.kernels)
    factoryOf(printKernel(kernel, layoutOf(kernel, module.variables), false), [])
}

const kernel = (body: string) =>
  `${header}.entry kernel() {\n.reg .b32 %r<4>; .reg .f32 %f<2>; .reg .b64 %l<2>; .reg .pred %p<2>;\n${body}\nret;\n}`

describe('what is read', () => {
  test('remarks, pragmas and what is for debuggers is passed over', () => {
    compile(
      `// one\n/* two\n */${header}.file 1 "a.cu"\n.entry kernel() .maxntid 256, 1, 1 .minnctapersm 2 {\n.loc 1 2 3\n.pragma "nounroll"; ret; }`,
    )
  })
  test('names between braces are their own', () => {
    const code =
      '.reg .b32 %x; mov.u32 %x, 1; { .reg .b32 %x; mov.u32 %x, 2; add.u32 %d, %x, %x; } add.u32 %e, %x, 10;'
    expect(evaluate(code, [], ['u32', 'u32'])).toEqual([4, 11])
  })
  test('labels between braces are their own, and reach inwards', () => {
    const code =
      'mov.u32 %d, 0; again: { bra skip; trap; skip: add.u32 %d, %d, 1; setp.lt.u32 %p, %d, 3; @%p bra again; } { bra skip; trap; skip: }'
    expect(evaluate(code, [], ['u32'])).toEqual([3])
  })
  test('a series of registers', () => {
    const { kernels } = parse(kernel(''))
    expect(kernels[0].registers.map(({ name }) => name)).toEqual(
      '%r0 %r1 %r2 %r3 %f0 %f1 %l0 %l1 %p0 %p1'.split(' '),
    )
  })
  test('variables with what is in them', () => {
    const declared = `.const .align 8 .f64 numbers[2] = {1.5, 0dBFF0000000000000}; .global .b8 bytes[4] = {1, 0xff}; .global .align 4 .u32 grid[2][2] = {{1, 2}, {3, 4}};`
    const { variables } = parse(`${header}${declared}`)
    const bytes = variables.map(({ initial }) => initial?.slice().buffer as ArrayBuffer)
    expect(variables.map(({ bytes, align }) => [bytes, align])).toEqual([[16, 8], [4, 1], [16, 4]]) // biome-ignore format: pairs
    expect([...new Float64Array(bytes[0])]).toEqual([1.5, -1])
    expect([...new Uint8Array(bytes[1])]).toEqual([1, 255, 0, 0])
    expect([...new Uint32Array(bytes[2])]).toEqual([1, 2, 3, 4])
  })
  test('parameters lie one after the other, each at a multiple of its own size', () => {
    const module = parse(
      `${header}.entry kernel(.param .u8 a, .param .u64 .ptr .global .align 4 b, .param .u16 c, .param .align 16 .b8 d[20], .param .f32 e) { ret; }`,
    )
    const { placed, parameters } = layoutOf(module.kernels[0], [])
    expect(placed.map(({ from }) => from)).toEqual([0, 8, 16, 32, 52])
    expect(parameters).toBe(56)
  })
})

describe('what is refused', () => {
  test.each([
    [
      'an instruction that is not known',
      'wgmma.fence.sync.aligned;',
      /line 6: wgmma.fence.sync.aligned: this instruction is not known/,
    ],
    [
      'a modifier',
      'add.warped.u32 %r0, %r1, %r2;',
      /line 6: add.warped.u32: .warped is not known here/,
    ],
    ['a missing modifier', 'mul.u32 %r0, %r1, %r2;', /mul.u32: it needs one of .lo .hi .wide/],
    ['a type', 'add.u8 %r0, %r1, %r2;', /.u8 is no type that is known for it here/],
    [
      'no rounding where there must be one',
      'cvt.f32.f64 %f0, %l0;',
      /it needs .rn, .rz, .rm or .rp/,
    ],
    ['rounding where there is none', 'cvt.rn.u32.u16 %r0, %r1;', /.rn has no place here/],
    ['too many operands', 'add.u32 %r0, %r1, %r2, %r3;', /it has 4 operands, not 3/],
    ['a register of another width', 'add.u32 %l0, %r1, %r2;', /%l0 is declared .b64/],
    ['a register of another kind', 'add.u32 %r0, %f1, %r2;', /%f1 is declared .f32/],
    ['a name', 'add.u32 %r0, nothing, %r2;', /line 6: nothing is not declared/],
    [
      'a special register',
      'mov.u32 %r0, %envreg3;',
      /%envreg3 is no special register that is known here/,
    ],
    ['a label', 'bra nowhere;', /line 6: nowhere is no label in reach/],
    ['a label of other braces', '{ inside: } bra inside;', /inside is no label in reach/],
    ['a name twice', '.reg .b32 %r0;', /%r0 is declared twice/],
    ['a character', 'mov.u32 %r0, ?;', /line 6: "\?" begins nothing/],
    ['a missing semicolon', 'mov.u32 %r0, 1', /line 7: ret stands where ; should/],
    ['a guard that is no predicate', '@%r0 ret;', /only a predicate can guard/],
    [
      'an address without brackets',
      'ld.global.u32 %r0, %l0;',
      /an address in brackets is needed here/,
    ],
    ['a generic address of 32 bits', 'ld.u32 %r0, [%r1];', /has 64 bits/],
    ['a store to the parameters', 'st.param.u32 [%l0], %r0;', /nothing can be stored there/],
    ['too few parts of a vector', 'ld.global.v4.f32 {%f0, %f1}, [%l0];', /it takes 4 at a time/],
    ['a constant of another kind', 'add.u32 %r0, %r1, 1.5;', /a whole number is needed here/],
    ['.nc elsewhere', 'ld.shared.nc.u32 %r0, [%r1];', /.nc is for global memory/],
    ['an order of bits', 'setp.lt.b32 %p0, %r0, %r1;', /bits have no order/],
  ])('%s', (_, body, words) => {
    expect(() => compile(kernel(body))).toThrow(PtxError)
    expect(() => compile(kernel(body))).toThrow(words)
  })
  test('a function that is called', () => {
    expect(() => compile(`${header}.func f() { ret; }`)).toThrow(
      'line 4: .func stands where a variable or a kernel should',
    )
  })
  test('a text that ends too early', () => {
    expect(() => compile(`${header}.entry kernel() {`)).toThrow('the end stands where')
  })
})

describe('damaged texts', () => {
  const [start, ...kernels] = readFileSync(
    join(import.meta.dirname, 'emulator/fixtures/kernels.ptx'),
    'utf8',
  ).split(/(?=\.visible)/)
  const next = random(11)
  const pick = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)]

  /**
   * The text with one piece of it gone, twice, replaced by another, or with a character that does
   * not belong.
   */
  function damaged(text: string): string {
    const words = text.split(/(?<=[\s,;.{}[\]()])/)
    const at = Math.floor(next() * words.length)
    const change = pick([
      [],
      [words[at], words[at]],
      [pick(words)],
      [`${words[at]}${pick(['$', '+', '{', '0x', '-', '9', '.', '|'])}`],
    ])
    words.splice(at, 1, ...change)
    return words.join('')
  }

  test('are read or refused at a line, and never anything else', () => {
    const outcomes = { read: 0, refused: 0 }
    for (let i = 0; i < 400; i++) {
      const text = `${start}${damaged(pick(kernels))}`
      try {
        compile(text)
        outcomes.read++
      } catch (error) {
        expect(error, text).toBeInstanceOf(PtxError)
        outcomes.refused++
      }
    }
    expect(outcomes.read).toBeGreaterThan(20)
    expect(outcomes.refused).toBeGreaterThan(200)
  })

  test('tokens give the text back, but for space and remarks', () => {
    for (const text of kernels) {
      const bare = text.replace(/\/\/.*/g, '').replace(/\s+/g, '')
      const tokens = tokenize(text).slice(0, -1)
      expect(tokens.map((token) => token.text).join('')).toBe(bare)
    }
  })
})
