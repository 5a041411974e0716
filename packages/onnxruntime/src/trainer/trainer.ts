/**
 * createTrainer: a forward ONNX model, an algorithm and ONNX Runtime become something that learns.
 * A step is one run of one session, whose graph has the model, its gradients and the update in it;
 * parameters and states stay where the session runs. The steps of the algorithm are core's and the
 * engine's of ../step; here are the model, the batches and the loss.
 */
import {
  type Algorithm,
  type Checkpoint,
  createOptimizer,
  FreestepError,
  type LoadOptions,
  type Named,
  type Optimizer,
} from '@freestep/core'
import { Line, lineOf } from '../line.ts'
import { decodeModel, encodeModel, type ModelProto } from '../onnx/index.ts'
import type { OrtTensor, OrtTensors } from '../ort.ts'
import { backendOf, shopOf } from '../step/backend.ts'
import { type Shop, settled } from '../step/sessions.ts'
import { type Batch, tensorsOf } from './batch.ts'
import { inferenceForm, withWeights } from './forms.ts'
import { kinds, Trainable } from './graphs.ts'
import { chosen, type TrainerOptions } from './options.ts'
import { Round } from './round.ts'
import { type Loaded, load } from './sessions.ts'
import { bytesOf, free, numbersOf, tensorFrom, tensorLike } from './tensors.ts'

/** What {@link Trainer.evaluate} finds. */
export interface Evaluation {
  /** The loss, where the batch has all that it takes. */
  readonly loss: number | undefined
  /** The model's outputs, on the CPU. */
  readonly outputs: OrtTensors
}

/** A model that learns. */
export interface Trainer {
  /** How many steps were taken. */
  readonly steps: number
  /** The parameters by name; the next step replaces them by others. */
  readonly params: Named<OrtTensor>
  /**
   * Takes a step on a batch, and gives the loss of the parameters before it. Dropout is off.
   *
   * @param options - `read: false` leaves the loss where it is and gives NaN: on a GPU a step then
   * waits for nothing
   * @throws FreestepError `bad-batch`, `bad-shape`, `bad-dtype` for a batch that does not fit;
   * nothing has changed then
   */
  step(batch: Batch, options?: { readonly read?: boolean }): Promise<number>
  /** The model's outputs and its loss on a batch, as in inference and at the parameters to evaluate at; outputs that the batch does not
   * suffice for are left out. */
  evaluate(batch: Batch): Promise<Evaluation>
  /** The algorithm's single numbers by the paper's names (`d`, …). */
  scalars(): Promise<Record<string, number>>
  /**
   * Everything that is needed to continue: parameters, states, statistics. `toSafetensors` makes
   * bytes of it.
   */
  save(): Promise<Checkpoint>
  /**
   * Continues from what `save` gave.
   *
   * @throws FreestepError `bad-checkpoint` where it is not of this model and algorithm; nothing has
   * changed then
   */
  load(checkpoint: Checkpoint, options?: LoadOptions): Promise<void>
  /** The forward model with what was learned: the content of an .onnx file. */
  exportModel(): Promise<Uint8Array>
  /** Frees sessions, parameters and states. */
  dispose(): Promise<void>
}

type OrtOptimizer = Optimizer<OrtTensor, Promise<void>>

/**
 * Makes a trainer.
 *
 * @throws FreestepError `unsupported` for an operator without a gradient, naming it and the node;
 * `bad-model`, `bad-shape` for a loss that is no scalar, `unknown-parameter`, `bad-dtype` for
 * parameters that can't be trained. Nothing was run then.
 */
