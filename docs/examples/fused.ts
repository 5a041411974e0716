/**
 * A fused backend for Float64Array: a step is compiled to JavaScript, one loop for each pass over
 * memory. All that an engine has to do around compiled kernels, in the simplest way: everything in
 * one block of memory, one segment for each tensor.
 */
import {
  compile,
  emitJs,
  type Kernels,
  type Layout,
  type StageFunctions,
  segmentFields,
  segmentInts,
} from '@freestep/compiler'
import {
  type Backend,
  type Engine,
  FreestepError,
  fixedUniforms,
  type Program,
  type StepInput,
} from '@freestep/core'

type Arrays = readonly Float64Array[]

/** For each size, the sum of those before it; and the sum of all. */
const offsets = (sizes: readonly number[]) =>
  sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0))

class FusedEngine implements Engine<Float64Array> {
  readonly params: Arrays
  private readonly program: Program
  private readonly kernels: Readonly<Record<string, Kernels>>
  private readonly functions: Readonly<Record<string, StageFunctions>>
  private readonly memory: ArrayBuffer
  private readonly layout: Layout
  /**
   * For each tensor how many numbers it has in an element array and in a slice array, and after how
   * many others they come.
   */
  private readonly places: readonly Readonly<
    Record<'element' | 'slice', { readonly start: number; readonly size: number }>
  >[]

  constructor(program: Program, params: Arrays) {
    this.params = params
    this.program = program
    this.kernels = {
      init: compile(program, 'init'),
      step: compile(program, 'step'),
      ...(program.evaluate && { evaluate: compile(program, 'evaluate') }),
    }
    const sizes = program.tensors.map(({ size }) => size)
    const kept = sizes.map((size, i) => Math.ceil(size / (program.strides?.[i] ?? 1)))
    const [starts, keptStarts] = [offsets(sizes), offsets(kept)]
    this.places = sizes.map((size, i) => ({
      element: { start: starts[i], size },
      slice: { start: keptStarts[i], size: kept[i] },
    }))
    const { layout, bytes } = this.arrange()
    this.layout = layout
    this.memory = new ArrayBuffer(bytes)
    const load = (kernels: Kernels) =>
      new Function('memory', 'layout', emitJs(kernels, 'float64'))(this.memory, layout)
    this.functions = Object.fromEntries(
      Object.entries(this.kernels).map(([name, kernels]) => [name, load(kernels)]),
    )

    const all = [...params.keys()]
    for (const i of all) this.view('x', i).set(params[i])
    this.setAll(fixedUniforms(program))
    this.run('init', all)
  }

  /** Where everything is, eight bytes for each number whatever it is. */
  private arrange(): { layout: Layout; bytes: number } {
    const { program, places } = this
    let bytes = 0
    const take = (numbers: number) => {
      const address = bytes
      bytes += 8 * numbers
      return address
    }
    const all = Object.values(this.kernels)
    const slots = (scope: string) =>
      Math.max(...all.map((each) => each.slots.filter((slot) => slot.scope === scope).length))
    const sums = Math.max(
      ...all.flatMap(({ stages }) =>
        stages.map((stage) => (stage.kind === 'pass' ? stage.sums : 0)),
      ),
    )
    const vectors = Object.entries(program.states).filter(
      ([, scope]) => scope === 'element' || scope === 'slice',
    )
    const numbers = (scope: string) =>
      places.reduce((sum, place) => sum + place[scope as 'element' | 'slice'].size, 0)
    const [count, tensorStride] = [places.length, slots('tensor')]
    const arrays = Object.entries({ x: 'element', g: 'element', ...Object.fromEntries(vectors) })
    const addresses = Object.fromEntries(
      arrays.map(([name, scope]) => [name, take(numbers(scope))]),
    )
    const layout = {
      globals: take(slots('global')),
      tensors: take(tensorStride * count),
      tensorStride,
      segments: take(segmentInts * count),
      partials: take(sums * count),
      // The point to evaluate at is computed where the gradients are.
      arrays: { ...addresses, evaluated: addresses.g },
    }
    return { layout, bytes }
  }

