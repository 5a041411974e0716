/*
 * A library with the functions of NVIDIA's driver that only writes down how it was called: what nvidia.test.ts loads in its place. Where
 * cuda.h is installed, the compiler holds every function against its declaration there. Not an emulator.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if __has_include(<cuda.h>)
#include <cuda.h>
#undef cuEventElapsedTime
#define HEADER 1
#else
#define HEADER 0
typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphExec_st *CUgraphExec;
typedef int CUdevice_attribute, CUpointer_attribute, CUjit_option, CUstreamCaptureMode, CUstreamCaptureStatus;
typedef struct { char reserved[64]; } CUipcMemHandle;
#define CUDAAPI
#endif

static char written[65536];
static int fails_with = 0;
static char fails_at[64];

static CUresult note(const char *name, const char *format, ...) {
  size_t length = strlen(written);
  length += snprintf(written + length, sizeof written - length, "%s", name);
  va_list args;
  va_start(args, format);
  length += vsnprintf(written + length, sizeof written - length, format, args);
  va_end(args);
  snprintf(written + length, sizeof written - length, "\n");
  if (strcmp(fails_at, name)) return 0;
  return fails_with;
}

static const char *hex(const void *bytes, size_t count) {
  static char text[4096];
  for (size_t i = 0; i < count; i++) sprintf(text + 2 * i, "%02x", ((const unsigned char *)bytes)[i]);
  text[2 * count] = 0;
  return text;
}

/* For the test: what was called since the last time, and which function is to fail with what. */
const char *stub_written(void) {
  static char copy[sizeof written];
  memcpy(copy, written, sizeof written);
  written[0] = 0;
  return copy;
}
int stub_has_header(void) { return HEADER; }
void stub_fail(const char *name, int result) {
  snprintf(fails_at, sizeof fails_at, "%s", name);
  fails_with = result;
}

#define H(n) ((void *)(uintptr_t)(n))
#define ID(h) ((unsigned long long)(uintptr_t)(h))

