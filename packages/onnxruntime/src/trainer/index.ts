/** Training of ONNX models: the trainer and its losses. */
export type { Batch } from './batch.ts'
export {
  binaryCrossEntropy,
  type CrossEntropyOptions,
  type Loss,
  type LossOptions,
  type LossScope,
  meanSquaredError,
  softmaxCrossEntropy,
} from './losses.ts'
export type { TrainerOptions } from './options.ts'
export { createTrainer, type Evaluation, type Trainer } from './trainer.ts'
