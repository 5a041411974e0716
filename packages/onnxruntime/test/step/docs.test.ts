/**
 * docs/onnx-step.md: the names that it lists are those of the model, and its loop, here in
 * JavaScript, ends where it says.
 */
import { readFileSync } from 'node:fs'
import { prodigy } from '@freestep/core'
import * as ort from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { exportInit, exportStep } from '../../src/step/index.ts'

const page = readFileSync(new URL('../../../../docs/onnx-step.md', import.meta.url), 'utf8')
const shapes = { x: [2] }
const open = (bytes: Uint8Array) => ort.InferenceSession.create(bytes)

test('the names in the table', async () => {
  const rows = [...page.matchAll(/^\| (parameters|gradients|states|options) +\| (.*?) +\|/gm)]
  const listed = rows.flatMap(([, , names]) => names.replace(/`/g, '').split(', '))
  expect(listed.sort()).toEqual([...(await open(exportStep(prodigy(), shapes))).inputNames].sort())
})

test('the loop in C++', async () => {
  const [init, step] = [
    await open(exportInit(prodigy(), shapes)),
    await open(exportStep(prodigy(), shapes)),
  ]
  const [, steps] = page.match(/k < (\d+)/) ?? []
  const values: Record<string, ort.Tensor> = { 'x/x': new ort.Tensor('float32', [0, 0], [2]) }
  Object.assign(values, await init.run(values))
  for (let k = 0; k < Number(steps); k++) {
    const x = values['x/x'].data as Float32Array
    values['g/x'] = new ort.Tensor('float32', [2 * (x[0] - 3), 20 * (x[1] + 1)], [2])
    const next = await step.run(
      Object.fromEntries(step.inputNames.map((name) => [name, values[name]])),
    )
    for (const [name, tensor] of Object.entries(next)) values[name.slice(5)] = tensor
  }
  const [x, d] = [values['x/x'].data as Float32Array, values.d.data as Float64Array]
  const printed = `${x[0].toFixed(2)} ${x[1].toFixed(2)}, d = ${d[0].toFixed(2)}`
  expect(page).toContain(`\n${printed}\n`)
})
