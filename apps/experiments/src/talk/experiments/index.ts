// The experiments, in the order of the talk.
import type { Experiment } from '../experiment.ts'
import { convex } from './convex.ts'
import { normalization } from './normalization.ts'
import { prehistory } from './prehistory.ts'

/** All of them. */
export const experiments: readonly Experiment[] = [normalization, prehistory, convex]
