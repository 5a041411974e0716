/**
 * What the driver of NVIDIA is called with: a library of its functions, compiled here, writes every
 * call down. Where cuda.h is installed, the compiler has held that library against the real
 * declarations.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { absent } from '../../../scripts/absent.ts'
import { type Driver, DriverError, openNvidia } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'freestep-stub-'))
const path = join(folder, 'stub.so')
afterAll(() => rmSync(folder, { recursive: true }))

/** Why there is no library, if there is none. */
function compile(): string | undefined {
  if (process.platform !== 'linux') return 'the library is one for Linux'
  const include = `${process.env.CUDA_HOME ?? '/usr/local/cuda'}/include`
  const source = fileURLToPath(new URL('stub.c', import.meta.url))
  const flags = [
    '-Wall',
    '-Wextra',
    '-Werror',
    '-shared',
    '-fPIC',
    ...(existsSync(include) ? [`-I${include}`] : []),
  ]
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' })
  } catch {
    return 'there is no C compiler'
  }
  execFileSync('cc', [...flags, '-o', path, source], { stdio: 'inherit' })
  return undefined
}
const reason = absent('cc', compile())

interface Stub {
  written: () => string
  fail: (name: string, result: number) => void
}

function loadStub(): Stub {
  const koffi = createRequire(import.meta.url)('koffi')
  const library = koffi.load(path)
  return {
    written: library.func('const char *stub_written()'),
    fail: library.func('void stub_fail(const char *name, int result)'),
  }
}

const handle = Uint8Array.from({ length: 64 }, (_, i) => i)
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const spread = { grid: [1000, 2, 3], block: [256, 4, 1], sharedBytes: 512 } as const
const stream = 0x51n

/** Each call of the driver: what it returns and what the library was called with. */
const calls: Record<string, readonly [(driver: Driver) => unknown, unknown, string]> = {
  'count devices': [(driver) => driver.deviceCount(), 3, 'cuDeviceGetCount'],
  'a device': [
    (driver) => driver.device(2),
    { name: 'Stub 102', capability: [9, 0], multiprocessors: 132, memory: 80_000_000_000 },
    'cuDeviceGet 2|cuDeviceGetName 256 102|cuDeviceGetAttribute 75 102|cuDeviceGetAttribute 76 102|cuDeviceGetAttribute 16 102|cuDeviceTotalMem 102',
  ],
  'retain a context': [
    (driver) => driver.retainContext(1),
    0x7fff00001000n,
    'cuDeviceGet 1|cuDevicePrimaryCtxRetain 101',
  ],
  'release a context': [
    (driver) => driver.releaseContext(1),
    undefined,
    'cuDeviceGet 1|cuDevicePrimaryCtxRelease 101',
  ],
  'use a context': [
    (driver) => driver.use(0x7fff00001000n),
    undefined,
    'cuCtxSetCurrent 7fff00001000',
  ],
  memory: [
    (driver) => driver.memory(),
    { free: 5_000_000_000, total: 6_000_000_000 },
    'cuMemGetInfo',
  ],
  allocate: [(driver) => driver.alloc(5_000_000_001), 0x7f1234567800n, 'cuMemAlloc 5000000001'],
  free: [(driver) => driver.free(0x7f1234567800n), undefined, 'cuMemFree 7f1234567800'],
  'whose memory': [
    (driver) => driver.ordinalOf(0x7f1234567800n),
    1,
    'cuPointerGetAttribute 2 7f1234567800|cuPointerGetAttribute 9 7f1234567800',
  ],
  'memory of nobody': [
    (driver) => driver.ordinalOf(0x10n),
    undefined,
    'cuPointerGetAttribute 2 10|cuPointerGetAttribute 8 10',
  ],
  'memory of the host': [
    (driver) => driver.ordinalOf(0x2000n),
    undefined,
    'cuPointerGetAttribute 2 2000|cuPointerGetAttribute 8 2000',
  ],
  upload: [
    (driver) => driver.upload(0x1000n, new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4), stream),
    undefined,
    'cuMemcpyHtoDAsync 1000 010203 51',
  ],
  download: [
    (driver) => {
      const into = new Uint8Array(6)
      driver.download(into.subarray(2, 5), 0x1000n, stream)
      return [...into]
    },
    [0, 0, 0x5a, 0x5a, 0x5a, 0],
    'cuMemcpyDtoHAsync 1000 3 51|cuStreamSynchronize 51',
  ],
  copy: [
    (driver) => driver.copy(0x2000n, 0x1000n, 6_000_000_000, stream),
    undefined,
    'cuMemcpyAsync 2000 1000 6000000000 51',
  ],
  fill: [(driver) => driver.fill(0x2000n, 7, 64, 0n), undefined, 'cuMemsetD8Async 2000 7 64 0'],
  'load a module': [
    (driver) => driver.loadModule('.version 6.3'),
    0xabc0n,
    'cuModuleLoadDataEx .version 6.3 2 5 6 8192',
  ],
  'unload a module': [(driver) => driver.unloadModule(0xabc0n), undefined, 'cuModuleUnload abc0'],
  'a kernel': [
    (driver) => driver.function(0xabc0n, 'step_0'),
    0xdef0n,
    'cuModuleGetFunction abc0 step_0',
  ],
  launch: [
    (driver) => driver.launch(0xdef0n, spread, Uint8Array.of(1, 2, 3, 4, 250), stream),
    undefined,
    'cuLaunchKernel def0 1000,2,3 256,4,1 512 51 01020304fa',
  ],
  'launch without parameters': [
    (driver) => driver.launch(0xdef0n, spread, new Uint8Array(), 0n),
    undefined,
    'cuLaunchKernel def0 1000,2,3 256,4,1 512 0 none',
  ],
  'create a stream': [(driver) => driver.createStream(), stream, 'cuStreamCreate 1'],
  'destroy a stream': [(driver) => driver.destroyStream(stream), undefined, 'cuStreamDestroy 51'],
  synchronize: [(driver) => driver.synchronize(0n), undefined, 'cuStreamSynchronize 0'],
  'wait for an event': [
    (driver) => driver.waitFor(stream, 0xe1n),
    undefined,
    'cuStreamWaitEvent 51 e1 0',
  ],
  'create an event': [(driver) => driver.createEvent(true), 0xe1n, 'cuEventCreate 0'],
  'create an event without time': [(driver) => driver.createEvent(false), 0xe1n, 'cuEventCreate 2'],
  'destroy an event': [(driver) => driver.destroyEvent(0xe1n), undefined, 'cuEventDestroy e1'],
  record: [(driver) => driver.record(0xe1n, stream), undefined, 'cuEventRecord e1 51'],
  'an event that was reached': [(driver) => driver.reached(0xe1n), true, 'cuEventQuery e1'],
  'time between events': [
    (driver) => driver.elapsed(0xe1n, 0xe2n),
    1.5,
    'cuEventElapsedTime e1 e2',
  ],
  'begin to capture': [
    (driver) => driver.beginCapture(stream),
    undefined,
    'cuStreamBeginCapture 51 2',
  ],
  'a stream that is captured': [
    (driver) => driver.isCapturing(stream),
    true,
    'cuStreamIsCapturing 51',
  ],
  'one that is not': [(driver) => driver.isCapturing(0x52n), false, 'cuStreamIsCapturing 52'],
  'end the capture': [
    (driver) => driver.endCapture(stream),
    0x92n,
    'cuStreamEndCapture 51|cuGraphInstantiateWithFlags 91 0|cuGraphDestroy 91',
  ],
  'launch a graph': [
    (driver) => driver.launchGraph(0x92n, stream),
    undefined,
    'cuGraphLaunch 92 51',
  ],
  'destroy a graph': [(driver) => driver.destroyGraph(0x92n), undefined, 'cuGraphExecDestroy 92'],
  'open shared memory': [
    (driver) => driver.openShared?.(handle),
    0x7f0000000000n,
    `cuIpcOpenMemHandle ${hexOf(handle)} 1`,
  ],
  'close shared memory': [
    (driver) => driver.closeShared?.(0x7f0000000000n),
    undefined,
    'cuIpcCloseMemHandle 7f0000000000',
  ],
}

