/**
 * The kernels of three algorithms, to read: in kernels/, in every language. A change of the
 * compiler shows here.
 */
import { type Algorithm, adam, dog, prodigy } from '@freestep/core'
import { expect, test } from 'vitest'
import { compile, emitJs, emitWat } from '../src/index.ts'
import { programOf } from './programs.ts'

const algorithms: Record<string, Algorithm> = { adam: adam(), dog: dog(), prodigy: prodigy() }

for (const [name, algorithm] of Object.entries(algorithms))
  test(name, async () => {
    const kernels = compile(programOf(algorithm), 'step')
    await expect(emitJs(kernels, 'float64')).toMatchFileSnapshot(`kernels/${name}.js.txt`)
    await expect(emitWat(kernels, 'float32')).toMatchFileSnapshot(`kernels/${name}.wat`)
  })
