/**
 * A parsed kernel as the text of a JavaScript function that runs one thread from where it stands to where it has to wait for others, or
 * ends. Not what it calls: see link.ts.
 */
import { doubtful, type Flow, flowOf, liveAtStart, members, type Registers } from './flow.ts'
import { print } from './instructions/index.ts'
import type { Layout } from './layout.ts'
import type { Kernel } from './syntax.ts'
import { natural } from './values.ts'
import { type Kind, type Knowledge, type Sync, Votes, Writer, type Written } from './writer.ts'

/** A kernel as text. */
export interface Printed {
  /** The statements of a function of `t`, the thread, and `at`, the block to go on in. It gives the number of a wait, or -1 at the end. */
  readonly text: string
  /** What threads wait for, by number. */
  readonly waits: readonly Sync[]
  /** The block to go on in after each. */
  readonly resume: readonly number[]
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
    const floats = type.kind === 'b' && type.bits >= 32 && votes.float.has(index) && !votes.other.has(index)
    return floats ? (type.bits === 32 ? 'f32' : 'f64') : declared[i]
  })
  const knowledge = { kinds, doubtful: doubtful(flowOf(draft), kernel.registers.length), offsetOf, races }
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
  readonly save: string
  readonly restore: string
}

class Printer {
  private readonly flow: Flow
  private readonly knowledge: Knowledge
  private readonly kernel: Kernel
  private readonly live: readonly Registers[]
  /** Blocks that control comes back to from below. */
  private readonly loops: ReadonlySet<number>
  /** Where registers are kept during waits. */
  private readonly places = new Map<string, number>()
  private readonly counts = { whole: 0, floating: 0 }
  private readonly waits: Sync[] = []
  private readonly resume: number[] = []

  constructor(flow: Flow, knowledge: Knowledge, kernel: Kernel) {
    this.flow = flow
    this.knowledge = knowledge
    this.kernel = kernel
    this.live = liveAtStart(flow)
    this.loops = new Set(flow.blocks.flatMap(({ next }, from) => next.filter((to) => to <= from)))
  }

  printed(): Printed {
    const cases = this.flow.blocks.flatMap((_, i) => this.block(i))
    const { waits, resume } = this
    const text = [
      'let steps = 0',
      ...this.declarations(),
      'for (;;) switch (at) {',
      ...cases,
      `case ${this.flow.blocks.length}:`,
      ...leave('-1'),
      "default: throw new Error('there is no such block')",
      '}',
    ].join('\n')
    return { text, waits, resume, ...this.counts }
  }

  private declarations(): string[] {
    // Halves tell the JavaScript engine that these are doubles.
    const initial = { i32: '0', i64: '0', f32: '0.5', f64: '0.5', pred: 'false' }
    return this.kernel.registers.map(({ index }) => {
      const kind = this.knowledge.kinds[index]
      const upper = kind === 'i64' ? `, h${index} = 0` : ''
      const flag = this.knowledge.doubtful.has(index) ? `, w${index} = false` : ''
      return `let r${index} = ${initial[kind]}${upper}${flag}`
    })
  }

  private block(i: number): string[] {
    const { body, resumes } = this.flow.blocks[i]
    const start = [
      ...(resumes ? [...this.kept(i).map(({ restore }) => restore), ...resumes.after] : []),
      `steps += ${body.length}`,
      ...(this.loops.has(i) ? [`if (steps > limit) endless(${body.length ? this.placeOf(body[0]) : -1})`] : []),
    ]
    const lines = body.flatMap((each) => this.instruction(each, i))
    return [`case ${i}:`, ...start, ...lines]
  }

  private instruction(each: Written, i: number): string[] {
    const { guard, operands } = each.instruction
    const { wait, leaves, lines } = each
    const [label] = operands
    const rest =
      leaves === 'jump' && label.is === 'label'
        ? [`at = ${this.flow.starts.get(label)}; continue`]
        : leaves
          ? leave('-1')
          : wait
            ? this.wait(wait, i)
            : []
    const all = [...lines, ...rest]
    const after = wait && guard ? [`at = ${i + 2}; continue`] : []
    if (!guard) return all
    const flag = this.knowledge.doubtful.has(guard.register.index)
    const check = flag ? [`if (!w${guard.register.index}) unwritten(${this.placeOf(each)}, '${guard.register.name}')`] : []
    return [...check, `if (${guard.negated ? '!' : ''}r${guard.register.index}) {`, ...all, '}', ...after]
  }

  private placeOf({ instruction }: Written): number {
    return this.kernel.code.indexOf(instruction)
  }

  private wait(sync: Sync, i: number): string[] {
    const number = this.waits.push(sync) - 1
    this.resume.push(i + 1)
    return [...this.kept(i + 1).map(({ save }) => save), ...leave(String(number))]
  }

  /** What a thread has to keep for a block that begins after a wait. */
  private kept(i: number): Kept[] {
    return members(this.live[i]).flatMap((index) => {
      const kind = this.knowledge.kinds[index]
      const own =
        kind === 'pred' ? this.keptFlag(`r${index}`) : this.keptNumber(`r${index}`, kind[0] === 'f' ? 'floating' : 'whole')
      const upper = kind === 'i64' ? [this.keptNumber(`h${index}`, 'whole')] : []
      return [own, ...upper, ...(this.knowledge.doubtful.has(index) ? [this.keptFlag(`w${index}`)] : [])]
    })
  }

  private keptNumber(name: string, kind: 'whole' | 'floating'): Kept {
    const place = this.place(name, kind)
    return { save: `${place} = ${name}`, restore: `${name} = ${place}` }
  }

  private keptFlag(name: string): Kept {
    const place = this.place(name, 'whole')
    return { save: `${place} = ${name} ? 1 : 0`, restore: `${name} = ${place} !== 0` }
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
