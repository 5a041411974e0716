// docs/experiments.md and its figures, generated from the recorded results in apps/experiments/records.
import type { Results } from './experiment.ts'
export async function writeDocs(): Promise<string[]> {
  return []
}
export async function writeRecord(_: Results): Promise<string> {
  return ''
}
