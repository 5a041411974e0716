/**
 * The emulated driver: that it does what the driver of a device does, late as that may, and answers
 * as that would.
 */
import { describe, expect, test } from 'vitest'
import { DriverError, results } from '../src/driver.ts'
import { EmulatedDriver, type EmulatedOptions } from './emulator/driver.ts'

/** y = 2 x. */
const doubled = `
.version 7.0
.target sm_75
.address_size 64
.visible .entry doubled(.param .u64 to, .param .u64 from, .param .u32 length)
{
  .reg .pred %p;
  .reg .b32 %r<4>;
  .reg .b64 %rd<5>;
  .reg .f32 %f<2>;
  mov.u32 %r0, %ctaid.x;
  mov.u32 %r1, %ntid.x;
  mov.u32 %r2, %tid.x;
  mad.lo.u32 %r0, %r0, %r1, %r2;
  ld.param.u32 %r3, [length];
  setp.ge.u32 %p, %r0, %r3;
  @%p bra done;
  ld.param.u64 %rd0, [to];
  ld.param.u64 %rd1, [from];
  mul.wide.u32 %rd2, %r0, 4;
  add.u64 %rd3, %rd0, %rd2;
  add.u64 %rd4, %rd1, %rd2;
  ld.global.f32 %f0, [%rd4];
  add.rn.f32 %f1, %f0, %f0;
  st.global.f32 [%rd3], %f1;
done:
  ret;
}`

const length = 1000
const numbers = Float32Array.from({ length }, (_, i) => i / 7)

/** A driver with a context, the kernel, and two arrays. */
function open(options: EmulatedOptions = {}) {
  const driver = new EmulatedDriver(options)
  driver.use(driver.retainContext(0))
  const module = driver.loadModule(doubled)
  const kernel = driver.function(module, 'doubled')
  const [to, from] = [driver.alloc(4 * length), driver.alloc(4 * length)]
  const params = (y: bigint, x: bigint) => {
    const data = new DataView(new ArrayBuffer(20))
    data.setBigUint64(0, y, true)
    data.setBigUint64(8, x, true)
    data.setUint32(16, length, true)
    return new Uint8Array(data.buffer)
  }
  const double = (y: bigint, x: bigint, stream: bigint) =>
    driver.launch(
      kernel,
      { grid: [8, 1, 1], block: [128, 1, 1], sharedBytes: 0 },
      params(y, x),
      stream,
    )
  const read = (array: bigint, stream: bigint) => {
    const result = new Float32Array(length)
    driver.download(result, array, stream)
    return result
  }
  return { driver, module, kernel, to, from, double, read, params }
}

/** The result of the error that a call throws. */
function resultOf(call: () => unknown): number | undefined {
  try {
    call()
  } catch (error) {
    if (error instanceof DriverError) return error.result
    throw error
  }
  return undefined
}

const times = (factor: number) => numbers.map((value) => value * factor)

describe('streams', () => {
  test('what is put into one is done in order; the bytes of an upload are those of the call', () => {
    const { driver, to, from, double, read } = open()
    const source = Float32Array.from(numbers)
    driver.upload(from, source, 0n)
    source.fill(0)
    double(to, from, 0n)
    double(to, to, 0n)
    expect(read(to, 0n)).toEqual(times(4))
  })

  const seeds = [1, 2, 3, 4, 5, 6, 7, 8]
  /** One stream writes what another reads, with an event between them or without. */
  const handOver = (seed: number, ordered: boolean) => {
    const { driver, to, from, double, read } = open({ seed })
    const [first, second] = [driver.createStream(), driver.createStream()]
    const event = driver.createEvent(false)
    driver.fill(from, 0, 4 * length, second)
    driver.synchronize(second)
    driver.upload(from, numbers, first)
    driver.record(event, first)
    if (ordered) driver.waitFor(second, event)
    double(to, from, second)
    return read(to, second)
  }
  test('one waits for an event of another', () => {
    for (const seed of seeds) expect(handOver(seed, true)).toEqual(times(2))
  })
  test('without an event, some order shows that one is missing', () => {
    expect(seeds.map((seed) => handOver(seed, false)[1])).toContain(0)
  })

  test('events are reached at last, and take the time', () => {
    const { driver, to, from, double } = open()
    const [start, end, untimed] = [
      driver.createEvent(true),
      driver.createEvent(true),
      driver.createEvent(false),
    ]
    driver.record(start, 0n)
    driver.upload(from, numbers, 0n)
    double(to, from, 0n)
    driver.record(end, 0n)
    let queries = 0
    while (!driver.reached(end)) queries++
    expect(queries).toBeLessThan(10)
    expect(driver.elapsed(start, end)).toBeGreaterThanOrEqual(0)
    expect(resultOf(() => driver.elapsed(start, untimed))).toBe(results.invalidHandle)
  })
})

