/**
 * Layer 6: what core promises its callers on every backend: refused calls change nothing,
 * parameters that take no part stay, groups mean what they say, how R^p is cut into tensors does
 * not matter, and a checkpoint continues where it was made. Not the numbers of single algorithms,
 * which the recordings check.
 */
import type { MaybePromise } from '@freestep/core'
import type { Kit } from '../kit.ts'
import { checkpoints } from './6-contract/checkpoints.ts'
import { groups } from './6-contract/groups.ts'
import { participation } from './6-contract/participation.ts'
import { refusals } from './6-contract/refusals.ts'
import { space } from './6-contract/space.ts'

/** Registers the layer. */
export function contract<P, Done extends MaybePromise<void>>(kit: Kit<P, Done>): void {
  refusals(kit)
  participation(kit)
  groups(kit)
  space(kit)
  checkpoints(kit)
}
