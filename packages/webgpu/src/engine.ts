/**
 * The fused engine: a program compiled to WGSL, a few dispatches a step. States live in memory of
 * its own; parameters and gradients stay in the caller's buffers and are worked on there, unless
 * they come as arrays. Not the arithmetic: that is the compiler's.
 */
import type { Slot } from '@freestep/compiler'
import {
  type Engine,
  fixedUniforms,
  type Numbers,
  type Program,
  type StepInput,
} from '@freestep/core'
import { allocate, type Memory, type Part, slotPlace, stateParts } from './arena.ts'
import {
  type Compiled,
  compileAll,
  compileNow,
  kindOf,
  pairsFor,
  printAll,
  type Running,
} from './compiled.ts'
import { GradientHomes } from './gradients.ts'
import { home } from './home.ts'
import { dispatch, type Machine } from './machine.ts'
import { free, type Plan, Plans } from './plans.ts'
import type { Active } from './segments.ts'
import type { Shop } from './shop.ts'
import {
  bytesOf,
  type GPUBufferView,
  type GPUTensor,
  isArray,
  type Place,
  placeOf,
} from './tensors.ts'
import { checkLoss, checkUsage, encode, Recorder, readPlaces } from './transfer.ts'
import type { Watch } from './watch.ts'

/** Runs a program on kernels. */
export class FusedEngine implements Engine<GPUTensor> {
  readonly params: readonly GPUTensor[]
  readonly gradients: readonly GPUTensor[] | undefined
  private readonly program: Program
  private readonly shop: Shop
  private readonly watch: Watch
  private readonly memory: Memory
  private readonly slots: ReadonlyMap<string, Slot>
  /** Where each parameter is that is in a buffer of the engine's own. */
  private readonly own: readonly (Place | undefined)[]
  private readonly homes: GradientHomes
  private readonly compiled: Compiled
  private readonly plans: Plans
  private written: Readonly<Record<string, readonly number[]>> = {}

  private constructor(
    shop: Shop,
    watch: Watch,
    program: Program,
    params: readonly GPUTensor[],
    compiled: Compiled,
  ) {
    const { device } = shop.device
    this.shop = shop
    this.watch = watch
    this.program = program
    this.compiled = compiled
    this.slots = new Map(compiled.kernels[0].slots.map((slot) => [slot.name, slot]))
    this.memory = allocate(device, program, compiled.kernels, shop.spread, shop.limits.window)
    this.plans = new Plans(shop, this.memory, pairsFor(params, shop.limits.pairs))
    const arrays = program.tensors.filter((_, i) => isArray(params[i]))
    const homes = home(device, `freestep ${program.name} parameters`, arrays, shop.limits.window)
    this.own = params.map((param) => (isArray(param) ? homes.shift() : undefined))
    this.homes = new GradientHomes(shop, program, this.own)
    this.params = this.own.map((own, i) => (own ? this.view(own, i) : params[i]))
    this.gradients = this.homes.all?.map((place, i) => this.view(place, i))

    const recorder = new Recorder(device)
    for (const [i, param] of params.entries()) {
      const { buffer, byteOffset } = this.place(i)
      if (isArray(param) && param.length) recorder.write(buffer, byteOffset, param)
    }
    this.setUniforms(recorder, fixedUniforms(program))
    const plan = this.plans.make([...params.keys()].map((i) => this.active(i)))
    this.run(recorder, compiled.init, plan)
    recorder.submit()
    free(plan)
  }

  /** Compiles and allocates. */
  static async start(
    shop: Shop,
    watch: Watch,
    program: Program,
    params: readonly GPUTensor[],
  ): Promise<FusedEngine> {
    watch.check()
    const compiled = await compileAll(
      shop.workshop,
      printAll(program, pairsFor(params, shop.limits.pairs), shop.wgsl),
    )
    const { result: engine, failure } = watch.over(
      () => new FusedEngine(shop, watch, program, params, compiled),
    )
    if (await failure) engine.dispose()
    watch.check()
    return engine
  }

  /**
   * As {@link start}, without waiting: what WebGPU finds wrong later is thrown by the next call.
   */
  static startNow(
    shop: Shop,
    watch: Watch,
    program: Program,
    params: readonly GPUTensor[],
  ): FusedEngine {
    watch.check()
    const text = printAll(program, pairsFor(params, shop.limits.pairs), shop.wgsl)
    return watch.over(
      () => new FusedEngine(shop, watch, program, params, compileNow(shop.workshop, text)),
    ).result
  }

