// Prediction of the next character as a network: cross-entropy on windows of text.
import * as tf from '@tensorflow/tfjs-core'
import type { Draw, Params } from '../models/layers.ts'
import { crossEntropy, type Network } from './network.ts'
import { SYMBOLS, type Text, windows, windowsAt } from './text.ts'

/** A model of text. */
export interface LanguageModel {
  params(draw: Draw): Params
  /** Scores [rows, symbols] for one-hot symbols of all windows, [rows, symbols]. */
  logits(params: Params, symbols: tf.Tensor2D): tf.Tensor2D
  /**
   * Whether rows go through all windows at one time before the next time, and not window by window.
   */
  readonly timesFirst?: boolean
}

/** How many windows of the held-out text are tested on. */
const TEST = 128

/**
 * The network: the loss of windows drawn for each step; the loss on windows of the held-out text,
 * in nats a character.
 */
export function languageNetwork(
  { params, logits, timesFirst = false }: LanguageModel,
  { train, test }: Text,
  { batch, length, seed }: { batch: number; length: number; seed: number },
): Network {
  const ordered = (symbols: Uint8Array) => {
    if (!timesFirst) return symbols
    const count = symbols.length / length
    return symbols.map((_, at) => symbols[(at % count) * length + Math.floor(at / count)])
  }
  const loss = (weights: Params, { inputs, targets }: ReturnType<typeof windows>) => {
    const symbols = tf.oneHot(tf.tensor1d(Int32Array.from(ordered(inputs)), 'int32'), SYMBOLS)
    return crossEntropy(
      ordered(targets),
      logits(weights, tf.cast(symbols, 'float32') as tf.Tensor2D),
    )
  }
  const starts = Array.from({ length: TEST }, (_, i) =>
    Math.floor((i * (test.length - length - 1)) / TEST),
  )
  return {
    params,
    loss: (weights, k) => loss(weights, windowsAt(train, batch, length, seed, k)),
    test: (weights) => ({ nats: loss(weights, windows(test, starts, length)).dataSync()[0] }),
  }
}
