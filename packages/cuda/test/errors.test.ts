/**
 * What can go wrong is said at once, with what to do; nothing has been written then, and nothing is
 * left behind.
 */
import { type FreestepErrorCode, momo, prodigy, sgd } from '@freestep/core'
import { describe, expect, test } from 'vitest'
import {
  type CudaTensor,
  createOptimizer,
  cuda,
  cudaAvailable,
  DriverError,
  FreestepError,
} from '../src/index.ts'
import { loadDriver } from '../src/load.ts'
import { driver, noGpu } from './backend.ts'
import { EmulatedDriver, type EmulatedOptions } from './emulator/driver.ts'

const refusal = async (f: () => unknown): Promise<FreestepError> => {
  try {
    await f()
  } catch (error) {
    if (error instanceof FreestepError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
const expectRefusal = async (f: () => unknown, code: FreestepErrorCode, message: RegExp) => {
  const error = await refusal(f)
  expect(error.message).toMatch(message)
  expect(error.code).toBe(code)
}
const emulated = async (options: EmulatedOptions = {}, more: { device?: number } = {}) => {
  const own = new EmulatedDriver(options)
  return { own, backend: await cuda({ driver: own, blockSize: 32, ...more }) }
}

describe('where there is nothing to run on', () => {
  test('cudaAvailable says why, and does not throw', () => {
    const answer = cudaAvailable()
    if (noGpu)
      expect(answer).toEqual({
        available: false,
        reason: expect.stringMatching(/^There is no NVIDIA driver here .*Install/),
      })
    else expect(answer).toMatchObject({ available: true, devices: [expect.any(String)] })
  })
  test.skipIf(!noGpu)('cuda() says so, too', () =>
    expectRefusal(
      () => cuda(),
      'unsupported',
      /There is no NVIDIA driver here \(.*\)\. Install one, or use @freestep\/cpu\./,
    ),
  )
  test.each([
    [
      new DriverError('cuInit', 100, 'no CUDA-capable device is detected'),
      /finds no device\. Make one visible/,
    ],
    [
      new DriverError('cuInit', 804, 'forward compatibility was attempted'),
      /does not start: cuInit: forward .* \(804\)\. Reinstall/,
    ],
    [
      new Error("Cannot find module 'koffi'\nRequire stack:"),
      /koffi.* is missing here \(Cannot find module 'koffi'\)\. Run: npm install koffi/,
    ],
  ])('a driver that does not load: %s', (cause, message) => {
    const open = () => {
      throw cause
    }
    return noGpu ? expectRefusal(() => loadDriver(open), 'unsupported', message) : undefined
  })
  test('no device', () =>
    expectRefusal(
      () => emulated({ devices: 0 }),
      'bad-option',
      /device is 0, and there are 0 devices/,
    ))
  test('not so many devices', () =>
    expectRefusal(
      () => emulated({ devices: 2 }, { device: 2 }),
      'bad-option',
      /device is 2, and there are 2 devices\. Give 0 to 1/,
    ))
  test('a driver too old', () =>
    expectRefusal(
      () => emulated({ version: 9020 }),
      'unsupported',
      /supports CUDA 9\.2, 10\.0 is needed\. Install a newer driver/,
    ))
  test('a device too old', () =>
    expectRefusal(
      () => emulated({ capability: [7, 0] }),
      'unsupported',
      /compute capability 7\.0; 7\.5 is needed/,
    ))
  test('blocks of a size that there is not', async () => {
    for (const blockSize of [0, 48, 1024])
      await expectRefusal(
        () => cuda({ driver, blockSize }),
        'bad-option',
        /power of two from 32 to 512/,
      )
  })
})

describe('tensors that are none', async () => {
  const backend = await cuda({ driver })
  const { pointer } = backend.array(8)
  const wrong: readonly [string, unknown, FreestepErrorCode, RegExp][] = [
    ['a plain array', [1, 2], 'bad-dtype', /W is \[1, 2\]\. Give an array of the backend/],
    ['integers', new Int32Array(3), 'bad-dtype', /W is an Int32Array/],
    ['a pointer that is a number', { pointer: 4096, length: 1 }, 'bad-dtype', /W is an object/],
    [
      'a precision that there is not',
      { pointer, length: 1, dtype: 'int8' },
      'bad-dtype',
      /W is an object/,
    ],
    ['no length', { pointer }, 'bad-shape', /has undefined numbers/],
    ['half a number', { pointer, length: 1.5 }, 'bad-shape', /has 1\.5 numbers/],
    [
      'a pointer between numbers',
      { pointer: pointer + 2n, length: 1 },
      'bad-shape',
      /float32 begins at a multiple of 4/,
    ],
    [
      'a pointer to nothing',
      { pointer: 4096n, length: 1 },
      'unsupported',
      /0x1000, which is no memory of a CUDA device/,
    ],
  ]
  test.each(wrong)('%s', (_, tensor, code, message) =>
    expectRefusal(
      () => createOptimizer(sgd(), { W: tensor as CudaTensor }, backend),
      code,
      message,
    ),
  )

  test('numbers that do not fit, lengths and precisions that are none', async () => {
    const x = backend.array([1, 2])
    await expectRefusal(() => x.write([1]), 'bad-shape', /1 numbers do not fit an array of 2/)
    await expectRefusal(() => backend.array(-1), 'bad-shape', /natural number/)
    await expectRefusal(
      () => backend.array(1, 'int8' as 'float32'),
      'bad-dtype',
      /int8 is asked for/,
    )
  })

  test('a gradient of another length or precision changes nothing', async () => {
    const x = backend.array([1, 2])
    const optimizer = await createOptimizer(sgd({ lr: 1 }), { x }, backend)
    await expectRefusal(
      () => optimizer.step({ x: backend.array([1]) }),
      'bad-shape',
      /Give one number per coordinate/,
    )
    await expectRefusal(
      () => optimizer.step({ x: backend.array([1, 2], 'float16') }),
      'bad-dtype',
      /is float16/,
    )
    expect([...x.read()]).toEqual([1, 2])
    expect(optimizer.steps).toBe(0)
  })
})

describe('arrays are freed exactly once', async () => {
  const backend = await cuda({ driver })
  test('again', async () => {
    const x = backend.array(4)
    x.free()
    expect(x.freed).toBe(true)
    await expectRefusal(() => x.free(), 'disposed', /was freed/)
  })
  test('and not used afterwards: read, written, as a parameter, as a gradient, by a kernel', async () => {
    const freed = backend.array([1])
    const x = backend.array([1])
    const optimizer = await createOptimizer(momo(), { x }, backend)
    const loss = backend.array([1])
    for (const array of [freed, loss]) array.free()
    await expectRefusal(() => freed.read(), 'disposed', /freed/)
    await expectRefusal(() => freed.write([1]), 'disposed', /freed/)
    await expectRefusal(
      () => createOptimizer(sgd(), { W: freed }, backend),
      'disposed',
      /^\[freestep\/cuda\] W was freed/,
    )
    await expectRefusal(
      () => optimizer.step({ x: freed }, { loss: 1 }),
      'disposed',
      /the gradient of x was freed/i,
    )
    await expectRefusal(
      () => optimizer.step({ x: backend.array([1]) }, { loss }),
      'disposed',
      /The loss was freed/,
    )
    x.free()
    await expectRefusal(
      () => optimizer.step({ x: backend.array([1]) }, { loss: 1 }),
      'disposed',
      /parameter x was freed/,
    )
    optimizer.dispose()
  })
  test('an array at a pointer of others is only forgotten', async () => {
    const own = backend.array([1, 2])
    const view = backend.at({ pointer: own.pointer + 4n, length: 1 })
    view.free()
    expect([...own.read()]).toEqual([1, 2])
  })
})

describe('on emulated devices', () => {
  test('a tensor of another device', async () => {
    const own = new EmulatedDriver({ devices: 2 })
    const [first, second] = [
      await cuda({ driver: own, device: 0 }),
      await cuda({ driver: own, device: 1 }),
    ]
    const there = second.array([1, 2])
    await expectRefusal(
      () => createOptimizer(sgd(), { W: there }, first),
      'unsupported',
      /on device 1, the optimizer on device 0/,
    )
    const raw = { pointer: there.pointer, length: 2 }
    await expectRefusal(
      () => createOptimizer(sgd(), { W: raw }, first),
      'unsupported',
      /Use cuda\(\{ device: 1 \}\)/,
    )
    const optimizer = await createOptimizer(sgd({ lr: 1 }), { W: raw }, second)
    optimizer.step({ W: second.array([1, 1]) })
    first.array([5])
    expect([...there.read()]).toEqual([0, 1])
  })

  test('no memory: how much was asked for, how much is free, and nothing leaks', async () => {
    const { own, backend } = await emulated({ memory: 2 ** 20 })
    await expectRefusal(
      () => backend.array(2 ** 20),
      'out-of-memory',
      /needs 4194304 bytes on device 0; of its 1048576 bytes \d+ are free/,
    )
    const x = backend.array(2 ** 17)
    const before = own.live
    await expectRefusal(
      () => createOptimizer(prodigy(), { x }, backend),
      'out-of-memory',
      /The states of prodigy needs \d+ bytes/,
    )
    await expectRefusal(
      () => createOptimizer(sgd(), { x: new Float32Array(2 ** 18) }, backend),
      'out-of-memory',
      /parameter x/,
    )
    expect(own.live).toEqual({ ...before, modules: own.live.modules })
  })

  test('what is made is given back: by dispose, and all of it by close', async () => {
    const { own, backend } = await emulated()
    const x = backend.array([1, 2])
    const optimizer = await createOptimizer(prodigy(), { x, y: new Float32Array(3) }, backend)
    optimizer.step({ x: Float32Array.of(1, 1), y: new Float32Array(3) })
    const during = own.live.allocations
    optimizer.dispose()
    // The two parameters are the caller's.
    expect(own.live.allocations).toBe(2)
    expect(during).toBeGreaterThan(2)
    await createOptimizer(prodigy(), { x }, backend)
    backend.close()
    expect(own.live).toEqual({
      contexts: 0,
      allocations: 0,
      streams: 0,
      events: 0,
      modules: 0,
      graphs: 0,
    })
    await expectRefusal(() => x.read(), 'disposed', /backend was closed/)
    backend.close()
  })

  test('memory of another process is opened, and closed at the latest by close', async () => {
    const { own, backend } = await emulated()
    await expectRefusal(
      () => backend.openShared(new Uint8Array(64)),
      'unsupported',
      /shares no memory between processes/,
    )
    const there = own.alloc(256)
    const closed: bigint[] = []
    Object.assign(own, {
      openShared: () => there,
      closeShared: (pointer: bigint) => closed.push(pointer),
    })
    await expectRefusal(
      () => backend.openShared(new Uint8Array(66)),
      'bad-shape',
      /A handle has 66 bytes/,
    )
    const pointer = backend.openShared(new Uint8Array(64))
    const x = backend.at({ pointer, length: 2 })
    x.write([1, 2])
    expect([...x.read()]).toEqual([1, 2])
    backend.close()
    expect(closed).toEqual([there])
  })

  test('a step that cannot be taken leaves parameters and states as they were', async () => {
    const { own, backend } = await emulated()
    const optimizer = await createOptimizer(prodigy(), { x: backend.array([1, 2]) }, backend)
    const before = await optimizer.save({ params: true })
    const launch = own.launch.bind(own)
    own.launch = () => {
      throw new DriverError('cuLaunchKernel', 701, 'too many resources requested for launch')
    }
    await expectRefusal(
      () => optimizer.step({ x: backend.array([1, 1]) }),
      'unsupported',
      /refused the work: cuLaunchKernel/,
    )
    own.launch = launch
    expect(await optimizer.save({ params: true })).toEqual(before)
  })

  test('a length that is too long is found by the device, and said at the next call to it', async () => {
    const { backend } = await emulated()
    // Before the parameter in memory: where a wrong length would put it over the gradient, that
    // would be copied first.
    const x = backend.array(1000)
    const { pointer } = backend.array([1, 2])
    const optimizer = await createOptimizer(sgd(), { x: { pointer, length: 1000 } }, backend)
    const stepped = () => {
      optimizer.step({ x })
      backend.synchronize()
    }
    await expectRefusal(stepped, 'device-lost', /A kernel failed on the device .* wrong length/)
  })
})