  extended(program: Program, params: readonly GPUTensor[]): FusedEngine {
    const next = FusedEngine.startNow(this.shop, this.watch, program, params)
    this.watch.over(() => {
      const recorder = new Recorder(this.shop.device.device)
      for (const state of Object.keys(this.program.states)) next.takeOver(recorder, state, this)
      recorder.submit()
    })
    this.dispose()
    return next
  }

  /** Copies a state of an engine on the first of the tensors. */
  private takeOver(recorder: Recorder, state: string, from: FusedEngine): void {
    if (this.slots.has(state)) {
      const { bytes, ...place } = from.placeOfSlot(state)
      recorder.copy({ ...place, bytes }, this.placeOfSlot(state))
      return
    }
    const parts = this.parts(state)
    for (const old of from.parts(state))
      for (const part of parts) {
        const begin = Math.max(old.from, part.from)
        const end = Math.min(old.from + old.place.bytes / 4, part.from + part.place.bytes / 4)
        if (old.tensor !== part.tensor || begin >= end) continue
        const at = ({ place, from }: Part) => ({
          ...place,
          byteOffset: place.byteOffset + 4 * (begin - from),
          bytes: 4 * (end - begin),
        })
        recorder.copy(at(old), at(part))
      }
  }

  /** Where a parameter is now. */
  private place(i: number): Place {
    return this.own[i] ?? placeOf(this.params[i] as GPUBuffer | GPUBufferView)
  }

  private view({ buffer, byteOffset }: Place, i: number): GPUTensor {
    const { size: length, dtype } = this.program.tensors[i]
    return { buffer, byteOffset, length, dtype: dtype === 'float16' ? dtype : 'float32' }
  }

  private active(tensor: number, g?: Place): Active {
    const { dtype } = this.program.tensors[tensor]
    return {
      tensor,
      x: this.place(tensor),
      g,
      bytesEach: bytesOf(dtype),
      stride: this.program.strides?.[tensor] ?? 1,
    }
  }

  step({ gradients, uniforms, loss }: StepInput<GPUTensor>): void {
    const { device } = this.shop
    this.watch.check()
    const given = this.homes.look(gradients, (i) => this.place(i))
    if (loss !== undefined && typeof loss !== 'number') checkLoss(loss, device.device.features)

    this.watch.over(() => {
      const recorder = new Recorder(device.device, device.encoder)
      const lossPlace =
        loss === undefined || typeof loss === 'number' || isArray(loss) ? undefined : placeOf(loss)
      const { places, spare } = this.homes.bring(recorder, given, lossPlace)
      const active = given.map(({ i }, n) => this.active(i, places[n]))
      this.setUniforms(recorder, uniforms, device.encoder !== undefined)
      if (this.program.usesLoss && loss !== undefined) this.setLoss(recorder, loss)
      this.run(recorder, this.compiled.step, this.plans.of(active))
      recorder.submit()
      // What a caller's encoder refers to is not submitted yet.
      if (!device.encoder) for (const buffer of spare) buffer.destroy()
    })
  }

  private run({ encoder }: Recorder, launches: Running, plan: Plan): void {
    const { maxComputeWorkgroupsPerDimension: most } = this.shop.device.device.limits
    if (this.shop.device.encoder) plan.recorded = true
    const pass = encoder.beginComputePass({ label: `freestep ${this.program.name}` })
    for (const machines of launches) {
      const [first] = machines.values()
      const { kind } = first.kernel
      const batches = kind === 'pass' ? plan.batches : [undefined]
      for (const [i, batch] of batches.entries()) {
        const machine = (
          batch ? machines.get(kindOf(batch.bytesEach, batch.pairs.length)) : first
        ) as Machine
        const groups = batch?.groups ?? (kind === 'reduce' ? plan.ranges.length : 1)
        dispatch(pass, machine, this.plans.bound(plan, machine, i, batch), groups, most)
      }
    }
    pass.end()
  }

