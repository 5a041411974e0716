// How far single precision goes, for every algorithm: the powers of ten over which what it
// estimates (x where that is nothing) stays within 1 % of double precision, on the problem and with
// the options of the kit's layer `range`. Prints the table of docs/float32.md.
//   node packages/cpu/scripts/range.mjs        (after a build)
import { arrival, table } from '@freestep/conformance'
import { cpu } from '@freestep/cpu'

const stack = async (dtype, array) => ({
  backend: await cpu({ dtype }),
  dtype,
  tensor: (numbers) => array.from(numbers),
  read: (tensor) => tensor,
})
const single = await stack('float32', Float32Array)
const double = await stack('float64', Float64Array)

/** Whether all sets of options agree at that scale. */
async function agrees(row, scale) {
  try {
    return await compare(row, scale)
  } catch (error) {
    // A loss that overflows is refused, and so is an option.
    if (error.code === 'bad-option') return false
    throw error
  }
}

async function compare(row, scale) {
  const sets = row.range(scale)
  for (const settings of sets) {
    const [found, wanted] = [
      await arrival(single, row, settings, scale),
      await arrival(double, row, settings, scale),
    ]
    const size = Math.max(...wanted.map(Math.abs))
    if (!wanted.every((each, i) => Math.abs(found[i] - each) <= 1e-2 * size)) return false
  }
  return sets.length > 0
}

/** The last exponent in a direction, up to 20, at which it holds. */
async function last(row, direction, scale) {
  let exponent = 0
  while (Math.abs(exponent) < 20 && (await agrees(row, scale(10 ** (exponent + direction)))))
    exponent += direction
  return exponent
}

const limits = async (row, scale) =>
  `1e${await last(row, -1, scale)} … 1e${await last(row, 1, scale)}`
console.log('| algorithm | distances, where gradients are near 1 | gradients, at the distance 1 |')
console.log('| --- | --- | --- |')
for (const row of table)
  console.log(
    `| ${row.name} | ${await limits(row, (D) => ({ D, G: 1 }))} | ${await limits(row, (G) => ({ D: 1, G }))} |`,
  )
