/**
 * What an engine asks of a device, in which order, and what it leaves behind when the device fails.
 */
import { type Algorithm, createProgram, type Program, prodigy, sgd } from '@freestep/core'
import { describe, expect, test } from 'vitest'
import { Engine } from '../src/index.ts'
import { Recording } from './recording.ts'

function programOf(algorithm: Algorithm, options: readonly object[] = [{}, {}]): Program {
  const tensors = options.map((_, i) => ({
    name: `p${i}`,
    shape: [2],
    size: 2,
    dtype: 'float64' as const,
  }))
  return createProgram(
    algorithm,
    tensors,
    options.map((own) => ({ ...algorithm.options, ...own })),
  )
}
const arrays = (count: number) => Array.from({ length: count }, (_, i) => Float64Array.of(i, i + 1))
function started(device: Recording, program = programOf(sgd({ lr: (k) => 1 / (k + 1) }))) {
  const engine = Engine.start(device, program, arrays(program.tensors.length))
  if (engine instanceof Promise) throw new Error('this device compiles at once')
  return engine
}
const step = (
  engine: ReturnType<typeof started>,
  gradients: readonly (Float64Array | undefined)[],
  lr = 1,
) => engine.step({ gradients, loss: undefined, uniforms: { lr: [lr], active: [1, 1] } })

describe('an engine', () => {
  test('starts: compiles, allocates, uploads, computes the first states', () => {
    const device = new Recording()
    const engine = started(device)
    const calls = device.take().filter((call) => !/upload (lr|active)/.test(call))
    expect(calls).toEqual([
      'check',
      'load',
      'memory',
      'allocate The parameter p0',
      'allocate The parameter p1',
      'allocate The gradient of p0',
      'allocate The gradient of p1',
      'plan',
      'upload the parameter p0',
      'upload the parameter p1',
      'launch init 11',
      'discard',
    ])
    expect(engine.params.map((param) => [...param])).toEqual([
      [0, 1],
      [1, 2],
    ])
  })

  test('steps: one launch, and numbers only where they are new', () => {
    const device = new Recording()
    const engine = started(device)
    const [a, b] = engine.gradients as readonly Float64Array[]
    step(engine, [a, b])
    device.take()
    step(engine, [a, b])
    expect(device.take()).toEqual(['check', 'launch step 11'])
    step(engine, [a, b], 0.5)
    expect(device.take()).toEqual(['check', 'upload lr', 'launch step 11'])
    step(engine, [undefined, b], 0.5)
    expect(device.take()).toEqual(['check', 'plan', 'launch step 01'])
    step(engine, [a, b], 0.5)
    expect(device.take()).toEqual(['check', 'launch step 11'])
  })

  test('copies gradients from the host, and those where parameters are', () => {
    const device = new Recording()
    const engine = started(device)
    step(engine, [Float64Array.of(1, 1), engine.params[0]])
    const calls = device.take()
    expect(calls.slice(-3)).toEqual(['upload the gradient of p0', 'copy', 'launch step 11'])
    expect([...(engine.gradients?.[1] ?? [])]).toEqual([0, 1])
  })

  test('remembers four plans', () => {
    const device = new Recording()
    const engine = started(device)
    const sets = Array.from({ length: 5 }, () =>
      [0, 1].map(() =>
        device.tensor(
          device.allocate([{ name: 'g', shape: [2], size: 2, dtype: 'float64' }], '')[0] ?? never(),
        ),
      ),
    )
    device.take()
    for (const set of sets) step(engine, set)
    const count = (name: string) => device.take().filter((call) => call === name).length
    expect(count('plan')).toBe(5)
    for (const set of sets.slice(1)) step(engine, set)
    expect(count('plan')).toBe(0)
    step(engine, sets[0] ?? [])
    expect(device.take()).toContain('discard')
  })

  test.each([
    'load',
    'memory',
    'allocate The gradient of p1',
    'upload the parameter p1',
    'launch init 11',
  ])('that cannot start, since %s fails, leaves no memory', (call) => {
    const device = new Recording()
    device.failing.add(call)
    expect(() => started(device)).toThrow(`${call} failed`)
    // What the device itself had of an allocation that failed half-way is its own business.
    expect(device.live).toBeLessThanOrEqual(call.startsWith('allocate') ? 1 : 0)
  })

  test('whose launch failed takes the next step with all its numbers', () => {
    const device = new Recording()
    const engine = started(device)
    const [a, b] = engine.gradients as readonly Float64Array[]
    step(engine, [a, b], 1)
    device.failing.add('launch step 11')
    expect(() => step(engine, [a, b], 0.5)).toThrow('launch step 11 failed')
    device.failing.clear()
    step(engine, [a, b], 0.5)
    expect(engine.read('x')).toEqual([Float64Array.of(0, 1), Float64Array.of(1, 2)])
  })

  test('of a device that compiles later goes on at once where it can, and says where not', async () => {
    const device = new Recording()
    const load = device.load.bind(device)
    const later = Object.assign(device, {
      load: async (...given: Parameters<typeof load>) => load(...given),
    })
    const [few, many] = [programOf(prodigy()), programOf(prodigy(), [{}, {}, {}])]
    const engine = await Engine.start(later, few, arrays(2))
    const live = device.live
    expect(() => engine.extended(many, arrays(3))).toThrow('cannot be compiled at once')
    expect(device.live).toBe(live)
    Object.assign(device, { loadNow: load })
    expect(engine.extended(many, arrays(3)).params.length).toBe(3)
  })

  test('goes on with more tensors, with the states of those so far', () => {
    const device = new Recording()
    const few = programOf(prodigy())
    const engine = started(device, few)
    engine.write('d', [Float64Array.of(7)])
    engine.write('m', [Float64Array.of(1, 2), Float64Array.of(3, 4)])
    const many = programOf(prodigy(), [{}, {}, {}])
    const next = engine.extended(many, arrays(3))
    expect(next.read('d')).toEqual([Float64Array.of(7)])
    expect(next.read('m')).toEqual([
      Float64Array.of(1, 2),
      Float64Array.of(3, 4),
      Float64Array.of(0, 0),
    ])
    expect(next.params.slice(0, 2)).toEqual(engine.params)
  })
})

function never(): never {
  throw new Error('there is always a place')
}
