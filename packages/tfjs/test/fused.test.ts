/**
 * Fused steps on the backends that run in Node: in place, chosen by themselves, and left where they
 * cannot be.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createOptimizerSync, sgd as definition } from '@freestep/core'
import { version_wasm } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { adam, prodigy, tfjs } from '../src/index.ts'
import { wasmMemory } from '../src/wasm.ts'
import { held, start } from './backends.ts'
import { testInPlace } from './inPlace.ts'

test('these are the versions whose internals are relied on: read wasm.ts and webgpu.ts before changing them here', () => {
  const { resolve } = createRequire(import.meta.url)
  for (const name of ['core', 'backend-wasm', 'backend-webgpu']) {
    const { version } = JSON.parse(
      readFileSync(resolve(`@tensorflow/tfjs-${name}/package.json`), 'utf8'),
    )
    expect(version, name).toBe('4.22.0')
  }
})

test('the oldest version that the package takes, and the newest, are those that its tests run on', () => {
  const { peerDependencies } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  )
  const range = peerDependencies['@tensorflow/tfjs-core']
  expect(range).toBe('^4.0.0')
  const version = process.env.FREESTEP_TFJS === 'oldest' ? range.slice(1) : '4.22.0'
  expect([tf.version_core, version_wasm]).toEqual([version, version])
})

for (const backend of ['wasm', 'cpu'])
  describe(backend, () => {
    beforeAll(() => start(backend))
    testInPlace(backend)
  })

describe('where something is missing, steps are eager, with one warning:', () => {
  beforeEach(async () => {
    vi.resetModules()
    await start('wasm')
  })
  afterEach(() => vi.restoreAllMocks())

  type Internals = { wasm: object; dataIdMap: object; makeOutput: unknown }
  const internals = () => tf.backend() as unknown as Internals
  const ways: Record<string, (backend: Internals) => () => void> = {
    'backend.wasm.asm.memory': (backend) => {
      const { wasm } = backend
      backend.wasm = Object.create(wasm, { asm: { value: {} }, wasmMemory: { value: undefined } })
      return () => {
        backend.wasm = wasm
      }
    },
    'backend.dataIdMap': (backend) => {
      const { dataIdMap } = backend
      // Where tfjs itself goes on, and we must not look.
      backend.dataIdMap = new Proxy(dataIdMap, {
        get: (target, name) => (name === 'get' ? undefined : Reflect.get(target, name)),
      })
      return () => {
        backend.dataIdMap = dataIdMap
      }
    },
  }

  test.each(Object.keys(ways))('%s', async (missing) => {
    const fresh = await import('../src/index.ts')
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const restore = ways[missing](internals())
    const { fusedStart } = await import('../src/fused.ts')
    for (let k = 0; k < 3; k++) expect(fusedStart(tf)).toBeUndefined()
    restore()
    expect(warn.mock.calls).toHaveLength(1)
    expect(warn.mock.calls[0][0]).toContain(`same numbers: there is no ${missing} here.`)
    expect(fusedStart(tf)).toBeTypeOf('function')
    expect(fresh.prodigy()).toBeInstanceOf(tf.Optimizer)
  })

  test('a step then runs operation by operation', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const fresh = await import('../src/index.ts')
    const restore = ways['backend.wasm.asm.memory'](internals())
    const a = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])))
    const optimizer = fresh.sgd({ lr: 1 })
    try {
      tf.tidy(() => optimizer.applyGradients({ [a.name]: tf.tensor1d([1, 1]) }))
      expect(optimizer.execution).toEqual({ backend: 'wasm', fused: false })
    } finally {
      restore()
    }
    expect(Array.from(a.dataSync())).toEqual([0, 1])
    expect(warn).toHaveBeenCalledOnce()
    a.dispose()
    optimizer.dispose()
  })
})

test('the build of tfjs with threads keeps its memory elsewhere, and is found', async () => {
  await start('wasm')
  const backend = tf.backend() as unknown as { wasm: { asm: { memory: WebAssembly.Memory } } }
  const { wasm } = backend
  backend.wasm = Object.create(wasm, { asm: { value: {} }, wasmMemory: { value: wasm.asm.memory } })
  try {
    expect(wasmMemory(tf)).toBeTypeOf('function')
  } finally {
    backend.wasm = wasm
  }
})

test('there is no warning where steps are never fused', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const { fusedStart } = await import('../src/fused.ts')
  expect(fusedStart({ ...tf, getBackend: () => 'webgl' })).toBeUndefined()
  expect(warn).not.toHaveBeenCalled()
  vi.restoreAllMocks()
})

test('an optimizer goes along when the backend is changed, there and back, fused or not', async () => {
  await start('wasm')
  const before = held()
  const make = () => tf.tidy(() => tf.variable(tf.tensor1d([1, -2, 3])))
  const optimizers = [prodigy({ d0: 0.01 }), prodigy({ d0: 0.01, fused: false })]
  const variables = optimizers.map(make)
  const step = () => {
    for (const [i, optimizer] of optimizers.entries())
      optimizer.minimize(() => tf.sum(tf.abs(tf.sub(variables[i], 5))), false, [variables[i]])
  }
  for (const backend of ['wasm', 'cpu', 'cpu', 'wasm', 'cpu', 'wasm']) {
    await start(backend)
    for (let k = 0; k < 5; k++) step()
    expect(optimizers.map(({ execution }) => execution)).toEqual([
      { backend, fused: true },
      { backend, fused: false },
    ])
  }
  const [fused, eager] = variables.map((each) => Array.from(each.dataSync()))
  expect(fused[1]).toBeGreaterThan(-1.9)
  for (const [i, value] of fused.entries()) expect(value).toBeCloseTo(eager[i], 4)
  tf.dispose(variables)
  for (const optimizer of optimizers) optimizer.dispose()
  expect(held()).toEqual(before)
})

test('a step that memory does not suffice for is refused, and nothing is changed', async () => {
  await start('wasm')
  const a = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])))
  const clone = tf.clone(a)
  const optimizer = adam({ lr: 1 })
  const before = held()
  const { wasm } = tf.backend() as unknown as { wasm: { _malloc: (bytes: number) => number } }
  const { _malloc } = wasm
  const gradient = tf.tensor1d([1, 1])
  wasm._malloc = () => 0
  try {
    expect(() => optimizer.applyGradients({ [a.name]: gradient })).toThrow(
      /wasm backend has no memory for \d+ bytes more/,
    )
  } finally {
    wasm._malloc = _malloc
  }
  gradient.dispose()
  expect(Array.from(a.dataSync())).toEqual([1, 2])
  expect(held()).toEqual(before)
  tf.dispose([a, clone])
  optimizer.dispose()
})

test('core’s optimizer runs fused on tfjs() too', async () => {
  for (const backend of ['wasm', 'cpu']) {
    await start(backend)
    const b = tf.tidy(() => tf.variable(tf.scalar(3)))
    const optimizer = createOptimizerSync(definition({ lr: 0.5 }), { b }, tfjs({ tf }))
    const one = tf.scalar(1)
    optimizer.step({ b: one })
    expect(b.dataSync()[0]).toBe(2.5)
    tf.dispose([b, one])
    optimizer.dispose()
  }
})
