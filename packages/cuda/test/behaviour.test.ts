/**
 * What a step does to a device, beside the numbers: how many launches it is, that it compiles and
 * allocates nothing, that it can be captured, that it repeats bit for bit; and what a device has
 * beside optimizers.
 */
import { adam, averaged, cosine, dog, ldog, momo, prodigy, sgd } from '@freestep/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type CudaTensor, createOptimizer, cuda, DeviceArray, type Driver } from '../src/index.ts'
import { driver, noGpu } from './backend.ts'

const backend = await cuda({ driver, ...(noGpu && { blockSize: 32 }) })
const wave = (size: number, phase = 0) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(i + phase))
const names = (count: number) => [...Array(count).keys()].map((i) => `p${i}`)
const each = <T>(count: number, of: (i: number) => T) =>
  Object.fromEntries(names(count).map((name, i) => [name, of(i)]))
const read = (tensor: CudaTensor) => (tensor instanceof DeviceArray ? [...tensor.read()] : [])

const watched = [
  'launch',
  'alloc',
  'upload',
  'download',
  'synchronize',
  'loadModule',
  'copy',
] as const
let spies: Record<string, { mock: { calls: unknown[] } }>
const counts = () =>
  Object.fromEntries(watched.map((name) => [name, spies[name].mock.calls.length]))
beforeEach(() => {
  const spy = (name: keyof Driver) =>
    vi.spyOn(driver as unknown as Record<string, () => void>, name)
  spies = Object.fromEntries(watched.map((name) => [name, spy(name)]))
})
afterEach(() => {
  vi.restoreAllMocks()
})

describe('launches', () => {
  const all = { prodigy: [prodigy, 1], adam: [adam, 1], dog: [dog, 2], ldog: [ldog, 2] } as const
  for (const [name, [make, launches]] of Object.entries(all))
    test(`${name} takes ${launches} and nothing else, for 150 tensors`, async () => {
      const optimizer = await createOptimizer(
        make(),
        each(150, (i) => backend.array(wave(1 + 7 * (i % 20)))),
        backend,
      )
      const gradients = each(150, (i) => backend.array(wave(1 + 7 * (i % 20), i)))
      optimizer.step(gradients)
      vi.clearAllMocks()
      optimizer.step(gradients)
      const none = Object.fromEntries(watched.map((name) => [name, 0]))
      expect(counts()).toEqual({ ...none, launch: launches })
      for (const gradient of Object.values(gradients)) gradient.free()
      optimizer.dispose()
    })

  test('gradients elsewhere cost an upload of where they are, the first step one of who takes part', async () => {
    const optimizer = await createOptimizer(
      prodigy(),
      each(3, (i) => backend.array(wave(5 + i))),
      backend,
    )
    const sets = [0, 1, 2].map((phase) => each(3, (i) => backend.array(wave(5 + i, phase))))
    vi.clearAllMocks()
    for (let k = 0; k < 9; k++) optimizer.step(sets[k % 3])
    expect(counts()).toMatchObject({ launch: 9, alloc: 0, loadModule: 0, synchronize: 0 })
    expect(counts().upload).toBeLessThanOrEqual(7)
    optimizer.dispose()
  })

  test('a schedule costs nothing, groups of different lr an upload', async () => {
    const gradients = each(2, () => backend.array(wave(5)))
    const scheduled = await createOptimizer(
      prodigy({ lr: cosine({ steps: 10 }) }),
      each(2, () => backend.array(wave(5))),
      backend,
    )
    scheduled.step(gradients)
    vi.clearAllMocks()
    for (let k = 0; k < 3; k++) scheduled.step(gradients)
    expect(counts()).toMatchObject({ launch: 3, upload: 0 })
    const grouped = await createOptimizer(
      adam(),
      each(2, () => backend.array(wave(5))),
      backend,
      { groups: [{ params: ['p1'], lr: (k) => 0.1 / (1 + k) }] },
    )
    grouped.step(gradients)
    vi.clearAllMocks()
    grouped.step(gradients)
    expect(counts()).toMatchObject({ launch: 1, upload: 1 })
  })
})

