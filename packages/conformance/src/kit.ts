/**
 * What a call of `testBackend` gives to every layer: the backend at one precision, made once, and
 * the caller's wishes. Not a layer itself, and no assertion is made here.
 */
import type { Backend, MaybePromise } from '@freestep/core'
import { describe, test } from 'vitest'
import { quick } from './quick.ts'
import type { Dtype, Stack, Tensors } from './session.ts'

/** Makes a backend for tensors of the given precision. */
export type Create<P, Done extends MaybePromise<void> = void> = (
  dtype: Dtype,
) => MaybePromise<Backend<P, Done>>

/**
 * Options of `testBackend`: the first three say how to handle the backend's tensors, all others may
 * be left out.
 */
export interface TestBackendOptions<P> extends Tensors<P> {
  /** The precisions to test. Default: float32 alone. */
  readonly dtypes?: readonly Dtype[]
  /** Why nothing can be tested here ("no GPU"): all is then skipped, visibly, with this reason. */
  readonly absent?: string | undefined
  /**
   * Tests to leave out, with the reason: by the name of an algorithm, of a layer, or of a single
   * test.
   */
  readonly leaveOut?: Readonly<Record<string, string>>
  /** Relative errors to allow in place of the kit's own, by the same names, with the reason. */
  readonly tolerances?: Readonly<
    Record<string, { readonly relative: number; readonly reason: string }>
  >
  /** False where the language of the device does not promise infinities and NaN (WGSL). */
  readonly nonFinite?: boolean
  /**
   * False where single numbers (global and per tensor) are not in double precision, so that less is
   * in range.
   */
  readonly doubles?: boolean
  /** False where tensors cannot be empty. */
  readonly emptyTensors?: boolean
  /** How many tensors of size 1 one optimizer is tested with. Default: 10 000. */
  readonly manyTensors?: number
  /** True adds what takes long: sums over 10⁷ elements, comparisons over 65537, the whole range. */
  readonly large?: boolean
  /** True where every step takes long: comparisons with one set of options for each algorithm. */
  readonly brief?: boolean
}

/** No test fails for being slow. */
const noLimit = { timeout: 0 }

/** One backend at one precision, ready to be tested. */
export class Kit<P, Done extends MaybePromise<void>> {
  readonly dtype: Dtype
  readonly options: TestBackendOptions<P>
  private readonly create: Create<P, Done>
  private made: Promise<Stack<P, Done>> | undefined

  constructor(create: Create<P, Done>, dtype: Dtype, options: TestBackendOptions<P>) {
    this.create = create
    this.dtype = dtype
    this.options = quick ? { ...options, large: false, manyTensors: 100 } : options
  }

  /** The backend and its tensors; the backend is made once. */
  stack(): Promise<Stack<P, Done>> {
    this.made ??= Promise.resolve(this.create(this.dtype)).then((backend) => ({
      backend,
      dtype: this.dtype,
      tensor: (numbers, shape, dtype) => this.options.tensor(numbers, shape, dtype),
      read: (tensor) => this.options.read(tensor),
      dispose: (tensor) => this.options.dispose?.(tensor),
    }))
    return this.made
  }

  /**
   * The relative error allowed to float32 or float64, unless the caller allows another for one of
   * the names.
   */
  tolerance(single: number, double: number, ...names: readonly string[]): number {
    const given = names
      .map((name) => this.options.tolerances?.[name])
      .find((tolerance) => tolerance)
    return given?.relative ?? (this.dtype === 'float32' ? single : double)
  }

  /**
   * Registers a test, skipped with its reason where one of its names is left out. `tags` are names
   * beside its own.
   */
  test(name: string, tags: readonly string[], run: (stack: Stack<P, Done>) => Promise<void>): void {
    const reason = [name, ...tags].map((tag) => this.options.leaveOut?.[tag]).find((text) => text)
    if (reason) test.skip(`${name} (left out: ${reason})`, () => {})
    else test(name, noLimit, async () => run(await this.stack()))
  }
}

/**
 * Registers tests at every precision of a backend; where the device is absent, a single one that is
 * skipped and says why.
 */
export function eachPrecision<P, Done extends MaybePromise<void>>(
  name: string,
  create: Create<P, Done>,
  options: TestBackendOptions<P>,
  register: (kit: Kit<P, Done>) => void,
): void {
  if (options.absent) test.skip(`${name} (absent: ${options.absent})`, () => {})
  else
    for (const dtype of options.dtypes ?? ['float32'])
      describe(`${name} ${dtype}`, () => register(new Kit(create, dtype, options)))
}
