/**
 * One round of training: a batch goes in, a loss comes out, and the running statistics of
 * normalizations move on. Either fused, the update of the parameters being in the graph, or as
 * gradients for an optimizer.
 */
import type { Program } from '@freestep/core'
import type { OrtTensor, OrtTensors } from '../ort.ts'
import type { Callable, Shop } from '../step/sessions.ts'
import { kinds, type Trainable } from './graphs.ts'
import { type Loaded, load } from './sessions.ts'
import { free, tensorFrom } from './tensors.ts'

/** What goes in and out of a model at work. */
export class Round {
  /** The batch of the step under way. */
  batch: OrtTensors = {}
  /** The loss of the last step. */
  loss: OrtTensor | undefined
  /** The running statistics, by their names in checkpoints. */
  readonly statistics: Map<string, OrtTensor>
  private readonly shop: Shop
  private readonly ready: Trainable
  private differentiated: Loaded | undefined

  constructor(shop: Shop, ready: Trainable) {
    this.shop = shop
    this.ready = ready
    const first = [...ready.statistics].map(
      ([name, tensor]) => [`${kinds.statistic}/${name}`, tensorFrom(shop.ort, tensor)] as const,
    )
    this.statistics = new Map(first)
  }

  /** A step of a program with the model in it, as the engine calls it. */
  async step(program: Program, active: readonly number[]): Promise<Callable> {
    const graph = this.ready.step(program, active, this.shop.scalars)
    const loaded = await load(this.shop.ort, 'training', graph, this.shop.options)
    return { call: async (value) => [...(await this.run(loaded, value))], release: loaded.release }
  }

  /** The gradients of the batch at the given parameters. */
  async gradients(parameter: (key: string) => OrtTensor): Promise<ReadonlyMap<string, OrtTensor>> {
    this.differentiated ??= await load(
      this.shop.ort,
      'training',
      this.ready.gradients(),
      this.shop.options,
    )
    return this.run(this.differentiated, parameter)
  }

  /** Runs a graph, keeps the loss and the statistics, and gives the rest. */
  private async run(
    loaded: Loaded,
    value: (key: string) => OrtTensor,
  ): Promise<Map<string, OrtTensor>> {
    const results = await loaded.run(this.batch, (key) => this.statistics.get(key) ?? value(key))
    free(this.loss)
    this.loss = results.get(kinds.loss)
    results.delete(kinds.loss)
    for (const key of this.statistics.keys()) {
      const next = results.get(key)
      if (next) this.replace(key, next)
      results.delete(key)
    }
    return results
  }

  /** Puts a statistic in the place of another, and frees that. */
  replace(key: string, next: OrtTensor): void {
    free(this.statistics.get(key))
    this.statistics.set(key, next)
  }

  async dispose(): Promise<void> {
    for (const tensor of [this.loss, ...this.statistics.values()]) free(tensor)
    await this.differentiated?.release()
  }
}