test('arrays on the host are uploaded; gradients may be written on the device', async () => {
  const make = async (params: Record<string, CudaTensor>) =>
    createOptimizer(adam({ lr: 0.1 }), params, backend)
  const left = await make({ a: wave(300), b: wave(5) })
  const right = await make({ a: backend.array(wave(300)), b: backend.array(wave(5)) })
  const gradients = { a: wave(300, 1), b: wave(5, 1) }
  for (let k = 0; k < 3; k++) {
    for (const [name, gradient] of Object.entries(left.grads ?? {}))
      (gradient as DeviceArray).write(gradients[name as 'a' | 'b'])
    left.step()
    right.step(gradients)
  }
  for (const name of ['a', 'b']) expect(read(left.params[name])).toEqual(read(right.params[name]))
  expect(right.grads).toBeUndefined()
})

test('sums are the same bits in every run, and on every size of block but for their last ones', async () => {
  const runs = [32, 32, 64].map(async (blockSize) => {
    const own = await cuda({ driver, blockSize })
    const optimizer = await createOptimizer(prodigy(), { x: wave(5000) }, own)
    for (let k = 0; k < 3; k++) optimizer.step({ x: wave(5000, k) })
    return optimizer.scalars()
  })
  const [first, second, third] = await Promise.all(runs)
  expect(second).toEqual(first)
  for (const [name, value] of Object.entries(first)) expect(third[name] / value).toBeCloseTo(1, 12)
})

describe('capture', () => {
  for (const [name, make] of Object.entries({ prodigy, dog, averaged: () => averaged(adam()) }))
    test(`steps of ${name} in a graph are steps`, async () => {
      const [left, right] = await Promise.all(
        [0, 1].map(() =>
          createOptimizer(
            make(),
            each(3, (i) => backend.array(wave(3 + i))),
            backend,
          ),
        ),
      )
      const gradients = each(3, (i) => backend.array(wave(3 + i, 1)))
      left.step(gradients)
      right.step(gradients)
      const graph = backend.capture(() => left.step(gradients))
      for (let k = 0; k < 4; k++) {
        gradients.p0.write(wave(3, k))
        graph.launch()
        right.step(gradients)
      }
      expect(await left.scalars()).toEqual(await right.scalars())
      for (const each of names(3)) expect(read(left.params[each])).toEqual(read(right.params[each]))
      graph.free()
      expect(() => graph.launch()).toThrow(/freed/)
    })

  test('other steps do not disturb a graph', async () => {
    const optimizer = await createOptimizer(sgd({ lr: 1 }), { x: backend.array([0]) }, backend)
    const gradients = [1, 10, 100, 1000, 10_000, 100_000].map((value) => ({
      x: backend.array([value]),
    }))
    optimizer.step(gradients[0])
    const graph = backend.capture(() => optimizer.step(gradients[0]))
    for (const gradient of gradients.slice(1)) optimizer.step(gradient)
    graph.launch()
    expect(read(optimizer.params.x)).toEqual([-111_112])
  })

  test('what needs memory or an upload is refused, and the stream is as before', async () => {
    const optimizer = await createOptimizer(sgd({ lr: 1 }), { x: backend.array([0]) }, backend)
    const known = { x: backend.array([1]) }
    const fresh = { x: backend.array([2]) }
    optimizer.step(known)
    expect(() => backend.capture(() => optimizer.step(fresh))).toThrow(
      /Take a step with them first/,
    )
    expect(() => backend.capture(() => optimizer.step({ x: Float32Array.of(2) }))).toThrow(
      /on the host/,
    )
    optimizer.step(known)
    expect(read(optimizer.params.x)).toEqual([-2])
  })
})

