/**
 * Where the variables of a kernel lie in parameter, shared and local memory. Variables of shared
 * memory lie apart, so that running over the end of one is noticed; what they would take on a
 * device is reckoned without the gaps.
 */
import type { Kernel, Variable } from './syntax.ts'

/** A variable in its memory. */
export interface Placed {
  readonly variable: Variable
  readonly from: number
  readonly to: number
}

/** Where everything lies. */
export interface Layout {
  readonly placed: readonly Placed[]
  /** The offset of a variable; undefined for those of global and constant memory. */
  readonly offsetOf: (variable: Variable) => number | undefined
  /** Bytes of parameters. */
  readonly parameters: number
  /** Bytes of shared memory on a device, without the dynamic part. */
  readonly shared: number
  /** Bytes of local memory of a thread. */
  readonly local: number
  /** Where dynamic shared memory begins. */
  readonly dynamic: number
}

const upTo = (at: number, align: number) => Math.ceil(at / align) * align
/** Shared memory begins here: an address of 0 is a mistake. */
const sharedStart = 1024

/** Lays out the variables that a kernel can name. */
export function layoutOf(kernel: Kernel, outside: readonly Variable[]): Layout {
  const placed: Placed[] = []
  const put = (list: readonly Variable[], start: number, gap: number) => {
    let at = start
    for (const variable of list) {
      const from = upTo(at, Math.max(variable.align, gap))
      placed.push({ variable, from, to: from + variable.bytes })
      at = from + variable.bytes + gap
    }
    return at
  }
  const shared = [...outside, ...kernel.variables].filter(({ space }) => space === 'shared')
  const parameters = put(kernel.parameters, 0, 0)
  const end = put(
    shared.filter(({ bytes }) => bytes),
    sharedStart,
    16,
  )
  const local = put(
    kernel.variables.filter(({ space }) => space === 'local'),
    16,
    16,
  )
  const dynamic = upTo(end, 256)
  for (const variable of shared.filter(({ bytes }) => !bytes))
    placed.push({ variable, from: dynamic, to: dynamic })
  const offsets = new Map(placed.map(({ variable, from }) => [variable, from]))
  const onDevice = shared.reduce((at, { align, bytes }) => upTo(at, align) + bytes, 0)
  return {
    placed,
    offsetOf: (variable) => offsets.get(variable),
    parameters,
    shared: onDevice,
    local: upTo(local, 16),
    dynamic,
  }
}
