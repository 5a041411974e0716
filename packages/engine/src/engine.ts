/**
 * The fused engine: a compiled program at work on a device. It owns everything that devices have in
 * common: the functions of the program, slots and uniforms, plans, what is read, written, saved and
 * taken along when tensors join. Not the arithmetic, which is the compiler's, and no memory or
 * launches, which are the device's.
 */
import { compile } from '@freestep/compiler'
import {
  type Engine as CoreEngine,
  FreestepError,
  fixedUniforms,
  type MaybePromise,
  type Numbers,
  type Program,
  type StepInput,
} from '@freestep/core'
import type { Compiled, Device, Functions, Memory, Part, Place, Tensors, Work } from './device.ts'
import { Gradients } from './gradients.ts'
import { copyNumbers, copyParts } from './handOver.ts'
import { bytesEach, decode, encode, joined } from './numbers.ts'
import { Plans } from './plans.ts'
import { Slots } from './slots.ts'

/** f of a value that may have to be waited for. */
const then = <A, B>(value: MaybePromise<A>, f: (value: A) => B): MaybePromise<B> =>
  value instanceof Promise ? value.then(f) : f(value)

/** All functions of a program as kernels. */
const compiledOf = (program: Program): Compiled => ({
  step: compile(program, 'step'),
  init: compile(program, 'init'),
  evaluate: program.evaluate && compile(program, 'evaluate'),
})

/** Runs a program on a device. */
export class Engine<T, M, F, P> implements CoreEngine<T> {
  readonly params: readonly T[]
  readonly gradients: readonly T[] | undefined
  private readonly device: Device<T, M, F, P>
  private readonly program: Program
  private readonly functions: Functions<F>
  private readonly memory: Memory<M, P>
  private readonly plans: Plans<M, P>
  private readonly given: Gradients<T, M>
  /** Where each parameter is that was uploaded. */
  private readonly own: readonly (Place<M> | undefined)[]
  private readonly slots: Slots<M>

  private constructor(
    device: Device<T, M, F, P>,
    program: Program,
    params: readonly T[],
    { compiled, functions }: { compiled: Compiled; functions: Functions<F> },
    before: readonly (Place<M> | undefined)[],
  ) {
    const hosts = params.map((param, i) => (before[i] ? undefined : device.host(param)))
    this.device = device
    this.program = program
    this.functions = functions
    const made: (() => void)[] = []
    try {
      this.memory = device.memory(program, compiled, params)
      made.push(() => this.memory.free())
      this.slots = new Slots(device, this.memory, program)
      const places = device.allocate(
        program.tensors.filter((_, i) => hosts[i]),
        'The parameter',
      )
      made.push(() => device.free(places))
      const uploaded = [...places]
      this.own = hosts.map((host, i) => before[i] ?? (host && uploaded.shift()))
      this.params = params.map((param, i) => this.shown(this.own[i], i) ?? param)
      this.given = new Gradients(
        device,
        program,
        this.own.map((place) => place !== undefined),
      )
      made.push(() => this.given.free())
      this.gradients = this.given.all?.flatMap((place, i) => this.shown(place, i) ?? [])
      this.plans = new Plans(this.memory)
      this.runOnAll(functions.init, undefined, (work) => {
        for (const [i, host] of hosts.entries()) {
          const place = this.own[i]
          if (host && place) work.upload(place, host, `the parameter ${this.name(i)}`)
        }
      })
    } catch (error) {
      for (const free of made.reverse()) free()
      throw error
    }
  }

  /**
   * Compiles a program and allocates what it keeps: at once, or when the device has compiled it.
   *
   * @throws whatever the device throws; nothing is left there then
   */
  static start<T, M, F, P>(
    device: Device<T, M, F, P>,
    program: Program,
    params: readonly T[],
  ): MaybePromise<Engine<T, M, F, P>> {
    device.check()
    const compiled = compiledOf(program)
    return then(
      device.load(program, compiled, params),
      (functions) => new Engine(device, program, params, { compiled, functions }, []),
    )
  }

  /**
   * As {@link start}, at once.
   *
   * @throws FreestepError `unsupported` of a device that cannot compile without a promise
   */
  static startNow<T, M, F, P>(
    device: Device<T, M, F, P>,
    program: Program,
    params: readonly T[],
    before: readonly (Place<M> | undefined)[] = [],
  ): Engine<T, M, F, P> {
    device.check()
    const compiled = compiledOf(program)
    const load = device.loadNow ?? device.load
    const functions = load.call(device, program, compiled, params)
    if (!(functions instanceof Promise))
      return new Engine(device, program, params, { compiled, functions }, before)
    throw new FreestepError(
      'engine',
      'unsupported',
      `${program.name} cannot be compiled at once on this device. Create a new optimizer, and wait for it.`,
    )
  }

  private name(i: number): string {
    return this.program.tensors[i]?.name ?? ''
  }

  /** A place as the caller sees it. */
  private shown(place: Place<M> | undefined, i: number): T | undefined {
    const info = this.program.tensors[i]
    return place && info && this.device.tensor(place, info)
  }

  /** Where the parameters are now. */
  private places(): Place<M>[] {
    return this.params.map(
      (param, i) => this.own[i] ?? this.device.place(param, `The parameter ${this.name(i)}`),
    )
  }

