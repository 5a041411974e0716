/**
 * Steps the parameters of a PyTorch model, in the memory where PyTorch has them: a process of Python computes gradients, this one takes Prodigy's steps,
 * and nothing is copied. In a process that has both, BigInt(tensor.data_ptr()) is the pointer, and no handle is needed.
 *
 *     node torch.js [python3]
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createOptimizer, cuda, prodigy } from '@freestep/cuda'

const backend = await cuda()
const script = fileURLToPath(new URL('torch.py', import.meta.url))
const python = spawn(process.argv[2] ?? 'python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] })
const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]()
const answer = async () => {
  const { value, done } = await lines.next()
  if (done) throw new Error('Python ended; does it have torch with CUDA?')
  return JSON.parse(value)
}

/** Allocations of the other process, each opened once; several tensors may be in one. */
const opened = new Map()
const at = ({ handle, offset, length, dtype }) => {
  if (!opened.has(handle)) opened.set(handle, backend.openShared(Buffer.from(handle, 'base64')))
  return { pointer: opened.get(handle) + BigInt(offset), length, dtype }
}

const tensors = Object.entries(await answer())
const params = Object.fromEntries(tensors.map(([name, { parameter }]) => [name, at(parameter)]))
const gradients = Object.fromEntries(tensors.map(([name, { gradient }]) => [name, at(gradient)]))
const optimizer = await createOptimizer(prodigy(), params, backend)

for (let k = 0; k < 300; k++) {
  python.stdin.write('backward\n')
  const loss = await answer()
  optimizer.step(gradients)
  // The other process must not read parameters before they have moved.
  backend.synchronize()
  if (k % 50 === 0) console.log(k, loss)
}
console.log(await optimizer.scalars())
optimizer.dispose()
backend.close()
python.stdin.end()
