/**
 * A fused backend for a machine that does not exist: 64 KiB of memory, and launches that fail when
 * it is told so. Its kernels are JavaScript, a loop for each pass over memory. All that
 * `@freestep/engine` asks of a device, in the simplest way: one segment for each tensor.
 */
import {
  emitJs,
  type Kernels,
  type Layout,
  type StageFunctions,
  segmentFields,
  segmentInts,
} from '@freestep/compiler'
import { type Backend, FreestepError, type Program, type TensorInfo } from '@freestep/core'
import {
  bytesEach,
  type Compiled,
  type Device,
  Engine,
  type Functions,
  type Memory,
  type Part,
  type Place,
  stretchOf,
  type Tensors,
  type Work,
} from '@freestep/engine'

type Precision = 'float32' | 'float64'

/** The machine: memory by addresses, and nothing else. */
export class Machine {
  readonly memory = new ArrayBuffer(64 * 1024)
  /** How many of the next launches fail. */
  failing = 0
  private free = [{ at: 0, end: 64 * 1024 }]

  /** Zeroed memory, in multiples of eight bytes. */
  take(bytes: number, what: string): Place<Machine> {
    const size = Math.max(8, 8 * Math.ceil(bytes / 8))
    const gap = this.free.find(({ at, end }) => end - at >= size)
    if (!gap)
      throw new FreestepError('machine', 'out-of-memory', `${what} needs ${bytes} bytes of 64 KiB.`)
    const { at } = gap
    gap.at += size
    new Uint8Array(this.memory, at, size).fill(0)
    return { memory: this, at, bytes }
  }

  give({ at, bytes }: Place<Machine>): void {
    const gaps = [...this.free, { at, end: at + Math.max(8, 8 * Math.ceil(bytes / 8)) }]
    this.free = []
    for (const gap of gaps.sort((a, b) => a.at - b.at)) {
      const last = this.free.at(-1)
      if (last?.end === gap.at) last.end = gap.end
      else if (gap.at < gap.end) this.free.push(gap)
    }
  }

  bytes({ at, bytes }: Place<Machine>): Uint8Array {
    return new Uint8Array(this.memory, at, bytes)
  }
}

/** What its users have: numbers in its memory. */
export interface MachineTensor {
  readonly place: Place<Machine>
  readonly dtype: Precision
  readonly length: number
}

/** The numbers of a tensor, where they are. */
export const numbersOf = ({ place: { memory, at }, dtype, length }: MachineTensor) =>
  dtype === 'float32'
    ? new Float32Array(memory.memory, at, length)
    : new Float64Array(memory.memory, at, length)

/** For each size, the sum of those before it. */
const offsets = (sizes: readonly number[]) =>
  sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0))

/** The segments of a step: how many there are, as rows of a table in memory. */
interface Plan {
  readonly memory: MachineMemory
  readonly table: Place<Machine>
  readonly rows: number
}

/** The memory of one optimizer. */
class MachineMemory implements Memory<Machine, Plan> {
  readonly layout: Layout
  readonly program: Program
  private readonly machine: Machine
  private readonly step: Kernels
  private readonly size: 4 | 8
  private readonly taken: Place<Machine>[] = []
  private readonly plans = new Set<Plan>()
  /** Of each tensor: where it begins in an array, and how many numbers it has there. */
  private readonly own: Readonly<Record<'element' | 'slice', { starts: number[]; sizes: number[] }>>

  constructor(machine: Machine, program: Program, { step, init, evaluate }: Compiled) {
    const { tensors, strides, states } = program
    const all = [step, init, ...(evaluate ? [evaluate] : [])]
    const slots = (scope: string) =>
      Math.max(...all.map((each) => each.slots.filter((slot) => slot.scope === scope).length))
    const stages = all.flatMap((each) => each.stages)
    const sums = Math.max(...stages.map((stage) => (stage.kind === 'pass' ? stage.sums : 0)))
    const sizes = tensors.map(({ size }) => size)
    const kept = sizes.map((size, i) => Math.ceil(size / (strides?.[i] ?? 1)))
    this.machine = machine
    this.program = program
    this.step = step
    this.size = precisionOf(program) === 'float32' ? 4 : 8
    this.own = {
      element: { sizes, starts: offsets(sizes) },
      slice: { sizes: kept, starts: offsets(kept) },
    }
    try {
      const take = (numbers: number, bytes = 8) => {
        this.taken.push(machine.take(bytes * numbers, program.name))
        return this.taken.at(-1)?.at ?? 0
      }
      const vectors = Object.entries(states).flatMap(([name, scope]) => {
        if (scope !== 'element' && scope !== 'slice') return []
        const numbers = this.own[scope].sizes.reduce((sum, size) => sum + size, 0)
        return [[name, take(numbers, this.size)] as const]
      })
      this.layout = {
        globals: take(slots('global')),
        tensors: take(slots('tensor') * tensors.length),
        tensorStride: slots('tensor'),
        segments: take(segmentInts * tensors.length, 4),
        partials: take(sums * tensors.length),
        // Parameters and gradients are anywhere: segments say how far from address 0.
        arrays: { ...Object.fromEntries(vectors), x: 0, g: 0, evaluated: 0 },
      }
    } catch (error) {
      this.free()
      throw error
    }
  }

  slot(name: string): Place<Machine>[] | undefined {
    const { globals, tensors, tensorStride } = this.layout
    const slot = this.step.slots.find((each) => each.name === name)
    const at = (address: number) => ({ memory: this.machine, at: address, bytes: 8 })
    if (slot?.scope === 'global') return [at(globals + 8 * slot.index)]
    return (
      slot && this.program.tensors.map((_, i) => at(tensors + 8 * (tensorStride * i + slot.index)))
    )
  }

