/**
 * A parsed kernel as JavaScript: a function for the stretch of code from the start, and from each
 * wait, to the next waits or the end. Each runs one thread. What a thread has in registers is kept
 * in memory while it waits. Not what the functions call: see link.ts.
 */
import {
  type Block,
  doubtful,
  type Flow,
  flowOf,
  liveAtStart,
  members,
  type Registers,
  type Stretch,
  stretch,
} from './flow.ts'
import { print } from './instructions/index.ts'
import type { Layout } from './layout.ts'
import type { Kernel } from './syntax.ts'
import { natural } from './values.ts'
import { type Kind, type Knowledge, type Sync, Votes, Writer, type Written } from './writer.ts'

/** A kernel as text. */
export interface Printed {
  /**
   * An array of functions of `t`, the thread: the first begins the kernel, the others go on after
   * each wait. They give the number of the wait that comes next, or -1 at the end.
   */
  readonly text: string
  /** What threads wait for, by number. */
  readonly waits: readonly Sync[]
  /** How many numbers of each kind a thread leaves behind while it waits. */
  readonly whole: number
  readonly floating: number
}

/** Prints a kernel. */
export function printKernel(kernel: Kernel, layout: Layout, races: boolean): Printed {
  const { offsetOf } = layout
  const votes = new Votes()
  const declared = kernel.registers.map(({ type }) => natural(type))
  const draft = write(kernel, { kinds: declared, doubtful: new Set(), offsetOf, races }, votes)
  const kinds = kernel.registers.map(({ type, index }, i): Kind => {
    const floats =
      type.kind === 'b' && type.bits >= 32 && votes.float.has(index) && !votes.other.has(index)
    return floats ? (type.bits === 32 ? 'f32' : 'f64') : declared[i]
  })
  const knowledge = {
    kinds,
    doubtful: doubtful(flowOf(draft), kernel.registers.length),
    offsetOf,
    races,
  }
  return new Printer(flowOf(write(kernel, knowledge, votes)), knowledge, kernel).printed()
}

function write({ code }: Kernel, knowledge: Knowledge, votes: Votes) {
  return code.map((each, place) => {
    if (each.is === 'label') return each
    const w = new Writer(each, place, knowledge, votes)
    print(w)
    return w.done()
  })
}

/** How a value is put away for a wait, and taken back. */
interface Kept {
  readonly name: string
  readonly save: string
  readonly restored: string
}

class Printer {
  private readonly flow: Flow
  private readonly knowledge: Knowledge
  private readonly kernel: Kernel
  private readonly live: readonly Registers[]
  /** Waits, by the number of the block that ends in them. */
  private readonly waits: ReadonlyMap<number, number>
  /** Blocks that control comes back to from below. */
  private readonly loops: ReadonlySet<number>
  /** Where registers are kept during waits. */
  private readonly places = new Map<string, number>()
  private readonly counts = { whole: 0, floating: 0 }

  constructor(flow: Flow, knowledge: Knowledge, kernel: Kernel) {
    this.flow = flow
    this.knowledge = knowledge
    this.kernel = kernel
    this.live = liveAtStart(flow)
    this.loops = new Set(flow.blocks.flatMap(({ next }, from) => next.filter((to) => to <= from)))
    const waiting = [...flow.blocks.keys()].filter((i) => flow.blocks[i].body.at(-1)?.wait)
    this.waits = new Map(waiting.map((i, number) => [i, number]))
  }

  printed(): Printed {
    const { blocks } = this.flow
    const starts = [0, ...[...this.waits.keys()].map((i) => i + 1)]
    const functions = starts.map((start) => `function (t) {\n${this.stretch(start).join('\n')}\n}`)
    const waits = [...this.waits.keys()].map((i) => blocks[i].body.at(-1)?.wait as Sync)
    return { text: `[\n${functions.join(',\n')}\n]`, waits, ...this.counts }
  }

  private stretch(start: number): string[] {
    const own = this.reaching(start)
    const { first, blocks } = own
    const { resumes } = this.flow.blocks[first]
    const straight = blocks.length === 1 && !this.loops.has(first)
    return [
      'let steps = 0',
      ...this.declarations(own),
      ...(resumes?.after ?? []),
      ...(straight ? [] : [`let at = ${first}`, 'for (;;) switch (at) {']),
      ...blocks.flatMap((i, k) => [
        ...(straight ? [] : [`case ${i}:`]),
        ...this.block(i, own, blocks[k + 1]),
      ]),
      ...(straight ? [] : ["default: throw new Error('there is no such block')", '}']),
    ]
  }

