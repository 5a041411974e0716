/**
 * Numbers in running text, against what prints them: the figures of apps/bench (data/figures.json),
 * the recordings, the compiler. What is in blocks of code is run in examples.test.ts, what is in
 * the tables of an algorithm's page is compared in docs.test.ts.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile, traffic } from '@freestep/compiler'
import { loadGolden, table } from '@freestep/conformance'
import * as core from '@freestep/core'
import { describe, expect, test } from 'vitest'
import { adapters, figures } from '../build/adapters.ts'
import { counts } from '../src/digits/data.ts'
import { all, cells, codeOf, readPage, root, section } from './markdown.ts'

/** The text of a file on one line. */
const words = (path: string) => readFileSync(join(root, path), 'utf8').replace(/\s+/g, ' ')

/** The numbers in the one place of a file that a pattern finds. */
function numbers(path: string, pattern: RegExp): number[] {
  const found = [...words(path).matchAll(new RegExp(pattern, 'g'))]
  expect(found, `${path}: ${pattern}`).toHaveLength(1)
  return found[0].slice(1).map((text) => Number(text.replaceAll(',', '')))
}

/** As it is written: two digits. */
const two = (value: number) => Number(value.toPrecision(2))

const { speed } = figures()
const figure = (name: string): number => {
  const value = speed[name.split('/')[0]]?.figures[name]
  expect(value, name).toBeTypeOf('number')
  return value
}

