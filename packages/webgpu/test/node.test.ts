/**
 * In Node, through the package webgpu: the test in node.run.ts, in a process of its own with
 * SwiftShader as its Vulkan driver (that of Chromium, unless VK_ICD_FILENAMES names another
 * driver).
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { absent } from '../../../scripts/absent.ts'

const drivers = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/share/vulkan/icd.d/vk_swiftshader_icd.json',
]
const driver = process.env.VK_ICD_FILENAMES ?? drivers.find(existsSync)
const reason = absent(
  'webgpu',
  driver ? undefined : 'there is no Vulkan driver for a software adapter',
)

test.skipIf(reason)(`trains in a process of Node${reason ? ` (absent: ${reason})` : ''}`, () => {
  const root = join(import.meta.dirname, '..')
  const vitest = join(
    dirname(createRequire(import.meta.url).resolve('vitest/package.json')),
    'vitest.mjs',
  )
  const env = {
    ...process.env,
    VK_ICD_FILENAMES: driver,
    // Chromium brings the Vulkan loader, where the system has none.
    LD_LIBRARY_PATH: [process.env.LD_LIBRARY_PATH, dirname(driver ?? '')].filter(Boolean).join(':'),
  }
  const found = spawnSync(process.execPath, [vitest, 'run', '--config', 'vitest.node.config.ts'], {
    cwd: root,
    env,
    encoding: 'utf8',
  })
  expect(found.status, `${found.stdout}\n${found.stderr}`).toBe(0)
  expect(found.stdout).toMatch(/11 passed/)
})
