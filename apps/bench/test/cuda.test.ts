/**
 * The races on a GPU, on an emulated driver: that they run, and what is said where there is no GPU.
 * No time is asserted.
 */
import { cudaAvailable } from '@freestep/cuda'
import { expect, test } from 'vitest'
import { EmulatedDriver } from '../../../packages/cuda/test/emulator/driver.ts'
import { benchCuda } from '../src/cuda/race.ts'
import { Torch } from '../src/cuda/torch.ts'
import { Report } from '../src/report.ts'

test.skipIf(cudaAvailable().available)('without a GPU, a reason and no figure', async () => {
  const report = new Report()
  await benchCuda({ sizes: [1e6], rounds: 1, device: 0, torch: true }, report)
  expect(`${report}`).toMatch(/Nothing was measured: There is no NVIDIA driver here/)
  expect(`${report}`).not.toMatch(/FIGURE/)
})

test('everybody races, and gives everything back', async () => {
  const driver = new EmulatedDriver({ memory: 2 ** 20 })
  const report = new Report()
  await benchCuda(
    { sizes: [1000, 1e6], rounds: 1, device: 0, torch: false, model: [300, 5], steps: 1, driver },
    report,
  )
  const text = `${report}`
  for (const name of [
    'adam',
    'prodigy',
    'dog',
    'copy of 44 bytes (prodigy)',
    'prodigy, in a graph',
    'prodigy, 2 tensors',
  ])
    expect(text).toContain(name)
  expect([...text.matchAll(/FIGURE (\S+)/g)].map(([, name]) => name).sort()).toEqual(
    ['adam', 'dog', 'prodigy']
      .flatMap((name) =>
        ['copy', 'copy-in-a-graph'].flatMap((other) => [
          `${name}-vs-${other}@1e3`,
          `${name}-vs-${other}-2-tensors@305`,
        ]),
      )
      .map((name) => `cuda/${name}`)
      .sort(),
  )
  expect(text).toMatch(/1000000 parameters: .* are free/)
  expect(driver.live).toEqual({
    contexts: 0,
    allocations: 0,
    streams: 0,
    events: 0,
    modules: 0,
    graphs: 0,
  })
})

test('without torch, a reason', async () => {
  expect(await Torch.start(0, 'no-such-python')).toMatch(/python3 does not start/)
  const answer = await Torch.start(0)
  if (typeof answer === 'string') expect(answer).toMatch(/torch|python3/)
  else answer.close()
})
