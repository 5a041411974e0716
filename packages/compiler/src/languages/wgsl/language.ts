/**
 * WGSL as far as kernels need it: operations, numbers, words that are taken, and the helpers that
 * stand in for what the language leaves open. WGSL lets a compiler assume that there is no NaN and
 * no infinity, so decisions on them are made on bits.
 * https://www.w3.org/TR/WGSL/#floating-point-evaluation
 */
import type { Expression, Operand, Operation } from '../../lower/program.ts'
import { block } from '../lines.ts'

/** The language: every operation as an expression of its operands. */
const table: Record<Operation, (a: string, b: string, c: string) => string> = {
  add: (a, b) => `${a} + ${b}`,
  sub: (a, b) => `${a} - ${b}`,
  mul: (a, b) => `${a} * ${b}`,
  div: (a, b) => `${a} / ${b}`,
  max: (a, b) => `larger(${a}, ${b})`,
  min: (a, b) => `smaller(${a}, ${b})`,
  neg: (a) => `-${a}`,
  abs: (a) => `abs(${a})`,
  sqrt: (a) => `sqrt(${a})`,
  pow: (a, c) => `power(${a}, ${c})`,
  sign: (a) => `sign(${a})`,
  where: (c, a, b) => `select(${b}, ${a}, positive(${c}))`,
  slice: (a) => a,
  finite: (a) => `finite(${a})`,
}

/** The text of an expression. */
export function expression({ op, args }: Expression): string {
  const [a, b, c] = args.map(operand)
  const zero = args.indexOf(0)
  return op === 'mul' && zero >= 0 ? `vanish(${zero ? a : b})` : table[op](a, b, c)
}

/** The text of an operand. */
export const operand = (value: Operand): string =>
  typeof value === 'string' ? value : literal(value)

/** A number as the nearest f32, in as few digits as say which. */
export function literal(value: number): string {
  const single = Math.fround(value)
  if (Number.isNaN(single)) return 'bits(0x7fc00000u)'
  if (!Number.isFinite(single)) return `bits(${single > 0 ? '0x7f800000u' : '0xff800000u'})`
  if (Object.is(single, -0)) return '(-0f)'
  let text = single
  for (let digits = 9; digits > 0; digits--) {
    const shorter = Number(single.toPrecision(digits))
    if (Math.fround(shorter) === single) text = shorter
  }
  return single < 0 ? `(${text}f)` : `${text}f`
}

/**
 * Functions that kernels may use, by name: those that a function calls come after it, WGSL does not
 * mind.
 */
export const helpers: Readonly<Record<string, string>> = {
  larger: `
// The larger of two, NaN if one of them is.
fn larger(a: f32, b: f32) -> f32 {
  return select(max(a, b), bits(0x7fc00000u), isNaN(a) | isNaN(b));
}`,
  smaller: `
// The smaller of two, NaN if one of them is.
fn smaller(a: f32, b: f32) -> f32 {
  return select(min(a, b), bits(0x7fc00000u), isNaN(a) | isNaN(b));
}`,
  isNaN: `
fn isNaN(a: f32) -> bool {
  return (bitcast<u32>(a) & 0x7fffffffu) > 0x7f800000u;
}`,
  vanish: `
// 0 · a: NaN where a is not finite.
fn vanish(a: f32) -> f32 {
  return select(0f, bits(0x7fc00000u), (bitcast<u32>(a) & 0x7f800000u) == 0x7f800000u);
}`,
  bits: `
// A number that WGSL has no literal for; the variable keeps it from being evaluated, and refused,
// beforehand.
var<private> none = 0u;
fn bits(pattern: u32) -> f32 {
  return bitcast<f32>(pattern | none);
}`,
  positive: `
// a > 0: false for NaN.
fn positive(a: f32) -> bool {
  return bitcast<u32>(a) - 1u < 0x7f800000u;
}`,
  finite: `
// A term of a sum: zero where it is not finite.
fn finite(a: f32) -> f32 {
  return select(0f, a, (bitcast<u32>(a) & 0x7f800000u) != 0x7f800000u);
}`,
  power: `
// aᶜ = 2ᶜᵉ · 2^(c log₂ m) for a = 2ᵉ m ≥ 0, c > 0. Of ce, the whole part becomes the exponent, so
// that no digits are lost to it.
fn power(a: f32, c: f32) -> f32 {
  let parts = frexp(a);
  let e = f32(parts.exp);
  let whole = round(c * e);
  let high = bitcast<f32>(bitcast<u32>(c) & 0xfffff000u);
  let rest = (high * e - whole) + (c - high) * e;
  return select(ldexp(exp2(rest + c * log2(parts.fract)), i32(whole)), 0f, a == 0f);
}`,
  accumulate: `
// Adds to a sum, and what rounding loses to its second part: D. Knuth, TAOCP 2, section 4.2.2,
// theorem B.
fn accumulate(sum: ptr<function, vec2<f32>>, a: f32) {
  let before = (*sum).x;
  let after = before + a;
  let added = after - before;
  *sum = vec2<f32>(after, (*sum).y + ((before - (after - added)) + (a - added)));
}`,
  settled: `
// The sum with what rounding lost, unless the sum overflowed.
fn settled(sum: vec2<f32>) -> f32 {
  return select(sum.x, sum.x + sum.y, abs(sum.y) < 1e38f);
}`,
}

