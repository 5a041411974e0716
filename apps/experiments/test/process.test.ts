// The app as a process, as `npm start` starts it: what happens when nobody takes its output.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test, vi } from 'vitest'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 600_000 })

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'freestep-'))
const report = join(folder, 'r.html')

beforeAll(() => {
  const { NODE_ENV, VITEST, ...env } = process.env
  const words = ['scripts/setup.mjs', 'build', '--filter=@freestep/experiments']
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    cwd: root,
    env,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`The app could not be built.\n${stdout}${stderr}`)
  const rows = Array.from({ length: 200 }, (_, i) => `${(i * i) % 23},${i % 2 ? 'p' : 'q'}`)
  writeFileSync(join(folder, 'f.csv'), `x,y\n${rows.join('\n')}\n`)
})

/** Starts it with three runs that take a second; `out` is where its output goes. */
function start(out: 'pipe' | number, err: 'pipe' | number = 'pipe') {
  const words = [
    '--data',
    join(folder, 'f.csv'),
    '--target',
    'y',
    '--quick',
    '--optimizer',
    'prodigy,adam@1e-2,dog',
    '--report',
    report,
  ]
  return spawn(process.execPath, [join(root, 'apps/experiments/dist/main.js'), ...words], {
    stdio: ['ignore', out, err],
  })
}

test('a reader that closes the pipe after a line gets the report, and no failure', async () => {
  const child = start('pipe')
  child.stdout!.once('data', () => child.stdout!.destroy())
  const said = text(child.stderr!)
  const [code, signal] = await once(child, 'close')
  expect([code, signal]).toEqual([0, null])
  expect(await said).not.toContain('rror')
  expect(readFileSync(report, 'utf8')).toContain('<td>none</td>')
})

test('so does one that closes both', async () => {
  const child = start('pipe')
  child.stdout!.destroy()
  child.stderr!.destroy()
  expect((await once(child, 'close'))[0]).toBe(0)
  expect(readFileSync(report, 'utf8').match(/<tr data-run/g)).toHaveLength(3)
})

test.skipIf(!existsSync('/dev/full'))(
  'a full device is a failure that is told, and the report is written',
  async () => {
    const child = start(openSync('/dev/full', 'w'))
    const said = await text(child.stderr!)
    expect((await once(child, 'close'))[0]).toBe(1)
    expect(said.trimEnd().split('\n').at(-1)).toBe(
      'error: not all of the output could be written (ENOSPC)',
    )
    expect(readFileSync(report, 'utf8').match(/<tr data-run/g)).toHaveLength(3)
  },
)