  /** What control reaches from a block. The first stretch mentions all that it puts away. */
  private reaching(first: number): Stretch {
    const own = stretch(this.flow, first)
    if (first) return own
    const away = own.blocks
      .filter((i) => this.waits.has(i))
      .reduce((set, i) => set | this.live[i + 1], 0n)
    return { ...own, mentions: own.mentions | away }
  }

  private declarations({ first, mentions }: Stretch): string[] {
    // Halves tell the JavaScript engine that these are doubles.
    const initial = { i32: '0', i64: '0', f32: '0.5', f64: '0.5', pred: 'false' }
    const known = new Map(
      first
        ? this.kept(this.live[first] & mentions).map(({ name, restored }) => [name, restored])
        : [],
    )
    const declare = (name: string, value: string) => `let ${name} = ${known.get(name) ?? value}`
    return members(mentions).flatMap((index) => {
      const kind = this.knowledge.kinds[index]
      return [
        declare(`r${index}`, initial[kind]),
        ...(kind === 'i64' ? [declare(`h${index}`, '0')] : []),
        ...(this.knowledge.doubtful.has(index) ? [declare(`w${index}`, 'false')] : []),
      ]
    })
  }

  /** A block; `below` is the one that is printed next. */
  private block(i: number, own: Stretch, below: number | undefined): string[] {
    const block = this.flow.blocks[i]
    const { body } = block
    return [
      `steps += ${body.length}`,
      ...(this.loops.has(i)
        ? [`if (steps > limit) endless(${body.length ? this.placeOf(body[0]) : -1})`]
        : []),
      ...body.flatMap((each) => this.instruction(each, i, own)),
      ...this.onward(block, i, below),
    ]
  }

  /** Where control goes at the end of a block, if its last instruction does not say. */
  private onward({ body }: Block, i: number, below: number | undefined): string[] {
    const last = body.at(-1)
    if (last && (last.leaves || last.wait) && !last.instruction.guard) return []
    const next = last?.wait ? i + 2 : i + 1
    if (next >= this.flow.blocks.length) return leave('-1')
    return next === below ? [] : [`at = ${next}; continue`]
  }

  private instruction(each: Written, i: number, own: Stretch): string[] {
    const { guard, operands } = each.instruction
    const { wait, leaves, lines } = each
    const [label] = operands
    const target =
      leaves === 'jump' && label.is === 'label' ? this.flow.starts.get(label) : undefined
    const rest =
      target !== undefined
        ? this.jump(target)
        : leaves
          ? leave('-1')
          : wait
            ? this.wait(i, own)
            : []
    const all = [...lines, ...rest]
    if (!guard) return all
    const flag = this.knowledge.doubtful.has(guard.register.index)
    const check = flag
      ? [
          `if (!w${guard.register.index}) unwritten(${this.placeOf(each)}, '${guard.register.name}')`,
        ]
      : []
    return [...check, `if (${guard.negated ? '!' : ''}r${guard.register.index}) {`, ...all, '}']
  }

  private jump(target: number): string[] {
    return target < this.flow.blocks.length ? [`at = ${target}; continue`] : leave('-1')
  }

  private placeOf({ instruction }: Written): number {
    return this.kernel.code.indexOf(instruction)
  }

  /** What has changed is put away; all of it the first time, when nothing has been. */
  private wait(i: number, { first, writes }: Stretch): string[] {
    const kept = this.kept(first ? this.live[i + 1] & writes : this.live[i + 1])
    return [...kept.map(({ save }) => save), ...leave(String(this.waits.get(i)))]
  }

  /** How registers are kept. */
  private kept(registers: Registers): Kept[] {
    return members(registers).flatMap((index) => {
      const kind = this.knowledge.kinds[index]
      const own =
        kind === 'pred'
          ? this.keptFlag(`r${index}`)
          : this.keptNumber(`r${index}`, kind[0] === 'f' ? 'floating' : 'whole')
      const upper = kind === 'i64' ? [this.keptNumber(`h${index}`, 'whole')] : []
      return [
        own,
        ...upper,
        ...(this.knowledge.doubtful.has(index) ? [this.keptFlag(`w${index}`)] : []),
      ]
    })
  }

  private keptNumber(name: string, kind: 'whole' | 'floating'): Kept {
    const place = this.place(name, kind)
    return { name, save: `${place} = ${name}`, restored: place }
  }

  private keptFlag(name: string): Kept {
    const place = this.place(name, 'whole')
    return { name, save: `${place} = ${name} ? 1 : 0`, restored: `${place} !== 0` }
  }

  private place(name: string, kind: 'whole' | 'floating'): string {
    const known = this.places.get(name)
    const place = known ?? this.counts[kind]++
    if (known === undefined) this.places.set(name, place)
    // The stride is known when all is printed.
    return `${kind}[t * ${kind}Stride + ${place}]`
  }
}

const leave = (result: string) => ['count[0] += steps', `return ${result}`]
