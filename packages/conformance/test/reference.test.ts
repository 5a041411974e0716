/** The reference passes the kit that it is a part of: the kit asks for nothing impossible. */
import { compareBackends, reference, testBackend } from '../src/index.ts'

const { backend, tensor, read } = reference()
testBackend('reference', () => backend, { tensor, read, dtypes: ['float64', 'float32'] })
compareBackends(
  'reference, beside itself',
  () => backend,
  { tensor, read, dtypes: ['float64'] },
  { create: () => backend, tensor, read },
)
