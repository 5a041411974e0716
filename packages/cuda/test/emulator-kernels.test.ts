/**
 * Whole kernels that NVIDIA's compiler made of CUDA C (fixtures/kernels.cu), against the same in
 * JavaScript: a recorded text, and where there is a compiler what it makes now for several devices.
 * With blocks and warps in several orders, and no races in any of them.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { absent } from '../../../scripts/absent.ts'
import { numbers, Session } from './emulator/session.ts'

const fixtures = join(import.meta.dirname, 'emulator/fixtures')

function compiled(arch: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'freestep-'))
  try {
    const out = join(folder, 'kernels.ptx')
    execFileSync('nvcc', ['-ptx', `-arch=${arch}`, '-o', out, join(fixtures, 'kernels.cu')])
    return readFileSync(out, 'utf8')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function nvccIsThere(): boolean {
  try {
    return execFileSync('nvcc', ['--version']).length > 0
  } catch {
    return false
  }
}

const reason = absent('nvcc', nvccIsThere() ? undefined : 'there is no nvcc')
const archs = ['sm_75', 'sm_90']

describe('the recorded text', () => kernels(readFileSync(join(fixtures, 'kernels.ptx'), 'utf8')))
for (const arch of archs) {
  const title = `what nvcc makes for ${arch}${reason ? ` (absent: ${reason})` : ''}`
  if (reason) test.skip(title, () => {})
  else describe(title, () => kernels(compiled(arch)))
}

function kernels(ptx: string): void {
  const sessions = [{ seed: 1 }, { seed: 2, races: true }, { seed: 3, races: true }]
  const each = (name: string, run: (session: Session) => void) =>
    test.each(sessions)(`${name}, order %o`, (options) => run(new Session(ptx, options)))

  each('a sum by the last block, again and again', (session) => {
    const values = numbers(5000, -50, 50)
    const [x, partials, sum] = [
      Float32Array.from(values),
      new Float32Array(9),
      new Float32Array(1),
    ].map((array) => session.put(array))
    for (let k = 0; k < 3; k++) {
      session.launch('sumByLastBlock', [9], [128], [x, partials, sum, ['s32', values.length]])
      expect(sum.read()[0]).toBe(
        values.reduce((total, value, i) => total + value * ((i & 3) + 1), 0),
      )
    }
  })

  each('a product of matrices, in tiles with a rest', (session) => {
    const n = 37
    const [a, b] = [numbers(n * n, -9, 9, 1), numbers(n * n, -9, 9, 2)]
    const c = session.put(new Float32Array(n * n))
    session.launch(
      'multiply',
      [3, 3],
      [16, 16],
      [session.put(Float32Array.from(a)), session.put(Float32Array.from(b)), c, ['s32', n]],
    )
    const entry = (row: number, column: number) =>
      numbers(n, 0, 1).reduce((sum, _, k) => sum + a[row * n + k] * b[k * n + column], 0)
    expect([...c.read()]).toEqual(a.map((_, i) => entry(Math.floor(i / n), i % n)))
  })

  each('loops of different length in a warp', (session) => {
    const from = [...numbers(98, 1, 100000), 1, 837799]
    const steps = from.map((start) => {
      let count = 0
      for (let n = start; n !== 1; count++) n = n % 2 ? 3 * n + 1 : n / 2
      return count
    })
    const [own, most] = [new Uint32Array(100), new Uint32Array(4)].map((array) =>
      session.put(array),
    )
    session.launch(
      'collatz',
      [2],
      [64],
      [session.put(Uint32Array.from(from)), own, most, ['s32', 100]],
    )
    expect([...own.read()]).toEqual(steps)
    expect([...most.read()]).toEqual(
      [0, 32, 64, 96].map((start) => Math.max(...steps.slice(start, start + 32))),
    )
  })

  each('a histogram in dynamic shared memory', (session) => {
    const data = numbers(10000, 0, 256)
    const bins = session.put(new Uint32Array(256))
    session.launch(
      'histogram',
      [5],
      [256],
      [session.put(Uint8Array.from(data)), bins, ['s32', data.length]],
      1024,
    )
    const expected = new Uint32Array(256)
    for (const value of data) expected[value]++
    expect(bins.read()).toEqual(expected)
  })

  each('sums of what comes before, and votes', (session) => {
    const x = numbers(256, -100, 100)
    const [sums, above] = [session.put(new Int32Array(256)), session.put(new Uint32Array(8))]
    session.launch('scan', [2], [128], [session.put(Int32Array.from(x)), sums, above, ['s32', 50]])
    const before = (i: number) =>
      x.slice(i - (i % 128), i + 1).reduce((total, value) => total + value, 0)
    expect([...sums.read()]).toEqual(x.map((_, i) => before(i)))
    const votes = (warp: number) =>
      x
        .slice(32 * warp, 32 * warp + 32)
        .reduce((bits, value, i) => bits | (Number(value > 50) << i), 0)
    expect([...above.read()]).toEqual(Array.from({ length: 8 }, (_, warp) => votes(warp) >>> 0))
  })

  each('bfloat16', (session) => {
    const x = numbers(1000, 0, 0x7f00)
    const y = session.put(new Uint16Array(1000))
    session.launch('brain', [8], [128], [session.put(Uint16Array.from(x)), y, ['s64', 1000]])
    const word = new Uint32Array(1)
    const float = new Float32Array(word.buffer)
    const expected = x.map((bits) => {
      word[0] = bits << 16
      float[0] = float[0] * 2.5 + 1
      // To nearest even, on the bits: no NaN is among these.
      return (word[0] + 0x7fff + ((word[0] >>> 16) & 1)) >>> 16
    })
    expect([...y.read()]).toEqual(expected)
  })

  each('halves, four at a time with a rest', (session) => {
    // Whole numbers up to 2048 are exact: significand and exponent by hand.
    const half = (n: number) =>
      n === 0
        ? 0
        : ((Math.floor(Math.log2(n)) + 15) << 10) + (n / 2 ** Math.floor(Math.log2(n)) - 1) * 1024
    const x = numbers(501, 0, 46)
    const y = session.put(new Uint16Array(501))
    session.launch('halves', [1], [128], [session.put(Uint16Array.from(x, half)), y, ['s32', 501]])
    expect([...y.read()]).toEqual(x.map((n) => half(n * n)))
  })

  each('functions, vectors and arrays that are indexed', (session) => {
    const x = numbers(400, -1000, 1000).map((value) => Math.fround(value / 300))
    const y = session.put(new Float32Array(400))
    const order = [2, 0, 3, 1]
    session.launch(
      'vectors',
      [1],
      [128],
      [session.put(Float32Array.from(x)), y, session.put(Int32Array.from(order)), ['s32', 100]],
    )
    const { fround } = Math
    const expected = numbers(100, 0, 1).flatMap((_, i) => {
      const v = x.slice(4 * i, 4 * i + 4)
      const parts = [...v]
      let picked = 0
      for (let k = 0; k < 4; k++) {
        parts[order[k]] = fround(parts[order[k]] + 1)
        picked = fround(picked + parts[order[(k + i) & 3]])
      }
      const nearest = Math.round(v[3])
      const whole = nearest - v[3] === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest
      return [Math.exp(v[0]), Math.hypot(v[0], v[1]) / 3, picked, whole]
    })
    const found = [...y.read()]
    const distance = found.map(
      (value, i) => Math.abs(value - expected[i]) / Math.max(1e-30, Math.abs(expected[i])),
    )
    expect(Math.max(...distance)).toBeLessThan(3e-7)
    expect(found.filter((_, i) => i % 4 === 2)).toEqual(expected.filter((_, i) => i % 4 === 2))
  })

  each('64 bits, and a struct among the parameters', (session) => {
    const x = numbers(100, -1e12, 1e12).map(BigInt)
    const settings = new DataView(new ArrayBuffer(24))
    settings.setFloat64(0, 0.7, true)
    for (const [i, power] of [3, -5, 1234].entries()) settings.setInt32(8 + 4 * i, power, true)
    settings.setInt16(20, 9, true)
    const [y, z] = [session.put(new BigInt64Array(100)), session.put(new Float64Array(100))]
    session.launch(
      'wide',
      [1],
      [128],
      [session.put(BigInt64Array.from(x)), y, z, new Uint8Array(settings.buffer), ['s32', 100]],
    )
    const powers = [3n, -5n, 1234n]
    const expected = x.map(
      (n, i) =>
        (((n * powers[i % 3]) / 7n) % 1000003n) + (n >> 9n) - BigInt(Math.trunc(0.7 * Number(n))),
    )
    expect([...y.read()]).toEqual(expected)
    const close = [...z.read()].map(
      (value, i) =>
        value / ((0.7 * Number(x[i]) + 0.1) / Math.sqrt(Math.abs(Number(x[i])) + 1)) - 1,
    )
    expect(Math.max(...close.map(Math.abs))).toBeLessThan(1e-15)
  })
}
