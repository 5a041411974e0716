/**
 * Whose memory is whose: parameters that share some are refused, and gradients may be wherever they
 * are.
 */
import { dog, FreestepError, sgd } from '@freestep/core'
import { cpu, createOptimizer as createOnCpu } from '@freestep/cpu'
import { expect, test } from 'vitest'
import { type CudaTensor, createOptimizer, cuda, DeviceArray } from '../src/index.ts'
import { driver, noGpu } from './backend.ts'

const backend = await cuda({ driver, ...(noGpu && { blockSize: 32 }) })
const read = (tensor: CudaTensor) => (tensor instanceof DeviceArray ? [...tensor.read()] : [])
const part = (array: DeviceArray, from: number, length: number) => ({
  pointer: array.pointer + BigInt(4 * from),
  length,
  dtype: array.dtype,
})

test('two parameters in the same memory are refused, those beside each other are not', async () => {
  const all = backend.array([1, 2, 3, 4])
  const host = new Float32Array(4)
  const create = (params: Record<string, CudaTensor>) =>
    createOptimizer(sgd({ lr: 1 }), params, backend)
  for (const params of [
    { a: all, b: all },
    { a: all, b: part(all, 0, 4) },
    { a: part(all, 0, 2), b: part(all, 1, 2) },
    { a: host, b: host.subarray(1) },
  ]) {
    const error = await create(params).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(FreestepError)
    expect((error as FreestepError).code).toBe('shared-memory')
  }
  const optimizer = await create({ a: part(all, 0, 2), b: part(all, 2, 2) })
  optimizer.step({ a: backend.array([1, 1]), b: backend.array([2, 2]) })
  expect([...all.read()]).toEqual([0, 1, 1, 2])
})

test("gradients in each other's places, and one of them from the host", async () => {
  const make = async () => {
    const optimizer = await createOptimizer(
      sgd({ lr: 1 }),
      { a: Float32Array.of(1), b: Float32Array.of(1) },
      backend,
    )
    const [a, b] = [optimizer.grads?.a, optimizer.grads?.b] as DeviceArray[]
    a.write([2])
    b.write([5])
    return { optimizer, a, b }
  }
  const swapped = await make()
  swapped.optimizer.step({ a: swapped.b, b: swapped.a })
  expect([read(swapped.optimizer.params.a), read(swapped.optimizer.params.b)]).toEqual([[-4], [-1]])
  const half = await make()
  half.optimizer.step({ a: half.b, b: Float32Array.of(7) })
  expect([read(half.optimizer.params.a), read(half.optimizer.params.b)]).toEqual([[-4], [-6]])
  expect(read(half.b)).toEqual([5])
})

test('gradients that are parameters, whole or in part: as on the CPU, where they are copies', async () => {
  const [start, size] = [Float32Array.from({ length: 300 }, (_, i) => Math.sin(i)), 100]
  const all = backend.array(start)
  const [a, b] = [part(all, 0, size), part(all, size, size)]
  const optimizer = await createOptimizer(dog({ repsRel: 0.1 }), { a, b }, backend)
  const x = { a: start.slice(0, size), b: start.slice(size, 2 * size) }
  const other = await createOnCpu(dog({ repsRel: 0.1 }), x, await cpu())
  for (let k = 0; k < 4; k++) {
    const now = [...x.a, ...x.b, ...start.slice(2 * size)]
    optimizer.step({ a: b, b: part(all, 30, size) })
    other.step({ a: x.b.slice(), b: Float32Array.from(now.slice(30, 30 + size)) })
  }
  const found = [...all.read()]
  for (const [i, value] of [...x.a, ...x.b].entries()) expect(found[i]).toBeCloseTo(value, 6)
  expect(found.slice(2 * size)).toEqual([...start.slice(2 * size)])
})