  parts(state: string): Part<Machine>[] {
    const { starts, sizes } = this.own[this.step.arrays[state]]
    return sizes.map((size, tensor) => ({
      place: {
        memory: this.machine,
        at: this.layout.arrays[state] + this.size * starts[tensor],
        bytes: this.size * size,
      },
      tensor,
      from: 0,
      dtype: precisionOf(this.program),
    }))
  }

  plan({ x, g, active }: Tensors<Machine>): Plan {
    const { element, slice } = this.own
    const taking = [...active.keys()].filter((i) => active[i] && element.sizes[i] > 0)
    const table = this.machine.take(4 * segmentInts * taking.length, 'The segments')
    const rows = new Int32Array(this.machine.memory, table.at, segmentInts * taking.length)
    for (const [row, tensor] of taking.entries()) {
      const start = element.starts[tensor]
      const shift = (place: Place<Machine> | undefined) =>
        place ? place.at / this.size - start : 0
      const segment = {
        start,
        length: element.sizes[tensor],
        tensor,
        sliceStart: slice.starts[tensor],
        sliceLength: slice.sizes[tensor],
        first: start,
        stride: this.program.strides?.[tensor] ?? 1,
        xShift: shift(x[tensor]),
        gShift: shift(g[tensor]),
      }
      rows.set(
        segmentFields.map((field) => segment[field]),
        segmentInts * row,
      )
    }
    const plan = { memory: this, table, rows: taking.length }
    this.plans.add(plan)
    return plan
  }

  discard(plan: Plan): void {
    if (this.plans.delete(plan)) this.machine.give(plan.table)
  }

  free(): void {
    for (const plan of this.plans) this.discard(plan)
    for (const place of this.taken) this.machine.give(place)
  }
}

/** The precision of a program's tensors: they have to be alike. */
function precisionOf({ tensors }: Program): Precision {
  const [dtype, ...others] = new Set(tensors.map((tensor) => tensor.dtype))
  if (others.length || (dtype !== 'float32' && dtype !== 'float64'))
    throw new FreestepError('machine', 'unsupported', 'Parameters have one precision here.')
  return dtype
}

/** The machine as the engine sees it. */
class MachineDevice implements Device<MachineTensor, Machine, Kernels, Plan> {
  readonly numbers = 'float64'
  private readonly machine: Machine

  constructor(machine: Machine) {
    this.machine = machine
  }

  launched = () => false
  check = () => {}
  host = () => undefined
  place = ({ place }: MachineTensor) => place
  loss = ({ place, dtype }: MachineTensor) => ({ ...place, bytes: bytesEach[dtype] })
  load = (_: Program, compiled: Compiled): Functions<Kernels> => compiled
  read = (places: readonly Place<Machine>[]) =>
    places.map((place) => this.machine.bytes(place).slice())

  tensor(place: Place<Machine>, { size, dtype }: TensorInfo): MachineTensor {
    return { place, length: size, dtype: dtype as Precision }
  }

  allocate(tensors: readonly TensorInfo[], what: string): Place<Machine>[] {
    return tensors.map(({ name, size, dtype }) =>
      this.machine.take(bytesEach[dtype] * size, `${what} ${name}`),
    )
  }

  free(places: readonly Place<Machine>[]): void {
    for (const place of places) this.machine.give(place)
  }

  memory(program: Program, compiled: Compiled): MachineMemory {
    return new MachineMemory(this.machine, program, compiled)
  }

  work<R>(f: (work: Work<Machine, Kernels, Plan>) => R): R {
    const { machine } = this
    const borrowed: Place<Machine>[] = []
    try {
      return f({
        recorded: false,
        borrow: ({ name, size, dtype }, what) => {
          borrowed.push(machine.take(bytesEach[dtype] * size, `${what} ${name}`))
          return borrowed[borrowed.length - 1]
        },
        upload: (to, { buffer, byteOffset, byteLength }) =>
          machine.bytes(to).set(new Uint8Array(buffer, byteOffset, byteLength)),
        copy: (from, to) => machine.bytes(to).set(machine.bytes(from)),
        launch: (kernels, plan) => this.launch(kernels, plan),
      })
    } finally {
      this.free(borrowed)
    }
  }

  private launch({ stages, ...kernels }: Kernels, { memory, table, rows }: Plan): void {
    const { machine } = this
    if (machine.failing > 0) {
      machine.failing--
      throw new FreestepError('machine', 'unsupported', 'The machine did not start.')
    }
    const text = emitJs({ stages, ...kernels }, precisionOf(memory.program))
    const layout = { ...memory.layout, segments: table.at }
    const functions: StageFunctions = new Function('memory', 'layout', text)(machine.memory, layout)
    for (const [i, { kind }] of stages.entries()) {
      const stage = functions[`stage${i}`]
      if (kind === 'pass') stage(0, rows)
      else stage(rows, memory.program.tensors.length)
    }
  }
}

/** The backend. */
export const machineBackend = (machine: Machine): Backend<MachineTensor> => ({
  name: 'machine',
  describe(tensor, name) {
    if (!tensor || tensor.place?.memory !== machine)
      throw new FreestepError('machine', 'bad-dtype', `${name} is not in this machine.`)
    return { shape: [tensor.length], size: tensor.length, dtype: tensor.dtype }
  },
  memory: ({ place }) => stretchOf(place),
  start: (program, params) => Engine.start(new MachineDevice(machine), program, params),
})