describe('what npx pnpm bench measured', () => {
  test('README.md', () => {
    expect(
      numbers('README.md', /is ([\d.]+) times as fast as the Adam of TensorFlow\.js's WebAssembly/),
    ).toEqual([two(figure('cpu/prodigy-vs-tfjs-wasm-adam@1e6'))])
    expect(words('README.md')).toContain(
      'a fused Prodigy step takes less time than copying the bytes it has to move',
    )
    expect(figure('cpu/prodigy-vs-copy@1e6')).toBeGreaterThan(1)
    expect(words('apps/docs/pages/index.md')).toContain(
      'Prodigy takes no longer than copying its bytes',
    )
  })
  test('packages/cpu/README.md', () => {
    expect(words('packages/cpu/README.md')).toContain(
      'in a few milliseconds when the optimizer is made',
    )
    for (const name of ['adam', 'prodigy', 'dog', 'dadaptAdam'])
      expect(figure(`cpu/${name}-create-ms@10`)).toBeLessThan(10)
  })
  test('packages/tfjs/README.md', () => {
    const page = readPage('packages/tfjs/README.md')
    const [[, ...columns], ...rows] = cells(all(section(page, 'How fast'), 'table')[0])
    expect(columns).toEqual([
      'a million parameters',
      'in 60 tensors',
      'a small perceptron (1699)',
      'eager, a million',
    ])
    const names = [
      'prodigy-vs-adam@1e6',
      'prodigy-vs-adam-60-tensors@1e6',
      'prodigy-vs-adam-perceptron@1699',
      'eager-prodigy-vs-adam@1e6',
    ]
    for (const [backend, ...written] of rows)
      expect(written.map(Number), backend).toEqual(
        names.map((name) => two(figure(`tfjs/${backend}/${name}`))),
      )
    const fused = rows.flatMap(([, ...row]) => row.slice(0, 3).map(Number))
    const [least, most] = numbers('packages/tfjs/README.md', /\[(\d+) to (\d+) times as fast\]/)
    expect([least, most]).toEqual([Math.floor(Math.min(...fused)), Math.max(...fused)])
  })
  test('packages/webgpu/README.md', () => {
    const path = 'packages/webgpu/README.md'
    const ratio = figure('webgpu/prodigy-vs-tfjs-adam@1e6')
    expect(numbers(path, /`webgpu\/prodigy-vs-tfjs-adam@1e6` ([\d.]+)/)).toEqual([two(ratio)])
    expect(words(path)).toContain("a million parameters took a third of the time of tfjs's Adam")
    expect(1 / ratio).toBeCloseTo(1 / 3, 1)
    expect(
      numbers(path, /152 tensors, each in a buffer of its own, ([\d.]+) times that of one/),
    ).toEqual([two(figure('webgpu/prodigy-152-buffers-vs-one@1376836'))])
  })
  test('packages/onnxruntime/README.md', () => {
    const path = 'packages/onnxruntime/README.md'
    const sorted = (name: string) =>
      ['1e5', '1e6'].map((size) => figure(`onnxruntime/${name}@${size}`)).sort((a, b) => a - b)
    const graph = numbers(
      path,
      /as a graph takes (\d+) to (\d+) times as long as one of `@freestep\/cpu`/,
    )
    expect(graph).toEqual(sorted('node-prodigy-over-fused').map(Math.round))
    const by = numbers(path, /on the same tensors it takes ([\d.]+) to ([\d.]+) times as long/)
    expect(by).toEqual(sorted('node-prodigy-by-cpu-over-fused').map(two))
  })
})

describe('what the recordings have', () => {
  /** The last record of a run in float64 at the defaults, and the one after some steps. */
  async function recorded(file: string, problem: string, steps = 60) {
    const { trajectories } = await loadGolden(file)
    const plain = trajectories.find(
      (each) =>
        each.dtype === 'float64' &&
        each.problem === problem &&
        !Object.keys(each.options).length &&
        !each.param_groups &&
        !each.lr_schedule,
    )
    const record = plain?.records.find(({ step }) => step === steps)
    return {
      d: Number(record?.groups[0]?.d),
      loss: Number((record as { loss?: number } | undefined)?.loss),
    }
  }

  test('the estimates on the one-dimensional problem', async () => {
    const [adam, prodigy] = [
      (await recorded('dadapt_adam', 'abs')).d,
      (await recorded('prodigy', 'abs')).d,
    ]
    const path = 'docs/choose-an-algorithm.md'
    const ends = numbers(
      path,
      /where the distance is (\d+), `dadaptAdam` ends at ([\d.]+) and `prodigy` at ([\d.]+)\./,
    )
    // From −3 to the kink beside 0.
    expect(ends).toEqual([3, Number(adam.toFixed(1)), Number(prodigy.toFixed(1))])
    expect(
      numbers('docs/algorithms/dadaptAdam.md', /the distance is 3, it ends at (\d+\.\d)/),
    ).toEqual([Number(adam.toFixed(1))])
  })
  test('how fast d grows in dadaptAdagrad', async () => {
    const [factor] = numbers(
      'docs/algorithms/dadaptAdagrad.md',
      /by a factor of about (\d+) in the 60 steps/,
    )
    for (const problem of ['quad', 'abs', 'logreg1', 'lsq1'])
      expect(
        Math.abs((await recorded('dadapt_adagrad', problem)).d / 1e-6 / factor - 1),
        problem,
      ).toBeLessThan(0.1)
  })
  test('where dadaptSgd diverges', async () => {
    const pattern = /the loss is ([\d.]+) after 40 steps and \$([\d.]+) \\cdot 10\^6\$ after 60/
    const [before, after] = numbers('docs/algorithms/dadaptSgd.md', pattern)
    expect((await recorded('dadapt_sgd', 'lsq1', 40)).loss).toBeCloseTo(before, 2)
    expect((await recorded('dadapt_sgd', 'lsq1')).loss / 1e6).toBeCloseTo(after, 1)
  })
})

/** A program on one tensor of float32. */
const program = (algorithm: core.Algorithm) =>
  core.createProgram(
    algorithm,
    [{ name: 'x', shape: [1000], size: 1000, dtype: 'float32' }],
    [algorithm.options as Record<string, unknown>],
  )
const passes = (algorithm: core.Algorithm) =>
  traffic(compile(program(algorithm), 'step')).map(({ bytes }) => bytes)
const memory = (algorithm: core.Algorithm) =>
  Object.values(program(algorithm).states).filter((scope) => scope === 'element').length

describe('what the compiler counts', () => {
  test('one or two passes, whatever the algorithm, and one wrapper around it', () => {
    for (const row of table)
      for (const settings of [{}, ...row.variants])
        expect(
          passes(row.make(settings)).length,
          `${row.name} ${JSON.stringify(settings)}`,
        ).toBeLessThanOrEqual(2)
  })
  test('bytes a step', () => {
    const [reads, writes, prodigy, adam] = numbers(
      'docs/benchmarks.md',
      /a step of Prodigy reads (\d) numbers a parameter and writes (\d), (\d+) bytes in float32, Adam (\d+)\./,
    )
    expect([[prodigy], [adam]]).toEqual([passes(core.prodigy()), passes(core.adam())])
    expect(4 * (reads + writes)).toBe(prodigy)
    expect(numbers('packages/cpu/README.md', /a step of Prodigy moves (\d+)/)).toEqual([prodigy])
    expect(numbers('packages/compiler/README.md', /one pass; (\d+) bytes a parameter/)).toEqual([
      prodigy,
    ])
  })
  test('values a parameter', () => {
    const [small, usual] = numbers(
      'docs/choose-an-algorithm.md',
      /\| ([\d.]+) values a parameter in place of (\d)\./,
    )
    expect(usual).toBe(memory(core.prodigy()))
    // s and moved are kept for every 11th coordinate.
    expect(memory(core.prodigy({ betas: [0, 0.999] })) - 2 * (1 - 1 / 11)).toBeCloseTo(small, 1)
    expect(memory(core.averaged(core.dog()))).toBe(2)
    const most = Math.max(
      ...table.filter(({ name }) => !name.includes('(')).map((row) => memory(row.make())),
    )
    expect([core.dadaptAdan(), core.cocob()].map((each) => memory(each as core.Algorithm))).toEqual(
      [most, most],
    )
  })
  test('operations of a step of Prodigy', async () => {
    const [calls, long] = numbers(
      'docs/write-a-backend.md',
      /A step of Prodigy is (\d+) operations, (\d+) of them over all parameters/,
    )
    expect(await operations(core.prodigy())).toEqual({ calls, long })
  })
})

/** How often an eager step calls an operation, and how often with more than one number. */
async function operations(algorithm: core.Algorithm): Promise<{ calls: number; long: number }> {
  type Flat = number[] | number
  const counted = { calls: 0, long: 0 }
  const count = (...args: Flat[]) => {
    counted.calls++
    if (args.some(Array.isArray)) counted.long++
  }
  const elementwise = Object.entries(core.host).map(([name, f]) => [
    name,
    (...args: Flat[]): Flat => {
      count(...args)
      const row = args.find(Array.isArray)
      return row
        ? row.map((_, i) => f(...args.map((arg) => (Array.isArray(arg) ? arg[i] : arg))))
        : f(...(args as number[]))
    },
  ])
  const backend = core.eagerBackend<number[], Flat>({
    name: 'counted',
    ops: {
      ...(Object.fromEntries(elementwise) as Record<core.Elementwise, (...args: Flat[]) => Flat>),
      constant: (c) => c,
      sum(a) {
        count(a)
        return Array.isArray(a) ? a.reduce((total, each) => total + each, 0) : a
      },
      slice: (a) => a,
    },
    describe: (tensor) => ({ shape: [tensor.length], size: tensor.length, dtype: 'float64' }),
    load: (tensor) => tensor.slice(),
    store: (tensor, value) => void tensor.splice(0, tensor.length, ...(value as number[])),
    export: (value) => value as number[],
    fill: (param, value, size = param.length) => new Array<number>(size).fill(value),
    from: (_param, given) => Array.from(given),
    read: (value) => Float64Array.from(Array.isArray(value) ? value : [value]),
    copy: (value) => (Array.isArray(value) ? value.slice() : value),
  })
  const optimizer = await core.createOptimizer(algorithm, { x: [1, 2] }, backend)
  Object.assign(counted, { calls: 0, long: 0 })
  optimizer.step({ x: [1, 2] })
  return counted
}

describe('what is counted', () => {
  test('the digits of the playground', () => {
    const path = 'apps/docs/pages/playground/digits.md'
    expect(
      numbers(path, /the first ([\d,]+) training digits and the first ([\d,]+) test digits/),
    ).toEqual([counts.train, counts.test])
  })
  test('the steps of the main job', () => {
    const readme = words('apps/experiments/README.md')
    const component = words('apps/docs/.vitepress/theme/components/RateSearch.vue')
    const [steps, batch] = [
      /steps ([\d,]+) \(epochs/.exec(readme)?.[1],
      /batch (\d+) steps/.exec(readme)?.[1],
    ]
    expect(component).toContain(`A perceptron on MNIST, ${steps} steps of ${batch} digits`)
  })
  test('a backend takes about a hundred lines', () => {
    for (const path of ['CONTRIBUTING.md', 'apps/docs/pages/choose-an-adapter.md'])
      expect(words(path)).toContain('about a hundred lines')
    const [nested] = codeOf(readPage('docs/write-a-backend.md')).filter(
      ({ file }) => file === 'examples/nested.ts',
    )
    expect(Math.abs(nested.code.split('\n').length - 100)).toBeLessThan(25)
  })
  test('the first lines with an adapter are few', () => {
    for (const { name, code } of adapters().adapters) {
      const lines = code.split('\n').filter((line) => !line.startsWith('//'))
      expect(lines.length, name).toBeLessThanOrEqual(8)
    }
    expect(words('apps/docs/pages/index.md')).not.toContain('Five lines')
  })
})
