// What node.test.ts runs in a process of its own: Dawn's Node binding on a software driver is known
// to end processes.
import { defineConfig } from 'vitest/config'

const conditions = ['@freestep/source', 'module', 'node', 'development|production']
export default defineConfig({
  root: import.meta.dirname,
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { name: 'webgpu-node', include: ['test/node.run.ts'], testTimeout: 300_000 },
})