CUresult CUDAAPI cuInit(unsigned int flags) { return note("cuInit", " %u", flags); }
CUresult CUDAAPI cuDriverGetVersion(int *version) { *version = 12040; return note("cuDriverGetVersion", ""); }
CUresult CUDAAPI cuGetErrorString(CUresult result, const char **text) {
  *text = result == 2 ? "out of memory" : "something else";
  return 0;
}
CUresult CUDAAPI cuDeviceGetCount(int *count) { *count = 3; return note("cuDeviceGetCount", ""); }
CUresult CUDAAPI cuDeviceGet(CUdevice *device, int ordinal) { *device = 100 + ordinal; return note("cuDeviceGet", " %d", ordinal); }
CUresult CUDAAPI cuDeviceGetName(char *name, int length, CUdevice device) {
  snprintf(name, length, "Stub %d", device);
  return note("cuDeviceGetName", " %d %d", length, device);
}
CUresult CUDAAPI cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  *value = attribute == 75 ? 9 : attribute == 76 ? 0 : 132;
  return note("cuDeviceGetAttribute", " %d %d", (int)attribute, device);
}
CUresult CUDAAPI cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) { *bytes = 80000000000; return note("cuDeviceTotalMem", " %d", device); }
CUresult CUDAAPI cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  *context = H(0x7fff00001000);
  return note("cuDevicePrimaryCtxRetain", " %d", device);
}
CUresult CUDAAPI cuDevicePrimaryCtxRelease_v2(CUdevice device) { return note("cuDevicePrimaryCtxRelease", " %d", device); }
CUresult CUDAAPI cuCtxSetCurrent(CUcontext context) { return note("cuCtxSetCurrent", " %llx", ID(context)); }
CUresult CUDAAPI cuMemGetInfo_v2(size_t *free, size_t *total) { *free = 5000000000; *total = 6000000000; return note("cuMemGetInfo", ""); }
CUresult CUDAAPI cuMemAlloc_v2(CUdeviceptr *pointer, size_t bytes) { *pointer = 0x7f1234567800; return note("cuMemAlloc", " %zu", bytes); }
CUresult CUDAAPI cuMemFree_v2(CUdeviceptr pointer) { return note("cuMemFree", " %llx", pointer); }
CUresult CUDAAPI cuPointerGetAttribute(void *value, CUpointer_attribute attribute, CUdeviceptr pointer) {
  note("cuPointerGetAttribute", " %d %llx", (int)attribute, pointer);
  if (pointer < 0x1000) return 1;
  if (attribute == 2) *(unsigned *)value = pointer == 0x2000 ? 1 : 2;
  if (attribute == 8) *(unsigned char *)value = 0;
  if (attribute == 9) *(int *)value = 1;
  return 0;
}
CUresult CUDAAPI cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
  return note("cuMemcpyHtoDAsync", " %llx %s %llx", to, hex(from, bytes), ID(stream));
}
CUresult CUDAAPI cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
  memset(to, 0x5a, bytes);
  return note("cuMemcpyDtoHAsync", " %llx %zu %llx", from, bytes, ID(stream));
}
CUresult CUDAAPI cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return note("cuMemcpyAsync", " %llx %llx %zu %llx", to, from, bytes, ID(stream));
}
CUresult CUDAAPI cuMemsetD8Async(CUdeviceptr to, unsigned char byte, size_t bytes, CUstream stream) {
  return note("cuMemsetD8Async", " %llx %u %zu %llx", to, byte, bytes, ID(stream));
}
CUresult CUDAAPI cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count, CUjit_option *options, void **values) {
  *module = H(0xabc0);
  for (unsigned i = 0; i < count; i++)
    if (options[i] == 5) snprintf(values[i], 64, "ptxas error: line 3");
  return note("cuModuleLoadDataEx", " %s %u %d %d %llu", (const char *)image, count, (int)options[0], (int)options[1], ID(values[1]));
}
CUresult CUDAAPI cuModuleUnload(CUmodule module) { return note("cuModuleUnload", " %llx", ID(module)); }
CUresult CUDAAPI cuModuleGetFunction(CUfunction *kernel, CUmodule module, const char *name) {
  *kernel = H(0xdef0);
  return note("cuModuleGetFunction", " %llx %s", ID(module), name);
}
CUresult CUDAAPI cuLaunchKernel(CUfunction kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                                unsigned shared, CUstream stream, void **params, void **extra) {
  if (!extra) return note("cuLaunchKernel", " %llx %u,%u,%u %u,%u,%u %u %llx none", ID(kernel), gx, gy, gz, bx, by, bz, shared, ID(stream));
  /* CU_LAUNCH_PARAM_BUFFER_POINTER, a pointer, CU_LAUNCH_PARAM_BUFFER_SIZE, a pointer to a size, CU_LAUNCH_PARAM_END */
  if (params || extra[0] != H(1) || extra[2] != H(2) || extra[4]) return 1;
  return note("cuLaunchKernel", " %llx %u,%u,%u %u,%u,%u %u %llx %s", ID(kernel), gx, gy, gz, bx, by, bz, shared, ID(stream),
              hex(extra[1], *(size_t *)extra[3]));
}
CUresult CUDAAPI cuStreamCreate(CUstream *stream, unsigned flags) { *stream = H(0x51); return note("cuStreamCreate", " %u", flags); }
CUresult CUDAAPI cuStreamDestroy_v2(CUstream stream) { return note("cuStreamDestroy", " %llx", ID(stream)); }
CUresult CUDAAPI cuStreamSynchronize(CUstream stream) { return note("cuStreamSynchronize", " %llx", ID(stream)); }
CUresult CUDAAPI cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags) {
  return note("cuStreamWaitEvent", " %llx %llx %u", ID(stream), ID(event), flags);
}
CUresult CUDAAPI cuEventCreate(CUevent *event, unsigned flags) { *event = H(0xe1); return note("cuEventCreate", " %u", flags); }
CUresult CUDAAPI cuEventDestroy_v2(CUevent event) { return note("cuEventDestroy", " %llx", ID(event)); }
CUresult CUDAAPI cuEventRecord(CUevent event, CUstream stream) { return note("cuEventRecord", " %llx %llx", ID(event), ID(stream)); }
CUresult CUDAAPI cuEventQuery(CUevent event) { return note("cuEventQuery", " %llx", ID(event)); }
CUresult CUDAAPI cuEventElapsedTime(float *milliseconds, CUevent from, CUevent to) {
  *milliseconds = 1.5f;
  return note("cuEventElapsedTime", " %llx %llx", ID(from), ID(to));
}
CUresult CUDAAPI cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode) {
  return note("cuStreamBeginCapture", " %llx %d", ID(stream), (int)mode);
}
CUresult CUDAAPI cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *status) {
  *status = stream == H(0x51) ? 1 : 0;
  return note("cuStreamIsCapturing", " %llx", ID(stream));
}
CUresult CUDAAPI cuStreamEndCapture(CUstream stream, CUgraph *graph) { *graph = H(0x91); return note("cuStreamEndCapture", " %llx", ID(stream)); }
CUresult CUDAAPI cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph, unsigned long long flags) {
  *executable = H(0x92);
  return note("cuGraphInstantiateWithFlags", " %llx %llu", ID(graph), flags);
}
CUresult CUDAAPI cuGraphDestroy(CUgraph graph) { return note("cuGraphDestroy", " %llx", ID(graph)); }
CUresult CUDAAPI cuGraphLaunch(CUgraphExec executable, CUstream stream) { return note("cuGraphLaunch", " %llx %llx", ID(executable), ID(stream)); }
CUresult CUDAAPI cuGraphExecDestroy(CUgraphExec executable) { return note("cuGraphExecDestroy", " %llx", ID(executable)); }
CUresult CUDAAPI cuIpcOpenMemHandle_v2(CUdeviceptr *pointer, CUipcMemHandle handle, unsigned flags) {
  *pointer = 0x7f0000000000;
  return note("cuIpcOpenMemHandle", " %s %u", hex(handle.reserved, 64), flags);
}
CUresult CUDAAPI cuIpcCloseMemHandle(CUdeviceptr pointer) { return note("cuIpcCloseMemHandle", " %llx", pointer); }
