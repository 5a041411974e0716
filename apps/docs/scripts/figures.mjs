// Measures what data/figures.json says of the adapters: sizes, by bundling and by counting, and
// speeds, by the suites of apps/bench. Takes minutes; leave the machine alone meanwhile. Run it in
// apps/docs, after `npm run build`:
//   node scripts/figures.mjs [SUITE...] [--on "what the machine is"]
// SUITE is one of cpu, tfjs, webgpu, cuda, onnxruntime. What a suite measured before stays where it
// measures nothing (cuda, without a GPU).
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

const app = fileURLToPath(new URL('..', import.meta.url))
const root = join(app, '../..')
const file = join(app, 'data/figures.json')
const { values, positionals: suites } = parseArgs({
  allowPositionals: true,
  options: { on: { type: 'string' } },
})

/** The size of what is in a folder, or of a file. */
function sizeOf(path) {
  if (!existsSync(path)) return 0
  if (statSync(path).isFile()) return statSync(path).size
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

/** The package.json of a package. */
const manifestOf = (name) =>
  JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))

/** A package and all of freestep that it needs, each once. */
function needed(name, found = new Set()) {
  found.add(name)
  for (const other of Object.keys(manifestOf(name).dependencies ?? {}))
    if (other.startsWith('@freestep/')) needed(other.replace('@freestep/', ''), found)
  return found
}

/** What they take on disk. */
const disk = (name) =>
  [...needed(name)]
    .flatMap((each) =>
      [...manifestOf(each).files, 'package.json', 'README.md'].map((file) =>
        join(root, 'packages', each, file),
      ),
    )
    .reduce((sum, path) => sum + sizeOf(path), 0)

/** What the first lines with an adapter weigh in a page, without the framework. */
async function page(name) {
  const { output } = await build({
    root: app,
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['module', 'browser', 'production'] },
    build: {
      write: false,
      lib: { entry: join(app, 'first', `${name}.ts`), formats: ['es'] },
      minify: true,
      rolldownOptions: {
        external: (id) => /^[^./]/.test(id) && !id.startsWith('@freestep/') && !id.startsWith(app),
      },
    },
  }).then((results) => results[0])
  return output.reduce(
    (sum, chunk) => sum + (chunk.type === 'chunk' ? gzipSync(chunk.code).length : 0),
    0,
  )
}

const { speed, bytes } = JSON.parse(readFileSync(file, 'utf8'))
for (const name of readdirSync(join(app, 'first')).map((each) => each.replace('.ts', '')))
  if (existsSync(join(root, 'packages', name, 'dist')))
    bytes[name] = { page: await page(name), disk: disk(name) }

const date = new Date().toISOString().slice(0, 10)
const machine =
  values.on ?? `${cpus().length} cores of ${cpus()[0].model}, Node ${process.versions.node}`
for (const suite of suites) {
  const printed = execFileSync(process.execPath, [join(root, 'apps/bench/dist/main.js'), suite], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 26,
  })
  const lines = [...printed.matchAll(/^FIGURE (\S+) (\S+)$/gm)]
  if (!lines.length) {
    process.stderr.write(`${suite}: nothing was measured\n${printed}\n`)
    continue
  }
  speed[suite] = {
    on: `${machine}, ${date}`,
    figures: Object.fromEntries(lines.map(([, name, value]) => [name, Number(value)])),
  }
}
writeFileSync(file, `${JSON.stringify({ speed, bytes }, null, 2)}\n`)
