/**
 * Checkpoints: a run that is saved, made bytes, read and loaded goes on bit for bit, on either precision, and what does not fit is
 * refused and changes nothing. Runs of PyTorch are taken over from the file that a script would write.
 */
import { describe, expect, test } from 'vitest'
import {
  type Algorithm,
  adam,
  averaged,
  type Checkpoint,
  cpu,
  createOptimizer,
  dadaptAdam,
  dog,
  type FloatArray,
  fromSafetensors,
  fromTorch,
  type OptimizerOptions,
  prodigy,
  scheduleFree,
  sgd,
  toSafetensors,
} from '../src/index.ts'
import { bytesOf, cut, error, everything, families, flat, numbersOf } from './problems.ts'
import { file } from './safetensors.ts'

const problem = families.quadratic(6, 3)
const sizes = [1, 5]
const d0 = 0.01
type Options = OptimizerOptions<object>

const open = async (algorithm: Algorithm, { single = false, ...options }: Options & { single?: boolean } = {}, x0 = problem.x0) =>
  createOptimizer(algorithm, cut(x0, sizes, single), await cpu(), options)
type Opened = Awaited<ReturnType<typeof open>>

function steps(optimizer: Opened, count: number) {
  const single = Object.values(optimizer.params)[0] instanceof Float32Array
  for (let k = 0; k < count; k++) {
    const x = flat(optimizer.params)
    optimizer.step(cut(problem.gradient(x), sizes, single), { loss: problem.loss(x) })
  }
}
const throughBytes = (checkpoint: Checkpoint) => fromSafetensors(toSafetensors(checkpoint))

