/**
 * What a benchmark prints: a table of times, then one line per figure,
 * `FIGURE <name>@<size> <value>`, for programs to read.
 */
import Table from 'cli-table3'
import type { Times } from './measure.ts'

/** What was measured, as data that can leave a page. */
export interface Measured {
  readonly rows: [size: number, name: string, times: Times][]
  readonly figures: [name: string, size: number, value: number][]
  readonly notes: string[]
}

/** Collects rows and figures. */
export class Report {
  private readonly rows: [size: number, name: string, times: Times][] = []
  private readonly figures: [name: string, value: number][] = []
  private readonly notes: string[] = []

  /** What was measured elsewhere. */
  add({ rows, figures, notes }: Measured): void {
    for (const note of notes) this.note(note)
    for (const row of rows) this.row(...row)
    for (const figure of figures) this.figure(...figure)
  }

  /** The time of one contestant. */
  row(size: number, name: string, times: Times): void {
    this.rows.push([size, name, times])
  }

  /** A number worth keeping; ratios are their time over ours. */
  figure(name: string, size: number, value: number): void {
    this.figures.push([`${name}@${scientific(size)}`, value])
  }

  /** A remark. */
  note(text: string): void {
    this.notes.push(text)
  }

  /** All of it as text. */
  toString(): string {
    const table = new Table({
      head: ['parameters', 'step', 'median ms', 'least ms'],
      colAligns: ['right', 'left', 'right', 'right'],
      style: { head: [], border: [] },
      chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    })
    for (const [size, name, { median, least }] of this.rows)
      table.push([scientific(size), name, median.toPrecision(4), least.toPrecision(4)])
    const figures = this.figures.map(([name, value]) => `FIGURE ${name} ${value.toPrecision(4)}`)
    return [table.toString(), ...this.notes, ...figures].join('\n')
  }
}

/** 1000000 as 1e6, where that is exact. */
function scientific(value: number): string {
  const text = value.toExponential().replace('+', '')
  return Number(text) === value && text.length < String(value).length ? text : String(value)
}