export async function createTrainer<A extends Algorithm>(
  options: TrainerOptions<A>,
): Promise<Trainer> {
  const {
    model: source,
    optimizer: algorithm,
    loss,
    groups,
    splitGroups,
    fused = !splitGroups,
    ...rest
  } = chosen(options)
  if (fused && splitGroups)
    throw new FreestepError(
      'onnxruntime',
      'bad-option',
      'With splitGroups there are several steps. Leave fused out, or give fused: false.',
    )
  const model = inferenceForm(source instanceof Uint8Array ? decodeModel(source) : source)
  const { parameters, frozen, dimensions } = rest
  const ready = new Trainable({ model, loss, parameters, frozen, dimensions })
  const shop = await lineOf(rest.ort).next(() => settled(shopOf(rest)))
  const round = new Round(shop, ready)
  const backend = backendOf(
    fused ? { ...shop, step: (program, active) => round.step(program, active) } : shop,
  )
  const params = Object.fromEntries(
    [...ready.parameters].map(([name, tensor]) => [name, tensorFrom(shop.ort, tensor)]),
  )
  const optimizer = await createOptimizer(algorithm, params, backend, {
    ...(groups && { groups }),
    splitGroups,
  })
  return new OrtTrainer({ model, ready, shop, round, optimizer, fused })
}

interface Parts {
  readonly model: ModelProto
  readonly ready: Trainable
  readonly shop: Shop
  readonly round: Round
  readonly optimizer: OrtOptimizer
  readonly fused: boolean
}

class OrtTrainer implements Trainer {
  private readonly parts: Parts
  /** Steps and everything that looks at their results, in the order in which it was asked for. */
  private readonly line = new Line()
  /** The evaluations by what of the batch they use. */
  private readonly evaluations = new Map<string, Loaded>()
  private disposed = false

  constructor(parts: Parts) {
    this.parts = parts
  }

  get steps(): number {
    return this.parts.optimizer.steps
  }

  get params(): Named<OrtTensor> {
    return this.parts.optimizer.params
  }

  private next<T>(f: () => Promise<T>): Promise<T> {
    if (this.disposed)
      return Promise.reject(
        new FreestepError(
          'onnxruntime',
          'disposed',
          'This trainer was disposed of. Create a new one.',
        ),
      )
    return this.line.next(f)
  }

  async step(batch: Batch, { read = true } = {}): Promise<number> {
    const { ready, shop, round } = this.parts
    const tensors = tensorsOf(shop.ort, ready.training, batch)
    return this.next(async () => {
      round.batch = tensors
      const before = round.loss
      await (this.parts.fused ? this.fusedStep() : this.stepByGradients())
      // With every learning rate at 0 nothing had to be run.
      if (round.loss === before)
        return read ? ((await this.evaluation(tensors)).loss ?? Number.NaN) : Number.NaN
      return read && round.loss ? (await numbersOf(round.loss))[0] : Number.NaN
    })
  }

  /**
   * Core asks for gradients, which are in the graph: the parameters stand for them. The same goes
   * for the loss.
   */
  private fusedStep(): Promise<void> {
    const { optimizer } = this.parts
    return optimizer.step(optimizer.params, { loss: 0 })
  }

  private async stepByGradients(): Promise<void> {
    const { optimizer, round, shop } = this.parts
    const params = optimizer.params
    const gradients = await lineOf(shop.ort).next(() =>
      round.gradients((key) => params[nameIn(key)]),
    )
    const named = [...gradients].map(([key, tensor]) => [nameIn(key), tensor])
    await optimizer.step(Object.fromEntries(named), round.loss && { loss: round.loss })
    for (const tensor of gradients.values()) free(tensor)
  }

  async evaluate(batch: Batch): Promise<Evaluation> {
    const { ready, shop } = this.parts
    const tensors = tensorsOf(shop.ort, ready.batch, batch, true)
    return this.next(() => this.evaluation(tensors))
  }

  private async evaluation(tensors: OrtTensors): Promise<Evaluation> {
    const { shop, round, optimizer } = this.parts
    const loaded = await this.evaluating(tensors)
    const point = await optimizer.evaluated()
    const results = await lineOf(shop.ort).next(() =>
      loaded.run(tensors, (key) => round.statistics.get(key) ?? point[nameIn(key)]),
    )
    for (const [name, tensor] of Object.entries(point))
      if (tensor !== optimizer.params[name]) free(tensor)
    const loss = results.get(kinds.loss)
    results.delete(kinds.loss)
    return {
      loss: loss && (await numbersOf(loss))[0],
      outputs: Object.fromEntries([...results].map(([key, tensor]) => [nameIn(key), tensor])),
    }
  }

