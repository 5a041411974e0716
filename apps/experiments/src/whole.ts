// Whole numbers on a command line.
import { InvalidArgumentError } from 'commander'
import { integer } from './format.ts'

/** A parser of whole numbers between two. */
export const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${integer(most)}.`)
  }
