/** The backend without promises, engines that go on with more tensors, and parameters that move. */
import { adam, averaged, cosine, createOptimizerSync, dog, prodigy, sgd } from '@freestep/core'
import { expect, test } from 'vitest'
import { promptBackendOf } from '../src/backend.ts'
import { Device } from '../src/device.ts'
import { createOptimizer, webgpu, webgpuOn } from '../src/index.ts'
import { sharedOn } from '../src/shared.ts'
import type { GPUTensor } from '../src/tensors.ts'
import { bufferOf, readBuffer } from './tensors.ts'

const { device } = await webgpu()
const wave = (size: number, phase = 0) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(i + phase))

test('an optimizer is made at once, and steps as one that was waited for', async () => {
  const [one, two] = [bufferOf(device, wave(300)), bufferOf(device, wave(300))]
  const prompt = createOptimizerSync(prodigy({ d0: 1e-2 }), { a: one }, webgpuOn(device))
  const waited = await createOptimizer(prodigy({ d0: 1e-2 }), { a: two }, await webgpu({ device }))
  for (let k = 0; k < 10; k++)
    for (const optimizer of [prompt, waited]) optimizer.step({ a: bufferOf(device, wave(300, k)) })
  expect(await readBuffer(device, one)).toEqual(await readBuffer(device, two))
  expect(await prompt.scalars()).toEqual(await waited.scalars())
  for (const optimizer of [prompt, waited]) optimizer.dispose()
})

test('an optimizer that was waited for takes more parameters, too', async () => {
  const [a, b] = [wave(300), wave(7)]
  const make = (named: Record<string, Float32Array>) =>
    webgpu({ device }).then((backend) => createOptimizer(adam({ lr: 0.1 }), named, backend))
  const [growing, alone] = [await make({ a }), await make({ a })]
  for (const optimizer of [growing, alone]) optimizer.step({ a })
  growing.extend({ a, b })
  growing.step({ a, b })
  alone.step({ a })
  const [found, wanted] = [await growing.save({ params: true }), await alone.save({ params: true })]
  expect(found.tensors['x/a'].data).toEqual(wanted.tensors['x/a'].data)
  expect(found.tensors['m/a'].data).toEqual(wanted.tensors['m/a'].data)
  for (const optimizer of [growing, alone]) optimizer.dispose()
})

test.each([
  ['in one piece', (shop: ReturnType<typeof sharedOn>) => shop],
  [
    'in small bindings',
    (shop: ReturnType<typeof sharedOn>) => ({ ...shop, limits: { ...shop.limits, window: 1024 } }),
  ],
])('more parameters, %s: as if Adam had each alone', async (_, change) => {
  const backend = promptBackendOf(change(sharedOn(Device.of(device), {})))
  const sizes = { a: 700, b: 5, c: 301 }
  type Name = keyof typeof sizes
  const names = Object.keys(sizes) as Name[]
  const make = () =>
    Object.fromEntries(names.map((name) => [name, bufferOf(device, wave(sizes[name]))])) as Record<
      Name,
      GPUBuffer
    >
  const [own, single] = [make(), make()]
  const settings = { lr: cosine({ steps: 20 }) }
  const together = createOptimizerSync(adam(settings), { a: own.a }, backend)
  const alone = createOptimizerSync(adam(settings), { a: single.a }, backend)
  const joins: Record<Name, number> = { a: 0, b: 3, c: 6 }
  const late = names.slice(1).map((name) => ({
    name,
    optimizer: createOptimizerSync(adam({ lr: 0.5 }), { [name]: single[name] }, backend),
  }))
  for (let k = 0; k < 9; k++) {
    const here = names.filter((name) => joins[name] <= k)
    if (here.length > Object.keys(together.params).length)
      together.extend(Object.fromEntries(here.map((name) => [name, own[name]])))
    together.step(
      Object.fromEntries(here.map((name) => [name, bufferOf(device, wave(sizes[name], k))])),
    )
    alone.step({ a: bufferOf(device, wave(sizes.a, k)) })
  }
  expect(await readBuffer(device, own.a)).toEqual(await readBuffer(device, single.a))
  const moments = (await together.save()).tensors
  for (const { name, optimizer } of late) {
    for (let k = joins[name]; k < 9; k++)
      optimizer.step({ [name]: bufferOf(device, wave(sizes[name], k)) })
    // The lr differs, the moments do not depend on it.
    const { tensors } = await optimizer.save()
    for (const state of ['m', 'v'])
      expect(moments[`${state}/${name}`], `${state}/${name}`).toEqual(tensors[`${state}/${name}`])
    optimizer.dispose()
  }
  for (const optimizer of [together, alone]) optimizer.dispose()
})

test('what is shared stays shared, and sliced states are taken along', async () => {
  const [a, b] = [bufferOf(device, wave(100)), bufferOf(device, wave(3))]
  const optimizer = createOptimizerSync(
    averaged(prodigy({ d0: 1e-2, sliceP: 3 })),
    { a },
    webgpuOn(device),
  )
  for (let k = 0; k < 5; k++) optimizer.step({ a: bufferOf(device, wave(100, k)) })
  const before = await optimizer.save()
  optimizer.extend({ a, b })
  const after = await optimizer.save()
  expect(after.tensors).toMatchObject(before.tensors)
  expect(after.steps).toBe(5)
  optimizer.step({ a: bufferOf(device, wave(100)), b: bufferOf(device, wave(3)) })
  optimizer.dispose()
})

/** A parameter that is wherever it says. */
const moving = (length: number, place: () => GPUBuffer): GPUTensor => ({
  get buffer() {
    return place()
  },
  length,
})

test('a parameter is where its buffer is at each step', async () => {
  const places = [bufferOf(device, wave(70)), bufferOf(device, wave(70, 1))]
  let now = 0
  const a = moving(70, () => places[now])
  const optimizer = createOptimizerSync(sgd({ lr: 1 }), { a }, webgpuOn(device))
  const gradient = bufferOf(device, new Float32Array(70).fill(0.5))
  for (now of [0, 1, 1, 0]) optimizer.step({ a: gradient })
  for (const [i, place] of places.entries())
    expect([...(await readBuffer(device, place))]).toEqual(
      [...wave(70, i)].map((x) => Math.fround(Math.fround(x - 0.5) - 0.5)),
    )
  optimizer.dispose()
})

test('the dispatches of two passes find a parameter that has moved', async () => {
  const places = [bufferOf(device, wave(9)), bufferOf(device, wave(9))]
  let now = 0
  const a = moving(9, () => places[now])
  const optimizer = createOptimizerSync(dog({ initEta: 0.5 }), { a }, webgpuOn(device))
  optimizer.step({ a: bufferOf(device, wave(9, 2)) })
  now = 1
  optimizer.step({ a: bufferOf(device, wave(9, 2)) })
  const [first, second] = [await readBuffer(device, places[0]), await readBuffer(device, places[1])]
  expect(first[0]).toBeCloseTo(0 - 0.5 * Math.sin(2), 5)
  expect(second[0]).not.toBe(0)
  optimizer.dispose()
})