  /** The session that evaluates what a batch suffices for. */
  private async evaluating(batch: OrtTensors): Promise<Loaded> {
    const { shop, ready } = this.parts
    const given = ready.batch.map(({ name }) => name).filter((name) => batch[name] !== undefined)
    const key = given.join()
    const known = this.evaluations.get(key)
    if (known) return known
    const graph = ready.evaluation(new Set(given))
    if ('missing' in graph)
      throw new FreestepError(
        'onnxruntime',
        'bad-batch',
        `The batch has no "${graph.missing.join('", "')}". Give what the model takes.`,
      )
    const options = { ...shop.options, preferredOutputLocation: 'cpu' as const }
    const loaded = await lineOf(shop.ort).next(() => load(shop.ort, 'evaluation', graph, options))
    this.evaluations.set(key, loaded)
    return loaded
  }

  scalars(): Promise<Record<string, number>> {
    return this.next(() => this.parts.optimizer.scalars())
  }

  save(): Promise<Checkpoint> {
    return this.next(async () => {
      const checkpoint = await this.parts.optimizer.save({ params: true })
      const statistics = [...this.parts.round.statistics].map(
        async ([key, tensor]) =>
          [key, { shape: tensor.dims, data: (await numbersOf(tensor)).slice() }] as const,
      )
      return {
        ...checkpoint,
        tensors: { ...checkpoint.tensors, ...Object.fromEntries(await Promise.all(statistics)) },
      }
    })
  }

  load(checkpoint: Checkpoint, options?: LoadOptions): Promise<void> {
    return this.next(async () => {
      const { optimizer, round, shop } = this.parts
      const statistics = [...round.statistics].map(([key, tensor]) => {
        const data = checkpoint.tensors[key]?.data
        const size = tensor.dims.reduce((product, each) => product * each, 1)
        if (data?.length === size) return [key, tensorLike(shop.ort, tensor, data)] as const
        throw new FreestepError(
          'onnxruntime',
          'bad-checkpoint',
          `The checkpoint has ${data ? `${data.length} numbers` : 'nothing'} as "${key}", and the model ${size}. Give one of this model.`,
        )
      })
      const others = Object.entries(checkpoint.tensors).filter(
        ([key]) => !round.statistics.has(key),
      )
      await optimizer.load({ ...checkpoint, tensors: Object.fromEntries(others) }, options)
      for (const [key, tensor] of statistics) round.replace(key, tensor)
    })
  }

  exportModel(): Promise<Uint8Array> {
    return this.next(async () => {
      const { optimizer, round, model } = this.parts
      const point = await optimizer.evaluated()
      const learned = [
        ...Object.entries(point),
        ...[...round.statistics].map(([key, tensor]) => [nameIn(key), tensor] as const),
      ]
      const weights = await Promise.all(
        learned.map(async ([name, tensor]) => [name, await bytesOf(tensor)] as const),
      )
      const bytes = encodeModel(withWeights(model, new Map(weights)))
      for (const [name, tensor] of Object.entries(point))
        if (tensor !== optimizer.params[name]) free(tensor)
      return bytes
    })
  }

  async dispose(): Promise<void> {
    if (this.disposed) return
    const done = this.next(async () => {
      const { optimizer, round } = this.parts
      const params = Object.values(optimizer.params)
      optimizer.dispose()
      await lineOf(this.parts.shop.ort).next(async () => {
        for (const tensor of params) free(tensor)
        await round.dispose()
        for (const each of this.evaluations.values()) await each.release()
      })
    })
    this.disposed = true
    await done
  }
}

/** The model's name for what the trainer calls `kind/name`. */
const nameIn = (key: string) => key.slice(key.indexOf('/') + 1)
