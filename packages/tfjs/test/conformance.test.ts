/** The kit of all backends, on every tfjs backend that runs here. */
import { backends, start } from './backends.ts'
import { testOn } from './kit.ts'

for (const backend of backends)
  for (const fused of [true, false]) testOn(backend, fused, () => start(backend))
