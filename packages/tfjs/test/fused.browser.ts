/**
 * Fused steps on the webgpu backend: in place, chosen by themselves, and left where they cannot be.
 * In webgl, the fallback.
 */
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-webgl'
import '@tensorflow/tfjs-backend-webgpu'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { fusedStart } from '../src/fused.ts'
import {
  type FreestepOptimizer,
  fromSafetensors,
  polyak,
  prodigy,
  sgd,
  toSafetensors,
} from '../src/index.ts'
import { webgpuStart } from '../src/webgpu.ts'
import { held } from './held.ts'
import { testInPlace } from './inPlace.ts'
import { data, loaded, perceptron, recurrent, saved, sequences } from './models.ts'

const start = async (backend: string) => {
  expect(await tf.setBackend(backend)).toBe(true)
}
const variable = (values: number[]) => tf.tidy(() => tf.variable(tf.tensor1d(values)))

describe('webgpu', () => {
  beforeAll(() => start('webgpu'))
  testInPlace('webgpu')

  test('a buffer of the caller stays as it is', async () => {
    const { device } = tf.backend() as unknown as { device: GPUDevice }
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const buffer = device.createBuffer({ size: 8, usage })
    device.queue.writeBuffer(buffer, 0, Float32Array.of(1, 2))
    const outside = tf.tensor({ buffer, zeroCopy: true }, [2], 'float32')
    const a = tf.variable(outside)
    outside.dispose()
    const optimizer = sgd({ lr: 1 })
    tf.tidy(() => optimizer.applyGradients({ [a.name]: tf.tensor1d([1, 1]) }))
    expect(Array.from(await a.data())).toEqual([0, 1])
    const again = tf.tensor({ buffer, zeroCopy: true }, [2], 'float32')
    expect(Array.from(await again.data())).toEqual([1, 2])
    tf.dispose([a, again])
    optimizer.dispose()
    buffer.destroy()
  })

  test('a read that is under way when a step is taken does not spoil later ones', async () => {
    const a = variable([1, 2])
    const gradient = tf.tensor1d([1, 1])
    const optimizer = sgd({ lr: 1 })
    const reading = a.data().then(Array.from, () => 'refused by tfjs, as with its own optimizers')
    optimizer.applyGradients({ [a.name]: gradient })
    await reading
    expect(Array.from(await a.data())).toEqual([0, 1])
    tf.dispose([a, gradient])
    optimizer.dispose()
  })

  test('the loss stays on the device', async () => {
    const a = variable([3])
    const optimizer = polyak()
    optimizer.minimize(() => tf.sum(tf.square(a)), false, [a])
    expect((await a.data())[0]).toBeCloseTo(1.5, 6)
    a.dispose()
    optimizer.dispose()
  })

  test.each([
    ['a perceptron', perceptron, data, 1e-3, 8],
    ['a recurrent classifier', recurrent, sequences, 1e-6, 32],
  ] as const)(
    'two epochs of %s have the same losses, fused and eager',
    async (_, build, inputs, d0, batchSize) => {
      const { xs, ys } = inputs()
      const all: number[][] = []
      for (const fused of [true, false]) {
        const model = build(prodigy({ d0, fused }))
        const { history } = await model.fit(xs, ys, {
          epochs: 2,
          batchSize,
          shuffle: false,
          verbose: 0,
        })
        expect((model.optimizer as FreestepOptimizer).execution).toEqual({
          backend: 'webgpu',
          fused,
        })
        all.push(history.loss as number[])
        model.optimizer.dispose()
        model.dispose()
      }
      tf.dispose([xs, ys])
      for (const [i, loss] of all[0].entries())
        expect(Math.abs(loss - all[1][i])).toBeLessThan(1e-4)
    },
  )

  test('a model is saved and loaded, and training goes on as if never interrupted', async () => {
    const { xs, ys } = data()
    const epoch = async (model: ReturnType<typeof perceptron>) => {
      const { history } = await model.fit(xs, ys, {
        epochs: 1,
        batchSize: 4,
        shuffle: false,
        verbose: 0,
      })
      return history.loss[0]
    }
    const [whole, first] = [perceptron(prodigy({ d0: 1e-3 })), perceptron(prodigy({ d0: 1e-3 }))]
    const wanted = [await epoch(whole), await epoch(whole)]
    expect(await epoch(first)).toBe(wanted[0])
    const second = (await loaded(await saved(first))) as typeof first
    expect(await epoch(second)).toBe(wanted[1])
    tf.dispose([xs, ys])
  })

  test('states cannot follow a change of the backend by themselves; save and load take them along', async () => {
    const a = variable([1, 2])
    const optimizer = prodigy()
    const step = () => optimizer.minimize(() => tf.sum(tf.square(a)), false, [a])
    step()
    step()
    const values = Array.from(await a.data())
    await start('cpu')
    expect(step).toThrow(
      /backend was changed from webgpu to cpu, and states on webgpu cannot be read at once\. Call save/,
    )
    const checkpoint = fromSafetensors(toSafetensors(await optimizer.save()))
    await optimizer.load(checkpoint)
    a.assign(tf.tensor1d(values))
    step()
    expect(optimizer.execution).toEqual({ backend: 'cpu', fused: true })
    expect(optimizer.iterations).toBe(3)
    a.dispose()
    optimizer.dispose()
    await start('webgpu')
  })

  test('where something is missing, it is named, and steps are not fused, with one warning', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    for (const name of [
      'submitQueue',
      'uploadToGPU',
      'tensorMap',
      'commandEncoder',
      'device',
      'makeTensorInfo',
    ]) {
      const backend = new Proxy(tf.backend(), {
        get: (target, key) => (key === name ? undefined : Reflect.get(target, key)),
        has: (target, key) => key !== name && Reflect.has(target, key),
      })
      const without = { ...tf, backend: () => backend }
      expect(webgpuStart(without)).toBe(`backend.${name}`)
      expect(fusedStart(without)).toBeUndefined()
    }
    expect(warn.mock.calls).toHaveLength(1)
    expect(warn.mock.calls[0][0]).toContain('there is no backend.submitQueue here.')
    warn.mockRestore()
  })
})