  /** A tensor's part of an array. */
  private view(array: string, i: number): Float64Array {
    const { start, size } =
      this.places[i][this.program.states[array] === 'slice' ? 'slice' : 'element']
    return new Float64Array(this.memory, this.layout.arrays[array] + 8 * start, size)
  }

  /**
   * The place of a single number, or one for each tensor: a state, a uniform or the loss. Undefined
   * for a vector.
   */
  private slot(name: string): Float64Array[] | undefined {
    const slot = this.kernels.step.slots.find((each) => each.name === name)
    const { globals, tensors, tensorStride } = this.layout
    if (slot?.scope === 'global')
      return [new Float64Array(this.memory, globals + 8 * slot.index, 1)]
    return (
      slot &&
      this.params.map(
        (_, i) => new Float64Array(this.memory, tensors + 8 * (tensorStride * i + slot.index), 1),
      )
    )
  }

  private setAll(values: Readonly<Record<string, readonly number[]>>): void {
    for (const [name, numbers] of Object.entries(values))
      for (const [i, place] of (this.slot(name) ?? []).entries()) place[0] = numbers[i]
  }

  /** Runs a compiled function on some of the tensors: its stages, one after the other. */
  private run(name: string, active: readonly number[]): void {
    const table = new Int32Array(
      this.memory,
      this.layout.segments,
      segmentInts * this.params.length,
    )
    for (const [row, i] of active.entries()) {
      const { element, slice } = this.places[i]
      const segment = {
        start: element.start,
        length: element.size,
        tensor: i,
        sliceStart: slice.start,
        sliceLength: slice.size,
        first: element.start,
        stride: this.program.strides?.[i] ?? 1,
        xShift: 0,
        gShift: 0,
      }
      for (const [column, field] of segmentFields.entries())
        table[segmentInts * row + column] = segment[field]
    }
    for (const [i, { kind }] of this.kernels[name].stages.entries()) {
      const stage = this.functions[name][`stage${i}`]
      if (kind === 'pass') stage(0, active.length)
      else stage(active.length, this.program.tensors.length)
    }
  }

  step({ gradients, uniforms, loss }: StepInput<Float64Array>): void {
    const active = [...gradients.keys()].filter((i) => gradients[i])
    for (const i of active) {
      this.view('x', i).set(this.params[i])
      this.view('g', i).set(gradients[i] as Float64Array)
    }
    this.setAll(uniforms)
    if (loss !== undefined) this.setAll({ loss: typeof loss === 'number' ? [loss] : [...loss] })
    this.run('step', active)
    for (const i of active) this.params[i].set(this.view('x', i))
  }

  read(state: string): Float64Array[] {
    if (state === 'x') return this.params.map((param) => param.slice())
    return (this.slot(state) ?? this.params.map((_, i) => this.view(state, i))).map((numbers) =>
      numbers.slice(),
    )
  }

  write(state: string, numbers: readonly ArrayLike<number>[]): void {
    const places =
      state === 'x'
        ? this.params
        : (this.slot(state) ?? this.params.map((_, i) => this.view(state, i)))
    for (const [i, place] of places.entries()) place.set(numbers[i])
  }

  evaluated(): Arrays {
    if (!this.program.evaluate) return this.params
    const all = [...this.params.keys()]
    for (const i of all) this.view('x', i).set(this.params[i])
    this.setAll(fixedUniforms(this.program))
    this.run('evaluate', all)
    return all.map((i) => this.view('evaluated', i).slice())
  }

  dispose(): void {}
}

/** The backend. */
export const fused = (): Backend<Float64Array> => ({
  name: 'fused',
  describe(tensor, name) {
    if (!(tensor instanceof Float64Array))
      throw new FreestepError('fused', 'bad-dtype', `${name} is no Float64Array. Give one.`)
    return { shape: [tensor.length], size: tensor.length, dtype: 'float64' }
  },
  start: (program, params) => new FusedEngine(program, params),
})
