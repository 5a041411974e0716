// `npm run fuzz -- --seeds N --from S`: the random runs of packages/cpu/test/fuzz for N seeds from
// S on, where `npm test` takes 2,000 from 0.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20000' },
    from: { type: 'string', default: '2000' },
  },
})
for (const [name, value] of Object.entries(values))
  if (!/^\d+$/.test(value)) {
    console.error(`fuzz: --${name} is "${value}". Give a whole number.`)
    process.exit(1)
  }
const { status } = spawnSync('vitest', ['run', '--project', 'cpu', 'packages/cpu/test/fuzz/'], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
  env: { ...process.env, FREESTEP_SEEDS: values.seeds, FREESTEP_FROM: values.from },
})
process.exit(status ?? 1)