describe.skipIf(reason)(`calls of the driver${reason ? ` (absent: ${reason})` : ''}`, () => {
  const stub = reason ? undefined : loadStub()
  const driver = reason ? undefined : openNvidia(path)
  const first = stub?.written()
  const written = () => stub?.written().trim().split('\n').join('|')
  beforeEach(() => void stub?.written())

  test('it is initialized, and says what it supports', () => {
    expect(first).toBe('cuInit 0\ncuDriverGetVersion\n')
    expect(driver?.version).toBe(12040)
  })

  test.each(Object.entries(calls))('%s', (_, [call, result, lines]) => {
    expect(call(driver as Driver)).toEqual(result)
    expect(written()).toBe(lines)
  })

  test('every declared function has been called', () => {
    const names = (text: string) =>
      new Set([...text.matchAll(/\bcu[A-Z]\w+/g)].map(([name]) => name))
    const all = names(
      `cuInit|cuDriverGetVersion|${Object.values(calls)
        .map(([, , lines]) => lines)
        .join('|')}`,
    )
    expect(all.size).toBe(40)
  })

  const failure = (f: () => unknown): DriverError => {
    try {
      f()
    } catch (error) {
      if (error instanceof DriverError) return error
      throw error
    }
    throw new Error('nothing failed')
  }

  test('a failure says which call it was, and the words of the driver', () => {
    stub?.fail('cuMemAlloc', 2)
    const error = failure(() => driver?.alloc(1))
    expect([error.call, error.result, error.message]).toEqual([
      'cuMemAlloc',
      2,
      'cuMemAlloc: out of memory (2)',
    ])
    stub?.fail('cuModuleLoadDataEx', 218)
    expect(failure(() => driver?.loadModule('')).message).toMatch(
      /something else: ptxas error: line 3 \(218\)/,
    )
    stub?.fail('cuEventQuery', 600)
    expect(driver?.reached(0xe1n)).toBe(false)
    stub?.fail('cuEventQuery', 700)
    expect(failure(() => driver?.reached(0xe1n)).result).toBe(700)
    stub?.fail('', 0)
  })

  test('a graph that cannot be made leaves nothing behind', () => {
    stub?.fail('cuGraphInstantiateWithFlags', 2)
    failure(() => driver?.endCapture(stream))
    expect(written()).toMatch(/cuGraphDestroy 91$/)
    stub?.fail('', 0)
  })
})

test('a library that is none of a driver, or not there', () => {
  expect(() => openNvidia(join(folder, 'nothing.so'))).toThrow(/nothing\.so|shared library/)
})
