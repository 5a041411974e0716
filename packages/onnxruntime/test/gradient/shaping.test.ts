// The rules for what moves elements about, against central differences.
import { describe, it } from 'vitest'
import { tensorProto } from '../../src/onnx/index.ts'
import {
  type Case,
  expectGradients,
  expectInferred,
  ints,
  modelOf,
  parameter,
} from './differences.ts'

const one = (
  op: string,
  shape: readonly number[],
  rest: readonly Case['inputs'][number][] = [],
  attributes = {},
  outputs = 1,
): Case => ({
  op,
  inputs: [parameter(shape), ...rest],
  attributes,
  outputs,
})
const end = 2 ** 31 - 1

const cases: readonly Case[] = [
  one('Transpose', [2, 3]),
  one('Transpose', [2, 3, 4], [], { perm: [1, 2, 0] }),
  one('Reshape', [2, 6], [ints([3, 4])]),
  one('Reshape', [2, 3, 2], [ints([0, -1])]),
  one('Flatten', [2, 3, 2]),
  one('Flatten', [2, 3, 2], [], { axis: 0 }),
  one('Flatten', [2, 3, 2], [], { axis: -1 }),
  one('Squeeze', [1, 3, 1]),
  one('Squeeze', [1, 3, 1], [ints([-1])]),
  one('Unsqueeze', [3, 2], [ints([0, -1])]),
  one('Expand', [3, 1], [ints([2, 3, 4])]),
  one('Expand', [3, 1], [ints([1, 4])]),
  one('Tile', [2, 3], [ints([2, 3])]),
  one('Trilu', [3, 4]),
  one('Trilu', [3, 4], [ints([1], [])], { upper: 0 }),
  {
    op: 'Concat',
    inputs: [parameter([2, 3]), parameter([2, 1]), parameter([2, 2])],
    attributes: { axis: 1 },
  },
  { op: 'Concat', inputs: [parameter([2, 3]), parameter([1, 3])], attributes: { axis: -2 } },
  { op: 'Concat', inputs: [parameter([2, 3])], attributes: { axis: 0 } },
  one('Split', [4, 3], [ints([1, 3])], {}, 2),
  one('Split', [2, 6], [], { axis: -1 }, 3),
  { ...one('Split', [2, 7], [], { axis: 1, num_outputs: 3 }, 3), opset: 18 },
  one('Slice', [5], [ints([1]), ints([4])]),
  one('Slice', [4, 5], [ints([1, -3]), ints([end, -1]), ints([0, 1])]),
  one('Slice', [4, 5], [ints([1]), ints([end]), ints([-1]), ints([2])]),
  one('Slice', [6, 5], [ints([end, 0]), ints([-end, 4]), ints([0, 1]), ints([-2, 3])]),
  one('Slice', [4, 5], [ints([0]), ints([4]), ints([0])]),
  one('Gather', [4, 3], [ints([2, 0, 2])]),
  one('Gather', [4, 3], [ints([-1, 1, 1, 0], [2, 2])]),
  one('Gather', [4, 3], [ints([1], [])]),
  one('Gather', [2, 4, 3], [ints([3, 0, 3, 1], [2, 2])], { axis: 1 }),
  one('Gather', [2, 4, 3], [ints([2, 2])], { axis: -1 }),
  one('Gather', [4, 3], [tensorProto('', 'int32', [3], [2, 0, 2])]),
  one('GatherElements', [3, 3], [ints([1, 2, 0, 2, 0, 0], [2, 3])]),
  one('GatherElements', [2, 3], [ints([1, 1, 0, 2], [2, 2])], { axis: 1 }),
  one('Pad', [2, 3], [ints([1, 0, 2, 1])]),
  one('Pad', [4, 3], [ints([-1, 2, -1, 0])]),
  { ...one('Pad', [4, 3], [ints([1, 2]), undefined, ints([-1])]), opset: 18 },
]

describe.each(cases.map((each, i) => [`${each.op} ${i}`, each] as const))('%s', (_, given) => {
  it('has the gradient that differences show', () => expectGradients(given))
  it('has the types and shapes that are inferred', async () => expectInferred(await modelOf(given)))
})
