/**
 * The engine: a program as sessions, its values as tensors that each step replaces by their
 * successors. A tensor is never written to, which not every device could do, so a step that fails
 * has changed nothing. Not the arithmetic: that is the compiler's.
 */
import { firstNumbers } from '@freestep/compiler'
import {
  type Engine,
  fixedUniforms,
  type Numbers,
  type Program,
  type Scope,
  type StepInput,
} from '@freestep/core'
import { type Line, lineOf } from '../line.ts'
import type { OrtTensor } from '../ort.ts'
import { type Callable, inCheckpoint, keepDevice, load, type Shop, settled } from './sessions.ts'
import { checkLoss, filled, lossOf, numbersOf, type Precision, tensorOf } from './tensors.ts'

/** How many steps over different tensors are kept loaded. */
const stepsKept = 4

/** Runs a program on ONNX Runtime. */
export class OrtEngine implements Engine<OrtTensor, Promise<void>> {
  params: readonly OrtTensor[]
  private readonly shop: Shop
  private readonly program: Program
  private readonly line: Line
  /** The parameters and states now, by their names in checkpoints. */
  private readonly values = new Map<string, OrtTensor>()
  /** Those of them that are on a device, and which function made them. */
  private readonly made = new Map<OrtTensor, Callable>()
  /**
   * Functions that are called no more. Their sessions are released when nothing that they made is
   * left: it is in their memory.
   */
  private readonly retired = new Set<Callable>()
  /** Steps by the tensors that take part, the last used last. */
  private readonly steps = new Map<string, Callable>()
  private evaluating: Callable | undefined

  private constructor(shop: Shop, program: Program, params: readonly OrtTensor[]) {
    this.shop = shop
    this.program = program
    this.line = lineOf(shop.ort)
    this.params = params
    for (const [i, { name }] of program.tensors.entries())
      this.values.set(inCheckpoint('x', name), params[i])
  }

  /** Loads the step, and computes the first values of the states. */
  static async start(
    shop: Shop,
    program: Program,
    params: readonly OrtTensor[],
  ): Promise<OrtEngine> {
    return lineOf(shop.ort).next(async () => {
      const engine = new OrtEngine(await settled(shop), program, params)
      await keepDevice(shop)
      await engine.initialize()
      const active = [...params.keys()].filter((i) => !program.frozen[i])
      if (active.length > 0) await engine.stepOver(active)
      return engine
    })
  }

  /**
   * The first values of the states: those that are one number are made here, the others computed.
   */
  private async initialize(): Promise<void> {
    const { shop, program } = this
    const known = firstNumbers(program)
    for (const [state, number] of known)
      for (const { name, type, dims } of this.arrays(state))
        this.values.set(name, filled(shop.ort, type, number, dims))
    if (known.size === Object.keys(program.states).length) return
    const init = await load(shop, program, 'init', { wanted: (state) => !known.has(state) })
    this.replace(await init.call(this.reader(fixedUniforms(program))), init)
    await this.retire(init)
  }

  step({ gradients, loss, uniforms }: StepInput<OrtTensor>): Promise<void> {
    const active = [...gradients.keys()].filter((i) => gradients[i] !== undefined)
    if (typeof loss === 'object') checkLoss(loss)
    return this.line.next(async () => {
      const step = await this.stepOver(active)
      const given = new Map(
        active.map((i) => [
          inCheckpoint('g', this.program.tensors[i].name),
          gradients[i] as OrtTensor,
        ]),
      )
      if (this.program.usesLoss && loss !== undefined)
        given.set('loss', await lossOf(this.shop.ort, loss, this.shop.scalars))
      this.replace(await step.call(this.reader(uniforms, given)), step)
      await this.retire()
    })
  }

  /** The step over some tensors, loaded unless it is. */
  private async stepOver(active: readonly number[]): Promise<Callable> {
    const key = active.join()
    const step = this.steps.get(key) ?? (await this.loadStep(active))
    this.steps.delete(key)
    this.steps.set(key, step)
    const [oldest] = this.steps
    if (this.steps.size > stepsKept) {
      this.steps.delete(oldest[0])
      await this.retire(oldest[1])
    }
    return step
  }

  private loadStep(active: readonly number[]): Promise<Callable> {
    return (
      this.shop.step?.(this.program, active) ?? load(this.shop, this.program, 'step', { active })
    )
  }

