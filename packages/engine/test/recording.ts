/**
 * A device that computes nothing and writes down what it is asked for, with memory that is real. It
 * fails where it is told to.
 */
import type { TensorInfo } from '@freestep/core'
import type { Compiled, Device, Functions, Memory, Place, Tensors, Work } from '../src/index.ts'

/** What a launch would run over. */
export interface Plan {
  readonly tensors: Tensors<ArrayBuffer>
}

/** The device, and what it was asked for so far. */
export class Recording implements Device<Float64Array, ArrayBuffer, string, Plan> {
  readonly numbers = 'float64'
  readonly calls: string[] = []
  /** The calls that throw. */
  readonly failing = new Set<string>()
  /** How much memory is in use, in places. */
  live = 0
  private readonly views = new WeakMap<Float64Array, Place<ArrayBuffer>>()

  private note(call: string): void {
    this.calls.push(call)
    if (this.failing.has(call)) throw new Error(`${call} failed`)
  }

  /** What was asked for since the last time. */
  take(): string[] {
    return this.calls.splice(0)
  }

  launched = () => false
  check = () => this.note('check')
  host = (tensor: Float64Array) => (this.views.has(tensor) ? undefined : tensor)
  place = (tensor: Float64Array) => this.views.get(tensor) as Place<ArrayBuffer>
  loss = (tensor: Float64Array) => tensor[0] as number

  tensor({ memory, at, bytes }: Place<ArrayBuffer>): Float64Array {
    const view = new Float64Array(memory, at, bytes / 8)
    this.views.set(view, { memory, at, bytes })
    return view
  }

  allocate(tensors: readonly TensorInfo[], what: string): Place<ArrayBuffer>[] {
    return tensors.map(({ name, size }) => {
      this.note(`allocate ${what} ${name}`)
      return this.zeros(8 * size)
    })
  }

  private zeros(bytes: number): Place<ArrayBuffer> {
    this.live++
    return { memory: new ArrayBuffer(bytes), at: 0, bytes }
  }

  free(places: readonly Place<ArrayBuffer>[]): void {
    this.live -= places.length
  }

  load(_: unknown, { evaluate }: Compiled): Functions<string> {
    this.note('load')
    return { init: 'init', step: 'step', evaluate: evaluate && 'evaluate' }
  }

  memory(
    { tensors }: { tensors: readonly TensorInfo[] },
    { step }: Compiled,
  ): Memory<ArrayBuffer, Plan> {
    this.note('memory')
    const slots = step.slots.map(({ name, scope }) => {
      const each = scope === 'global' ? [0] : tensors
      return [name, each.map(() => this.zeros(8))] as const
    })
    const states = Object.keys(step.arrays).map((name) => {
      const places = tensors.map(({ size }) => this.zeros(8 * size))
      return [name, places] as const
    })
    const [single, vector] = [new Map(slots), new Map(states)]
    return {
      slot: (name) => single.get(name),
      parts: (state) =>
        (vector.get(state) ?? []).map((place, tensor) => ({
          place,
          tensor,
          from: 0,
          dtype: 'float64',
        })),
      plan: (given) => {
        this.note('plan')
        return { tensors: given }
      },
      discard: () => this.note('discard'),
      free: () => this.free([...slots, ...states].flatMap(([, places]) => places)),
    }
  }

  work<R>(f: (work: Work<ArrayBuffer, string, Plan>) => R): R {
    return f({
      recorded: false,
      borrow: ({ size }) => this.zeros(8 * size),
      upload: (to, numbers, what) => {
        this.note(`upload ${what}`)
        this.bytes(to).set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength))
      },
      copy: (from, to) => {
        this.note('copy')
        this.bytes(to).set(this.bytes(from))
      },
      launch: (f, { tensors }) =>
        this.note(`launch ${f} ${tensors.active.map((active) => (active ? 1 : 0)).join('')}`),
    })
  }

  private bytes({ memory, at, bytes }: Place<ArrayBuffer>): Uint8Array {
    return new Uint8Array(memory, at, bytes)
  }

  read = (places: readonly Place<ArrayBuffer>[]) => places.map((place) => this.bytes(place).slice())
}