/** Those of passes. */
export const tableHelpers: Readonly<Record<string, string>> = {
  keptBefore: `
// How many of the coordinates that a piece keeps come before one of its elements.
fn keptBefore(i: u32, piece: Piece) -> u32 {
  return (max(i, piece.phase) - piece.phase + piece.stride - 1u) / piece.stride;
}`,
  find: `
// The piece that a group of threads belongs to.
fn find(group: u32) -> u32 {
  var low = 0u;
  var high = table.pieces;
  while (high - low > 1u) {
    let middle = (low + high) / 2u;
    if (table.list[middle].group <= group) { low = middle; } else { high = middle; }
  }
  return low;
}`,
}

/** The helpers of some that some lines of code call, and those that these call. */
export function helpersOf(
  lines: readonly string[],
  helpers: Readonly<Record<string, string>>,
): string[] {
  let text = lines.join('\n')
  return Object.entries(helpers).flatMap(([name, code]) => {
    if (!text.includes(`${name}(`)) return []
    text += code
    return [...code.trim().split('\n'), '']
  })
}
/** A struct of u32, and more. */
export const struct = (
  name: string,
  fields: readonly string[],
  more: readonly string[] = [],
): string[] => [
  ...block(
    `struct ${name}`,
    [...fields.map((field) => `${field}: u32`), ...more].map((field) => `${field},`),
  ),
  '',
]

/**
 * Words that no value may be called: the language's own (keywords, reserved words, what it
 * declares), and the kernels'.
 */
export const taken = `
  alias break case const const_assert continue continuing default diagnostic discard else enable
  false fn for if let loop override requires return struct switch true var while NULL Self
  abstract active alignas alignof as asm asm_fragment async attribute auto await become
  binding_array cast catch class co_await co_return co_yield coherent column_major common compile
  compile_fragment concept const_cast consteval constexpr constinit crate debugger decltype delete
  demote demote_to_helper do dynamic_cast enum explicit export extends extern external fallthrough
  filter final finally friend from fxgroup get goto groupshared highp impl implements import
  inline instanceof interface layout lowp macro macro_rules match mediump meta mod module move mut
  mutable namespace new nil noexcept noinline nointerpolation non_coherent noncoherent
  noperspective null nullptr of operator package packoffset partition pass patch pixelfragment
  precise precision premerge priv private protected pub public readonly ref regardless register
  reinterpret_cast require resource restrict self set shared sizeof smooth snorm static
  static_assert static_cast std subroutine super target template this thread_local throw trait try
  type typedef typeid typename typeof union unless unorm unsafe unsized use using varying virtual
  volatile wgsl where with writeonly yield bool f16 f32 i32 u32 vec2 vec3 vec4 array ptr abs max
  min sign sqrt select bitcast round exp2 log2 frexp ldexp workgroupBarrier storageBarrier
  subgroupAdd table totals numbers states shares ranges Piece Table Totals Range none bits
  positive larger smaller isNaN vanish finite power accumulate settled collect find keptBefore
  main local id grid lane subgroup subgroups group piece segment start end tensor row k i at stop
  low high middle
`
  .trim()
  .split(/\s+/)