  /** Finds what a function takes: among what is given with a step, the uniforms, or the values. */
  private reader(
    uniforms: StepInput<OrtTensor>['uniforms'],
    given: ReadonlyMap<string, OrtTensor> = new Map(),
  ) {
    const { ort, scalars } = this.shop
    const single = (number: number) => tensorOf(ort, scalars, [number], [])
    const numbers = new Map<string, number>()
    for (const [name, list] of Object.entries(uniforms)) {
      const perTensor = this.program.uniforms[name].scope === 'tensor'
      for (const [i, number] of list.entries())
        numbers.set(
          inCheckpoint(name, perTensor ? this.program.tensors[i].name : undefined),
          number,
        )
    }
    return (name: string): OrtTensor => {
      const number = numbers.get(name)
      return number === undefined
        ? ((given.get(name) ?? this.values.get(name)) as OrtTensor)
        : single(number)
    }
  }

  /** Puts tensors in the places of others, and frees those; `by` is the function that made them. */
  private replace(
    successors: readonly (readonly [name: string, tensor: OrtTensor])[],
    by?: Callable,
  ): void {
    const before = successors.map(([name]) => this.values.get(name))
    for (const [name, tensor] of successors) {
      this.values.set(name, tensor)
      if (by && tensor.location !== 'cpu') this.made.set(tensor, by)
    }
    this.params = this.program.tensors.map(
      ({ name }) => this.values.get(inCheckpoint('x', name)) as OrtTensor,
    )
    for (const tensor of before) if (tensor) this.free(tensor)
  }

  /**
   * Frees what was made on a device; what is on the CPU is left to the garbage collection, for
   * whoever still looks at it.
   */
  private free(tensor: OrtTensor): void {
    if (this.made.delete(tensor)) tensor.dispose()
  }

  /** Releases functions that are called no more, as soon as that can be. */
  private async retire(...functions: readonly Callable[]): Promise<void> {
    for (const each of functions) this.retired.add(each)
    if (this.retired.size === 0) return
    const needed = new Set(this.made.values())
    for (const each of this.retired) {
      if (needed.has(each)) continue
      this.retired.delete(each)
      await each.release()
    }
  }

  /** What the arrays of a state, or of the parameters, are called, and what they are. */
  private arrays(
    state: string,
  ): { readonly name: string; readonly type: Precision; readonly dims: readonly number[] }[] {
    const { tensors, states, strides } = this.program
    const scope: Scope = state === 'x' ? 'element' : states[state]
    if (scope === 'global') return [{ name: state, type: this.shop.scalars, dims: [] }]
    return tensors.map(({ name: tensor, dtype, shape, size }, i) => {
      const name = inCheckpoint(state, tensor)
      if (scope === 'tensor') return { name, type: this.shop.scalars, dims: [] }
      const dims = scope === 'slice' ? [Math.ceil(size / (strides?.[i] ?? 1))] : shape
      return { name, type: dtype as Precision, dims }
    })
  }

  read(state: string): Promise<readonly Numbers[]> {
    return this.line.next(() =>
      Promise.all(
        this.arrays(state).map(({ name }) => numbersOf(this.values.get(name) as OrtTensor)),
      ),
    )
  }

  write(state: string, numbers: readonly Numbers[]): Promise<void> {
    return this.line.next(async () => {
      const { ort } = this.shop
      const written = this.arrays(state).map(
        ({ name, type, dims }, i) => [name, tensorOf(ort, type, numbers[i], dims)] as const,
      )
      this.replace(written)
      await this.retire()
    })
  }

  evaluated(): Promise<readonly OrtTensor[]> {
    const { program } = this
    return this.line.next(async () => {
      if (!program.evaluate) return this.params
      this.evaluating ??= await load(this.shop, program, 'evaluate')
      const points = await this.evaluating.call(this.reader(fixedUniforms(program)))
      return points.map(([, point]) => point)
    })
  }

  /**
   * On a device the sessions that made the parameters stay, and the one that made points to
   * evaluate at: both are the caller's now.
   */
  dispose(): void {
    void this.line.next(async () => {
      const params = new Set(this.params)
      for (const tensor of this.values.values()) if (!params.has(tensor)) this.free(tensor)
      const onDevice = this.params.some(({ location }) => location !== 'cpu')
      await this.retire(
        ...this.steps.values(),
        ...(this.evaluating && !onDevice ? [this.evaluating] : []),
      )
    })
  }
}
