/**
 * The optimizers of PyTorch on the same GPU, in a process of python3 that waits for turns, so that
 * they race with everybody else. Where there is no torch with CUDA, a reason; never required.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const script = `
import json, sys
try:
    import torch
except ImportError:
    sys.exit('python3 has no torch')
if not torch.cuda.is_available():
    sys.exit('torch %s finds no CUDA' % torch.__version__)
kinds = {
    'torch fused AdamW': lambda p: torch.optim.AdamW(p, fused=True),
    'torch foreach Adam': lambda p: torch.optim.Adam(p, foreach=True),
}
more = ''
try:
    import prodigyopt
    kinds['prodigyopt'] = lambda p: prodigyopt.Prodigy(p)
except ImportError:
    more = ', no prodigyopt'
optimizers = {}
print(json.dumps({'version': torch.__version__ + more, 'names': list(kinds)}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if 'sizes' in request:
        optimizers.clear()
        torch.cuda.empty_cache()
        for name, make in kinds.items():
            params = [torch.nn.Parameter(torch.rand(size, device='cuda') - 0.5) for size in request['sizes']]
            for p in params:
                p.grad = torch.rand_like(p) - 0.5
            optimizers[name] = make(params)
    else:
        for _ in range(request['steps']):
            optimizers[request['run']].step()
    torch.cuda.synchronize()
    print('{}', flush=True)
`

/** Torch on the GPU. */
export class Torch {
  /** Its version, and what it can race with. */
  readonly version: string
  readonly names: readonly string[]
  private readonly child: ChildProcess
  private readonly lines: AsyncIterator<string>

  private constructor(
    child: ChildProcess,
    lines: AsyncIterator<string>,
    version: string,
    names: readonly string[],
  ) {
    this.child = child
    this.lines = lines
    this.version = version
    this.names = names
  }

  /** Starts it, on the device of the given number; or says why that is impossible. */
  static async start(device: number, python = 'python3'): Promise<Torch | string> {
    const child = spawn(python, ['-c', script], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
        ...(device > 0 && { CUDA_VISIBLE_DEVICES: String(device) }),
      },
    })
    let words = ''
    child.stderr.on('data', (text) => {
      words += text
    })
    const failed = new Promise<string>((resolve) => {
      child.on('error', ({ message }) => resolve(`python3 does not start: ${message}`))
      child.on('close', () => resolve(words.trim().split('\n').at(-1) || 'python3 ended'))
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const first = await Promise.race([lines.next(), failed])
    if (typeof first === 'string') return first
    if (first.done) return failed
    const { version, names } = JSON.parse(first.value) as { version: string; names: string[] }
    return new Torch(child, lines, version, names)
  }

  /** Makes optimizers for parameters of the given sizes; those before are gone. */
  prepare(sizes: readonly number[]): Promise<void> {
    return this.ask({ sizes })
  }

  /** Takes steps with one of them, and waits for the device. */
  run(name: string, steps: number): Promise<void> {
    return this.ask({ run: name, steps })
  }

  private async ask(request: object): Promise<void> {
    this.child.stdin?.write(`${JSON.stringify(request)}\n`)
    const { done } = await this.lines.next()
    if (done) throw new Error('torch ended in the middle of the race: too little memory, maybe')
  }

  /** Ends the process. */
  close(): void {
    this.child.stdin?.end()
  }
}
