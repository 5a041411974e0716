/** The problems, written down again here, are those that the goldens were recorded on. */
import { describe, expect, test } from 'vitest'
import file from '../goldens/_problems.json' with { type: 'json' }
import { exactSum, fill, relativeError } from '../src/numbers.ts'
import { problems } from '../src/problems.ts'

interface Recorded {
  readonly shapes: number[][]
  readonly x0: number[][]
  readonly data: Record<string, number | number[] | number[][]>
  readonly loss_at_x0: number
  readonly grad_at_x0: number[][]
}

describe.each(Object.entries(file as Record<string, Recorded>))('%s', (name, recorded) => {
  const problem = problems[name]

  test('starts where it was recorded, from the same draws', () => {
    expect(problem.shapes).toEqual(recorded.shapes)
    expect(problem.x0).toEqual(recorded.x0)
    for (const [key, numbers] of Object.entries(recorded.data))
      if (Array.isArray(numbers)) expect(problem.data[key].flat()).toEqual(numbers.flat())
  })

  test('has the recorded loss and gradient', () => {
    expect(relativeError([[problem.loss(problem.x0)]], [[recorded.loss_at_x0]])).toBeLessThan(1e-15)
    expect(relativeError(problem.gradient(problem.x0), recorded.grad_at_x0)).toBeLessThan(1e-15)
  })

  test('has the gradient of its loss', () => {
    const x = problem.x0.map((list, t) => list.map((value, i) => value + 0.1 * Math.sin(i + t)))
    const h = 1e-6
    const slopes = x.map((list, t) =>
      list.map((_, i) => {
        const at = (step: number) =>
          problem.loss(x.map((each, u) => each.map((v, j) => (u === t && j === i ? v + step : v))))
        return (at(h) - at(-h)) / (2 * h)
      }),
    )
    expect(relativeError(problem.gradient(x), slopes)).toBeLessThan(1e-8)
  })
})

test('the exact sum keeps what plain addition loses', () => {
  expect(exactSum([1e16, 1, 1, -1e16])).toBe(2)
  expect(exactSum(fill(10, () => 0.1))).toBe(1)
  expect(exactSum([Infinity, 1])).toBe(Infinity)
})