describe('recordings', () => {
  test('do what was recorded, as often as they are launched', () => {
    const { driver, to, from, double, read } = open()
    const stream = driver.createStream()
    driver.upload(from, numbers, stream)
    driver.copy(to, from, 4 * length, stream)
    driver.beginCapture(stream)
    expect(driver.isCapturing(stream)).toBe(true)
    double(to, to, stream)
    const graph = driver.endCapture(stream)
    expect(driver.isCapturing(stream)).toBe(false)
    for (let k = 0; k < 3; k++) driver.launchGraph(graph, stream)
    expect(read(to, stream)).toEqual(times(8))
    driver.destroyGraph(graph)
    expect(resultOf(() => driver.launchGraph(graph, stream))).toBe(results.invalidHandle)
  })

  test('take in other streams that wait for what is recorded', () => {
    const { driver, to, from, double, read } = open()
    const [stream, other] = [driver.createStream(), driver.createStream()]
    const [event, back] = [driver.createEvent(false), driver.createEvent(false)]
    driver.upload(from, numbers, stream)
    driver.fill(to, 0, 4 * length, stream)
    driver.beginCapture(stream)
    driver.record(event, stream)
    driver.waitFor(other, event)
    double(to, from, other)
    driver.record(back, other)
    driver.waitFor(stream, back)
    const graph = driver.endCapture(stream)
    driver.synchronize(other)
    expect(read(to, stream)).toEqual(times(0))
    driver.launchGraph(graph, stream)
    expect(read(to, stream)).toEqual(times(2))
  })

  test('refuse what waits or allocates', () => {
    const { driver, to } = open()
    const stream = driver.createStream()
    driver.beginCapture(stream)
    const refused = [
      () => driver.alloc(4),
      () => driver.free(to),
      () => driver.synchronize(stream),
      () => driver.download(numbers, to, stream),
      () => driver.upload(to, numbers, stream),
      () => driver.beginCapture(0n),
    ]
    for (const call of refused) expect(resultOf(call)).toBe(results.captureUnsupported)
  })
})

describe('what is wrong', () => {
  test('is answered with the results of the driver', () => {
    const { driver, module, kernel, to, params } = open({ memory: 1 << 16, version: 12040 })
    const spread = { grid: [1, 1, 1], block: [32, 1, 1], sharedBytes: 0 } as const
    const launch = (more: object) => () =>
      driver.launch(kernel, { ...spread, ...more }, params(to, to), 0n)
    const rows: [number, () => unknown][] = [
      [results.outOfMemory, () => driver.alloc(1 << 20)],
      [results.invalidValue, () => driver.alloc(0)],
      [results.invalidValue, () => driver.free(to + 4n)],
      [results.invalidValue, () => driver.upload(to + 4n, numbers, 0n)],
      [results.invalidDevice, () => driver.retainContext(1)],
      [results.noDevice, () => new EmulatedDriver({ devices: 0 }).device(0)],
      [results.invalidPtx, () => driver.loadModule(doubled.replace('add.rn', 'sum.rn'))],
      [results.invalidPtx, () => driver.loadModule(doubled.replace('sm_75', 'sm_90'))],
      [results.unsupportedPtxVersion, () => driver.loadModule(doubled.replace('7.0', '8.5'))],
      [results.invalidHandle, () => driver.function(1n, 'doubled')],
      [results.invalidHandle, () => driver.launch(module, spread, params(to, to), 0n)],
      [results.invalidValue, launch({ block: [2048, 1, 1] })],
      [results.invalidValue, launch({ grid: [0, 1, 1] })],
      [results.invalidValue, launch({ sharedBytes: 50000 })],
      [results.invalidValue, () => driver.launch(kernel, spread, params(to, to).subarray(4), 0n)],
    ]
    expect(rows.map(([, call]) => resultOf(call))).toEqual(rows.map(([expected]) => expected))
    expect(() => driver.loadModule(doubled.replace('add.rn', 'sum.rn'))).toThrow(
      'line 24: sum.rn.f32: this instruction is not known',
    )
  })

  test('a mistake of a kernel is the error of the next call that waits, and of all after it', () => {
    const { driver, to, from, double } = open()
    driver.upload(from, numbers, 0n)
    driver.free(to)
    const wait = () => {
      double(to, from, 0n)
      driver.synchronize(0n)
    }
    expect(wait).toThrow(
      /doubled, line 25 \(st.global.f32\), thread \d+,0,0 of block \d,0,0: 4 bytes at 0x7f00\w+ were freed/,
    )
    expect(resultOf(() => driver.alloc(4))).toBe(results.illegalAddress)
  })

  test('an unloaded module has no kernels', () => {
    const { driver, module, kernel, to, params } = open()
    driver.unloadModule(module)
    const spread = { grid: [1, 1, 1], block: [32, 1, 1], sharedBytes: 0 } as const
    expect(resultOf(() => driver.launch(kernel, spread, params(to, to), 0n))).toBe(
      results.invalidHandle,
    )
  })
})

test('all that has been taken is counted', () => {
  const { driver, module, to, from } = open()
  const [stream, event] = [driver.createStream(), driver.createEvent(false)]
  const free = driver.memory().free
  expect(driver.live).toEqual({
    contexts: 1,
    allocations: 2,
    streams: 1,
    events: 1,
    modules: 1,
    graphs: 0,
  })
  driver.free(to)
  driver.free(from)
  driver.destroyStream(stream)
  driver.destroyEvent(event)
  driver.unloadModule(module)
  expect(driver.memory().free).toBeGreaterThan(free)
  expect(driver.memory().free).toBe(driver.memory().total)
  driver.releaseContext(0)
  expect(driver.live).toEqual({
    contexts: 0,
    allocations: 0,
    streams: 0,
    events: 0,
    modules: 0,
    graphs: 0,
  })
})

test('two devices have memory of their own, between which bytes are copied', () => {
  const driver = new EmulatedDriver({ devices: 2 })
  const arrays = [0, 1].map((ordinal) => {
    driver.use(driver.retainContext(ordinal))
    return driver.alloc(4 * length)
  })
  expect(arrays.map((array) => driver.ordinalOf(array))).toEqual([0, 1])
  expect(driver.ordinalOf(5n)).toBeUndefined()
  driver.upload(arrays[1], numbers, 0n)
  driver.copy(arrays[0], arrays[1], 4 * length, 0n)
  driver.synchronize(0n)
  const result = new Float32Array(length)
  driver.download(result, arrays[0], 0n)
  expect(result).toEqual(numbers)
})
