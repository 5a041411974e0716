/**
 * Exported steps, run in the way of another language: by the names in the file alone. They take the
 * steps that @freestep/cpu takes.
 */
import {
  type Algorithm,
  adam,
  averaged,
  createOptimizer,
  dog,
  FreestepError,
  ldog,
  momo,
  prodigy,
  scheduleFree,
} from '@freestep/core'
import { cpu } from '@freestep/cpu'
import * as ort from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { feeds, patternsOf } from '../../src/float16.ts'
import { decodeModel } from '../../src/onnx/index.ts'
import {
  type ExportOptions,
  exportEvaluated,
  exportInit,
  exportStep,
  type Shapes,
} from '../../src/step/index.ts'

const shapes: Shapes = { W: [3, 4], b: [5] }
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
const wave = (size: number, phase: number) =>
  Float64Array.from({ length: size }, (_, i) => Math.sin(1 + i + phase))
const named = <T>(of: (size: number, i: number) => T) =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape], i) => [name, of(sizeOf(shape), i)]))
const start = () => named((size, i) => wave(size, i))
/** The gradient at step k, wherever x is. */
const gradients = (k: number) => named((size, i) => wave(size, 10 * i + k))

type Values = Record<string, ort.Tensor>
const open = (bytes: Uint8Array) => ort.InferenceSession.create(bytes, { logSeverityLevel: 3 })
const tensors = (prefix: string, arrays: Readonly<Record<string, Float64Array>>): Values =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => [
      `${prefix}/${name}`,
      new ort.Tensor('float64', array, shapes[name]),
    ]),
  )
const call = (session: ort.InferenceSession, values: Values) =>
  session.run(
    Object.fromEntries(
      session.inputNames.filter((name) => name in values).map((name) => [name, values[name]]),
    ),
  )

/** Runs exported models for some steps; `more` is what a step is given beside the gradients. */
async function train(
  algorithm: Algorithm,
  options: ExportOptions<object>,
  steps: number,
  more: (k: number) => Readonly<Record<string, number>> = () => ({}),
): Promise<Values> {
  const step = await open(exportStep(algorithm, shapes, { dtype: 'float64', ...options }))
  const init = await open(exportInit(algorithm, shapes, { dtype: 'float64', ...options }))
  let values: Values = tensors('x', start())
  values = { ...values, ...(await call(init, values)) }
  for (let k = 0; k < steps; k++) {
    const scalars = Object.entries(more(k)).map(([name, number]) => [
      name,
      new ort.Tensor('float64', [number], []),
    ])
    const next = await call(step, {
      ...values,
      ...tensors('g', gradients(k)),
      ...Object.fromEntries(scalars),
    })
    for (const [name, tensor] of Object.entries(next)) values[name.slice('next/'.length)] = tensor
  }
  return values
}

/** The same steps on the CPU, by the names of checkpoints. */
async function expected(
  algorithm: Algorithm,
  steps: number,
  options: object = {},
  loss?: (k: number) => number,
) {
  const optimizer = await createOptimizer(algorithm, start(), await cpu(), options)
  for (let k = 0; k < steps; k++) optimizer.step(gradients(k), { loss: loss?.(k) })
  const { tensors } = await optimizer.save({ params: true })
  return { tensors, evaluated: optimizer.evaluated() }
}

function close(
  found: Values,
  wanted: Readonly<Record<string, { readonly data: ArrayLike<number> }>>,
): void {
  for (const [name, { data }] of Object.entries(wanted)) {
    // What is kept for parameters that sit steps out: in a model none does.
    if (/^(sum|decay)\./.test(name)) continue
    const numbers = found[name].data as Float64Array
    expect(numbers.length, name).toBe(data.length)
    for (const [i, number] of Array.from(data).entries())
      expect(Math.abs(numbers[i] - number), `${name}[${i}]`).toBeLessThanOrEqual(
        1e-12 * Math.max(1, Math.abs(number)),
      )
  }
}

const algorithms: readonly Algorithm[] = [
  prodigy({ d0: 0.01, weightDecay: 0.1 }),
  prodigy({ d0: 0.01, sliceP: 3 }),
  adam(),
  dog(),
  ldog(),
  averaged(dog()),
  scheduleFree(adam({ lr: 0.1 })),
] as unknown as Algorithm[]
test.each(algorithms.map((algorithm) => [algorithm.name, algorithm] as const))(
  '%s takes the steps of @freestep/cpu',
  async (_, each) => {
    close(await train(each, {}, 20), (await expected(each, 20)).tensors)
  },
)

test('the loss is an input where it is used', async () => {
  const loss = (k: number) => 1 / (1 + k)
  const algorithm = momo() as unknown as Algorithm
  close(
    await train(algorithm, {}, 10, (k) => ({ loss: loss(k) })),
    (await expected(algorithm, 10, {}, loss)).tensors,
  )
})

