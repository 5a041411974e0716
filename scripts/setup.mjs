// Makes a fresh clone runnable with nothing but Node and npm: installs the locked packages with the
// pinned pnpm (which npx fetches the first time), then runs the turbo tasks named on the command
// line, if any. Silent unless something fails; it has no dependencies, because it runs before there
// are any.
//   node scripts/setup.mjs [TASK... [--filter=PACKAGE]]
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'node_modules', '.bin')
process.env.PATH = bin + delimiter + process.env.PATH
process.env.TURBO_TELEMETRY_DISABLED = '1'

/** Runs a command out of sight; if it fails, shows what it printed and ends with its exit code. */
function quietly(command, ...args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    shell: process.platform === 'win32', // where commands are .cmd files; no argument here needs quoting
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status === 0) return
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}`)
  process.stderr.write(`\nfreestep: \`${command} ${args.join(' ')}\` failed\n`)
  process.exit(status ?? 1)
}

if (existsSync(join(bin, 'pnpm'))) {
  quietly('pnpm', 'install', '--frozen-lockfile') // sees in milliseconds whether there is anything to do
} else {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  console.error('freestep: installing packages (first run only)')
  quietly('npx', '--yes', packageManager, 'install', '--frozen-lockfile')
}

const tasks = process.argv.slice(2)
if (tasks.length > 0) quietly('turbo', 'run', ...tasks, '--output-logs=errors-only')
