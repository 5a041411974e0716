/**
 * Checkpoints: a run that is saved, made bytes, read and loaded goes on bit for bit, on either
 * precision, and what does not fit is refused and changes nothing. Runs of PyTorch are taken over
 * from the file that a script would write.
 */

import {
  type Algorithm,
  adam,
  averaged,
  type Checkpoint,
  clipByGlobalNorm,
  cosine,
  cpu,
  createOptimizer,
  dadaptAdam,
  dog,
  type FloatArray,
  FreestepError,
  fromSafetensors,
  fromTorch,
  linear,
  type OptimizerOptions,
  prodigy,
  scheduleFree,
  sgd,
  toSafetensors,
} from '@freestep/cpu'
import { describe, expect, test } from 'vitest'
import { bytesOf, cut, error, everything, families, flat, numbersOf } from './problems.ts'
import { file } from './safetensors.ts'

const problem = families.quadratic(6, 3)
const sizes = [1, 5]
const d0 = 0.01
type Options = OptimizerOptions<object>

const open = async (
  algorithm: Algorithm,
  { single = false, ...options }: Options & { single?: boolean } = {},
  x0 = problem.x0,
) => createOptimizer(algorithm, cut(x0, sizes, single), await cpu(), options)
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
    [
      'prodigy, splitGroups',
      () => prodigy({ d0 }),
      { splitGroups: true, groups: [{ params: ['t1'] }] },
    ],
    [
      'ldog, splitGroups',
      () => averaged(dog({ repsRel: d0 })),
      { splitGroups: true, groups: [{ params: ['t0'] }] },
    ],
    ['prodigy, sliceP', () => prodigy({ d0, sliceP: 2 }), {}],
    ['prodigy, sliceP, prodigyopt', () => prodigy({ d0, sliceP: 3, compat: 'prodigyopt' }), {}],
    [
      'prodigy, sliceP of a group',
      () => prodigy({ d0, sliceP: 2 }),
      { groups: [{ params: ['t1'], sliceP: 3 } as never] },
    ],
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

      // Into a fresh optimizer at the same x₀, into one elsewhere, into one that has gone another
      // way, and without the parameters.
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
    [
      'split groups',
      () => saved(prodigy({ d0 }), { splitGroups: true, groups: [{ params: ['t0'] }] }),
    ],
    ['a missing state', async () => without(await good(), 'v/t1')],
    ['a missing number', async () => without(await good(), 'd')],
    ['a missing parameter', async () => without(await good(), 'x/t1')],
    ['the first parameter missing', async () => without(await good(), 'x/t0')],
    ['a state too many', async () => withTensor(await good(), 'v/t2', Float64Array.of(1))],
    [
      'a state of another length',
      async () => withTensor(await good(), 'v/t1', new Float64Array(4)),
    ],
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
    await expect(optimizer.load(bad)).rejects.toMatchObject({
      name: 'FreestepError',
      code: 'bad-checkpoint',
    })
    expect((await bytesOf(optimizer)).equals(before)).toBe(true)
    expect(optimizer.steps).toBe(5)
    steps(optimizer, 1)
  })
})

