/**
 * Tables of instructions with what they give, as text: for each a line with the types of its
 * operands and its result, then rows.
 *
 *     add.u32 u32 u32 -> u32: 0xffffffff 2 = 1 | 3 4 = 7
 *
 * Numbers are written as in JavaScript, or as in PTX where bits matter (0f3F800000); `nan` and
 * `inf` are what they say. Lines that begin with # are remarks.
 */
import { describe, expect, test } from 'vitest'
import { evaluate, type TypeName, type Value } from './evaluate.ts'

/** The value of a word, in a type. */
function parse(word: string, type: TypeName): Value {
  if (/^[usb]64$/.test(type)) return word.startsWith('-') ? -BigInt(word.slice(1)) : BigInt(word)
  if (/^0[fd]/.test(word)) return ofBits(word)
  const [, sign, rest] = /^(-?)(.*)$/.exec(word) ?? []
  const magnitude = rest === 'nan' ? Number.NaN : rest === 'inf' ? Infinity : Number(rest)
  return sign ? -magnitude : magnitude
}

function ofBits(word: string): number {
  const data = new DataView(new ArrayBuffer(8))
  data.setBigUint64(0, BigInt(`0x${word.slice(2)}`))
  return word[1] === 'd' ? data.getFloat64(0) : data.getFloat32(4)
}

const letters = 'abcuvw'
const isUnsigned = (type: TypeName) => type.startsWith('b') || type.startsWith('u')
const wrapped = (value: Value, type: TypeName) =>
  typeof value === 'bigint' && isUnsigned(type) ? BigInt.asUintN(64, value) : value

/** Registers the rows of a table as tests. */
export function testTable(text: string): void {
  for (const line of text.trim().split('\n')) {
    if (line.startsWith('#')) continue
    const [head, rows] = line.split(': ')
    const [signature, result] = head.split(' -> ')
    const [opcode, ...inputs] = signature.split(' ')
    describe(head, () => {
      for (const row of rows.split(' | '))
        test(row, () => check(opcode, inputs as TypeName[], result as TypeName, row))
    })
  }
}

function check(opcode: string, inputs: readonly TypeName[], output: TypeName, row: string): void {
  const [given, expected] = row.split(' = ')
  const words = given.split(' ')
  expect(words.length).toBe(inputs.length)
  const operands = inputs.map((_, i) => `%${letters[i]}`).join(', ')
  const values = inputs.map((type, i) => [type, parse(words[i], type)] as const)
  const [value] = evaluate(`${opcode} %d, ${operands};`, values, [output])
  expect(value).toBe(wrapped(parse(expected, output), output))
}
