/**
 * The worker that trains: a race, taken turn by turn, so that what the page asks for is heard
 * between turns. A worker goes on while the page is hidden. Not the race.
 */
import * as tf from '@tensorflow/tfjs-core'
import { pixels, readDigits } from './data.ts'
import type { Device, Report, Request, Sample } from './protocol.ts'
import { Race } from './race.ts'

const report = (message: Report): void => postMessage(message)

/** How many digits are shown. */
const shown = 20

let race: Race | undefined
let rate = 1e-3
let running = false

/**
 * Lets the messages in that have come meanwhile: a task, which unlike a timer is never held back.
 */
const others = new MessageChannel()
const pause = () =>
  new Promise<void>((resolve) => {
    others.port1.onmessage = () => resolve()
    others.port2.postMessage(undefined)
  })

async function hasGPU(): Promise<boolean> {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null)
  // A software adapter is slower than wasm.
  return Boolean(adapter && !adapter.info?.isFallbackAdapter)
}

async function start(wanted: Device | 'auto'): Promise<Device> {
  tf.enableProdMode()
  const best = async () => ((await hasGPU()) ? 'webgpu' : 'wasm')
  const device = wanted === 'auto' ? await best() : wanted
  if (device === 'webgpu') await import('@tensorflow/tfjs-backend-webgpu')
  else await import('./wasm.ts')
  if (!(await tf.setBackend(device)))
    throw new Error(`TensorFlow.js cannot start its ${device} backend here.`)
  await tf.ready()
  return device
}

async function load(digits: string, wanted: Device | 'auto'): Promise<void> {
  const response = await fetch(digits)
  if (!response.ok) throw new Error(`The digits could not be fetched: ${response.status}.`)
  const { train, test } = await readDigits(await response.blob())
  const device = await start(wanted)
  race = new Race(train, test, rate)
  const sample: Sample = {
    images: test.images.slice(0, shown * pixels),
    labels: test.labels.slice(0, shown),
  }
  report({ type: 'loaded', device, sample })
}

async function run(): Promise<void> {
  if (running || !race) return
  running = true
  race.setRate(rate)
  while (running && !race.finished) {
    const progress = await race.advance()
    report(progress)
    if (progress.racer === 'prodigy' && progress.accuracy !== undefined)
      report({ type: 'readings', readings: await race.readings(shown) })
    await pause()
    race.setRate(rate)
  }
  running = false
  if (race.finished) report({ type: 'finished' })
}

async function answer(request: Request): Promise<void> {
  switch (request.type) {
    case 'load':
      rate = request.rate
      await load(request.digits, request.device)
      return run()
    case 'run':
      return run()
    case 'pause':
      running = false
      return
    case 'rate':
      rate = request.rate
      return
  }
}

addEventListener('message', ({ data }: MessageEvent<Request>) => {
  answer(data).catch((error: unknown) => {
    running = false
    report({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
  })
})