describe('options', () => {
  const saved = async (algorithm: Algorithm, options: Options = {}) => {
    const optimizer = await open(algorithm, options)
    steps(optimizer, 9)
    return optimizer.save({ params: true })
  }
  const weightDecay = (value: number) => ({
    groups: [{ params: ['t1'], weightDecay: value } as never],
  })
  const split = (...params: string[]) => ({ splitGroups: true, groups: [{ params }] })
  const half = (k: number) => 1 / (k + 1)

  type Row = [what: string, before: Algorithm, after: Algorithm, theirs?: Options, ours?: Options]
  const others: readonly Row[] = [
    ['d0', prodigy({ d0 }), prodigy({ d0: 2 * d0 })],
    ['betas', adam(), adam({ betas: [0.9, 0.99] })],
    ['eps', adam(), adam({ eps: 1e-7 })],
    ['weightDecay', adam(), adam({ weightDecay: 0.1 })],
    ['form', dadaptAdam(), dadaptAdam({ form: 'preprint' })],
    ['momentum', sgd({ momentum: 0.9 }), sgd({ momentum: 0.8 })],
    ['dCoef', prodigy({ d0 }), prodigy({ d0, dCoef: 2 })],
    [
      'a schedule',
      adam({ weightDecay: cosine({ steps: 9 }) }),
      adam({ weightDecay: cosine({ steps: 10 }) }),
    ],
    ['a function', adam({ weightDecay: half }), adam({ weightDecay: 0.5 })],
    ['gamma of a wrapper', averaged(prodigy({ d0 })), averaged(prodigy({ d0 }), { gamma: 3 })],
    [
      'd0 inside wrappers',
      scheduleFree(averaged(prodigy({ d0 }))),
      scheduleFree(averaged(prodigy({ d0: 1 }))),
    ],
    ['weightDecay of a group', prodigy({ d0 }), prodigy({ d0 }), weightDecay(0), weightDecay(0.1)],
    ['weightDecay in a group', prodigy({ d0 }), prodigy({ d0 }), {}, weightDecay(0.1)],
  ]
  test.each<Row>(others)(
    'another %s is refused, and taken on purpose',
    async (_what, before, after, theirs, ours) => {
      const checkpoint = throughBytes(await saved(before, theirs))
      const optimizer = await open(after, ours)
      steps(optimizer, 2)
      const bytes = await bytesOf(optimizer)
      await expect(optimizer.load(checkpoint)).rejects.toMatchObject({ code: 'bad-checkpoint' })
      expect((await bytesOf(optimizer)).equals(bytes)).toBe(true)
      await optimizer.load(checkpoint, { options: 'ours' })
      expect(optimizer.steps).toBe(9)
      expect(flat(optimizer.params)).toEqual([
        ...checkpoint.tensors['x/t0'].data,
        ...checkpoint.tensors['x/t1'].data,
      ])
    },
  )

  test('lr, and the limits of the next steps, may be others', async () => {
    for (const [before, after] of [
      [adam(), adam({ lr: linear({ steps: 100 }) })],
      [adam({ lr: half }), adam({ lr: 0.1 })],
      [prodigy({ d0, growthRate: 2 }), prodigy({ d0, growthRate: 1.02 })],
      [prodigy({ d0 }), prodigy({ d0, dLimit: 3 })],
      [clipByGlobalNorm(1, adam()), clipByGlobalNorm(2, adam())],
    ])
      await (await open(after)).load(await saved(before))
  })

  test('the same in another order, and schedules made again', async () => {
    const one = adam({ weightDecay: cosine({ steps: 9, peak: 0.5 }) })
    await (await open(adam({ weightDecay: cosine({ peak: 0.5, steps: 9 }) }))).load(
      await saved(one),
    )
    const groups = [
      { params: ['t1'], weightDecay: 0 } as never,
      { params: ['t0'], weightDecay: 0.1 } as never,
    ]
    await (await open(adam(), { groups })).load(
      await saved(adam({ weightDecay: 0.1 }), weightDecay(0)),
    )
  })

  test('what a file does not say is not compared', async () => {
    const { options, ...rest } = await saved(
      averaged(prodigy({ d0, weightDecay: 0.1 })),
      weightDecay(0.2),
    )
    const optimizer = await open(averaged(prodigy({ d0 }), { gamma: 3 }), weightDecay(0.3))
    const record = JSON.parse(options)
    await expect(optimizer.load({ ...rest, options })).rejects.toMatchObject({
      code: 'bad-checkpoint',
    })
    const { parameters: _, weightDecay: __, 'averaged(prodigy)': ___, ...others } = record
    await optimizer.load({ ...rest, options: JSON.stringify(others) })
    await optimizer.load({ ...rest, options: '{}' })
    // As files were before groups were written down: what holds for all is compared, and no more.
    await (await open(prodigy({ d0 }), weightDecay(0.3))).load({
      ...(await saved(prodigy({ d0 }))),
      options: `{"d0":${d0}}`,
    })
    for (const bad of ['', '[]', 'null', '{', '3'])
      await expect(optimizer.load({ ...rest, options: bad })).rejects.toMatchObject({
        code: 'bad-checkpoint',
      })
  })

  test('are written for the reader: schedules, functions, wrappers and groups', async () => {
    const algorithm = averaged(prodigy({ d0, lr: cosine({ steps: 100, peak: 2 }) }))
    const { options } = await saved(algorithm, {
      groups: [{ params: ['t1'], weightDecay: half } as never],
    })
    expect(JSON.parse(options)).toEqual({
      ...JSON.parse(options),
      lr: { schedule: 'cosine', options: { steps: 100, peak: 2 } },
      growthRate: 'Infinity',
      'averaged(prodigy)': { gamma: 8 },
      parameters: { t1: { weightDecay: 'a function' } },
    })
  })

  test('d0: r and s are in its units, so a run with another one goes on bit for bit', async () => {
    for (const single of [false, true])
      for (const options of [{}, { sliceP: 2 }, { compat: 'prodigyopt' as const }]) {
        const whole = await open(averaged(prodigy({ d0, ...options })), { single })
        steps(whole, 9)
        const checkpoint = await whole.save({ params: true })
        // A power of two, which changes no digit.
        const other = await open(averaged(prodigy({ d0: d0 / 4, ...options })), { single })
        await other.load(checkpoint, { options: 'ours' })
        for (const each of [whole, other]) steps(each, 9)
        expect(flat(other.params)).toEqual(flat(whole.params))
        const [a, b] = [await numbersOf(other), await numbersOf(whole)]
        for (const [name, numbers] of Object.entries(b))
          expect(a[name], name).toEqual(
            /^([rs]|sum\.0)(\/|$)/.test(name) ? numbers.map((each) => each * 4) : numbers,
          )
      }
  })

  test('parts that hold other parameters are refused, also on purpose', async () => {
    const three = cut(problem.x0, [1, 2, 3])
    const make = async (options: Options) =>
      createOptimizer(prodigy({ d0 }), { ...three }, await cpu(), options)
    const checkpoint = await (await make(split('t0'))).save()
    await (await make(split('t0'))).load(checkpoint)
    for (const options of [undefined, { options: 'ours' } as const])
      await expect((await make(split('t1'))).load(checkpoint, options)).rejects.toMatchObject({
        code: 'bad-checkpoint',
      })
  })

  test('how to load is checked too', async () => {
    const optimizer = await open(adam())
    const checkpoint = await saved(adam())
    await expect(optimizer.load(checkpoint, { option: 'ours' } as never)).rejects.toMatchObject({
      code: 'unknown-option',
    })
    await expect(optimizer.load(checkpoint, { options: 'theirs' } as never)).rejects.toMatchObject({
      code: 'bad-option',
    })
    for (const none of [undefined, null, {}, 'x', { ...checkpoint, tensors: null }])
      await expect(optimizer.load(none as never)).rejects.toMatchObject({ code: 'bad-checkpoint' })
  })
})

