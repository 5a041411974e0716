/**
 * What the engine of freestep asks of a WebGPU device: memory in GPUBuffers, and the compiled
 * kernels of a program, dispatched in commands that are submitted at once or recorded for a caller.
 * Not the engine, and not WebGPU's own device.
 */
import { emitWgsl, type Kernels, type WgslKernel } from '@freestep/compiler'
import type { MaybePromise, Program, TensorInfo } from '@freestep/core'
import {
  bytesEach,
  type Compiled,
  type Device,
  type Functions,
  type Place,
  type Work,
} from '@freestep/engine'
import { allocate } from './allocate.ts'
import { GpuMemory } from './memory.ts'
import { dispatch, type Pipeline } from './pipelines.ts'
import type { Plan } from './plan.ts'
import type { Shared } from './shared.ts'
import { type GPUTensor, isArray, placeOf } from './tensors.ts'
import { checkLoss, checkUsage, Recorder, readPlaces } from './transfer.ts'
import type { Watch } from './watch.ts'

/** A compiled function: its launches, each with a kernel for every kind of batch. */
type Launches = readonly ReadonlyMap<string, Pipeline>[]

/**
 * The kind of a batch, which decides on the code: the precision of its parameters, and whether it
 * has one pair of buffers or more.
 */
const kindOf = (bytesEach: 2 | 4, pairs: number): string =>
  `${bytesEach === 2 ? 'f16' : 'f32'} ${pairs > 1 ? 'pairs' : 'pair'}`

/** One optimizer's way to a device. */
export class GpuDevice implements Device<GPUTensor, GPUBuffer, Launches, Plan> {
  readonly numbers = 'float32'
  private readonly shared: Shared
  private readonly watch: Watch

  constructor(shared: Shared, watch: Watch) {
    this.shared = shared
    this.watch = watch
  }

  launched(): boolean {
    return false
  }

  check(): void {
    this.watch.check()
  }

  host(tensor: GPUTensor): ArrayBufferView | undefined {
    return isArray(tensor) ? tensor : undefined
  }

  place(tensor: Exclude<GPUTensor, ArrayBufferView>): Place<GPUBuffer> {
    return placeOf(tensor)
  }

  tensor({ memory: buffer, at: byteOffset }: Place<GPUBuffer>, info: TensorInfo): GPUTensor {
    const dtype = info.dtype === 'float16' ? info.dtype : 'float32'
    return { buffer, byteOffset, length: info.size, dtype }
  }

  loss(loss: GPUTensor): number | Place<GPUBuffer> {
    checkLoss(loss, this.shared.device.device.features)
    return isArray(loss) ? (loss as Float32Array)[0] : { ...placeOf(loss), bytes: 4 }
  }

  reach(place: Place<GPUBuffer>, name: string, how: 'from' | 'to'): void {
    checkUsage(place, name, how === 'from' ? 'copySource' : 'copyTarget')
  }

  /** A dispatch cannot write to a buffer and read it through another binding. */
  takes(g: Place<GPUBuffer>, x: Place<GPUBuffer>, home: Place<GPUBuffer> | undefined): boolean {
    return home ? g.memory === home.memory : g.memory !== x.memory
  }

  allocate(tensors: readonly TensorInfo[], what: string): Place<GPUBuffer>[] {
    const { device, limits } = this.shared
    return this.watch.over(() =>
      allocate(device.device, `freestep: ${what}`, tensors, limits.window),
    ).result
  }

  free(places: readonly Place<GPUBuffer>[]): void {
    for (const { memory } of places) memory.destroy()
  }

  load(
    program: Program,
    compiled: Compiled,
    params: readonly GPUTensor[],
  ): Promise<Functions<Launches>> {
    const { pipelines } = this.shared
    return waited(this.print(program, compiled, params), (...args) => pipelines.make(...args))
  }

  /** What is wrong with a kernel shows later. */
  loadNow(program: Program, compiled: Compiled, params: readonly GPUTensor[]): Functions<Launches> {
    const { pipelines } = this.shared
    const functions = this.print(program, compiled, params)
    return this.watch.over(() => made(functions, (...args) => pipelines.makeNow(...args))).result
  }

  private print(
    program: Program,
    { step, init, evaluate }: Compiled,
    params: readonly GPUTensor[],
  ): Functions<Printed> {
    const kinds = kindsOf(program, this.pairsFor(params))
    const print = (kernels: Kernels, part: string) =>
      kinds.map(({ kind, options }) => ({
        kind,
        kernels: emitWgsl(kernels, { ...this.shared.wgsl, ...options }),
        label: (launch: number) => `freestep ${program.name} ${part} ${launch} (${kind})`,
      }))
    return {
      step: print(step, 'step'),
      init: print(init, 'init'),
      evaluate: evaluate && print(evaluate, 'evaluate'),
    }
  }

