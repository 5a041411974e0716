/**
 * Makes PTX run: modules, kernels, the bytes of their parameters. Each text is compiled once for a
 * device. Not what kernels compute.
 */
import type { Device } from './device.ts'

/** The kernels of one device, by their code. */
export class Modules {
  private readonly device: Device
  private readonly known = new Map<string, bigint>()

  constructor(device: Device) {
    this.device = device
  }

  /** The kernels of a text by name, compiled unless they were before. */
  make(code: string, names: readonly string[]): bigint[] {
    const { device } = this
    let module = this.known.get(code)
    if (module === undefined) {
      module = device.do((driver) => driver.loadModule(code))
      this.known.set(code, module)
    }
    const loaded = module
    return names.map((name) => device.do((driver) => driver.function(loaded, name)))
  }

  /** How many texts were compiled. */
  get compiled(): number {
    return this.known.size
  }

  /** Unloads everything. */
  close(): void {
    for (const module of this.known.values())
      this.device.do((driver) => driver.unloadModule(module))
    this.known.clear()
  }
}
