/** Lines of code in braces, for languages that have them. */

/** Indents by one level. */
export const indent = (lines: readonly string[]): string[] =>
  lines.map((line) => (line ? `  ${line}` : line))

/** A head, lines in braces. */
export const block = (head: string, lines: readonly string[], end = '}'): string[] => [
  head ? `${head} {` : '{',
  ...indent(lines),
  end,
]
