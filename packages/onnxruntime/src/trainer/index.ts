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
export { createTrainer, type Evaluation, type Trainer, type TrainerOptions } from './trainer.ts'
