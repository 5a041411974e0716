/**
 * Steps beside the CPU's fused kernels in single precision, on the same gradients: every algorithm,
 * in blocks of the size that is used on devices, over tensors of several sizes and places, some of
 * which cannot be accessed 16 bytes at a time. Where nothing is added up, all bits are the same;
 * where something is, they are too, but for sums that round to another neighbour.
 */
import { generator, table } from '@freestep/conformance'
import { cpu, createOptimizer as createOnCpu } from '@freestep/cpu'
import { expect, test } from 'vitest'
import { type CudaTensor, createOptimizer, cuda, type DeviceArray } from '../src/index.ts'
import { driver, noGpu } from './backend.ts'

const sizes = [1, 3, 257, 1040]
/**
 * Elements that the tensors begin after, in one array that holds all of them: 0 of 4, 1, 2 and 3.
 */
const starts = [0, 5, 34, 323]
const steps = noGpu ? 12 : 300

const backend = await cuda({ driver })
const names = sizes.map((_, i) => `p${i}`)
const draw = generator(7)
const random = (size: number) => Float32Array.from({ length: size }, draw)
const named = <T>(list: readonly T[]): Record<string, T> =>
  Object.fromEntries(list.map((each, i) => [names[i], each]))

/** Tensors in one array, as parts of it. */
function together(tensors: readonly Float32Array[]): { whole: DeviceArray; parts: CudaTensor[] } {
  const all = new Float32Array(1400)
  for (const [i, tensor] of tensors.entries()) all.set(tensor, starts[i])
  const whole = backend.array(all)
  const at = (i: number) =>
    backend.at({ pointer: whole.pointer + BigInt(4 * starts[i]), length: sizes[i] })
  return { whole, parts: sizes.map((_, i) => at(i)) }
}

test.each(table)('$name', async ({ name, make }) => {
  const x0 = sizes.map(random)
  const [a, b] = [
    sizes.map((size) => random(size).map((v) => 0.55 + 0.45 * v)),
    sizes.map((size) => random(size).map((v) => 2 * v)),
  ]
  const x = x0.map((each) => each.slice())
  const params = together(x0)
  const gradients = together(x0)
  const left = await createOptimizer(make(), named(params.parts), backend)
  const right = await createOnCpu(make(), named(x), await cpu())
  for (let k = 0; k < (name === 'scheduleFree(dadaptAdam)' ? Math.min(steps, 30) : steps); k++) {
    const g = x.map((each, t) => each.map((value, i) => a[t][i] * (value - b[t][i])))
    const loss = x.reduce(
      (sum, each, t) =>
        each.reduce((s, value, i) => s + 0.5 * a[t][i] * (value - b[t][i]) ** 2, sum),
      0,
    )
    const numbers = gradients.whole.read()
    for (const [i, each] of g.entries()) numbers.set(each, starts[i])
    gradients.whole.write(numbers)
    left.step(named(gradients.parts), { loss })
    right.step(named(g), { loss })
  }
  let [off, moved, differ] = [0, 0, 0]
  const found = params.whole.read()
  for (const [t, each] of x.entries())
    for (const [i, value] of each.entries()) {
      off = Math.max(off, Math.abs(found[starts[t] + i] - value))
      moved = Math.max(moved, Math.abs(value - x0[t][i]), Math.abs(value))
      differ += Number(found[starts[t] + i] !== value)
    }
  expect(off / moved).toBeLessThan(1e-6)
  if (/^(adam|adamW|sgd|adagrad|cocob|adamG)$/.test(name)) expect(differ).toBe(0)
  // What is between the tensors is nobody's.
  const between = found.filter(
    (_, i) => !starts.some((start, t) => i >= start && i < start + sizes[t]),
  )
  expect(between.every((value) => value === 0)).toBe(true)
  left.dispose()
  right.dispose()
  params.whole.free()
  gradients.whole.free()
})
