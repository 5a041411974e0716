/**
 * Every kernel there can be, each once: algorithms with their options, for the steps and what is
 * around them.
 */
import { compile, emitPtx, type PtxData } from '@freestep/compiler'
import { table } from '@freestep/conformance'
import { type Algorithm, createProgram } from '@freestep/core'

/** How to print. */
export interface Way {
  readonly data: readonly PtxData[]
  readonly stochastic: boolean
}

/** A kernel of its own. */
interface Entry {
  readonly name: string
  /** Its text from `.visible` on, under that name. */
  readonly code: string
}

const parts = ['init', 'step', 'evaluate'] as const

/** The kernels of an algorithm on two tensors. */
function* kernelsOf(
  algorithm: Algorithm,
  options: object,
  { data, stochastic }: Way,
): Generator<string> {
  const tensors = [0, 1].map((i) => ({
    name: `p${i}`,
    shape: [5],
    size: 5,
    dtype: 'float32' as const,
  }))
  const all = { ...algorithm.options, ...options }
  const program = createProgram(algorithm, tensors, [all, all])
  const given = Object.keys(program.uniforms).filter(
    (name) => program.uniforms[name].scope === 'global',
  )
  for (const part of parts) {
    if (part === 'evaluate' && !program.evaluate) continue
    const name = `${algorithm.name.replace(/\W+/g, '_')}_${part}`
    const text = {
      name,
      data,
      stochastic,
      threads: 256,
      given: program.usesLoss ? [...given, 'loss'] : given,
    }
    yield* emitPtx(compile(program, part), text)
      .code.split(/^(?=\.visible)/m)
      .slice(1)
  }
}

/**
 * All kernels printed in one way, at the default options of each algorithm or all sets of them;
 * what differs only by name is there once.
 */
export function kernels(way: Way, variants: 'default' | 'all'): Entry[] {
  const known = new Map<string, Entry>()
  for (const { make, variants: settings } of table)
    for (const each of variants === 'all' ? settings : settings.slice(0, 1)) {
      const algorithm = make(each)
      for (const options of algorithm.name === 'prodigy' ? [{}, { sliceP: 3 }] : [{}])
        for (const code of kernelsOf(algorithm, options, way)) {
          const [head, name] = /^\.visible \.entry (\w+)/.exec(code) ?? ['', '']
          const own = `${name}_${known.size}`
          const text = code.slice(head.length)
          if (!known.has(text))
            known.set(text, { name: own, code: `.visible .entry ${own}${text}` })
        }
    }
  return [...known.values()]
}

/** Kernels as one module. */
export function moduleOf(entries: readonly Entry[]): string {
  const { code } = emitPtx(
    { arrays: {}, slots: [], stages: [], perTensor: false },
    { ...empty, data: ['f32'] },
  )
  return [code, ...entries.map((entry) => entry.code)].join('\n')
}
const empty = { name: 'none', threads: 256, given: [], stochastic: false }
