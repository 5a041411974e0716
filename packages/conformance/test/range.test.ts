/**
 * The problems of the layer `range` have answers: in double precision what is compared moves by
 * less than 1e-4 when gradients, loss and x are off by 1e-7.
 */
import { expect, test } from 'vitest'
import { arrival, scales } from '../src/layers/5-range.ts'
import { generator, relativeError } from '../src/numbers.ts'
import { some } from '../src/quick.ts'
import { reference } from '../src/reference.ts'
import { table } from '../src/table.ts'

test.each(table.map((row) => [row.name, row] as const))('%s', async (_, row) => {
  for (const scale of some(scales, 4))
    for (const settings of row.range(scale)) {
      const exact = await arrival(reference(), row, settings, scale)
      const draw = generator(1)
      const noisy = await arrival(reference(), row, settings, scale, (a) => a * (1 + 1e-7 * draw()))
      const where = `${JSON.stringify(scale)}, ${JSON.stringify(settings)}: ${noisy}, not ${exact}`
      expect(relativeError([noisy], [exact]), where).toBeLessThan(1e-4)
    }
})
