// `npm run cuda`, for a machine with an NVIDIA GPU: the tests of @freestep/cuda on its real driver,
// with no test skipped for want of a GPU, and then the benchmark. Without a GPU it fails and says
// why.
import { spawnSync } from 'node:child_process'

const run = (...args) => {
  const { status } = spawnSync('npm', args, {
    stdio: 'inherit',
    shell: process.platform === 'win32',
    env: { ...process.env, FREESTEP_REQUIRE: 'cuda' },
  })
  if (status !== 0) process.exit(status ?? 1)
}

run('test', '--', '--project', 'cuda')
run('run', 'bench', '--', 'cuda', ...process.argv.slice(2))
