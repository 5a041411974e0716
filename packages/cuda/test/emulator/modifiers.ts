/**
 * The modifiers of an instruction, taken one by one; what nobody takes is not known. Not operands.
 */
import { type Type, typeOf } from './syntax.ts'
import type { Writer } from './writer.ts'

/** Reads the modifiers of the instruction that a writer prints. */
export class Modifiers {
  private readonly w: Writer
  private readonly left: string[]

  constructor(w: Writer) {
    this.w = w
    this.left = [...w.instruction.modifiers]
  }

  /** Takes a modifier, if it is there. */
  has(name: string): boolean {
    const at = this.left.indexOf(name)
    if (at < 0) return false
    this.left.splice(at, 1)
    return true
  }

  /** Takes whichever of some modifiers is there. */
  one<const Name extends string>(...names: readonly Name[]): Name | undefined {
    return names.find((name) => this.has(name))
  }

  /** The same; one must be there. */
  need<const Name extends string>(...names: readonly Name[]): Name {
    const found = this.one(...names)
    if (found === undefined) throw this.w.error(`it needs one of .${names.join(' .')}`)
    return found
  }

  /** Takes every modifier that a pattern matches. */
  drop(pattern: RegExp): void {
    for (const name of this.left.filter((each) => pattern.test(each))) this.has(name)
  }

  /** Takes the first type, of one of some kinds and widths (`u s 32 64`). */
  type(...allowed: readonly (Type['kind'] | number)[]): Type {
    const name = this.left.find((each) => typeOf(each))
    const type = name === undefined ? undefined : typeOf(name)
    if (name === undefined || !type) throw this.w.error('it needs a type')
    const kinds = allowed.filter((each) => typeof each === 'string')
    const widths = allowed.filter((each) => typeof each === 'number')
    const fits =
      (!kinds.length || kinds.includes(type.kind)) && (!widths.length || widths.includes(type.bits))
    if (!fits) throw this.w.error(`.${name} is no type that is known for it here`)
    this.has(name)
    return type
  }

  /** The type that the last modifier names. */
  get last(): Type | undefined {
    return typeOf(this.left.at(-1) ?? '')
  }

  /** Refuses what is left. */
  end(): void {
    if (this.left.length) throw this.w.error(`.${this.left[0]} is not known here`)
  }
}