describe('webgl', () => {
  beforeAll(() => start('webgl'))

  test('steps run operation by operation, without a warning, and leave nothing behind', async () => {
    const warn = vi.spyOn(console, 'warn')
    const before = held()
    const a = variable([1, -2, 3])
    const optimizer = prodigy({ d0: 0.1 })
    const step = () => optimizer.minimize(() => tf.sum(tf.square(a)), false, [a])
    step()
    const warm = held()
    for (let k = 1; k < 20; k++) step()
    expect(optimizer.execution).toEqual({ backend: 'webgl', fused: false })
    expect(held()).toEqual(warm)
    expect(Math.hypot(...(await a.data()))).toBeLessThan(3)
    a.dispose()
    optimizer.dispose()
    expect(held()).toEqual(before)
    expect(warn.mock.calls.filter(([text]) => String(text).includes('freestep'))).toEqual([])
    warn.mockRestore()
  })

  test('states go from here to backends where steps are fused, and back, as if they had stayed', async () => {
    const before = held()
    const make = () => ({ a: variable([1, -2, 3]), optimizer: prodigy({ d0: 0.01 }) })
    const step = ({ a, optimizer }: ReturnType<typeof make>) => {
      const g = tf.sub(a, 5)
      optimizer.applyGradients({ [a.name]: g })
      g.dispose()
    }
    const [moving, staying] = [make(), make()]
    for (const backend of ['webgl', 'cpu', 'webgl', 'webgpu']) {
      await start(backend)
      for (let k = 0; k < 5; k++) step(moving)
      expect(moving.optimizer.execution).toEqual({ backend, fused: backend !== 'webgl' })
    }
    const moved = Array.from(await moving.a.data())
    const { d } = await moving.optimizer.scalars()
    await start('cpu')
    for (let k = 0; k < 20; k++) step(staying)
    expect(d / (await staying.optimizer.scalars()).d).toBeCloseTo(1, 4)
    for (const [i, x] of (await staying.a.data()).entries()) expect(moved[i]).toBeCloseTo(x, 4)
    for (const { a, optimizer } of [moving, staying]) {
      a.dispose()
      optimizer.dispose()
    }
    expect(held()).toEqual(before)
    await start('webgl')
  })
})
