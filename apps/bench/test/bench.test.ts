/** The benchmark's own arithmetic; no time is asserted. */
import { expect, test } from 'vitest'
import { race } from '../src/measure.ts'
import { adamLoop, copy, prodigyLoop } from '../src/peers.ts'
import { Report } from '../src/report.ts'
import { raceOn } from '../src/tfjs/node.ts'
import { mixedSizes } from '../src/tfjs/race.ts'
import { measureTorch } from '../src/torch.ts'

test('everybody takes as many turns, and each turn begins with a run that is not measured', async () => {
  const order: string[] = []
  const contestant = (name: string) => ({
    name,
    enter: async () => order.push(`enter ${name}`),
    run: () => void order.push(name),
  })
  const times = await race([contestant('a'), contestant('b')], {
    rounds: 4,
    turn: 0,
    budget: Infinity,
  })
  expect(order.filter((each) => each === 'enter a')).toHaveLength(4)
  expect(order.slice(0, 6)).toEqual(['enter a', 'a', 'a', 'enter b', 'b', 'b'])
  expect(order.slice(6, 9)).toEqual(['enter b', 'b', 'b'])
  const { median, least } = times.get('a') ?? { median: 0, least: 1 }
  expect(median).toBeGreaterThanOrEqual(least)
})

test('who has used up the time is left out after three turns', async () => {
  let runs = 0
  await race([{ name: 'slow', run: () => void runs++ }], { rounds: 10, turn: 0, budget: -1 })
  expect(runs).toBe(6)
})

test('figures are one line each', () => {
  const report = new Report()
  report.row(1e6, 'prodigy', { median: 1.23456, least: 1 })
  report.figure('cpu/prodigy-vs-copy', 1e6, 1.0526)
  report.figure('cpu/step-us', 10, 0.3)
  report.note('a machine')
  const lines = `${report}`.split('\n')
  expect(lines.filter((line) => line.includes('prodigy ')).join()).toContain('1.235')
  expect(lines.slice(-3)).toEqual([
    'a machine',
    'FIGURE cpu/prodigy-vs-copy@1e6 1.053',
    'FIGURE cpu/step-us@10 0.3000',
  ])
})

test('what was measured in a page comes into the report', () => {
  const report = new Report()
  report.add({
    rows: [[10, 'dog', { median: 2, least: 1 }]],
    figures: [['tfjs/webgpu/dog-vs-adam', 10, 2]],
    notes: ['a GPU'],
  })
  expect(`${report}`.split('\n').slice(-2)).toEqual([
    'a GPU',
    'FIGURE tfjs/webgpu/dog-vs-adam@10 2.000',
  ])
})

test('the sixty tensors are of mixed sizes, and a million parameters', () => {
  const sizes = mixedSizes(1e6)
  expect(sizes).toHaveLength(60)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1e6)
  expect(sizes.every((size) => Number.isInteger(size) && size > 0)).toBe(true)
  expect(Math.max(...sizes) / Math.min(...sizes)).toBeGreaterThan(1000)
})

test('TensorFlow.js and its optimizers take their turns, fused and eager', async () => {
  const { rows, figures, notes } = await raceOn('wasm', 1, [['', [100, 7]]])
  expect(rows.map(([size, name]) => [size, name])).toContainEqual([107, 'wasm: tf.train.adam'])
  expect(figures.map(([name]) => name)).toEqual(
    ['prodigy', 'adam', 'dog', 'eager-prodigy'].map((name) => `tfjs/wasm/${name}-vs-adam`),
  )
  expect(notes).toEqual([])
})

test('the hand-written loops run', () => {
  for (const each of [adamLoop('adam', 100), prodigyLoop('prodigy', 100), copy('copy', 4400)])
    expect(() => each.run()).not.toThrow()
})

test('without torch, a reason', () => {
  const path = process.env.PATH
  process.env.PATH = ''
  expect(measureTorch([10], 5)).toContain('python3 does not start')
  process.env.PATH = path
})
