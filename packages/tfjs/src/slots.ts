/**
 * The variables an optimizer knows, in the order they came. Core's optimizer wants a record of
 * parameters with unique names; tfjs variables come and go, and are renamed when a model is loaded.
 * A slot is the fixed thing, the variable in it may change. Lists of slots are values: a step that
 * is refused keeps the list it had. What is kept about a slot is the engine's.
 */
import * as tf from '@tensorflow/tfjs-core'
import { type Pairs, pair, pairByName, shapeOf } from './pair.ts'
import { isGone } from './tensors.ts'
import type { SavedVariable } from './weights.ts'

/** The place of one variable. */
export interface Slot {
  /** Unique among the slots, and the same for ever: what states are kept and saved under. */
  readonly name: string
  /** The name that parameter groups know it by. */
  readonly label: string
  /** The live variable, or a stand-in of the same shape while there is none. */
  readonly variable: tf.Variable
  /** Why a stand-in is there: the saved variable was not seen yet, or the variable was disposed. */
  readonly absent?: SavedVariable | 'disposed'
}

/**
 * Slots for saved variables, with the live ones that they are; undefined where that cannot be told.
 */
export function slotsOf(
  saved: readonly SavedVariable[],
  live: readonly tf.Variable[],
): Slot[] | undefined {
  const pairs = saved.length ? pair(saved, live) : (new Map() as Pairs)
  return (
    pairs &&
    saved.map((each) => {
      const { name } = each
      const variable = pairs.get(each)
      return variable
        ? { name, label: name, variable }
        : { name, label: name, variable: standIn(shapeOf(each)), absent: each }
    })
  )
}

/**
 * The slots with these variables among them, in the places that wait for them, or at the end; the
 * same list if all are there. Variables are told apart by identity: a new one of an old name is
 * another one.
 */
export function joined(slots: readonly Slot[], variables: readonly tf.Variable[]): readonly Slot[] {
  const known = new Set(slots.map(({ variable }) => variable))
  return variables.filter((variable) => !known.has(variable)).reduce(join, slots)
}

function join(slots: readonly Slot[], variable: tf.Variable): readonly Slot[] {
  const awaits = ({ absent, variable: { shape } }: Slot) =>
    absent && absent !== 'disposed' && tf.util.arraysEqual(shape, variable.shape) ? absent : []
  const awaited = slots.flatMap(awaits)
  const [saved] = pairByName(awaited, [variable])?.keys() ?? []
  if (saved) {
    const { name } = saved
    return slots.map((slot) => (slot.absent === saved ? { name, label: name, variable } : slot))
  }
  const taken = new Set(slots.map(({ name }) => name))
  let name = variable.name
  for (let i = 2; taken.has(name); i++) name = `${variable.name}#${i}`
  return [...slots, { name, label: variable.name, variable }]
}

/**
 * The slots with stand-ins for variables (and stand-ins) that were disposed; the same list if there
 * are none.
 */
export function swept(slots: readonly Slot[]): readonly Slot[] {
  if (!slots.some(({ variable }) => isGone(variable))) return slots
  const replace = (slot: Slot): Slot => ({
    ...slot,
    variable: standIn(slot.variable.shape),
    absent: slot.absent ?? 'disposed',
  })
  return slots.map((slot) => (isGone(slot.variable) ? replace(slot) : slot))
}

/**
 * Whether the variable of a slot was disposed, for good: a saved one that was not seen yet may
 * still come.
 */
export const isDeserted = ({ variable, absent }: Slot): boolean =>
  absent === 'disposed' || (!absent && isGone(variable))

/** Whether all variables were disposed and none is waited for. */
export const deserted = (slots: readonly Slot[]): boolean =>
  slots.length > 0 && slots.every(isDeserted)

/** Frees the stand-ins that are in the one list and not in the other. */
export function discard(slots: readonly Slot[], kept: readonly Slot[] = []): void {
  const used = new Set(kept.map(({ variable }) => variable))
  for (const { variable, absent } of slots) if (absent && !used.has(variable)) variable.dispose()
}

/** A variable that stands for one that is not there: never trained, never written. */
const standIn = (shape: readonly number[]) =>
  tf.tidy(() => tf.variable(tf.zeros([...shape]), false))
