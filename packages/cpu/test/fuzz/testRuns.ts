/**
 * The tests of random runs: 2,000 seeds, in two files that run beside each other. `npm run fuzz --
 * --seeds 20000 --from 5000` takes others.
 */
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { type Compared, check } from './check.ts'
import { runOf } from './run.ts'
import { shrink } from './shrink.ts'

const seeds = Number(process.env.FREESTEP_SEEDS ?? 2000)
const from = Number(process.env.FREESTEP_FROM ?? 0)
const block = 100

/** Tests every second block of seeds, from the given one on. */
export function testRuns(first: 0 | 1): void {
  const blocks = Array.from({ length: Math.ceil(seeds / block) }, (_, i) => i).filter(
    (i) => i % 2 === first,
  )
  // A file without a test is an error.
  if (!blocks.length) test.skip('no seeds')
  test.each(blocks.map((i) => [from + i * block, Math.min(from + seeds, from + (i + 1) * block)]))(
    'seeds %i to before %i',
    async (begin, end) => {
      const compared: Compared = { steps: 0, of: 0 }
      for (let seed = begin; seed < end; seed++) {
        const wrong = await check(runOf(seed), compared)
        if (wrong) expect.fail(await explained(seed, wrong))
      }
      // Most runs are calm enough to be compared to the end.
      if (end - begin === block) expect(compared.steps / compared.of).toBeGreaterThan(0.7)
    },
  )
}

/** A failure, with its run and a smaller one that fails. */
async function explained(seed: number, wrong: string): Promise<string> {
  const show = (a: object) => inspect(a, { depth: 9, breakLength: 120 })
  const smaller = await shrink(runOf(seed), wrong, check)
  return [
    `Seed ${seed}: ${wrong}`,
    show(runOf(seed)),
    `Smaller: ${smaller.wrong}`,
    show(smaller.run),
    `Again: npm run fuzz -- --seeds 1 --from ${seed}`,
  ].join('\n')
}
