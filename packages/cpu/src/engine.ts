/**
 * The fused engine: a compiled program for callers with arrays. Parameters and gradients live in
 * the memory of the kernels; the caller's own arrays are copied in and out where they are used. Not
 * the running of kernels: see runner.ts.
 */
import { compile } from '@freestep/compiler'
import {
  type Engine,
  fixedUniforms,
  type Numbers,
  type Program,
  type StepInput,
} from '@freestep/core'
import type { FloatArray } from './arrays.ts'
import { allocate } from './code.ts'
import { handOver } from './handOver.ts'
import { layOut } from './memory.ts'
import { type Loaded, Runner, type Running } from './runner.ts'
import { Twin } from './twin.ts'

/** The gradients of a step. */
interface Looked {
  /** Which tensors have one. */
  readonly active: number[]
  readonly views: number[]
  readonly given: (readonly [i: number, gradient: FloatArray])[]
}

/** Runs a program on kernels. */
export class FusedEngine implements Engine<FloatArray> {
  readonly params: readonly FloatArray[]
  readonly gradients: readonly FloatArray[]
  /** Resolves when everything is there; undefined if it is. */
  readonly ready: Promise<void> | undefined
  /** Left out with threads, which would have to be waited for. */
  readonly extended: Engine<FloatArray>['extended']
  private readonly program: Program
  private readonly runner: Runner
  private readonly stepping: Loaded
  private evaluating: Loaded | undefined
  /** Each parameter as the caller's own array and the view on memory. */
  private readonly twins: readonly Twin[]

  /** `step` may be given compiled otherwise, for tests. */
  constructor(
    program: Program,
    params: readonly FloatArray[],
    running: Running,
    step = compile(program, 'step'),
  ) {
    const init = compile(program, 'init')
    const functions = [step, init, ...(program.evaluate ? [compile(program, 'evaluate')] : [])]
    this.program = program
    const layout = layOut(program, functions)
    const { target, threads } = running
    this.runner = new Runner(program, functions, {
      layout,
      memory: allocate(target, layout.bytes, threads > 1),
      threads,
    })
    this.params = this.runner.views('x')
    this.gradients = this.runner.views('g')
    this.twins = params.map((own, i) => new Twin(program.tensors[i].name, own, this.params[i]))
    this.setUniforms(fixedUniforms(program))
    this.runner.run(this.runner.prepare(init), [...params.keys()])
    this.stepping = this.runner.prepare(step, true)
    this.ready = this.stepping.workers?.ready
    if (!this.ready) this.extended = (longer, all) => this.replaced(longer, all, running)
  }

  private replaced(program: Program, params: readonly FloatArray[], running: Running): FusedEngine {
    // The new engine starts from the caller's own arrays, which get what the views on memory have.
    this.dispose()
    const next = new FusedEngine(program, params, running)
    handOver(this.program, program, this, next)
    return next
  }

  private setUniforms(uniforms: StepInput<FloatArray>['uniforms']): void {
    for (const [name, numbers] of Object.entries(uniforms)) this.runner.set(name, numbers)
  }

  /** Which gradients there are: in the views, or in arrays of the caller's own. */
  private look(gradients: StepInput<FloatArray>['gradients']): Looked {
    const looked: Looked = { active: [], views: [], given: [] }
    for (const [i, gradient] of gradients.entries()) {
      if (gradient === undefined) continue
      looked.active.push(i)
      const taken = isView(gradient, this.gradients[i])
      this.twins[i].check(taken ? 'view' : 'both')
      if (taken) looked.views.push(i)
      else looked.given.push([i, apart(gradient, this.gradients[i])])
    }
    return looked
  }

  step({ gradients, uniforms, loss }: StepInput<FloatArray>): void {
    const { active, views, given } = this.look(gradients)
    for (const i of views) this.twins[i].stay()
    for (const [i] of given) this.twins[i].enter()
    for (const [i, gradient] of given) this.gradients[i].set(gradient)
    this.setUniforms(uniforms)
    if (this.program.usesLoss && loss !== undefined)
      this.runner.set('loss', typeof loss === 'number' ? [loss] : loss)
    this.runner.run(this.stepping, active)
    for (const [i] of given) this.twins[i].leave()
  }

  private refresh(): void {
    for (const twin of this.twins) twin.refresh()
  }

  read(state: string): readonly Numbers[] {
    if (state === 'x') this.refresh()
    const numbers = this.runner.get(state)
    return numbers
      ? numbers.map((number) => Float64Array.of(number))
      : this.runner.views(state).map((part) => part.slice())
  }

  write(state: string, numbers: readonly Numbers[]): void {
    if (this.runner.get(state))
      this.runner.set(
        state,
        numbers.map(([number]) => number),
      )
    else for (const [i, part] of this.runner.views(state).entries()) part.set(numbers[i])
    if (state === 'x') for (const twin of this.twins) twin.renew()
  }

  evaluated(): readonly FloatArray[] {
    const { program, runner } = this
    this.refresh()
    if (!program.evaluate) return this.params
    this.evaluating ??= runner.prepare(compile(program, 'evaluate'))
    // The point is computed where the gradients are, which come back afterwards.
    const gradients = this.gradients.map((gradient) => gradient.slice())
    this.setUniforms(fixedUniforms(program))
    runner.run(this.evaluating, [...this.params.keys()])
    const points = this.gradients.map((point) => point.slice())
    for (const [i, gradient] of gradients.entries()) this.gradients[i].set(gradient)
    return points
  }

  dispose(): void {
    for (const twin of this.twins) twin.finish()
    this.stepping.workers?.dispose()
  }
}

/**
 * A gradient apart from the kernels' memory, which copying changes: a copy, if it is in another's
 * place.
 */
const apart = (gradient: FloatArray, { buffer }: FloatArray) =>
  gradient.buffer === buffer ? gradient.slice() : gradient

/** Whether an array is a view, or another view of the same numbers. */
const isView = (array: FloatArray, view: FloatArray) =>
  array === view || (array.buffer === view.buffer && array.byteOffset === view.byteOffset)
