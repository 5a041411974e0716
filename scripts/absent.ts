/**
 * What tests do where the device they need is not there: they are skipped, visibly, unless
 * FREESTEP_REQUIRE names the device (`webgpu`, `chromium`, `cuda`, `ptxas`, `cc`, … with commas
 * between), as continuous integration does. Then it is an error.
 */
import { existsSync } from 'node:fs'

/** The reason again, if tests may be skipped for it; undefined where there is none. */
export function absent(device: string, reason: string | undefined): string | undefined {
  if (reason && process.env.FREESTEP_REQUIRE?.split(',').includes(device))
    throw new Error(`FREESTEP_REQUIRE has ${device}, but: ${reason}`)
  return reason
}

const usual = [
  ...['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:/Program Files/Google/Chrome/Application/chrome.exe',
]

/** The browser to test in: FREESTEP_CHROMIUM, or a Chromium in one of the usual places. */
export const chromium = (
  process.env.FREESTEP_CHROMIUM ? [process.env.FREESTEP_CHROMIUM] : usual
).find((path) => existsSync(path))

/** What a headless Chromium needs to have WebGPU where there is no GPU: a software adapter. */
export const softwareWebGPU = [
  ...[
    '--headless=new',
    '--no-sandbox',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
  ...['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
]
