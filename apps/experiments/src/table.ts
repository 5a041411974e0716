// The result table: its columns and cells once, for the terminal and for the report; and the
// sentence below it.
import CliTable from 'cli-table3'
import { figure, rate } from './format.ts'
import type { Words } from './objective.ts'
import type { Result } from './train.ts'

/** The heads of the columns. */
export const headsOf = ({ score }: Words): string[] => [
  'optimizer',
  'learning rate',
  `test ${score}`,
  'final loss',
  'final d',
  'ms per step',
]

/** A result as cells, in the order of the heads. */
export function cells({ run, score, loss: final, d, msPerStep }: Result, words: Words): string[] {
  return [
    run.optimizer,
    run.lr === undefined ? 'none' : rate(run.lr),
    words.format(score),
    figure(final),
    d === undefined ? '' : figure(d),
    msPerStep.toFixed(2),
  ]
}

/** The rules of a table on the terminal: one under the heads. */
export const RULES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  right: '',
  middle: '',
  mid: '\u2500',
  'mid-mid': '\u2500',
  'left-mid': '',
  'right-mid': '',
}

/** The table as text, without control characters. */
export function renderTable(results: readonly Result[], words: Words): string {
  const table = new CliTable({
    head: headsOf(words),
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right'],
    chars: RULES,
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 3 },
  })
  table.push(...results.map((result) => cells(result, words)))
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

/**
 * The comparison in words: every run without a learning rate, and the best and worst rate of each
 * other optimizer.
 */
export function conclusion(results: readonly Result[], words: Words): string {
  const unrated = results.filter(({ run }) => run.lr === undefined)
  const rated = results.filter(({ run }) => run.lr !== undefined)
  const list = unrated.map(({ run, score }) => `${run.optimizer} ${said(score, words)}`).join(', ')
  const names = [...new Set(rated.map(({ run }) => run.optimizer))]
  const others = names.map((name) =>
    rateSentence(
      name,
      rated.filter(({ run }) => run.optimizer === name),
      words,
    ),
  )
  return [...(unrated.length > 0 ? [`Without a learning rate: ${list}.`] : []), ...others].join(' ')
}

/** A score in a sentence. */
const said = (score: number, { key, format, score: name }: Words) =>
  key === 'r2' ? `${name} ${format(score)}` : format(score)

function rateSentence(name: string, results: readonly Result[], words: Words): string {
  // What is no number is worse than any.
  const rankOf = ({ score }: Result) => (Number.isNaN(score) ? Number.NEGATIVE_INFINITY : score)
  const ranked = results.toSorted((a, b) => (rankOf(a) === rankOf(b) ? 0 : rankOf(b) - rankOf(a)))
  const [best, worst] = [ranked[0]!, ranked.at(-1)!]
  const [high, low] = [best, worst].map(({ score }) => said(score, words))
  const [right, wrong] = [best, worst].map(({ run }) => rate(run.lr!))
  if (ranked.length === 1) return `${name} at the learning rate ${right}: ${high}.`
  return `${name} at the best of ${ranked.length} learning rates (${right}): ${high}; at the worst (${wrong}): ${low}.`
}
