/**
 * The reference passes the kit that it is a part of: the kit asks for nothing impossible. It is
 * compared with itself once.
 */
import { compareBackends, reference, testBackend } from '../src/index.ts'

const { backend, tensor, read } = reference()
testBackend('reference', () => backend, {
  tensor,
  read,
  dtypes: ['float64', 'float32'],
  leaveOut: { compare: 'it is what others are compared with' },
})
compareBackends(
  'reference, beside itself',
  () => backend,
  { tensor, read, dtypes: ['float64'] },
  { create: () => backend, tensor, read },
)
