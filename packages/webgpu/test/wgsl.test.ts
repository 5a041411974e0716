/**
 * Every kernel of every algorithm, in every way of printing, goes through a real WGSL compiler:
 * Dawn's, by its null backend, which needs no GPU and no browser.
 */

import { compile, emitWgsl, type WgslOptions } from '@freestep/compiler'
import { table } from '@freestep/conformance'
import { createProgram } from '@freestep/core'
import { afterAll, describe, expect, test } from 'vitest'
import { absent } from '../../../scripts/absent.ts'

const webgpu = await import('webgpu').catch(() => undefined)
let gpu = webgpu?.create(['backend=null'])
const adapter = await gpu?.requestAdapter()
const features = (['shader-f16', 'subgroups'] as const).filter((feature) =>
  adapter?.features.has(feature),
)
const device = await adapter?.requestDevice({ requiredFeatures: features })
const reason = absent('webgpu', device ? undefined : 'the package webgpu does not load here')

afterAll(() => {
  device?.destroy()
  // Without this the process would not end.
  gpu = undefined
})

const workgroupSize = { pass: 64, scalar: 256 }
const ways: Readonly<Record<string, WgslOptions>> = {
  'one pair': { workgroupSize, pairs: 1, data: 'f32', subgroups: false },
  'three pairs, with subgroups': { workgroupSize, pairs: 3, data: 'f32', subgroups: true },
  'in half precision': { workgroupSize, pairs: 1, data: 'f16', subgroups: false },
}

describe.skipIf(reason)(`kernels are WGSL${reason ? ` (absent: ${reason})` : ''}`, () => {
  test.each(table)('$name', async ({ make, variants }) => {
    const codes = new Set<string>()
    for (const settings of variants)
      for (const sliceP of [1, 3]) {
        const algorithm = make(settings)
        const tensors = [0, 1].map((i) => ({
          name: `p${i}`,
          shape: [5],
          size: 5,
          dtype: 'float32' as const,
        }))
        const options = { ...algorithm.options, ...(algorithm.name === 'prodigy' && { sliceP }) }
        const program = createProgram(algorithm, tensors, [options, options])
        for (const part of [
          'init',
          'step',
          ...(program.evaluate ? (['evaluate'] as const) : []),
        ] as const)
          for (const way of Object.values(ways))
            for (const { code } of emitWgsl(compile(program, part), way)) codes.add(code)
      }
    for (const code of codes) expect(await problems(code), code).toEqual([])
  })

  test('a kernel that is not WGSL is refused', async () => {
    expect(await problems('fn main() { let active = 1; }')).not.toEqual([])
  })
})

/** What the compiler has to say about a module, and about a pipeline with it. */
async function problems(code: string): Promise<string[]> {
  if (!device) return ['no device']
  device.pushErrorScope('validation')
  const module = device.createShaderModule({ code })
  const { messages } = await module.getCompilationInfo()
  device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } })
  const error = await device.popErrorScope()
  return [...messages.map(({ message }) => message), ...(error ? [error.message] : [])]
}
