/**
 * A parsed kernel as the text of a JavaScript function that runs one thread from where it stands to where it has to wait for others, or
 * ends. Not what it calls: see link.ts.
 */
import { doubtful, type Flow, flowOf, includes, liveAtStart, type Registers } from './flow.ts'
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
  const knowledge = { kinds, doubtful: doubtful(flowOf(draft)), offsetOf, races }
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

class Printer {
  private readonly flow: Flow
  private readonly knowledge: Knowledge
  private readonly kernel: Kernel
  private readonly live: readonly Registers[]
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
      ...(resumes ? [...this.kept(i).map(([name, place, from]) => `${name} = ${from(place)}`), ...resumes.after] : []),
      `steps += ${body.length}`,
      ...(this.isLoop(i) ? ['if (steps > limit) endless(at)'] : []),
    ]
    const lines = body.flatMap((each) => this.instruction(each, i))
    return [`case ${i}:`, ...start, ...lines]
  }

  /** Whether control comes back to a block from below. */
  private isLoop(i: number): boolean {
    return this.flow.blocks.some(({ next }, from) => from >= i && next.includes(i))
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
    return [...this.kept(i + 1).map(([name, place, , to]) => `${place} = ${to(name)}`), ...leave(String(number))]
  }

  /** What a thread has to keep for a block that begins after a wait: names, places, and how to get from one to the other. */
  private kept(i: number): [name: string, place: string, from: (place: string) => string, to: (name: string) => string][] {
    const same = (text: string) => text
    return this.kernel.registers.flatMap(({ index }) => {
      const flag = this.knowledge.doubtful.has(index)
      if (!includes(this.live[i], index)) return []
      const kind = this.knowledge.kinds[index]
      const isTrue = (place: string) => `${place} !== 0`
      const bit = (name: string) => `${name} ? 1 : 0`
      const number = kind === 'f32' || kind === 'f64' ? 'floating' : 'whole'
      const own: ReturnType<Printer['kept']>[number] =
        kind === 'pred'
          ? [`r${index}`, this.place(`r${index}`, number), isTrue, bit]
          : [`r${index}`, this.place(`r${index}`, number), same, same]
      return [
        own,
        ...(kind === 'i64' ? [[`h${index}`, this.place(`h${index}`, 'whole'), same, same] as typeof own] : []),
        ...(flag ? [[`w${index}`, this.place(`w${index}`, 'whole'), isTrue, bit] as typeof own] : []),
      ]
    })
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
