import { testBackend } from '@freestep/conformance'
import { createOptimizer, sgd } from '@freestep/core'
import { expect, test } from 'vitest'
import { Machine, type MachineTensor, machineBackend, numbersOf } from './fused.ts'

const machine = new Machine()
const tensor = (numbers: readonly number[], dtype: 'float32' | 'float64'): MachineTensor => {
  const place = machine.take((dtype === 'float32' ? 4 : 8) * numbers.length, 'A tensor')
  const made = { place, dtype, length: numbers.length }
  numbersOf(made).set(numbers)
  return made
}

const small = 'that many numbers are more than 64 KiB'
testBackend('a machine of 64 KiB', () => machineBackend(machine), {
  dtypes: ['float64', 'float32'],
  tensor: (numbers, _, dtype) => tensor(numbers, dtype),
  read: numbersOf,
  dispose: ({ place }) => machine.give(place),
  manyTensors: 50,
  leaveOut: { sums: small },
})

test('a launch that fails changes nothing, and the next one goes on', async () => {
  const x = tensor([1, 2], 'float64')
  const optimizer = await createOptimizer(sgd({ lr: 1 }), { x }, machineBackend(machine))
  const g = { x: tensor([1, 1], 'float64') }
  machine.failing = 1
  expect(() => optimizer.step(g)).toThrow('The machine did not start.')
  expect([...numbersOf(x)]).toEqual([1, 2])
  optimizer.step(g)
  expect([...numbersOf(x)]).toEqual([0, 1])
  expect(optimizer.steps).toBe(1)
  optimizer.dispose()
})