  step({ gradients, uniforms, loss }: StepInput<T>): void {
    const { device, program } = this
    device.check()
    const x = this.places()
    const lossGiven =
      loss === undefined || typeof loss === 'number' || !program.usesLoss ? loss : device.loss(loss)
    const lossPlace = typeof lossGiven === 'object' ? (lossGiven as Place<M>) : undefined
    const numbers =
      typeof lossGiven === 'number' && program.usesLoss
        ? { ...uniforms, loss: [lossGiven] }
        : uniforms
    const given = this.given.look(gradients, x)
    device.work((work) => {
      const { places: g, copy } = this.given.bring(work, given, lossPlace)
      const active = gradients.map((gradient) => gradient !== undefined)
      const plan = this.plans.of({ x, g, active })
      this.slots.update(work, numbers)
      copy()
      if (lossPlace && !device.launched('loss', program))
        for (const slot of this.memory.slot('loss') ?? []) work.copy(lossPlace, slot)
      work.launch(this.functions.step, plan, numbers, lossPlace)
    })
  }

  /**
   * Runs a function that needs no gradients on all tensors; `g` is where to write results, and
   * `first` what is to be done before.
   */
  private runOnAll(
    f: F,
    g: Tensors<M>['g'] = this.params.map(() => undefined),
    first: (work: Work<M, F, P>) => void = () => {},
  ): void {
    const { device, memory, program } = this
    const uniforms = fixedUniforms(program)
    const plan = memory.plan({ x: this.places(), g, active: this.params.map(() => true) })
    try {
      device.work((work) => {
        first(work)
        this.slots.update(work, uniforms)
        work.launch(f, plan, uniforms)
      })
    } finally {
      memory.discard(plan)
    }
  }

  /** Where the numbers of a vector are. */
  private parts(state: string): readonly Part<M>[] {
    if (state !== 'x') return this.memory.parts(state)
    return this.places().map((place, tensor) => {
      const { size, dtype } = this.program.tensors[tensor] ?? { size: 0, dtype: 'float32' }
      return { place: { ...place, bytes: bytesEach[dtype] * size }, tensor, from: 0, dtype }
    })
  }

  read(state: string): MaybePromise<readonly Numbers[]> {
    const { device, program } = this
    device.check()
    const slot = this.memory.slot(state)
    if (slot)
      return then(device.read(slot), (read) =>
        read.flatMap((bytes) =>
          Array.from(decode(bytes, device.numbers), (number) => Float64Array.of(number)),
        ),
      )
    const parts = this.parts(state)
    if (state === 'x')
      for (const { place, tensor } of parts) device.reach?.(place, this.name(tensor), 'from')
    return then(device.read(parts.map(({ place }) => place)), (read) => {
      const decoded = parts.map(({ dtype }, k) => decode(read[k] ?? new Uint8Array(), dtype))
      return program.tensors.map((_, i) => joined(decoded.filter((_, k) => parts[k]?.tensor === i)))
    })
  }

  write(state: string, numbers: readonly Numbers[]): void {
    const { device } = this
    device.check()
    const isSlot = this.memory.slot(state) !== undefined
    const parts = isSlot ? [] : this.parts(state)
    if (state === 'x')
      for (const { place, tensor } of parts) device.reach?.(place, this.name(tensor), 'to')
    device.work((work) => {
      if (isSlot)
        this.slots.set(
          work,
          state,
          numbers.map(([number]) => number ?? Number.NaN),
        )
      for (const { place, tensor, from, dtype } of parts) {
        const own = numbers[tensor]?.subarray(from, from + place.bytes / bytesEach[dtype])
        if (own?.length) work.upload(place, encode(own, dtype), state)
      }
    })
  }

  evaluated(): readonly T[] {
    const { device, program } = this
    const { evaluate } = this.functions
    device.check()
    if (!evaluate) return this.params
    // Each is the caller's to free, by itself.
    const outputs: Place<M>[] = []
    try {
      for (const tensor of program.tensors)
        outputs.push(...device.allocate([tensor], 'The point to evaluate at of'))
      this.runOnAll(evaluate, outputs)
    } catch (error) {
      device.free(outputs)
      throw error
    }
    return outputs.flatMap((place, i) => this.shown(place, i) ?? [])
  }

  /** See core's Engine. */
  extended(program: Program, params: readonly T[]): Engine<T, M, F, P> {
    const next = Engine.startNow(this.device, program, params, this.own)
    this.device.work((work) => {
      for (const state of Object.keys(this.program.states)) this.handOver(work, state, next)
    })
    this.memory.free()
    this.given.free()
    return next
  }

  /** Copies a state to an engine for more tensors, of which this one's are the first. */
  private handOver(work: Work<M, F, P>, state: string, next: Engine<T, M, F, P>): void {
    const [from, to] = [this.memory.slot(state), next.memory.slot(state)]
    if (!(from && to)) copyParts(work, this.parts(state), next.parts(state))
    else {
      // A number of all may be one of each tensor now, where an option is another for what joins.
      const isGlobal = this.program.states[state] === 'global'
      const spread = isGlobal ? this.program.tensors.length : 1
      copyNumbers(work, { from, to, spread, bytes: bytesEach[this.device.numbers] })
    }
  }

  dispose(): void {
    this.memory.free()
    this.given.free()
  }
}
