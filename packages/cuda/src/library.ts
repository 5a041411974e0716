/**
 * The library of NVIDIA's driver through koffi: the declarations of its functions. All handles pass
 * as 64-bit integers, which is how 64-bit machines pass pointers. Not what is called when: see
 * nvidia.ts. https://docs.nvidia.com/cuda/cuda-driver-api
 */
import { createRequire } from 'node:module'
import { DriverError } from './driver.ts'

/** As much of koffi as is used. */
export interface Koffi {
  load(path: string): { func(declaration: string): (...args: unknown[]) => number }
  address(buffer: ArrayBufferView): bigint
  struct(name: string, fields: Record<string, unknown>): unknown
  array(type: string, length: number): unknown
}

/** The parameters of the driver's functions; all of them return an int, their result. */
const parameters = {
  cuInit: 'uint32_t flags',
  cuDriverGetVersion: 'void *version',
  cuGetErrorString: 'int result, _Out_ const char **text',
  cuDeviceGetCount: 'void *count',
  cuDeviceGet: 'void *device, int ordinal',
  cuDeviceGetName: 'void *name, int length, int device',
  cuDeviceGetAttribute: 'void *value, int attribute, int device',
  cuDeviceTotalMem_v2: 'void *bytes, int device',
  cuDevicePrimaryCtxRetain: 'void *context, int device',
  cuDevicePrimaryCtxRelease_v2: 'int device',
  cuCtxSetCurrent: 'uint64_t context',
  cuMemGetInfo_v2: 'void *free, void *total',
  cuMemAlloc_v2: 'void *pointer, size_t bytes',
  cuMemFree_v2: 'uint64_t pointer',
  cuPointerGetAttribute: 'void *value, int attribute, uint64_t pointer',
  cuMemcpyHtoDAsync_v2: 'uint64_t to, const void *from, size_t bytes, uint64_t stream',
  cuMemcpyDtoHAsync_v2: 'void *to, uint64_t from, size_t bytes, uint64_t stream',
  cuMemcpyAsync: 'uint64_t to, uint64_t from, size_t bytes, uint64_t stream',
  cuMemsetD8Async: 'uint64_t to, uint8_t byte, size_t bytes, uint64_t stream',
  cuModuleLoadDataEx:
    'void *module, const void *image, uint32_t count, void *options, void *values',
  cuModuleUnload: 'uint64_t module',
  cuModuleGetFunction: 'void *kernel, uint64_t module, const char *name',
  cuLaunchKernel:
    'uint64_t kernel, uint32_t gridX, uint32_t gridY, uint32_t gridZ, uint32_t blockX, uint32_t blockY, uint32_t blockZ, ' +
    'uint32_t sharedBytes, uint64_t stream, void *params, void *extra',
  cuStreamCreate: 'void *stream, uint32_t flags',
  cuStreamDestroy_v2: 'uint64_t stream',
  cuStreamSynchronize: 'uint64_t stream',
  cuStreamWaitEvent: 'uint64_t stream, uint64_t event, uint32_t flags',
  cuEventCreate: 'void *event, uint32_t flags',
  cuEventDestroy_v2: 'uint64_t event',
  cuEventRecord: 'uint64_t event, uint64_t stream',
  cuEventQuery: 'uint64_t event',
  cuEventElapsedTime: 'void *milliseconds, uint64_t from, uint64_t to',
  cuStreamBeginCapture_v2: 'uint64_t stream, int mode',
  cuStreamIsCapturing: 'uint64_t stream, void *status',
  cuStreamEndCapture: 'uint64_t stream, void *graph',
  cuGraphInstantiateWithFlags: 'void *executable, uint64_t graph, uint64_t flags',
  cuGraphDestroy: 'uint64_t graph',
  cuGraphLaunch: 'uint64_t executable, uint64_t stream',
  cuGraphExecDestroy: 'uint64_t executable',
  cuIpcOpenMemHandle_v2: 'void *pointer, freestepIpcHandle handle, uint32_t flags',
  cuIpcCloseMemHandle: 'uint64_t pointer',
} as const

/** The name of a function. */
export type Call = keyof typeof parameters

/** CUDA_ERROR_NOT_FOUND */
const notFound = 500

/** Calls a function of the library by name; gives its result. */
export type Functions = (call: Call, ...args: unknown[]) => number

/**
 * The functions of a library, each looked up when it is first called. Throws koffi's error if there
 * is no such library.
 */
export function functionsOf(koffi: Koffi, path: string): Functions {
  const library = koffi.load(path)
  const known = new Map<Call, (...args: unknown[]) => number>()
  const find = (call: Call) => {
    try {
      return library.func(`int ${call}(${parameters[call]})`)
    } catch {
      throw new DriverError(call, notFound, 'this driver is too old to have it')
    }
  }
  return (call, ...args) => {
    const f = known.get(call) ?? find(call)
    known.set(call, f)
    return f(...args)
  }
}

/** The library of NVIDIA's driver. */
export const libraryName = (): string =>
  process.platform === 'win32' ? 'nvcuda.dll' : 'libcuda.so.1'

let koffi: Koffi | undefined

/**
 * koffi, with the one type that is passed by value; types are declared once in a process. Throws if
 * the package is not there.
 */
export function loadKoffi(): Koffi {
  if (koffi) return koffi
  const loaded = createRequire(import.meta.url)('koffi') as Koffi
  loaded.struct('freestepIpcHandle', { reserved: loaded.array('uint8_t', 64) })
  koffi = loaded
  return loaded
}
