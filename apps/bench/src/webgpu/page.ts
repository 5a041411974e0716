/** The page: measures when it is loaded (`?sizes=1e6,1e7&rounds=10`), and shows what was measured. */
import { type Measured, raceAll } from './race.ts'

declare global {
  interface Window {
    /** What was measured, when it is. */
    measured: Promise<Measured>
  }
}

const query = new URLSearchParams(location.search)
window.measured = raceAll({
  sizes: (query.get('sizes') ?? '1e5,1e6').split(',').map(Number),
  rounds: Number(query.get('rounds') ?? 20),
})

const element = (tag: string, ...children: (Node | string)[]) => {
  const made = document.createElement(tag)
  made.append(...children)
  return made
}
const state = document.querySelector('#state')
window.measured.then(
  ({ rows, figures, notes }) => {
    const head = element('tr', ...['parameters', 'step', 'median ms', 'least ms'].map((text) => element('th', text)))
    const line = ([size, name, { median, least }]: Measured['rows'][number]) =>
      element('tr', ...[`${size}`, name, median.toPrecision(4), least.toPrecision(4)].map((text) => element('td', text)))
    document.querySelector('table')?.append(head, ...rows.map(line))
    const lines = figures.map(([name, size, value]) => `FIGURE ${name}@${size} ${value.toPrecision(4)}`)
    document.querySelector('pre')?.append([...notes, ...lines].join('\n'))
    if (state) state.textContent = 'Measured.'
  },
  (error) => {
    if (state) state.textContent = `${error}`
  },
)
