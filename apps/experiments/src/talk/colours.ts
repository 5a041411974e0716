// One colour per method, the same in every figure, for light and for dark pages. A figure carries
// the colours it uses in a style sheet of its own, so that it can stand alone as a file.

/** Light and dark. */
const COLOURS: Record<string, readonly [string, string]> = {
  Prodigy: ['#d9480f', '#ff922b'],
  'Prodigy GD': ['#c2255c', '#f783ac'],
  'Prodigy DA': ['#8a5a00', '#e0b050'],
  'D-Adaptation DA': ['#0b7285', '#3bc9db'],
  'D-Adaptation DA, option I': ['#3b8f99', '#66d9e8'],
  'D-Adaptation SGD': ['#4263eb', '#91a7ff'],
  'D-Adaptation AdaGrad': ['#087f5b', '#63e6be'],
  'D-Adaptation Adam': ['#1864ab', '#4dabf7'],
  'D-Adaptation Adam, preprint': ['#5f7f9f', '#a5d8ff'],
  'D-Adaptation Adan': ['#6741d9', '#b197fc'],
  'D-Adaptation Lion': ['#5c7cfa', '#bac8ff'],
  DoG: ['#2b8a3e', '#69db7c'],
  DoWG: ['#9c36b5', '#e599f7'],
}
/** For methods that only one experiment has, in their order there. */
const OTHERS = [
  ['#1864ab', '#4dabf7'],
  ['#d9480f', '#ff922b'],
  ['#2b8a3e', '#69db7c'],
  ['#9c36b5', '#e599f7'],
  ['#0b7285', '#3bc9db'],
  ['#c2255c', '#f783ac'],
  ['#8a5a00', '#e0b050'],
  ['#6741d9', '#b197fc'],
  ['#5c940d', '#a9e34b'],
  ['#e67700', '#ffd43b'],
  ['#a61e4d', '#faa2c1'],
  ['#364fc7', '#748ffc'],
  ['#00666b', '#66d9e8'],
] as const
const TUNED = ['#495057', '#ced4da'] as const
const FAINT = ['#adb5bd', '#5c636a'] as const

/** What is drawn with a colour. */
export interface Painted {
  readonly method: string
  /** Ours to be looked at, the best of a grid, or one of the rest of it. */
  readonly role: 'free' | 'best' | 'grid'
}

/** The class of what is drawn for each of the methods, and the style sheet behind the classes. */
export function paint(all: readonly Painted[]): {
  classOf(painted: Painted): string
  style: string
} {
  const unknown = [
    ...new Set(
      all
        .filter(({ role, method }) => role === 'free' && !COLOURS[method])
        .map(({ method }) => method),
    ),
  ]
  const taken = all.map(({ method }) => COLOURS[method]?.[0])
  const others = OTHERS.filter(([light]) => !taken.includes(light))
  const colour = ({ method, role }: Painted) => {
    if (role !== 'free') return role === 'best' ? TUNED : FAINT
    return COLOURS[method] ?? others[unknown.indexOf(method) % others.length]
  }
  const pairs = [...new Map(all.map((each) => [classOf(each), colour(each)]))]
  const rules = (shade: 0 | 1) =>
    pairs.map(([name, pair]) => `.${name}{--c:${pair?.[shade]}}`).join('')
  const page = (text: string, line: string) => `.figure{--muted:${text};--line:${line}}`
  const light = page('#6b6b76', '#e4e4ea') + rules(0)
  const dark = page('#9c9ca8', '#2d2d34') + rules(1)
  return { classOf, style: `${light}@media(prefers-color-scheme:dark){${dark}}` }
}

const classOf = ({ method, role }: Painted) =>
  role === 'free' ? `m-${method.replace(/[^a-z0-9]+/gi, '-').toLowerCase()}` : `m-${role}`