describe('a run of PyTorch is taken over', () => {
  /**
   * A run here in the form that follows the package; and the file that a script would write of its
   * state.
   */
  async function torchFile(
    algorithm: Algorithm,
    names: Record<string, string>,
    numbers: Record<string, string>,
    single = false,
    more = {},
  ) {
    const optimizer = await open(algorithm, { single })
    steps(optimizer, 12)
    const { tensors } = await optimizer.save()
    const theirs = Object.entries(names).flatMap(([ours, torch]) =>
      sizes.map((_, i) => [`${i}.${torch}`, tensors[`${ours}/t${i}`]] as const),
    )
    const group = Object.entries(numbers).map(([ours, torch]) => [
      torch,
      String(tensors[ours].data[0]),
    ])
    const metadata = { ...Object.fromEntries(group), k: '12', lr: '1.0', decouple: 'True', ...more }
    return { optimizer, bytes: file(Object.fromEntries(theirs), metadata, 8) }
  }
  const prodigyNames = { m: 'exp_avg', v: 'exp_avg_sq', s: 's', x0: 'p0' }
  const prodigyNumbers = { d: 'd', r: 'd_numerator', dHat: 'd_hat' }
  const dadaptNames = { m: 'exp_avg', v: 'exp_avg_sq', s: 's' }
  const dadaptNumbers = { d: 'd', q: 'numerator_weighted' }
  const rows = [
    [
      'prodigy',
      () => prodigy({ d0, compat: 'prodigyopt', weightDecay: 0.01 }),
      prodigyNames,
      prodigyNumbers,
    ],
    [
      'prodigy',
      () => prodigy({ d0, compat: 'prodigyopt', sliceP: 2 }),
      prodigyNames,
      prodigyNumbers,
    ],
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

  test.each(rows)(
    '%s: a parameter that never had a gradient starts afresh',
    async (name, make, names, numbers) => {
      const all = { t0: [0.5], t1: [1, -2, 3, -4, 5], idle: [7, 8, 9, 10] }
      const arrays = () =>
        Object.fromEntries(
          Object.entries(all).map(([key, values]) => [key, Float64Array.from(values)]),
        )
      const gradients = (x: Readonly<Record<string, FloatArray>>, idle: boolean) =>
        Object.fromEntries(
          Object.entries(x)
            .filter(([key]) => idle || key !== 'idle')
            .map(([key, values]) => [key, values.map((v) => v - 1)]),
        )
      const whole = await createOptimizer(make(), arrays(), await cpu())
      for (let k = 0; k < 12; k++) whole.step(gradients(whole.params, false))
      const { tensors } = await whole.save()
      // In PyTorch's order the one without a state is in the middle.
      const order = ['t0', 'idle', 't1']
      const theirs = Object.entries(names).flatMap(([ours, torch]) =>
        [0, 2].map((i) => [`${i}.${torch}`, tensors[`${ours}/${order[i]}`]] as const),
      )
      const group = Object.entries(numbers).map(([ours, torch]) => [
        torch,
        String(tensors[ours].data[0]),
      ])
      const bytes = file(Object.fromEntries(theirs), {
        ...Object.fromEntries(group),
        k: '12',
        parameters: '3',
        d0: String(d0),
      })

      const checkpoint = fromTorch(bytes, name, order)
      expect(checkpoint.fresh).toEqual(['idle'])
      const start = Object.fromEntries(
        Object.entries(whole.params).map(([key, values]) => [key, values.slice()]),
      )
      const here = await createOptimizer(make(), start, await cpu())
      // One that has gone another way: its states of the parameter are not those of a fresh one.
      for (let k = 0; k < 3; k++) here.step(gradients(here.params, true))
      for (const [key, values] of Object.entries(whole.params))
        for (const { [key]: x } of [start, here.params]) x.set(values)
      await here.load(throughBytes(checkpoint))
      for (const each of [whole, here])
        for (let k = 0; k < 20; k++) each.step(gradients(each.params, true))
      expect(flat(here.params)).toEqual(flat(whole.params))

      for (const names of [
        ['t0', 't1'],
        ['t0', 'idle', 't1', 't3'],
      ])
        expect(() => fromTorch(bytes, name, names)).toThrow(FreestepError)
      await expect(
        (await createOptimizer(make(), start, await cpu())).load({ ...checkpoint, fresh: [] }),
      ).rejects.toThrow(/has no "./)
    },
  )

  test('β₁ = 0, which keeps no first moment', async () => {
    const make = () => prodigy({ d0, compat: 'prodigyopt', betas: [0, 0.99] })
    const { m: _, ...names } = prodigyNames
    const { optimizer, bytes } = await torchFile(make(), names, prodigyNumbers)
    const here = await open(make(), {}, flat(optimizer.params))
    await here.load(fromTorch(bytes, 'prodigy', ['t0', 't1']))
    for (const each of [optimizer, here]) steps(each, 20)
    expect(await numbersOf(here)).toEqual(await numbersOf(optimizer))
    const other = await open(prodigy({ d0, compat: 'prodigyopt' }))
    await expect(other.load(fromTorch(bytes, 'prodigy', ['t0', 't1']))).rejects.toThrow(
      /has no "m\/t0"/,
    )
  })

  test('with another d0, where the file says which: refused, or rescaled', async () => {
    const { optimizer, bytes } = await torchFile(
      rows[0][1](),
      prodigyNames,
      prodigyNumbers,
      false,
      { d0: String(d0) },
    )
    const checkpoint = fromTorch(bytes, 'prodigy', ['t0', 't1'])
    const here = await open(
      prodigy({ d0: d0 / 4, compat: 'prodigyopt', weightDecay: 0.01 }),
      {},
      flat(optimizer.params),
    )
    await expect(here.load(checkpoint)).rejects.toThrow(/made with d0 0.01/)
    await here.load(checkpoint, { options: 'ours' })
    for (const each of [optimizer, here]) steps(each, 20)
    expect(flat(here.params)).toEqual(flat(optimizer.params))
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
    expect(() => fromTorch(bytes, 'dadaptAdam', ['t0'])).toThrow(refusal)
    expect(() => fromTorch(bytes, 'dadaptAdam', ['t0', 't0'])).toThrow(refusal)
    expect(() => fromTorch(bytes, 'adam' as never, ['t0', 't1'])).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    )
    expect(() => fromTorch(file({}), 'dadaptAdam', [])).toThrow(refusal)
    const optimizer = await open(sgd())
    await expect(
      optimizer.load(fromTorch(bytes, 'dadaptAdam', ['t0', 't1'])),
    ).rejects.toMatchObject({ code: 'bad-checkpoint' })
  })
})
