/**
 * The device memory of one optimizer: the buffers of its states, one of single numbers and partial
 * sums, and its plans. Not where in them things are, and not the parameters and gradients.
 */
import type { Kernels, Slot } from '@freestep/compiler'
import type { Program } from '@freestep/core'
import type { Memory, Part, Place, Tensors } from '@freestep/engine'
import { type Layout, layoutOf } from './layout.ts'
import { Plan } from './plan.ts'
import { extentOf, type Limits } from './segments.ts'
import type { Shared } from './shared.ts'
import { vectorUsage } from './usage.ts'

/** The memory of an optimizer on a device. */
export class GpuMemory implements Memory<GPUBuffer, Plan> {
  readonly layout: Layout
  /** The states, in as few buffers as bindings allow. */
  readonly states: readonly GPUBuffer[]
  readonly numbers: GPUBuffer
  private readonly shared: Shared
  private readonly limits: Limits
  private readonly program: Program
  private readonly named: ReadonlyMap<string, Slot>
  private readonly plans = new Set<Plan>()

  /** Fresh buffers are zero. A dispatch has so many pairs of buffers at most. */
  constructor(shared: Shared, program: Program, kernels: readonly Kernels[], pairs: number) {
    const { device, spread, limits } = shared
    const layout = layoutOf(program, kernels, spread, limits.window)
    const create = (label: string, words: number) =>
      device.device.createBuffer({
        label: `freestep ${program.name} ${label}`,
        size: 4 * Math.max(4, words),
        usage: vectorUsage,
      })
    this.shared = shared
    this.limits = { ...limits, pairs }
    this.program = program
    this.layout = layout
    this.named = new Map(kernels[0].slots.map((slot) => [slot.name, slot]))
    this.states = layout.words.states.map((words) => create('states', words))
    this.numbers = create('numbers', layout.words.numbers)
  }

  slot(name: string): readonly Place<GPUBuffer>[] | undefined {
    const slot = this.named.get(name)
    if (!slot) return undefined
    const { length } = this.program.tensors
    const [word, count] =
      slot.scope === 'global' ? [slot.index, 1] : [this.layout.slots + slot.index * length, length]
    return [{ memory: this.numbers, at: 4 * word, bytes: 4 * count }]
  }

  parts(state: string): Part<GPUBuffer>[] {
    const { arrays, spans, bases } = this.layout
    const array = arrays.findIndex(({ name }) => name === state)
    const isSlice = arrays[array].scope === 'slice'
    return spans.flatMap((own, tensor) => {
      const stride = isSlice ? (this.program.strides?.[tensor] ?? 1) : 1
      return own.map(({ states, from, length, state: ofElements, kept }): Part<GPUBuffer> => {
        const [begin, end] = [Math.ceil(from / stride), Math.ceil((from + length) / stride)]
        const at = 4 * (bases[states][array] + (isSlice ? kept : ofElements))
        const place = { memory: this.states[states], at, bytes: 4 * (end - begin) }
        return { place, tensor, from: begin, dtype: 'float32' }
      })
    })
  }

  plan({ x, g, active }: Tensors<GPUBuffer>): Plan {
    const { tensors, strides } = this.program
    const taking = [...active.keys()].filter((i) => active[i])
    const placed = taking.map((tensor) => ({
      tensor,
      x: x[tensor],
      g: g[tensor],
      bytesEach: tensors[tensor].dtype === 'float16' ? (2 as const) : (4 as const),
      stride: strides?.[tensor] ?? 1,
    }))
    const plan = new Plan(this.shared, this, extentOf(placed, this.layout, this.limits))
    this.plans.add(plan)
    return plan
  }

  discard(plan: Plan): void {
    this.plans.delete(plan)
    // What a caller's encoder refers to is not submitted yet, maybe.
    if (!plan.recorded) plan.free()
  }

  free(): void {
    for (const buffer of [...this.states, this.numbers]) buffer.destroy()
    for (const plan of this.plans) plan.free()
    this.plans.clear()
  }
}