  private setUniforms(
    recorder: Recorder,
    uniforms: StepInput<GPUTensor>['uniforms'],
    recorded = false,
  ): void {
    for (const [name, numbers] of Object.entries(uniforms))
      if (
        recorded ||
        !this.written[name] ||
        numbers.some((number, i) => number !== this.written[name][i])
      )
        this.setSlot(recorder, name, numbers)
    // What a caller's encoder will have written, and when, is not known here.
    this.written = recorded ? {} : uniforms
  }

  private setLoss(recorder: Recorder, loss: number | GPUTensor): void {
    if (typeof loss === 'number') this.setSlot(recorder, 'loss', [loss])
    else if (isArray(loss)) this.setSlot(recorder, 'loss', (loss as Float32Array).subarray(0, 1))
    else recorder.copy({ ...placeOf(loss), bytes: 4 }, this.placeOfSlot('loss'))
  }

  private setSlot(recorder: Recorder, name: string, numbers: ArrayLike<number>): void {
    const { buffer, byteOffset } = this.placeOfSlot(name)
    recorder.write(buffer, byteOffset, Float32Array.from(numbers))
  }

  private placeOfSlot(name: string): Place {
    return slotPlace(this.memory, this.slots.get(name) as Slot)
  }

  /** Where the numbers of a vector are. */
  private parts(state: string): readonly Part[] {
    if (state === 'x')
      return this.params.map((_, tensor) => ({ place: this.place(tensor), tensor, from: 0 }))
    return stateParts(this.memory, this.program, state)
  }

  async read(state: string): Promise<readonly Numbers[]> {
    const { device } = this.shop.device
    this.watch.check()
    if (this.slots.has(state)) {
      const [numbers] = await this.watch.read(() =>
        readPlaces(device, [this.placeOfSlot(state)], [false]),
      )
      return Array.from(numbers, (number) => Float32Array.of(number))
    }
    const parts = this.parts(state)
    if (state === 'x')
      for (const { place, tensor } of parts)
        checkUsage(place, this.program.tensors[tensor].name, 'copySource')
    const half = parts.map(
      ({ tensor }) => state === 'x' && this.program.tensors[tensor].dtype === 'float16',
    )
    const places = parts.map(({ place }) => place)
    const read = await this.watch.read(() => readPlaces(device, places, half))
    return this.program.tensors.map((_, i) => {
      const own = read.filter((_, j) => parts[j].tensor === i)
      const all = new Float32Array(own.reduce((sum, { length }) => sum + length, 0))
      for (const [j, { tensor, from }] of parts.entries()) if (tensor === i) all.set(read[j], from)
      return all
    })
  }

  write(state: string, numbers: readonly Numbers[]): void {
    this.watch.check()
    const parts = this.slots.has(state) ? [] : this.parts(state)
    if (state === 'x')
      for (const { place, tensor } of parts)
        checkUsage(place, this.program.tensors[tensor].name, 'copyTarget')
    this.watch.over(() => {
      const recorder = new Recorder(this.shop.device.device)
      const single = numbers.map(([number]) => number)
      if (this.slots.has(state)) this.setSlot(recorder, state, single)
      for (const { place, tensor, from } of parts) {
        const half = state === 'x' && this.program.tensors[tensor].dtype === 'float16'
        const count = place.bytes / (half ? 2 : 4)
        if (count)
          recorder.write(
            place.buffer,
            place.byteOffset,
            encode(numbers[tensor].subarray(from, from + count), half),
          )
      }
    })
  }

  evaluated(): readonly GPUTensor[] {
    const { evaluate } = this.compiled
    const { device } = this.shop
    this.watch.check()
    if (!evaluate) return this.params
    const { result } = this.watch.over(() => {
      const outputs = this.program.tensors.map(
        (tensor) =>
          home(
            device.device,
            `freestep evaluated ${tensor.name}`,
            [tensor],
            this.shop.limits.window,
          )[0],
      )
      const recorder = new Recorder(device.device)
      this.setUniforms(recorder, fixedUniforms(this.program))
      const plan = this.plans.make(outputs.map((output, i) => this.active(i, output)))
      this.run(recorder, evaluate, plan)
      recorder.submit()
      free(plan)
      return outputs
    })
    return result.map((place, i) => this.view(place, i))
  }

  dispose(): void {
    const { arenas, numbers } = this.memory
    for (const buffer of [...arenas.map((arena) => arena.buffer), numbers]) buffer.destroy()
    this.homes.dispose()
    this.plans.dispose()
  }
}
