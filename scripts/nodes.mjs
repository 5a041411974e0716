// A short part of the tests on each version of Node that the packages are for: the oldest, those in
// long-term support, and the newest, whose binaries npx fetches from the npm registry. All tests
// run on the Node that runs CI.
//   node scripts/nodes.mjs [VERSION...]
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const { engines } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))
const versions = [engines.node.replace('>=', ''), '22', '24', 'latest']

/**
 * What hangs on the host: its arrays, WebAssembly and threads, and native addons. None of it needs
 * a browser.
 */
const tests = [
  ...readdirSync(`${root}/packages/core/test`)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `core/test/${name}`),
  ...['requests', 'safetensors', 'schedules'].map((name) => `core/test/steps/${name}`),
  'cpu/test/threads',
  ...['onnxruntime/test/float16', 'onnxruntime/test/onnx/', 'onnxruntime/test/step/export'],
]
const vitest = [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--reporter=default',
  '--reporter=./scripts/totals.ts',
]

const system = process.platform === 'win32' ? 'win' : process.platform

/** Runs a version of Node; its output, and whether it ended well. */
function node(version, ...args) {
  const binary = `--package=node-${system}-${process.arch}@${version}`
  const { status, error, stdout, stderr } = spawnSync(
    'npx',
    ['--yes', binary, '--', 'node', ...args],
    {
      cwd: root,
      shell: process.platform === 'win32', // where commands are .cmd files; no argument here needs quoting
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    },
  )
  return {
    well: status === 0,
    output: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`.trim(),
    stdout,
  }
}

const given = process.argv.slice(2)
for (const version of given.length > 0 ? given : versions) {
  const start = performance.now()
  const found = node(version, '--print', 'process.versions.node')
  const isIt =
    found.well && (version === 'latest' || `${found.stdout.trim()}.`.startsWith(`${version}.`))
  const { well, output } = isIt
    ? node(version, ...vitest, ...tests.map((name) => `packages/${name}`))
    : { ...found, well: false }
  const seconds = Math.round((performance.now() - start) / 1000)
  if (well)
    console.log(
      `Node ${found.stdout.trim()}: ${output.match(/\d+ passed, \d+ failed.*/g)?.at(-1)}, ${seconds} s`,
    )
  else {
    console.log(`${output}\nNode ${version}: failed`)
    process.exitCode = 1
  }
}
