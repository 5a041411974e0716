/**
 * The driver of NVIDIA, loaded when it is first asked for; where that fails, why, and what to do.
 * Not what it can do.
 */
import { refuse } from './device.ts'
import { type Driver, DriverError, results } from './driver.ts'
import { libraryName } from './library.ts'
import { openNvidia } from './nvidia.ts'

let loaded: Driver | undefined

/**
 * The driver, the same for all who ask.
 *
 * @throws FreestepError `unsupported` where there is none
 */
export function loadDriver(open: () => Driver = openNvidia): Driver {
  if (loaded) return loaded
  try {
    loaded = open()
    return loaded
  } catch (error) {
    throw refuse('unsupported', why(error), { cause: error })
  }
}

function why(error: unknown): string {
  const message = error instanceof Error ? error.message.trim() : String(error)
  if (error instanceof DriverError)
    return error.result === results.noDevice
      ? 'The NVIDIA driver finds no device. Make one visible to this process (CUDA_VISIBLE_DEVICES, container options).'
      : `The NVIDIA driver does not start: ${message}. Reinstall it, or restart the machine.`
  if (message.includes('koffi') && !message.includes('shared library'))
    return `The package koffi, which calls the driver, is missing here (${message.split('\n')[0]}). Run: npm install koffi`
  return `There is no NVIDIA driver here (${libraryName()}: ${message}). Install one, or use @freestep/cpu.`
}
