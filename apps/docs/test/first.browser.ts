/** The first lines with the adapters that need a browser do what they say. */
import { expect, test, vi } from 'vitest'

test('webgpu', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  await import('../first/webgpu.ts')
  expect(log.mock.calls).toEqual([[true]])
  log.mockRestore()
})
