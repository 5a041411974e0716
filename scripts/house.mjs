// How big the house is and how well it is kept, as numbers: the fused runtime, the languages, the
// files that an operation touches, lengths of functions, import cycles, wide lines. Prints them
// with the files that were counted. It judges nothing: what is too much, reviewers say.
//   npm run house [-- --commit SHA] [--short]
// Lines are counted after formatting by today's biome.json, without comments and blank lines, so
// that another commit (--commit) is measured by the same ruler; wide lines as they stand. --short
// leaves the files out.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cycles, functionsOf, lineCount, namesOperation, wideLines } from './house/measures.mjs'

/**
 * Which files each measure counts: what matches `files` and none of `without`, patterns over paths
 * below packages/, where `*` is a part of a name and `**` any path. Names before and after the
 * house was rebuilt stand side by side, so that one table serves both.
 */
const counted = {
  // What runs compiled kernels: engines, their memory, plans and devices. Not what a package is to
  // its users (index, backend, optimizer), not operations one by one (eager), not what the caller's
  // tensors are, and not the binding of a driver's library.
  'fused runtime': {
    files: [
      'engine/src/**',
      'cpu/src/**',
      'webgpu/src/**',
      'cuda/src/**',
      'tfjs/src/{linear,cpu,wasm,webgpu,fused}.ts', // before
      'tfjs/src/devices/**', // after
      'tfjs/src/{device,devices,memory,plan,plans,segments}.ts',
    ],
    without: [
      '*/src/{index,backend,optimizer,eager,tensors}.ts',
      'cpu/src/kernels.ts', // a list of exports
      'webgpu/src/usage.ts', // constants of the standard
      'cuda/src/{array,bytes,arrays,numbers}.ts', // the caller's arrays
      'cuda/src/{kernel,callerKernel,time}.ts', // the caller's own kernels, events and graphs
      'cuda/src/{driver,library,load,nvidia}.ts', // the binding of the driver
      'engine/src/fake/**', // for tests
      'engine/src/{fake,fakeDevice}.ts',
    ],
  },
  // What prints kernels; the middle that they share is counted apart.
  languages: {
    files: [
      'compiler/src/js.ts', // before
      'compiler/src/{wasm,wgsl,ptx}/**',
      'compiler/src/languages/**', // after
    ],
    without: [],
  },
  'compiler, all of it': { files: ['compiler/src/**'], without: [] },
}

/** Elementwise operations that are looked for; what only uses them is left out. */
const operations = ['sign', 'pow', 'neg', 'sqrt']
const operationFiles = {
  files: ['*/src/**'],
  without: ['core/src/algorithms/**', 'core/src/wrappers/**', 'onnxruntime/src/**'],
}

const root = fileURLToPath(new URL('..', import.meta.url))
const { values: options } = parseArgs({
  options: { commit: { type: 'string' }, short: { type: 'boolean', default: false } },
})

/** A pattern as a regular expression over paths below packages/. */
function expression(pattern) {
  const parts = pattern.split(/(\*\*|\*|\{[^}]*\})/).map((part) => {
    if (part === '**') return '.*'
    if (part === '*') return '[^/]*'
    if (part.startsWith('{')) return `(${part.slice(1, -1).replaceAll(',', '|')})`
    return part.replaceAll('.', '\\.')
  })
  return new RegExp(`^packages/${parts.join('')}$`)
}

/** The paths that a row of the table means. */
function choose(paths, { files, without }) {
  const [yes, no] = [files.map(expression), without.map(expression)]
  const matches = (path) => (pattern) => pattern.test(path)
  return paths.filter((path) => yes.some(matches(path)) && !no.some(matches(path)))
}

/** Runs git in the repository; what it prints. */
const git = (...args) =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 })

/** A copy of the sources in `folder`, as they are in the working tree or were in a commit. */
function copySources(folder, commit) {
  const wanted = ['packages', 'apps', 'scripts']
  const listed = commit
    ? git('ls-tree', '-r', '--name-only', commit, ...wanted)
    : git('ls-files', '--cached', '--others', '--exclude-standard', ...wanted)
  const paths = listed
    .split('\n')
    .filter((path) => /\.(ts|mts|js|mjs|vue)$/.test(path))
    .filter((path) => commit || existsSync(join(root, path)))
  if (commit) {
    const archive = join(folder, 'archive.tar')
    git('archive', `--output=${archive}`, commit, ...wanted)
    execFileSync('tar', ['-xf', archive, '-C', folder])
  } else {
    for (const path of paths) cpSync(join(root, path), join(folder, path), { force: true })
  }
  return paths
}

/** Formats the packages' sources in `folder` as this commit's biome.json says. */
function format(folder) {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
  const flags = ['--write', '--vcs-enabled=false', '--max-diagnostics=none']
  cpSync(join(root, 'biome.json'), join(folder, 'biome.json'))
  execFileSync(process.execPath, [biome, 'format', ...flags, 'packages'], {
    cwd: folder,
    stdio: 'ignore',
  })
}

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0)
const show = (name, value, note = '') => console.log(`${name.padEnd(34)}${value}${note}`)

/** Prints what a measure consists of, a line each. */
function list(lines) {
  if (!options.short) for (const line of lines) console.log(`    ${line}`)
}

const folder = mkdtempSync(join(tmpdir(), 'freestep-house-'))
try {
  const paths = copySources(folder, options.commit)
  const read = (path) => readFileSync(join(folder, path), 'utf8')
  const wide = wideLines(paths.map(read))
  format(folder)
  const sources = paths.filter((path) => /^packages\/[^/]+\/src\/.*\.m?ts$/.test(path))
  const of = git('log', '-1', '--format=%h %s', options.commit ?? 'HEAD').trim()
  console.log(`${options.commit ? '' : 'working tree over '}${of}\n`)

  for (const [name, row] of Object.entries(counted)) {
    const files = choose(sources, row)
    const lines = files.map((path) => lineCount(path, read(path)))
    show(`${name}, lines`, sum(lines), ` in ${files.length} files`)
    list(files.map((path, index) => `${String(lines[index]).padStart(4)} ${path}`))
  }

  for (const operation of operations) {
    const files = choose(sources, operationFiles).filter((path) =>
      namesOperation(path, read(path), operation),
    )
    show(`files that name \`${operation}\``, files.length)
    list(files)
  }

  const functions = sources.flatMap((path) => functionsOf(path, read(path)))
  functions.sort((a, b) => a.lines - b.lines)
  const quantile = (share) => functions[Math.ceil(share * functions.length) - 1].lines
  show('functions, p50 / p90 / max', [0.5, 0.9, 1].map(quantile).join(' / '))
  list(
    functions
      .slice(-10)
      .reverse()
      .map(({ lines, name, path }) => `${String(lines).padStart(4)} ${name} in ${path}`),
  )

  const groups = cycles(new Map(sources.map((path) => [path, read(path)])))
  show('import cycles, types included', groups.length)
  list(groups.map((group) => group.join(' ')))
  show('lines over 100 columns', `${(100 * wide.share).toFixed(2)} %`, ` (${wide.lines})`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
