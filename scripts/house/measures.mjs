// The measures of ../house.mjs: functions from texts of files to numbers, by TypeScript's own
// parser. Nothing here knows which files are counted, or reads one.
import { dirname, join } from 'node:path/posix'
import ts from 'typescript'

const parse = (path, text) => ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)

/** Calls `visit` for a node and everything in it. */
function walk(node, visit) {
  visit(node)
  ts.forEachChild(node, (child) => walk(child, visit))
}

/** The lines of a file, from 0, on which something stands that is no comment. */
function linesOfCode(file) {
  const lines = new Set()
  const mark = (node) => {
    if (ts.isJSDoc(node)) return
    const children = node.getChildren(file)
    if (children.length > 0) for (const child of children) mark(child)
    else if (node.kind !== ts.SyntaxKind.EndOfFileToken && node.getWidth(file) > 0) {
      const line = (position) => file.getLineAndCharacterOfPosition(position).line
      // Inside a template, lines count whatever is on them.
      for (let at = line(node.getStart(file)); at <= line(node.getEnd()); at++) lines.add(at)
    }
  }
  mark(file)
  return lines
}

/** How many lines a text has, without comments and blank lines. */
export const lineCount = (path, text) => linesOfCode(parse(path, text)).size

const isFunction = (node) =>
  ts.isFunctionLike(node) && node.body !== undefined && ts.isBlock(node.body)

/** What a function is called: by itself, or by what it is given to. */
function nameOf(node) {
  const named = node.name ?? node.parent?.name
  if (ts.isConstructorDeclaration(node)) return `constructor of ${node.parent.name?.text}`
  return named?.getText?.() ?? 'a function'
}

/** Functions with a body in braces: name and lines of code, those of inner functions included. */
export function functionsOf(path, text) {
  const file = parse(path, text)
  const code = linesOfCode(file)
  const functions = []
  walk(file, (node) => {
    if (!isFunction(node)) return
    const { line: first } = file.getLineAndCharacterOfPosition(node.getStart(file))
    const { line: last } = file.getLineAndCharacterOfPosition(node.getEnd())
    let lines = 0
    for (let line = first; line <= last; line++) if (code.has(line)) lines++
    functions.push({ path, name: nameOf(node), lines })
  })
  return functions
}

/**
 * Whether a file names an operation, so that one more would touch it: as a key, a text, a type or a
 * declaration of its own. Importing or calling it is only a use.
 */
export function namesOperation(path, text, operation) {
  let found = false
  walk(parse(path, text), (node) => {
    if (ts.isStringLiteralLike(node) && node.text === operation) found = true
    if (!ts.isIdentifier(node) || node.text !== operation) return
    const { parent } = node
    const isKey =
      (ts.isPropertyAssignment(parent) ||
        ts.isShorthandPropertyAssignment(parent) ||
        ts.isMethodDeclaration(parent) ||
        ts.isPropertySignature(parent) ||
        ts.isMethodSignature(parent)) &&
      parent.name === node
    const exported =
      ts.isVariableDeclaration(parent) &&
      parent.name === node &&
      parent.parent.parent.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
    if (isKey || exported) found = true
  })
  return found
}

/** What an import, an export, a type or a call names as another module, if it does. */
function moduleOf(node) {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isImportTypeNode(node)) return node.argument.literal
  const isCall = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
  return isCall ? node.arguments[0] : undefined
}

/** The relative imports of a text, those of types included, as paths. */
function importsOf(path, text) {
  const targets = []
  walk(parse(path, text), (node) => {
    const from = moduleOf(node)
    if (from && ts.isStringLiteralLike(from) && from.text.startsWith('.'))
      targets.push(join(dirname(path), from.text))
  })
  return targets
}

/** Groups of files that import one another in a circle: Tarjan's strongly connected components. */
export function cycles(texts) {
  const edges = new Map()
  for (const [path, text] of texts)
    edges.set(
      path,
      importsOf(path, text).filter((target) => texts.has(target)),
    )
  const [index, low, stack, groups] = [new Map(), new Map(), [], []]
  const connect = (path) => {
    index.set(path, index.size)
    low.set(path, index.get(path))
    stack.push(path)
    for (const target of edges.get(path)) {
      if (!index.has(target)) connect(target)
      if (stack.includes(target)) low.set(path, Math.min(low.get(path), low.get(target)))
    }
    if (low.get(path) !== index.get(path)) return
    const group = stack.splice(stack.indexOf(path))
    if (group.length > 1 || edges.get(path).includes(path)) groups.push(group.sort())
  }
  for (const path of edges.keys()) if (!index.has(path)) connect(path)
  return groups
}

/** Lines of more than 100 columns in raw texts: how many, and which share of all. */
export function wideLines(texts) {
  const lines = texts.flatMap((text) => text.split('\n'))
  const wide = lines.filter((line) => line.length > 100).length
  return { lines: wide, share: wide / lines.length }
}