  /**
   * How many pairs of buffers a batch may have: one where all parameters are in one buffer, to have
   * less to compile.
   */
  private pairsFor(params: readonly GPUTensor[]): number {
    const buffers = new Set(
      params.map((param) => (isArray(param) ? undefined : placeOf(param).memory)),
    )
    return buffers.size > 1 ? this.shared.limits.pairs : 1
  }

  memory(program: Program, compiled: Compiled, params: readonly GPUTensor[]): GpuMemory {
    const { step, init, evaluate } = compiled
    const kernels = [step, init, ...(evaluate ? [evaluate] : [])]
    const pairs = this.pairsFor(params)
    return this.watch.over(() => new GpuMemory(this.shared, program, kernels, pairs)).result
  }

  work<R>(f: (work: Work<GPUBuffer, Launches, Plan>) => R): R {
    const { device } = this.shared
    const borrowed: Place<GPUBuffer>[] = []
    const recorded = device.encoder !== undefined
    return this.watch.over(() => {
      const recorder = new Recorder(device.device, device.encoder)
      const result = f({
        recorded,
        borrow: (tensor, what) => {
          const [place] = this.allocate([tensor], what)
          borrowed.push(place)
          return place
        },
        upload: (to, numbers) => recorder.write(to, numbers),
        copy: (from, to) => recorder.copy(from, to),
        launch: (launches, plan) => {
          plan.recorded ||= recorded
          this.launch(recorder.encoder, launches, plan)
        },
      })
      recorder.submit()
      // What a caller's encoder refers to is not submitted yet.
      if (!recorded) this.free(borrowed)
      return result
    }).result
  }

  private launch(encoder: GPUCommandEncoder, launches: Launches, plan: Plan): void {
    const { maxComputeWorkgroupsPerDimension: most } = this.shared.device.device.limits
    const { batches, ranges } = plan.extent
    const pass = encoder.beginComputePass({ label: 'freestep' })
    for (const kinds of launches) {
      const [first] = kinds.values()
      const { kind } = first.kernel
      if (kind !== 'pass') {
        const groups = kind === 'reduce' ? ranges.length : 1
        dispatch(pass, first, plan.bound(first, 0, undefined), groups, most)
        continue
      }
      for (const [i, batch] of batches.entries()) {
        const pipeline = kinds.get(kindOf(batch.bytesEach, batch.pairs.length)) ?? first
        dispatch(pass, pipeline, plan.bound(pipeline, i, batch), batch.groups, most)
      }
    }
    pass.end()
  }

  read(places: readonly Place<GPUBuffer>[]): Promise<readonly Uint8Array[]> {
    return this.watch.read(() => readPlaces(this.shared.device.device, places))
  }
}

/** The kinds of batches that parameters can make. */
function kindsOf({ tensors }: Program, pairs: number) {
  const data = ([4, 2] as const).filter((bytes) =>
    tensors.some(({ dtype }) => bytesEach[dtype] === bytes),
  )
  return data.flatMap((bytes) =>
    [...new Set([1, pairs])].map((count) => ({
      kind: kindOf(bytes, count),
      options: { pairs: count, data: bytes === 2 ? 'f16' : 'f32' } as const,
    })),
  )
}

/** A function of a program, printed for each kind of batch. */
type Printed = readonly {
  readonly kind: string
  readonly kernels: readonly WgslKernel[]
  label(launch: number): string
}[]

/** Makes what was printed, at once. */
function made(
  { step, init, evaluate }: Functions<Printed>,
  make: (kernel: WgslKernel, label: string) => Pipeline,
): Functions<Launches> {
  const launches = (printed: Printed): Launches =>
    printed[0].kernels.map((_, launch) => {
      const kinds = printed.map(
        ({ kind, kernels, label }) => [kind, make(kernels[launch], label(launch))] as const,
      )
      return new Map(kinds)
    })
  return {
    step: launches(step),
    init: launches(init),
    evaluate: evaluate && launches(evaluate),
  }
}

/** Makes what was printed, side by side. */
async function waited(
  functions: Functions<Printed>,
  make: (kernel: WgslKernel, label: string) => MaybePromise<Pipeline>,
): Promise<Functions<Launches>> {
  const { step, init, evaluate } = functions
  const ready = new Map<WgslKernel, Pipeline>()
  const all = [step, init, evaluate ?? []].flat()
  await Promise.all(
    all.flatMap(({ kernels, label }) =>
      kernels.map(async (kernel, launch) => ready.set(kernel, await make(kernel, label(launch)))),
    ),
  )
  return made(functions, (kernel) => ready.get(kernel) as Pipeline)
}
