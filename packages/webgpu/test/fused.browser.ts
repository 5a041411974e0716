/**
 * Three hundred steps beside the CPU's fused kernels in single precision, on the same gradients:
 * every algorithm, over tensors of several sizes in buffers of their own. Convergence would hide a
 * state that is read too late; this does not.
 */
import { generator, table } from '@freestep/conformance'
import { cpu, createOptimizer as createOnCpu } from '@freestep/cpu'
import { expect, test } from 'vitest'
import { createOptimizer, webgpu } from '../src/index.ts'
import { bufferOf, readBuffer } from './tensors.ts'

const sizes = [1, 3, 257, 4099]
/**
 * Three hundred, but where the iterates run off to infinity, as they do here in double precision
 * too.
 */
const stepsOf = (name: string) => (name === 'scheduleFree(dadaptAdam)' ? 30 : 300)
const backend = await webgpu()
const { device } = backend
const names = sizes.map((_, i) => `p${i}`)
const draw = generator(7)
const random = (size: number) => Float32Array.from({ length: size }, draw)
const named = <T>(list: readonly T[]): Record<string, T> =>
  Object.fromEntries(list.map((each, i) => [names[i], each]))

test.each(table)('$name', async ({ name, make }) => {
  const x0 = sizes.map(random)
  const [a, b] = [
    sizes.map((size) => random(size).map((v) => 0.55 + 0.45 * v)),
    sizes.map((size) => random(size).map((v) => 2 * v)),
  ]
  const x = x0.map((each) => each.slice())
  const left = await createOptimizer(
    make(),
    named(x0.map((each) => bufferOf(device, each))),
    backend,
  )
  const right = await createOnCpu(make(), named(x), await cpu())
  for (let k = 0; k < stepsOf(name); k++) {
    const g = x.map((each, t) => each.map((value, i) => a[t][i] * (value - b[t][i])))
    const loss = x.reduce(
      (sum, each, t) =>
        each.reduce((s, value, i) => s + 0.5 * a[t][i] * (value - b[t][i]) ** 2, sum),
      0,
    )
    const buffers = g.map((each) => bufferOf(device, each))
    left.step(named(buffers), { loss })
    right.step(named(g), { loss })
    for (const buffer of buffers) buffer.destroy()
  }
  let [off, moved] = [0, 0]
  for (const [t, each] of x.entries()) {
    const found = await readBuffer(device, left.params[names[t]])
    for (const [i, value] of each.entries()) {
      off = Math.max(off, Math.abs(found[i] - value))
      moved = Math.max(moved, Math.abs(value - x0[t][i]), Math.abs(value))
    }
  }
  expect(off / moved).toBeLessThan(1e-5)
  left.dispose()
  right.dispose()
})
