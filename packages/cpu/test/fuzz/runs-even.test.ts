/** Random runs, the even blocks of seeds: see testRuns.ts. */
import { testRuns } from './testRuns.ts'

testRuns(0)
