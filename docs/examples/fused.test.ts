import { testBackend } from '@freestep/conformance'
import { fused } from './fused.ts'

testBackend('fused, in JavaScript', () => fused(), {
  dtypes: ['float64'],
  tensor: (numbers) => Float64Array.from(numbers),
  read: (array) => array,
})