describe('the loss', () => {
  const steps = async (losses: readonly (number | CudaTensor)[]) => {
    const optimizer = await createOptimizer(momo(), { x: backend.array([3, 4]) }, backend)
    for (const loss of losses) optimizer.step({ x: Float32Array.of(3, 4) }, { loss })
    return read(optimizer.params.x)
  }
  test('may be on the device, in single or double precision', async () => {
    const wanted = await steps([12.5, 3])
    expect(await steps([backend.array([12.5]), backend.array(Float64Array.of(3))])).toEqual(wanted)
    expect(await steps([Float32Array.of(12.5), Float64Array.of(3)])).toEqual(wanted)
  })
  test('is one number', async () => {
    await expect(steps([backend.array(0)])).rejects.toThrow(/has 0 numbers/)
    await expect(steps([backend.array([1], 'bfloat16')])).rejects.toThrow(/is bfloat16/)
  })
})

test('several streams, and marks between them', async () => {
  const stream = driver.createStream()
  const other = await cuda({ driver, stream, blockSize: 32 })
  const x = other.array([1, 2])
  const optimizer = await createOptimizer(sgd({ lr: 1 }), { x }, other)
  const g = backend.array([1, 1])
  const written = backend.mark()
  other.waitFor(written)
  optimizer.step({ x: g })
  const done = other.mark()
  other.synchronize()
  expect(done.reached).toBe(true)
  expect(done.since(written)).toBeGreaterThanOrEqual(0)
  expect(read(x)).toEqual([0, 1])
  for (const mark of [written, done]) mark.free()
  expect(() => done.reached).toThrow(/freed/)
  optimizer.dispose()
  other.close()
  driver.destroyStream(stream)
})

test('copies from array to array', () => {
  const [from, to] = [backend.array([1, 2, 3]), backend.array([4, 5])]
  backend.copy(to, from, 1)
  expect(read(to)).toEqual([1, 5])
  expect(() => backend.copy(to, from)).toThrow(/3 numbers of 3 are to be copied to 2/)
  expect(() => backend.copy(to, backend.array([1], 'float64'))).toThrow(
    /source is float64, the target float32/,
  )
})

test('a kernel of the caller, on arrays of the backend', () => {
  const module = backend.module(`
.version 6.3
.target sm_75
.address_size 64
.visible .entry scale(.param .u32 n, .param .u64 x, .param .f32 by, .param .f64 more) {
  .reg .u32 %n, %i, %t; .reg .u64 %x, %o; .reg .f32 %by, %v, %m; .reg .f64 %d; .reg .pred %p;
  ld.param.u32 %n, [n];
  ld.param.u64 %x, [x];
  ld.param.f32 %by, [by];
  ld.param.f64 %d, [more];
  mov.u32 %i, %ctaid.x;
  mov.u32 %t, %tid.x;
  mad.lo.u32 %i, %i, 32, %t;
  setp.ge.u32 %p, %i, %n;
  @%p ret;
  mul.wide.u32 %o, %i, 4;
  add.u64 %x, %x, %o;
  ld.global.f32 %v, [%x];
  mul.rn.f32 %v, %v, %by;
  cvt.rn.f32.f64 %m, %d;
  add.rn.f32 %v, %v, %m;
  st.global.f32 [%x], %v;
  ret;
}`)
  const kernel = module.kernel('scale', ['u32', 'pointer', 'f32', 'f64'])
  const x = backend.array(wave(40))
  kernel.launch({ grid: 2, block: [32] }, 40, x, 0.5, 3)
  expect(read(x)).toEqual([...wave(40).map((value) => Math.fround(0.5 * value) + 3)])
  kernel.launch({ grid: [2, 1], block: 32 }, 40, x.pointer, 0, -1)
  expect(read(x)).toEqual(Array(40).fill(-1))
  expect(() => kernel.launch({ grid: 1, block: 32 }, 40, x)).toThrow(
    /takes 4 parameters, 2 are given/,
  )
  expect(() => kernel.launch({ grid: 1, block: 32 }, 40.5, x, 1, 1)).toThrow(
    /Parameter 0 of scale is u32/,
  )
  expect(() => kernel.launch({ grid: 1, block: 32 }, 40, 7, 1, 1)).toThrow(
    /Parameter 1 of scale is pointer/,
  )
  expect(() => module.kernel('nothing', [])).toThrow(/nothing|not found/i)
  expect(() => backend.module('.version 6.3\n.target sm_75\nnonsense')).toThrow(/refused/)
})
