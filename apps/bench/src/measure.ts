/**
 * Measures several things against each other in one run: in turns, round by round, so that whatever
 * else the machine does meets all of them alike. Not a benchmark of one thing: only ratios of what
 * was measured together mean anything.
 */

/** One thing to measure. */
export interface Contestant {
  readonly name: string
  /** What is measured; it has happened when it returns, or when its promise resolves. */
  run(): void | Promise<void>
  /** Done before each turn, unmeasured. */
  enter?(): Promise<unknown>
}

/** Milliseconds a run. */
export interface Times {
  readonly median: number
  readonly least: number
}

/** How long to measure. */
export interface Effort {
  /** How many turns each contestant takes, unless its time is up before. */
  readonly rounds: number
  /** How long a turn lasts at least, in milliseconds. */
  readonly turn: number
  /**
   * How long all turns of one contestant may last together, in milliseconds; three turns it has in
   * any case.
   */
  readonly budget: number
}

/**
 * Races contestants. In each turn one run goes unmeasured, so that everyone finds the caches as
 * they left them themselves.
 */
export async function race(
  contestants: readonly Contestant[],
  { rounds, turn, budget }: Effort,
): Promise<Map<string, Times>> {
  const samples = new Map(contestants.map(({ name }) => [name, [] as number[]]))
  const spent = new Map<string, number>()
  for (let round = 0; round < rounds; round++)
    for (const [i] of contestants.entries()) {
      const contestant = contestants[(i + round) % contestants.length]
      const { name } = contestant
      if (round >= 3 && (spent.get(name) ?? 0) > budget) continue
      const begin = performance.now()
      await contestant.enter?.()
      await contestant.run()
      samples.get(name)?.push(await timed(contestant, turn))
      spent.set(name, (spent.get(name) ?? 0) + performance.now() - begin)
    }
  return new Map([...samples].map(([name, times]) => [name, summary(times)]))
}

/** The time of one run, out of as many as fill a turn. */
async function timed({ run }: Contestant, turn: number): Promise<number> {
  const begin = performance.now()
  let elapsed = 0
  let runs = 0
  do {
    const done = run()
    if (done) await done
    runs++
    elapsed = performance.now() - begin
  } while (elapsed < turn)
  return elapsed / runs
}

function summary(times: readonly number[]): Times {
  const sorted = [...times].sort((a, b) => a - b)
  return { median: sorted[sorted.length >> 1], least: sorted[0] }
}
