// A plugin of typedoc: modules have the names that they are imported by, what a large package exports is grouped by the file it is in, what a
// package only exports again is said in a sentence, and indented code is code. Not the looks of the pages.
import { readdirSync, readFileSync } from 'node:fs'
import { Comment, CommentTag, Converter, ReflectionKind } from 'typedoc'

const docs = new URL('../../../docs/', import.meta.url)

/** Packages with more exports than this are shown by groups. */
const many = 24

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    for (const module of modulesOf(context)) introduce(context, module)
    for (const { comment } of Object.values(context.project.reflections))
      if (comment) fence(comment)
  })
  // After links have been resolved, which may lead to what is exported again.
  const last = -10_000
  app.converter.on(
    Converter.EVENT_RESOLVE_END,
    (context) => {
      for (const module of modulesOf(context)) gatherAgain(context, module)
    },
    last,
  )
}

/**
 * Gives a module its name, and what it exports its place on the page.
 *
 * @param {import('typedoc').Context} context
 * @param {import('typedoc').DeclarationReflection} module
 */
function introduce(context, module) {
  module.name = importedAs(module)
  const [first] = module.comment?.summary ?? []
  // The page has the name as its title.
  if (first)
    first.text = first.text.replace(/^@freestep\/[\w/]+: (.)/, (_, letter) => letter.toUpperCase())
  const own = (module.children ?? []).filter((child) => !child.isReference())
  if (own.length > many) for (const child of own) categorize(context, child)
  for (const child of own) point(child)
}

/**
 * Says in a sentence what a module exports again, in place of listing it.
 *
 * @param {import('typedoc').Context} context
 * @param {import('typedoc').DeclarationReflection} module
 */
function gatherAgain(context, module) {
  const again = (module.children ?? []).filter((child) => child.isReference())
  const others = new Map(again.map((child) => [child, moduleOf(child.getTargetReflectionDeep())]))
  for (const child of again) context.project.removeReflection(child)
  for (const section of [...(module.groups ?? []), ...(module.categories ?? [])])
    section.children = section.children.filter((child) => !again.includes(child))
  module.groups = module.groups?.filter(({ children }) => children.length)
  module.categories = module.categories?.filter(({ children }) => children.length)
  for (const other of new Set(others.values()))
    say(
      module,
      again.filter((child) => others.get(child) === other),
      other,
    )
}

/** The packages. @param {import('typedoc').Context} context */
const modulesOf = ({ project }) =>
  project.getReflectionsByKind(ReflectionKind.Module).filter((module) => module.isDeclaration())

/**
 * What one is imported by: its package, and the path in it under which package.json exports its file.
 *
 * @param {import('typedoc').DeclarationReflection} module - whose name is `cpu/src` or `cpu/src/kernels` at first
 */
function importedAs({ name }) {
  const [folder, file = 'index'] = name.split('/src/').map((part) => part.replace(/\/src$/, ''))
  const manifest = new URL(`../../../packages/${folder}/package.json`, import.meta.url)
  const { name: full, exports } = JSON.parse(readFileSync(manifest, 'utf8'))
  const path =
    Object.keys(exports).find((each) => exports[each]['@freestep/source'] === `./src/${file}.ts`) ??
    '.'
  return full + path.slice(1)
}

/** The pages about algorithms and wrappers, by the names in their titles. */
const pages = new Map(
  ['algorithms', 'wrappers'].flatMap((folder) =>
    readdirSync(new URL(folder, docs)).flatMap((file) => {
      const [title] = readFileSync(new URL(`${folder}/${file}`, docs), 'utf8').split('\n')
      return [...title.matchAll(/`(\w+)`/g)].map(
        ([, name]) => /** @type {const} */ ([name, `${folder}/${file}`]),
      )
    }),
  ),
)

/**
 * Points from a factory to the page about it.
 *
 * @param {import('typedoc').DeclarationReflection} child
 */
function point(child) {
  const page = pages.get(child.name)
  if (!page) return
  for (const { comment } of [child, ...(child.signatures ?? [])])
    comment?.summary.push({
      kind: 'text',
      text: `\n\nThe step, every option and when it fails: [its page](../../../${page}).`,
    })
}

/**
 * Makes code of what is indented as such, which is text to typedoc.
 *
 * @param {import('typedoc').Comment} comment
 */
function fence(comment) {
  comment.summary = comment.summary.flatMap((part) => {
    if (part.kind !== 'text') return [part]
    const pieces = part.text.split(/\n\n((?: {4}.*(?:\n|$))+)/)
    return pieces.flatMap((text, i) =>
      i % 2
        ? [
            {
              kind: /** @type {const} */ ('code'),
              text: `\n\n\`\`\`ts\n${text.replace(/^ {4}/gm, '').trimEnd()}\n\`\`\`\n`,
            },
          ]
        : [{ ...part, text }],
    )
  })
}

/** The name of the module that something is in. @param {import('typedoc').Reflection | undefined} reflection */
const moduleOf = (reflection) =>
  !reflection || reflection.kind === ReflectionKind.Module
    ? (reflection?.name ?? '')
    : moduleOf(reflection.parent)

/**
 * Adds what is exported again to the description of a module.
 *
 * @param {import('typedoc').DeclarationReflection} module
 * @param {import('typedoc').Reflection[]} again
 * @param {string} other - the module that it comes from
 */
function say(module, again, other) {
  const names = again.map(({ name }) => `\`${name}\``).sort()
  const text =
    again.length > many
      ? `It also exports all of \`${other}\`.`
      : `It also exports, from \`${other}\`: ${names.join(', ')}.`
  module.comment ??= new Comment()
  module.comment.summary.push({ kind: 'text', text: `\n\n${text}` })
}

/**
 * Puts an export into a category: its folder in `src`, or its file.
 *
 * @param {import('typedoc').Context} context
 * @param {import('typedoc').DeclarationReflection} child
 */
function categorize(context, child) {
  const file =
    context.getSymbolFromReflection(child)?.declarations?.[0]?.getSourceFile().fileName ?? ''
  const [, inner = ''] = file.split('/src/')
  const name = inner.split('/')[0].replace('.ts', '').replace('index', 'main')
  if (!name) return
  const tag = new CommentTag('@category', [
    { kind: 'text', text: name[0].toUpperCase() + name.slice(1) },
  ])
  for (const documented of [child, ...(child.signatures ?? [])])
    documented.comment?.blockTags.push(tag)
}
