/** Random runs, the odd blocks of seeds: see testRuns.ts. */
import { testRuns } from './testRuns.ts'

testRuns(1)
