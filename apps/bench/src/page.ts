/**
 * The page: measures when it is loaded (`?suite=webgpu&sizes=1e6,1e7&rounds=10`), and shows what
 * was measured.
 */
import type { Measured } from './report.ts'

declare global {
  interface Window {
    /** What was measured, when it is. */
    measured: Promise<Measured>
  }
}

const query = new URLSearchParams(location.search)
const rounds = Number(query.get('rounds') ?? 20)
const sizes = (query.get('sizes') ?? '1e5,1e6').split(',').map(Number)

/** The suites that run in a page; only the one that is asked for is loaded. */
const suites: Readonly<Record<string, () => Promise<Measured>>> = {
  webgpu: async () => {
    const { raceAll } = await import('./webgpu/race.ts')
    return raceAll({ sizes, rounds })
  },
  tfjs: async () => {
    const { raceOnWebGPU } = await import('./tfjs/webgpu.ts')
    return raceOnWebGPU(rounds)
  },
  onnxruntime: async () => {
    const { raceOnWebGPU } = await import('./onnxruntime/webgpu.ts')
    return raceOnWebGPU(sizes, rounds)
  },
}
window.measured = suites[query.get('suite') ?? 'webgpu']()

const element = (tag: string, ...children: (Node | string)[]) => {
  const made = document.createElement(tag)
  made.append(...children)
  return made
}
const state = document.querySelector('#state')
window.measured.then(
  ({ rows, figures, notes }) => {
    const head = element(
      'tr',
      ...['parameters', 'step', 'median ms', 'least ms'].map((text) => element('th', text)),
    )
    const line = ([size, name, { median, least }]: Measured['rows'][number]) =>
      element(
        'tr',
        ...[`${size}`, name, median.toPrecision(4), least.toPrecision(4)].map((text) =>
          element('td', text),
        ),
      )
    document.querySelector('table')?.append(head, ...rows.map(line))
    const lines = figures.map(
      ([name, size, value]) => `FIGURE ${name}@${size} ${value.toPrecision(4)}`,
    )
    document.querySelector('pre')?.append([...notes, ...lines].join('\n'))
    if (state) state.textContent = 'Measured.'
  },
  (error) => {
    if (state) state.textContent = `${error}`
  },
)
