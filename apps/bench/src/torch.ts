/**
 * Adam and Prodigy in PyTorch, where a python3 that has torch (and prodigyopt) is on the machine.
 * Measured in a process of its own, right after the race; never required.
 */
import { spawnSync } from 'node:child_process'

const script = `
import json, statistics, sys, time
import torch
sizes, rounds = json.loads(sys.argv[1])
torch.set_num_threads(int(sys.argv[2]))
optimizers = {'adam': lambda p: torch.optim.Adam(p, foreach=True)}
try:
    from prodigyopt import Prodigy
    optimizers['prodigy'] = lambda p: Prodigy(p)
except ImportError:
    pass
times = {}
for size in sizes:
    for name, make in optimizers.items():
        x = torch.nn.Parameter(torch.rand(size) - 0.5)
        x.grad = torch.rand(size) - 0.5
        optimizer = make([x])
        samples = []
        for _ in range(rounds):
            begin = time.perf_counter()
            optimizer.step()
            samples.append(1e3 * (time.perf_counter() - begin))
        times['%s@%d' % (name, size)] = statistics.median(samples[3:])
print(json.dumps({'version': torch.__version__, 'times': times}))
`

/** What torch was measured at: milliseconds a step, as `adam@1000000`. */
export interface TorchTimes {
  readonly version: string
  readonly times: Readonly<Record<string, number>>
}

/** Measures torch with one thread, or says why not. */
export function measureTorch(sizes: readonly number[], rounds: number): TorchTimes | string {
  const { status, stdout, stderr, error } = spawnSync(
    'python3',
    ['-c', script, JSON.stringify([sizes, rounds]), '1'],
    {
      encoding: 'utf8',
    },
  )
  if (error) return `python3 does not start: ${error.message}`
  return status === 0
    ? JSON.parse(stdout)
    : `python3 cannot run it: ${stderr.trim().split('\n').at(-1)}`
}
