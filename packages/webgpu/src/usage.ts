/**
 * What buffers are for: the flags of GPUBufferUsage, as https://www.w3.org/TR/webgpu/#buffer-usage
 * fixes them, since the global of that name is missing where WebGPU comes from a package.
 */

/** GPUBufferUsage, and GPUMapMode.READ. */
export const usage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
} as const

/** What the backend's own vectors are for. */
export const vectorUsage: number = usage.storage | usage.copySource | usage.copyTarget

/** GPUMapMode.READ */
export const mapModeRead = 0x1
