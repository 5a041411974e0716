// The experiments, in the order of the talk.
import type { Experiment } from '../experiment.ts'
import { convex } from './convex.ts'
import { lstmExperiment } from './lstm.ts'
import { normalization } from './normalization.ts'
import { openQuestions } from './openQuestions.ts'
import { prehistory } from './prehistory.ts'
import { reconstruction } from './reconstruction.ts'
import { transformer } from './transformer.ts'
import { vision } from './vision.ts'
import { vitExperiment } from './vit.ts'

/** All of them. */
export const experiments: readonly Experiment[] = [
  normalization,
  prehistory,
  convex,
  vision,
  lstmExperiment,
  transformer,
  vitExperiment,
  reconstruction,
  openQuestions,
]
