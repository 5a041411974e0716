/** Every wrapper: functions from an algorithm to an algorithm. */
export { type AveragedOptions, averaged } from './averaged.ts'
export { clipByGlobalNorm } from './clipByGlobalNorm.ts'
export { type MechanicOptions, mechanic } from './mechanic.ts'
export { type ScheduleFreeOptions, scheduleFree } from './scheduleFree.ts'
export { skipNonFinite } from './skipNonFinite.ts'
export { type Wrapping, wrap } from './wrap.ts'
