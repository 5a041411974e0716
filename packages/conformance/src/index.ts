/**
 * \@freestep/conformance: the tests that every backend of freestep passes, for the authors of
 * backends.
 *
 * @packageDocumentation
 */
import type { MaybePromise } from '@freestep/core'
import { describe } from 'vitest'
import { type Create, eachPrecision, type TestBackendOptions } from './kit.ts'
import { ops } from './layers/1-ops.ts'
import { sums } from './layers/2-sums.ts'
import { trajectories } from './layers/3-trajectories.ts'
import { moved } from './layers/4-moved.ts'
import { range } from './layers/5-range.ts'
import { contract } from './layers/6-contract.ts'
import { compare } from './layers/7-compare.ts'
import { reference } from './reference.ts'

export { chaotic, loadGolden, runTrajectory } from './goldens.ts'
export type { Create, TestBackendOptions } from './kit.ts'
export { arrival, type Noise } from './layers/5-range.ts'
export { compareBackends } from './layers/7-compare.ts'
export { type Chance, chance, draws, generator } from './numbers.ts'
export { type Problem, problems, quad } from './problems.ts'
export { quick, some } from './quick.ts'
export type { Golden, GoldenFile, Recording, Trajectory } from './recording.ts'
export { type ReferenceTensor, reference } from './reference.ts'
export { goldenReport, type Report, type ReportLine } from './report.ts'
export type { Row, Scale } from './row.ts'
export type { Dtype, Stack, Tensors } from './session.ts'
export { leftOutFiles, table } from './table.ts'

/**
 * Registers all tests of a backend with vitest, at each of its precisions: operations, sums,
 * trajectories against recordings, precision far from the origin, the range of single precision,
 * the contract of core, and the same steps as a reference written for clarity alone.
 *
 * @param name - what the tests are called
 * @param create - makes the backend for a precision
 * @param options - how to make, read and free tensors; all else may be left out
 */
export function testBackend<P, Done extends MaybePromise<void> = void>(
  name: string,
  create: Create<P, Done>,
  options: TestBackendOptions<P>,
): void {
  eachPrecision(name, create, options, (kit) => {
    describe('operations', () => ops(kit))
    describe('sums', () => sums(kit))
    describe('trajectories', () => trajectories(kit))
    describe('far from the origin', () => moved(kit))
    if (kit.dtype === 'float32') describe('range', () => range(kit))
    describe('contract', () => contract(kit))
    describe('the same steps as the reference', () => compare(kit, () => reference(kit.dtype)))
  })
}
