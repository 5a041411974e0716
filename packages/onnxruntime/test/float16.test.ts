/**
 * Tensors of float16, as hosts have them: patterns in a Uint16Array, and, where there is one (Node
 * 24), a Float16Array. All of these tests run on each version of Node (scripts/nodes.mjs).
 */
import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { patternsOf } from '../src/float16.ts'
import {
  adam,
  type Batch,
  createTrainer,
  encodeModel,
  exportStep,
  feeds,
  type HalfArray,
  sgd,
} from '../src/index.ts'
import { model, node, tensorProto, valueInfo } from '../src/onnx/index.ts'
import { modest } from './sessions.ts'

const { Float16Array } = globalThis as {
  Float16Array?: { from(numbers: Iterable<number>): HalfArray }
}
const sessionOptions = modest

/** The patterns of a tensor, whichever array it has. */
const patterns = ({ data }: { readonly data: unknown }) =>
  Array.from(patternsOf(data as Uint16Array))
const tensorOf = (data: unknown, dims: readonly number[]) =>
  new ort.Tensor('float16', data as Uint16Array, dims)

/** 1, −2, ½ and 65504, the largest; their patterns from the definition of IEEE 754. */
const numbers = [1, -2, 0.5, 65504]
const bits = Uint16Array.of(0x3c00, 0xc000, 0x3800, 0x7bff)
/** The same numbers in every way that this host has. */
const ways: readonly (readonly [string, () => Uint16Array | HalfArray])[] = [
  ['a Uint16Array', () => bits.slice()],
  ...(Float16Array ? [['a Float16Array', () => Float16Array.from(numbers)] as const] : []),
]

it('a Float16Array is there, or ONNX Runtime has patterns', () => {
  const { data } = tensorOf(bits.slice(), [4])
  expect(Object.prototype.toString.call(data)).toBe(
    Float16Array ? '[object Float16Array]' : '[object Uint16Array]',
  )
})

describe.each(ways)('tensors of %s', (_, make) => {
  it('are taken by sessions, in their own memory', async () => {
    const graph = {
      name: 'negative',
      node: [node('Neg', ['x'], ['y'])],
      input: [valueInfo('x', 'float16', [4])],
      output: [valueInfo('y', 'float16', [4])],
    }
    const session = await ort.InferenceSession.create(
      encodeModel(model(graph)),
      sessionOptions as object,
    )
    const array = make()
    const given = feeds({ x: tensorOf(array, [4]) })
    expect((given.x.data as Uint16Array).buffer).toBe(array.buffer)
    expect(given.x).toBeInstanceOf(ort.Tensor)
    const { y } = await session.run(given)
    expect(patterns(y)).toEqual(Array.from(bits, (each) => each ^ 0x8000))
  })

  it('take an exported step', async () => {
    const bytes = exportStep(
      adam({ lr: 0.5 }),
      { W: [4] },
      { dtype: 'float16', scalars: 'float32' },
    )
    const session = await ort.InferenceSession.create(bytes, sessionOptions as object)
    const zero = () => new ort.Tensor('float32', new Float32Array(4), [4])
    const values: Record<string, ort.Tensor> = { 'm/W': zero(), 'v/W': zero() }
    for (const name of session.inputNames) values[name] ??= new ort.Tensor('float32', [0], [])
    Object.assign(values, { 'x/W': tensorOf(make(), [4]), 'g/W': tensorOf(make(), [4]) })
    const next = await session.run(feeds({ ...values, lr: new ort.Tensor('float32', [0.5], []) }))
    // Adam's first step is lr · sign(g): to ½, −1.5 and 0; 65504 has neighbours that are 32 apart.
    expect(patterns(next['next/x/W']).slice(0, 2)).toEqual([0x3800, 0xbe00])
    expect(patterns(next['next/x/W'])[3]).toBe(0x7bff)
    expect(next['next/m/W'].type).toBe('float32')
  })
})

/** loss = Σ (s (w x))², where x and s are halves, as is what is between: all of it exact. */
const network = model({
  name: 'halves',
  node: [
    node('Cast', ['w'], ['w16'], { to: 10 }),
    node('Mul', ['w16', 'x'], ['wx']),
    node('Mul', ['wx', 's'], ['swx']),
    node('Pow', ['swx', 'two'], ['squares']),
    node('Cast', ['squares'], ['q'], { to: 1 }),
    node('ReduceSum', ['q'], ['loss'], { keepdims: 0 }),
  ],
  initializer: [
    tensorProto('w', 'float32', [1], [0.5]),
    tensorProto('s', 'float16', [1], [3]),
    tensorProto('two', 'float16', [], [2]),
  ],
  input: [valueInfo('x', 'float16', ['n'])],
  output: [valueInfo('loss', 'float32', []), valueInfo('swx', 'float16', ['n'])],
})

describe('a trainer', () => {
  const x = [1, -2, 0.5]
  const some = <T extends Uint16Array | HalfArray>(array: T) =>
    (array as Uint16Array).slice(0, 3) as T
  const batches: readonly (readonly [string, () => Batch[string]])[] = [
    ['numbers', () => x],
    ['a Float32Array', () => Float32Array.from(x)],
    ...ways.map(([name, make]) => [name, () => some(make())] as const),
    ...ways.map(
      ([name, make]) => [`a tensor of ${name}`, () => tensorOf(some(make()), [3])] as const,
    ),
  ]

  it.each(batches)('takes %s for float16, and has gradients through it', async (_, make) => {
    const trainer = await createTrainer({
      ort,
      model: network,
      loss: 'loss',
      optimizer: sgd({ lr: 0.01 }),
      sessionOptions,
    })
    // Σ (3 w x)² = 9 w² Σ x² with Σ x² = 5.25, so the gradient is 18 w · 5.25.
    expect(await trainer.step({ x: make() })).toBe(9 * 0.25 * 5.25)
    expect((trainer.params.w.data as Float32Array)[0]).toBeCloseTo(0.5 - 0.01 * 18 * 0.5 * 5.25, 6)
    const { outputs } = await trainer.evaluate({ x: make() })
    expect(outputs.swx.dims).toEqual([3])
    await trainer.dispose()
  })
})
