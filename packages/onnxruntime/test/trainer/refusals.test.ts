import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import * as freestep from '../../src/index.ts'
import {
  type Algorithm,
  createTrainer,
  encodeModel,
  type ModelProto,
  prodigy,
} from '../../src/index.ts'
import { node, tensorProto, valueInfo } from '../../src/onnx/index.ts'
import { modest } from '../sessions.ts'
import { batch, data, network } from './regression.ts'

const sessionOptions = modest
describe('bad input', () => {
  const options = { ort, model: network, loss: 'loss', optimizer: prodigy(), sessionOptions }
  const withNode = (given: ModelProto, ...more: ReturnType<typeof node>[]): ModelProto => ({
    ...given,
    graph: {
      ...given.graph,
      node: [...(given.graph?.node ?? []), ...more],
      output: [valueInfo('loss2', 'float32', [])],
    },
  })
  it.each([
    [
      'a truncated model',
      { model: encodeModel(network).subarray(0, 200) },
      'bad-model',
      /ends in the middle/,
    ],
    ['no model', { model: new Uint8Array(10) }, 'bad-model', /content of an \.onnx file/],
    [
      'an operator without a gradient',
      {
        model: withNode(
          network,
          node('Det', ['y'], ['q'], {}, 'culprit'),
          node('ReduceSum', ['q'], ['loss2'], { keepdims: 0 }),
        ),
        loss: 'loss2',
      },
      'unsupported',
      /operator Det, .*\(node Det "culprit"\)/,
    ],
    [
      'an operator of others',
      {
        model: withNode(network, { ...node('Fancy', ['loss'], ['loss2']), domain: 'com.example' }),
        loss: 'loss2',
      },
      'unsupported',
      /operator com\.example\.Fancy/,
    ],
    ['a loss that is no scalar', { loss: 'y' }, 'bad-shape', /"y" has shape \[n, 1\]/],
    [
      'a loss that is not there',
      { loss: 'los' },
      'bad-option',
      /no value "los"\. Did you mean "loss"\?/,
    ],
    ['no word on the loss', { loss: undefined }, 'bad-option', /2 outputs\. Say which is the loss/],
    [
      'a parameter that is not there',
      { parameters: ['w'] },
      'unknown-parameter',
      /no initializer "w"/,
    ],
    ['a name that can not be frozen', { frozen: ['w'] }, 'unknown-parameter', /no initializer "w"/],
    [
      'a parameter that is listed twice',
      { parameters: ['W', 'b', 'W'] },
      'bad-option',
      /`parameters` has "W" twice/,
    ],
    ['a name that is frozen twice', { frozen: ['W', 'W'] }, 'bad-option', /`frozen` has "W" twice/],
    [
      'a parameter that is frozen, too',
      { parameters: ['W', 'b'], frozen: ['b'] },
      'bad-option',
      /"b" is in `parameters` and/,
    ],
    [
      'a model with two tensors of one name',
      {
        model: {
          ...network,
          graph: {
            ...network.graph,
            initializer: [
              ...(network.graph?.initializer ?? []),
              tensorProto('W', 'float32', [3, 8], Array(24).fill(0)),
            ],
          },
        },
      },
      'bad-model',
      /two initializers "W"/,
    ],
    ['nothing to train', { frozen: () => true }, 'unknown-parameter', /depends on no parameter/],
    [
      'an integer parameter',
      {
        model: {
          ...network,
          graph: {
            ...network.graph,
            initializer: [
              ...(network.graph?.initializer ?? []),
              tensorProto('k', 'int64', [1], [2]),
            ],
          },
        },
        parameters: ['k'],
      },
      'bad-dtype',
      /"k" is of type int64/,
    ],
    [
      'an option that is none',
      { optimiser: prodigy() },
      'unknown-option',
      /no option "optimiser"\. Did you mean "optimizer"/,
    ],
    [
      'no algorithm',
      { optimizer: prodigy },
      'bad-option',
      /optimizer is the factory prodigy, which was not called/,
    ],
    [
      'a list for a name',
      { loss: ['loss'] },
      'bad-option',
      /option loss is .*Give the name of an output/,
    ],
    ['a name for a list', { frozen: 'W' }, 'bad-option', /frozen is "W"\. Give a list of names/],
    [
      'no model',
      { model: undefined },
      'bad-option',
      /model is missing\. Give the bytes of an \.onnx file/,
    ],
    [
      'an old opset',
      { model: { ...network, opsetImport: [{ version: 9 }] } },
      'bad-model',
      /opset 9/,
    ],
    [
      'nodes that are not in order',
      {
        model: {
          ...network,
          graph: { ...network.graph, node: [...(network.graph?.node ?? [])].reverse() },
        },
      },
      'bad-model',
      /takes "d2", which no node before it gives/,
    ],
  ])('%s is refused', async (_, wrong, code, message) => {
    const made = createTrainer({ ...options, ...wrong } as freestep.TrainerOptions<Algorithm>)
    await expect(made).rejects.toMatchObject({
      name: 'FreestepError',
      code,
      message: expect.stringMatching(message),
    })
  })

  it('options of a loss, a gradient or an exported step that are none are refused', () => {
    const shapes = { w: [2] }
    const calls: readonly (readonly [() => unknown, string])[] = [
      [() => freestep.meanSquaredError({ traget: 't' } as never), 'Did you mean "target"?'],
      [
        () => freestep.softmaxCrossEntropy({ axis: 'last' } as never),
        'softmaxCrossEntropy: option axis is "last".',
      ],
      [() => freestep.binaryCrossEntropy('t' as never), 'binaryCrossEntropy takes options by name'],
      [() => freestep.gradient(network, { losses: 'loss' } as never), 'Did you mean "loss"?'],
      [
        () => freestep.exportStep(prodigy(), shapes, { opset: 16 }),
        'exportStep: option opset is 16. Give an integer ≥ 17.',
      ],
      [
        () => freestep.exportInit(prodigy(), shapes, { input: ['lr'] } as never),
        'Did you mean "inputs"?',
      ],
    ]
    for (const [call, words] of calls) expect(call).toThrow(words)
  })

  it('a batch that does not fit is refused, and changes nothing', async () => {
    const trainer = await createTrainer(options)
    const { x, t } = batch(0)
    const refusals: readonly (readonly [freestep.Batch, string, RegExp])[] = [
      [{ x }, 'bad-batch', /has no "t"\. Give all of: x, t/],
      [{ x, t, y: t }, 'bad-batch', /has "y", which the model does not take/],
      [
        { x: x.subarray(1), t },
        'bad-shape',
        /"x" of the batch has 47 numbers, which do not fill the shape \[n, 3\]/,
      ],
      [{ x, t: t.subarray(1) }, 'bad-shape', /The size "n" is 16 in "x" and 15 in "t"/],
      [
        { x: new ort.Tensor('float32', x, [3, 16]), t },
        'bad-shape',
        /"x" of the batch has shape \[3, 16\], and the model takes \[n, 3\]/,
      ],
      [{ x: new ort.Tensor('float32', x, [48]), t }, 'bad-shape', /has shape \[48\]/],
      [
        { x: new ort.Tensor('float64', Float64Array.from(x), [16, 3]), t },
        'bad-dtype',
        /is of float64, and the model takes float32/,
      ],
    ]
    const before = data(trainer.params.W)
    for (const [wrong, code, message] of refusals) {
      const refusal = { name: 'FreestepError', code, message: expect.stringMatching(message) }
      await expect(trainer.step(wrong)).rejects.toMatchObject(refusal)
    }
    expect(trainer.steps).toBe(0)
    expect(data(trainer.params.W)).toEqual(before)
    await expect(trainer.evaluate({ t })).rejects.toThrow(/has no "x"/)
    await expect(trainer.evaluate({ x, tt: t })).rejects.toThrow(
      /has "tt", which the model does not take\. Known: x, t/,
    )
    expect(await trainer.step(batch(0))).toBeGreaterThan(0)
    await trainer.dispose()
    await expect(trainer.step(batch(0))).rejects.toMatchObject({ code: 'disposed' })
    await trainer.dispose()
  })

  it('what fails in the session is told, and changes nothing', async () => {
    // The model does not say how many columns x has, so only the session can know.
    const input = [
      valueInfo('x', 'float32', ['rows', 'columns']),
      valueInfo('t', 'float32', ['n', 1]),
    ]
    const free = { ...network, graph: { ...network.graph, input } }
    const trainer = await createTrainer({ ...options, model: free })
    const wrong = {
      x: new ort.Tensor('float32', batch(0).x, [12, 4]),
      t: new ort.Tensor('float32', batch(0).t, [16, 1]),
    }
    await expect(trainer.step(wrong)).rejects.toThrow(
      /ONNX Runtime failed to run the model for training.*Nothing has changed/s,
    )
    expect(trainer.steps).toBe(0)
    const right = {
      x: new ort.Tensor('float32', batch(0).x, [16, 3]),
      t: new ort.Tensor('float32', batch(0).t, [16, 1]),
    }
    expect(await trainer.step(right)).toBeGreaterThan(0)
    await trainer.dispose()
  })
})
