// `npm run test:quick`: all tests but those in browsers, at fewer sizes and seeds. What it leaves
// out is decided where the tests are, by `quick` of packages/conformance/src/quick.ts.
//   npm run test:quick [-- ARGUMENTS OF VITEST]
import { spawnSync } from 'node:child_process'
import process from 'node:process'

const projects = ['--project=!*-browser', '--project=!tfjs-oldest']
const { status } = spawnSync('vitest', ['run', ...projects, ...process.argv.slice(2)], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
  env: { ...process.env, FREESTEP_QUICK: '1', FREESTEP_SEEDS: '200' },
})
process.exit(status ?? 1)
