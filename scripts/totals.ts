// A vitest reporter for CI: its last line is the true total over all packages,
// `N passed, N failed, N skipped`. What failed without a test of its own to show it (a file that
// could not load, a hook, a stray rejection) counts as one failure each.
import type { Reporter, TestModule } from 'vitest/node'

export default class Totals implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        count[state === 'pending' ? 'skipped' : state]++
      }
      const holders = [module, ...module.children.allSuites()]
      count.failed += holders.filter((holder) => holder.errors().length > 0).length
    }
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
  }
}
