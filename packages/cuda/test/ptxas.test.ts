/**
 * Every kernel goes through NVIDIA's own assembler, for every generation of devices, and keeps all
 * its values in registers. How many, at the most, is printed.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { absent } from '../../../scripts/absent.ts'
import { kernels, moduleOf, type Way } from './kernels.ts'

const run = promisify(execFile)
const version = await run('ptxas', ['--version']).then(
  ({ stdout }) => stdout,
  () => undefined,
)
const reason = absent('ptxas', version ? undefined : 'there is no ptxas on the path')

const folder = mkdtempSync(join(tmpdir(), 'freestep-ptxas-'))
afterAll(() => rmSync(folder, { recursive: true }))

const singles: Way = { data: ['f32'], stochastic: false }
const everything: Way = { data: ['f32', 'f16', 'bf16', 'f64'], stochastic: true }

/** What ptxas says of each kernel. */
interface Usage {
  readonly name: string
  readonly registers: number
  readonly spilled: number
}

async function assemble(architecture: string, text: string): Promise<Usage[]> {
  const path = join(folder, `${architecture}-${text.length}.ptx`)
  writeFileSync(path, text)
  const { stderr } = await run(
    'ptxas',
    ['-v', `-arch=${architecture}`, path, '-o', `${path}.cubin`],
    { maxBuffer: 2 ** 26 },
  )
  return stderr
    .split(/Compiling entry function '/)
    .slice(1)
    .map((part) => {
      const count = (pattern: RegExp) =>
        [...part.matchAll(pattern)].reduce((sum, [, bytes]) => sum + Number(bytes), 0)
      return {
        name: /^\w+/.exec(part)?.[0] ?? '',
        registers: count(/Used (\d+) registers/g),
        spilled: count(/(\d+) bytes (?:stack frame|spill stores|spill loads)/g),
      }
    })
}

/**
 * The oldest generation and the newest get everything, those between each algorithm at its
 * defaults.
 */
const generations = ['sm_75', 'sm_80', 'sm_86', 'sm_89', 'sm_90', 'sm_100', 'sm_120']
const isOuter = (architecture: string) =>
  architecture === generations[0] || architecture === generations.at(-1)

describe.skipIf(reason)(`kernels are PTX${reason ? ` (absent: ${reason})` : ''}`, () => {
  const defaults = kernels(singles, 'default')
  const all = [...kernels(singles, 'all'), ...kernels(everything, 'default')]

  test.concurrent.each(generations)('%s takes them, and spills nothing', async (architecture) => {
    const entries = (isOuter(architecture) ? all : defaults).map(({ name, code }, i) => ({
      name: `${name}_${i}`,
      code: code.replace(name, `${name}_${i}`),
    }))
    const usages = await assemble(architecture, moduleOf(entries))
    const most = usages.reduce((a, b) => (a.registers > b.registers ? a : b))
    const ofSteps = (name: string) =>
      Math.max(
        ...usages
          .filter((each) => each.name.startsWith(`${name}_step`))
          .map(({ registers }) => registers),
      )
    console.info(
      `${architecture}: ${usages.length} kernels, at most ${most.registers} registers (${most.name}), adam ${ofSteps('adam')}, prodigy ${ofSteps('prodigy')}`,
    )
    expect(usages.map(({ name }) => name).sort()).toEqual(entries.map(({ name }) => name).sort())
    expect(usages.filter(({ spilled }) => spilled > 0)).toEqual([])
    // Two blocks fit a multiprocessor, even with the loads of a step in flight.
    expect(most.registers).toBeLessThanOrEqual(128)
  })
})
