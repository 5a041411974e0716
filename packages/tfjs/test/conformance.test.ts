/** The kit of all backends, on every tfjs backend that runs here. */
import { absent, start } from './backends.ts'
import { testOn } from './kit.ts'

for (const [backend, reason] of Object.entries(absent))
  for (const fused of [true, false]) testOn(backend, fused, () => start(backend), reason)
