/**
 * The race: Prodigy and Adam train the same network on the same batches, step by step; whoever is
 * behind is next. Adam can start again at another learning rate at any time, and catches up. Not
 * the worker that it runs in, nor what is drawn.
 */
import { type NamedTensor, prodigy } from '@freestep/tfjs'
import * as tf from '@tensorflow/tfjs-core'
import { type Digits, pixels } from './data.ts'
import { Perceptron } from './network.ts'
import { batchSize, lastStep, type Progress, type Racer } from './protocol.ts'

const classes = 10
const sizes = [pixels, 128, classes] as const

/** How many steps a racer takes in its turn, and after how many the test digits are read. */
const turn = 5
const testEvery = 25

/** What either of the optimizers can do. */
interface Optimizer {
  applyGradients(gradients: NamedTensor[]): void
  dispose(): void
  scalars?(): Promise<Record<string, number>>
}

/** One that races. */
interface Runner {
  readonly network: Perceptron
  readonly optimizer: Optimizer
  step: number
}

/** Digits on the device. */
interface Uploaded {
  readonly x: tf.Tensor2D
  readonly labels: tf.Tensor1D
}

function upload({ images, labels }: Digits): Uploaded {
  const x = tf.tidy(
    () => tf.div(tf.tensor2d(images, [labels.length, pixels], 'float32'), 255) as tf.Tensor2D,
  )
  return { x, labels: tf.tensor1d(labels, 'int32') }
}

/** The race. */
export class Race {
  private readonly train: Uploaded & { readonly y: tf.Tensor2D }
  private readonly test: Uploaded
  private readonly runners: Record<Racer, Runner>
  private rate: number

  constructor(train: Digits, test: Digits, rate: number) {
    this.rate = rate
    const uploaded = upload(train)
    this.train = {
      ...uploaded,
      y: tf.cast(tf.oneHot(uploaded.labels, classes), 'float32') as tf.Tensor2D,
    }
    this.test = upload(test)
    this.runners = {
      prodigy: this.runner('prodigy', prodigy()),
      adam: this.runner('adam', tf.train.adam(rate)),
    }
  }

  private runner(name: Racer, optimizer: Optimizer): Runner {
    return { network: new Perceptron(name, sizes), optimizer, step: 0 }
  }

  /** Adam starts again, unless it has that rate already. Between turns only. */
  setRate(rate: number): void {
    if (rate === this.rate) return
    this.rate = rate
    const { network, optimizer } = this.runners.adam
    network.dispose()
    optimizer.dispose()
    this.runners.adam = this.runner('adam', tf.train.adam(rate))
  }

  /** Whether everybody is there. */
  get finished(): boolean {
    return Object.values(this.runners).every(({ step }) => step >= lastStep)
  }

  /** The next turn, of whoever is behind. */
  async advance(): Promise<Progress> {
    const racer: Racer = this.runners.adam.step < this.runners.prodigy.step ? 'adam' : 'prodigy'
    const runner = this.runners[racer]
    const began = performance.now()
    for (let i = 1; i < turn; i++) this.stepOf(runner).dispose()
    const last = this.stepOf(runner)
    const [loss] = await last.data()
    last.dispose()
    const stepsPerSecond = (1000 * turn) / (performance.now() - began)
    const { d } = (await runner.optimizer.scalars?.()) ?? {}
    const accuracy = runner.step % testEvery === 0 ? await this.accuracy(runner) : undefined
    const rate = racer === 'adam' ? this.rate : undefined
    return { type: 'progress', racer, rate, step: runner.step, loss, d, accuracy, stepsPerSecond }
  }

  /** One step; the loss before it. */
  private stepOf(runner: Runner): tf.Scalar {
    const { x, y } = this.train
    const from = (runner.step * batchSize) % x.shape[0]
    runner.step++
    return tf.tidy(() => {
      const { loss, gradients } = runner.network.gradient(
        tf.slice2d(x, [from, 0], [batchSize, pixels]),
        tf.slice2d(y, [from, 0], [batchSize, classes]),
      )
      runner.optimizer.applyGradients(gradients)
      return loss
    })
  }

  private async accuracy({ network }: Runner): Promise<number> {
    const right = tf.tidy(() =>
      tf.mean(tf.cast(tf.equal(network.readings(this.test.x), this.test.labels), 'float32')),
    )
    const [part] = await right.data()
    right.dispose()
    return part
  }

  /** What Prodigy's network takes the first test digits for. */
  async readings(count: number): Promise<number[]> {
    const found = tf.tidy(() =>
      this.runners.prodigy.network.readings(tf.slice2d(this.test.x, [0, 0], [count, pixels])),
    )
    const readings = Array.from(await found.data())
    found.dispose()
    return readings
  }
}
