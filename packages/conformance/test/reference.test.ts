import { reference, testBackend } from '../src/index.ts'

const { backend, tensor, read } = reference()
testBackend('reference', () => backend, { tensor, read, dtypes: ['float64', 'float32'] })