describe('a run goes on bit for bit', () => {
  const extra: readonly (readonly [string, () => Algorithm, Options])[] = [
    ['prodigy, splitGroups', () => prodigy({ d0 }), { splitGroups: true, groups: [{ params: ['t1'] }] }],
    ['ldog, splitGroups', () => averaged(dog({ repsRel: d0 })), { splitGroups: true, groups: [{ params: ['t0'] }] }],
    ['prodigy, sliceP', () => prodigy({ d0, sliceP: 2 }), {}],
    ['prodigy, sliceP, prodigyopt', () => prodigy({ d0, sliceP: 3, compat: 'prodigyopt' }), {}],
    ['prodigy, sliceP of a group', () => prodigy({ d0, sliceP: 2 }), { groups: [{ params: ['t1'], sliceP: 3 } as never] }],
    [
      'prodigy, schedules of a group',
      () => prodigy({ d0 }),
      { groups: [{ params: ['t1'], lr: (k: number) => 1 / (k + 1) } as never] },
    ],
  ]
  const rows = [...everything.map(([name, make]) => [name, make, {}] as const), ...extra]

  test.each(rows)('%s', async (_name, make, options) => {
    for (const single of [false, true]) {
      const whole = await open(make(), { ...options, single })
      steps(whole, 9)
      const saved = throughBytes(await whole.save({ params: true }))
      const stateOnly = throughBytes(await whole.save())
      const moved = flat(whole.params)
      steps(whole, 9)
      const expected = await bytesOf(whole)

      // Into a fresh optimizer at the same x₀, into one elsewhere, into one that has gone another way, and without the parameters.
      const fresh = await open(make(), { ...options, single })
      const elsewhere = await open(make(), { ...options, single }, problem.xStar)
      const used = await open(
        make(),
        { ...options, single },
        problem.x0.map((each) => -each),
      )
      steps(used, 4)
      const placed = await open(make(), { ...options, single }, moved)
      for (const each of [fresh, elsewhere, used]) await each.load(saved)
      await placed.load(stateOnly)
      for (const each of [fresh, elsewhere, used, placed]) {
        expect(each.steps).toBe(9)
        steps(each, 9)
        expect((await bytesOf(each)).equals(expected)).toBe(true)
        expect(flat(each.evaluated())).toEqual(flat(whole.evaluated()))
      }
    }
  })

  test('between the precisions: as near as float32 is, and exactly back', async () => {
    const double = await open(prodigy({ d0 }))
    steps(double, 9)
    const saved = await double.save({ params: true })
    const single = await open(prodigy({ d0 }), { single: true })
    await single.load(throughBytes(saved))
    const [a, b] = [await numbersOf(single), await numbersOf(double)]
    for (const [name, numbers] of Object.entries(b))
      expect(a[name]).toEqual(/^[^.]+\//.test(name) ? numbers.map(Math.fround) : numbers)
    steps(single, 9)
    steps(double, 9)
    expect(error(flat(single.params), flat(double.params))).toBeLessThan(1e-5)

    const again = await open(prodigy({ d0 }))
    await again.load(throughBytes(await single.save({ params: true })))
    expect(await numbersOf(again)).toEqual(await numbersOf(single))
  })

  test('saving and loading change nothing: load(save()) is no step', async () => {
    const optimizer = await open(scheduleFree(prodigy({ d0 })))
    steps(optimizer, 5)
    const before = await bytesOf(optimizer)
    await optimizer.load(await optimizer.save({ params: true }))
    expect((await bytesOf(optimizer)).equals(before)).toBe(true)
  })

  test('a checkpoint is of its moment', async () => {
    const optimizer = await open(adam())
    steps(optimizer, 3)
    const saved = await optimizer.save({ params: true })
    const bytes = toSafetensors(saved)
    steps(optimizer, 3)
    expect(toSafetensors(saved)).toEqual(bytes)
    await optimizer.load(saved)
    steps(optimizer, 3)
    expect(toSafetensors(saved)).toEqual(bytes)
  })
})

describe('what does not fit is refused and changes nothing', () => {
  const saved = async (algorithm: Algorithm, options: Options = {}) => {
    const optimizer = await open(algorithm, options)
    steps(optimizer, 3)
    return optimizer.save({ params: true })
  }
  const without = ({ tensors, ...rest }: Checkpoint, name: string): Checkpoint => ({
    ...rest,
    tensors: Object.fromEntries(Object.entries(tensors).filter(([each]) => each !== name)),
  })
  const withTensor = (checkpoint: Checkpoint, name: string, data: FloatArray): Checkpoint => ({
    ...checkpoint,
    tensors: { ...checkpoint.tensors, [name]: { shape: [data.length], data } },
  })
  const good = () => saved(prodigy({ d0 }))
  const rows: readonly (readonly [what: string, checkpoint: () => Promise<Checkpoint>])[] = [
    ['another algorithm', () => saved(adam())],
    ['a wrapper around it', () => saved(averaged(prodigy({ d0 })))],
    ['an option that keeps more', () => saved(prodigy({ d0, growthRate: 2 }))],
    ['an option that keeps less', () => saved(prodigy({ d0, betas: [0, 0.9] }))],
    ['another stride', () => saved(prodigy({ d0, sliceP: 2 }))],
    ['split groups', () => saved(prodigy({ d0 }), { splitGroups: true, groups: [{ params: ['t0'] }] })],
    ['a missing state', async () => without(await good(), 'v/t1')],
    ['a missing number', async () => without(await good(), 'd')],
    ['a missing parameter', async () => without(await good(), 'x/t1')],
    ['the first parameter missing', async () => without(await good(), 'x/t0')],
    ['a state too many', async () => withTensor(await good(), 'v/t2', Float64Array.of(1))],
    ['a state of another length', async () => withTensor(await good(), 'v/t1', new Float64Array(4))],
    ['a number that is two', async () => withTensor(await good(), 'd', new Float64Array(2))],
    ['no tensors', async () => ({ ...(await good()), tensors: {} })],
    ['steps that are no count', async () => ({ ...(await good()), steps: Number.NaN })],
    ['steps below zero', async () => ({ ...(await good()), steps: -1 })],
  ]
  test.each(rows)('%s', async (_what, checkpoint) => {
    const optimizer = await open(prodigy({ d0 }))
    steps(optimizer, 5)
    const before = await bytesOf(optimizer)
    const bad = await checkpoint()
    await expect(optimizer.load(bad)).rejects.toMatchObject({ name: 'FreestepError', code: 'bad-checkpoint' })
    expect((await bytesOf(optimizer)).equals(before)).toBe(true)
    expect(optimizer.steps).toBe(5)
    steps(optimizer, 1)
  })
})

describe('a run of PyTorch is taken over', () => {
  /** A run here in the form that follows the package; and the file that a script would write of its state. */
  async function torchFile(algorithm: Algorithm, names: Record<string, string>, numbers: Record<string, string>, single = false) {
    const optimizer = await open(algorithm, { single })
    steps(optimizer, 12)
    const { tensors } = await optimizer.save()
    const theirs = Object.entries(names).flatMap(([ours, torch]) =>
      sizes.map((_, i) => [`${i}.${torch}`, tensors[`${ours}/t${i}`]] as const),
    )
    const group = Object.entries(numbers).map(([ours, torch]) => [torch, String(tensors[ours].data[0])])
    const metadata = { ...Object.fromEntries(group), k: '12', lr: '1.0', decouple: 'True' }
    return { optimizer, bytes: file(Object.fromEntries(theirs), metadata, 8) }
  }
  const prodigyNames = { m: 'exp_avg', v: 'exp_avg_sq', s: 's', x0: 'p0' }
  const prodigyNumbers = { d: 'd', r: 'd_numerator', dHat: 'd_hat' }
  const dadaptNames = { m: 'exp_avg', v: 'exp_avg_sq', s: 's' }
  const dadaptNumbers = { d: 'd', q: 'numerator_weighted' }
  const rows = [
    ['prodigy', () => prodigy({ d0, compat: 'prodigyopt', weightDecay: 0.01 }), prodigyNames, prodigyNumbers],
    ['prodigy', () => prodigy({ d0, compat: 'prodigyopt', sliceP: 2 }), prodigyNames, prodigyNumbers],
    ['dadaptAdam', () => dadaptAdam({ d0, weightDecay: 0.01 }), dadaptNames, dadaptNumbers],
  ] as const

  test.each(rows)('%s goes on as it would have', async (name, make, names, numbers) => {
    for (const single of [false, true]) {
      const { optimizer, bytes } = await torchFile(make(), names, numbers, single)
      const here = await open(make(), { single }, flat(optimizer.params))
      await here.load(fromTorch(bytes, name, ['t0', 't1']))
      expect(here.steps).toBe(12)
      for (const each of [optimizer, here]) steps(each, 20)
      const [a, b] = [await numbersOf(here), await numbersOf(optimizer)]
      expect(Object.keys(a)).toEqual(Object.keys(b))
      expect(a).toEqual(b)
    }
  })

  test('under other names here', async () => {
    const { bytes } = await torchFile(rows[0][1](), prodigyNames, prodigyNumbers)
    const { tensors } = fromTorch(bytes, 'prodigy', ['dense/kernel', 'dense/bias'])
    expect(tensors['m/dense/bias'].data.length).toBe(5)
  })

  test('a file without what is needed', async () => {
    const { bytes } = await torchFile(rows[2][1](), dadaptNames, dadaptNumbers)
    const refusal = expect.objectContaining({ code: 'bad-checkpoint' })
    expect(() => fromTorch(bytes, 'prodigy', ['t0', 't1'])).toThrow(refusal)
    expect(() => fromTorch(bytes, 'dadaptAdam', ['t0', 't1', 't2'])).toThrow(refusal)
    expect(() => fromTorch(file({}), 'dadaptAdam', [])).toThrow(refusal)
    const optimizer = await open(sgd())
    await expect(optimizer.load(fromTorch(bytes, 'dadaptAdam', ['t0', 't1']))).rejects.toMatchObject({ code: 'bad-checkpoint' })
  })
})