test('lr is an input, which starts as it is set; other options are, if asked for', async () => {
  const lr = (k: number) => 0.1 / (1 + k)
  const halved = await train(adam({ lr: 0.1 }) as unknown as Algorithm, {}, 10, (k) => ({
    lr: lr(k),
  }))
  close(halved, (await expected(adam({ lr }) as unknown as Algorithm, 10)).tensors)
  const options = { inputs: ['weightDecay'] }
  const decayed = await train(adam({ lr: 0.1 }) as unknown as Algorithm, options, 10, () => ({
    weightDecay: 0.2,
  }))
  close(
    decayed,
    (await expected(adam({ lr: 0.1, weightDecay: 0.2 }) as unknown as Algorithm, 10)).tensors,
  )
})

test('groups: an lr for each parameter, and parameters that are left out', async () => {
  const algorithm = adam({ lr: 0.1 }) as unknown as Algorithm
  const groups = [{ params: ['b'], lr: 0.5 }] as never
  close(await train(algorithm, { groups }, 10), (await expected(algorithm, 10, { groups })).tensors)
  const { inputNames } = await open(exportStep(algorithm, shapes, { groups }))
  expect(inputNames.filter((name) => name.startsWith('lr'))).toEqual(['lr/W', 'lr/b'])
  const frozen = await open(
    exportStep(algorithm, shapes, { groups: [{ params: ['b'], lr: 0 }] as never }),
  )
  expect(
    [...frozen.inputNames, ...frozen.outputNames].filter((name) => name.endsWith('/b')),
  ).toEqual([])
})

test('the point to evaluate at', async () => {
  const algorithm = scheduleFree(adam({ lr: 0.1 })) as unknown as Algorithm
  const values = await train(algorithm, {}, 10)
  const points = await call(
    await open(exportEvaluated(algorithm, shapes, { dtype: 'float64' })),
    values,
  )
  const { evaluated } = await expected(algorithm, 10)
  close(
    points,
    Object.fromEntries(
      Object.entries(evaluated).map(([name, data]) => [`evaluated/${name}`, { data }]),
    ),
  )
  expect(() => exportEvaluated(adam(), shapes)).toThrow(/evaluated at its parameters themselves/)
})

test('the file says what everything is, and where it starts', () => {
  const { graph, docString, metadataProps, irVersion, opsetImport } = decodeModel(
    exportStep(prodigy({ d0: 0.5 }), { W: [2] }),
  )
  const docs = Object.fromEntries(
    (graph?.input ?? []).map(({ name, docString }) => [name, docString]),
  )
  expect(docs).toEqual({
    'x/W': 'the parameter W',
    'g/W': 'the gradient of W',
    lr: 'the option lr; set to 1',
    'moved/W': 'the state moved of W; starts at 0',
    'm/W': 'the state m of W; starts at 0',
    'v/W': 'the state v of W; starts at 0',
    's/W': 'the state s of W; starts at 0',
    r: 'the state r; starts at 0',
    d: 'the state d; starts at 0.5',
  })
  expect(graph?.output?.map(({ name }) => name)).toContain('next/d')
  expect(docString).toMatch(/^prodigy by freestep: one step\./)
  expect(metadataProps).toContainEqual({ key: 'freestep.first.d', value: '0.5' })
  expect([irVersion, opsetImport]).toEqual([8, [{ domain: '', version: 17 }]])
})

test('half precision: parameters and gradients are halves, states are singles', async () => {
  const session = await open(
    exportStep(adam({ lr: 0.5 }), { W: [2] }, { dtype: 'float16', scalars: 'float32' }),
  )
  const half = (...bits: number[]) => new ort.Tensor('float16', Uint16Array.from(bits), [2])
  const zero = () => new ort.Tensor('float32', new Float32Array(2), [2])
  const single = (value: number) => new ort.Tensor('float32', [value], [])
  const values: Values = {
    'x/W': half(0x3c00, 0xc000),
    'g/W': half(0x3c00, 0xbc00),
    'm/W': zero(),
    'v/W': zero(),
  }
  for (const name of session.inputNames) values[name] ??= single(0)
  const next = await call(session, feeds({ ...values, lr: single(0.5) }))
  // Adam's first step is lr · sign(g): from 1 and −2 to 0.5 and −1.5.
  expect(Array.from(patternsOf(next['next/x/W'].data as Uint16Array))).toEqual([0x3800, 0xbe00])
  expect(next['next/m/W'].type).toBe('float32')
})

test('a higher opset is the same', async () => {
  const bytes = exportStep(adam(), shapes, { opset: 20 })
  expect((await open(bytes)).outputNames.length).toBeGreaterThan(0)
})

test('what cannot be exported is refused', () => {
  const refusal = (f: () => unknown) => {
    try {
      f()
    } catch (error) {
      if (error instanceof FreestepError) return `${error.code}: ${error.message}`
    }
    return 'nothing was refused'
  }
  expect(refusal(() => exportStep(adam(), {}))).toMatch(/^unknown-parameter: /)
  expect(refusal(() => exportStep(adam(), shapes, { inputs: ['lrr'] }))).toMatch(
    /^unknown-option: .* Did you mean "lr"\?/,
  )
  expect(refusal(() => exportStep(adam(), shapes, { inputs: ['betas'] }))).toMatch(
    /^unknown-option: /,
  )
  expect(refusal(() => exportStep(adam(), shapes, { groups: [{ params: ['V'], lr: 1 }] }))).toMatch(
    /^unknown-parameter: /,
  )
})
