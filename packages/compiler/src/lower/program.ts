/**
 * What kernels are lowered to: statements on named values and places in memory, plain data, of
 * which a language spells one after the other. There are two shapes: `serial`, where a worker takes
 * segments one after the other (serial.ts), and `grid`, where a block of workers takes a segment
 * (grid.ts). Not text, registers or addresses.
 */
import type { Elementwise } from '@freestep/core'
import type { Slot } from '../fuse/kernels.ts'
import type { SegmentField } from './layout.ts'

/** A value by its name, or a number. */
export type Operand = string | number

/** Elementwise, or `slice`: the identity, or `finite`: 0 for what is not finite. */
export type Operation = Elementwise | 'slice' | 'finite'

/** An operation on operands. */
export interface Expression {
  readonly op: Operation
  readonly args: readonly Operand[]
}

/** Computed in the precision of elements, or in that of single numbers. */
export type Precision = 'element' | 'number'

/** The present element of an array, or the present elements. */
export interface Element {
  readonly kind: 'array'
  readonly array: string
  /** Whose memory it is in: the caller's, with parameters or with gradients, or the optimizer's. */
  readonly buffer: 'x' | 'g' | 'states'
  readonly scope: 'element' | 'slice'
  /** An array of elements in a loop over slices: the coordinates are apart. */
  readonly apart: boolean
}

/** Where a number is. */
export type Place =
  | Element
  /** A slot; those of tensors, of the present one. */
  | { readonly kind: 'slot'; readonly slot: Slot }
  /** One of the partial sums of the present segment. */
  | { readonly kind: 'partial'; readonly index: number; readonly of: number }
  /** What is being added up; `ordered`: that of several to which the present element goes. */
  | { readonly kind: 'sum'; readonly index: number; readonly ordered?: boolean }
  /** What has been collected. */
  | { readonly kind: 'total'; readonly index: number }
  /** A number that the first worker has computed for all of its block. */
  | { readonly kind: 'shared'; readonly index: number }

/** A sum over a segment, and whether it is added up in lanes too. */
export interface LanedSum {
  readonly index: number
  readonly lanes: boolean
}

/** The statements that both shapes have, by kind. */
export interface CommonStatements {
  /** A value that is set once. From a slot to the precision of elements, it is rounded. */
  readonly let: {
    readonly name: string
    readonly precision: Precision
    readonly from: Place | Expression
    /** The loop after it has lanes, each of which needs it. */
    readonly broadcast?: boolean
  }
  /** Writes to a place. */
  readonly store: {
    readonly to: Place
    readonly value: Operand | Place
    readonly precision: Precision
    /** Up or down at random where it has to be rounded. */
    readonly random?: boolean
  }
  /** Adds to a place. */
  readonly add: {
    readonly to: Place
    readonly term: Place | Expression
    readonly precision: Precision
  }
  /** For each element of the segment, or each that slices keep. */
  readonly each: Each
  /** For each tensor. */
  readonly tensors: { readonly body: readonly Simple[] }
  /** Where the segment begins in arrays. */
  readonly begin: { readonly scope: 'element' | 'slice'; readonly arrays: readonly Element[] }
  /** Sums begin at 0. */
  readonly zero: { readonly sums: readonly LanedSum[] }
  /** Writes the sums of a segment to its partial sums. */
  readonly partials: { readonly sums: readonly LanedSum[] }
}

/** A loop over elements. */
export interface Each {
  readonly scope: 'element' | 'slice'
  /** All elements, as many as there are whole rounds of, or the rest after these. */
  readonly range: 'all' | 'whole' | 'rest'
  /** How many elements at once, and how often before the loop goes on. */
  readonly lanes: number
  readonly times: number
  /** Without lanes: which element is added to which of several totals. */
  readonly order?: SumOrder
  readonly body: readonly Simple[]
}

/**
 * The order in which the elements of a segment are added up: as far as there are whole rounds,
 * element i goes to total i mod `lanes`; the others go to one more.
 */
export interface SumOrder {
  readonly lanes: number
  readonly round: number
}

/** The statements of the serial shape, by kind. */
export interface SerialStatements extends CommonStatements {
  /** Its values are its own. */
  readonly block: { readonly body: readonly Statement<SerialStatements>[] }
  /** For each of some segments, which have so many partial sums each. */
  readonly segments: {
    readonly from: Operand
    readonly to: Operand
    readonly fields: readonly SegmentField[]
    readonly partials: number
    readonly body: readonly Statement<SerialStatements>[]
  }
}

type Grid = readonly Statement<GridStatements>[]
/** The statements of the grid shape, by kind. */
export interface GridStatements extends CommonStatements {
  /** Finds the segment of this block. */
  readonly segment: {
    /** Whether something in it belongs to its tensor, and whether some of it is sliced. */
    readonly tensor: boolean
    readonly slices: boolean
    /** Something is rounded at random in it. */
    readonly random: boolean
  }
  /** The same statements for each way in which the caller's memory may be. */
  readonly choose: { readonly cases: readonly { readonly way: Way; readonly body: Grid }[] }
  /** What the first worker alone does. */
  readonly first: { readonly body: Grid }
  /** Its values are its own. */
  readonly block: { readonly body: Grid }
  /** Waits until what workers of the block wrote can be read by all. */
  readonly barrier: { readonly between: 'steps' | 'loops' }
  /** Goes on in the block that gets here last, where everything is there that all others wrote. */
  readonly last: object
  /** Counts a step. */
  readonly count: object
  /** For each tensor, taken by a group of workers. */
  readonly groups: { readonly body: Grid }
  /** For each segment of all tensors, or of the present one: partial sums are added to sums. */
  readonly rows: {
    readonly over: Workers
    readonly partials: readonly { readonly index: number; readonly of: number }[]
  }
  /** Adds sums up over workers; then the first of them goes on. */
  readonly collect: { readonly over: Workers; readonly sums: number; readonly body: Grid }
  /** A remark. */
  readonly note: { readonly text: string }
}

/** A way in which the caller's memory may be: a pair of buffers, a precision. */
export interface Way {
  readonly index: number
  readonly name: string
  /** How many elements are taken at once. */
  readonly lanes: number
}

/** Those of a block, or of a group that takes a tensor. */
export type Workers = 'block' | 'group'

/** One statement of some kinds, all those of a shape unless told otherwise. */
export type Statement<Shape, Kind extends keyof Shape = keyof Shape> = {
  readonly [K in Kind]: { readonly kind: K } & Shape[K]
}[Kind]

/** What may be inside of a loop. */
export type Simple = Statement<CommonStatements, 'let' | 'store' | 'add'>

/** How a language spells each kind of statement. */
export type Spelling<Shape, Kind extends keyof Shape, Code> = {
  readonly [K in Kind]: (statement: Statement<Shape, K>) => Code
}

/** How a language spells the serial shape, or the grid shape. */
export type SerialSpelling<Code> = Spelling<SerialStatements, keyof SerialStatements, Code>
export type GridSpelling<Code> = Spelling<GridStatements, keyof GridStatements, Code>

/** Spells statements one after the other. */
export function spell<Shape, Kind extends keyof Shape, Code>(
  statements: readonly Statement<Shape, Kind>[],
  spelling: Spelling<Shape, Kind, Code>,
): Code[] {
  return statements.map((statement) => one(statement, spelling))
}

const one = <Shape, Kind extends keyof Shape, Code>(
  statement: Statement<Shape, Kind>,
  spelling: Spelling<Shape, Kind, Code>,
): Code => spelling[statement.kind](statement)
