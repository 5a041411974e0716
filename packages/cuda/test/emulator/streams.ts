/**
 * Streams of an emulated device. What is put into one is done later, at the latest when somebody
 * waits for it; how streams overtake each other is decided by a seed, so that a missing wait comes
 * to light.
 */
import { random } from './random.ts'

type Task = () => void

/** A place in a stream, once it has been recorded. */
export interface Mark {
  readonly stream: Stream
  /** The recording that it belongs to, if it was made in one. */
  readonly recording: Recording | undefined
  /** When it was reached. */
  time: number | undefined
}

/** What was recorded of streams, in order. */
export class Recording {
  readonly tasks: Task[] = []
  readonly origin: Stream

  constructor(origin: Stream) {
    this.origin = origin
  }
}

/** A stream. */
export class Stream {
  /** The recording that is being made of it. */
  recording: Recording | undefined
  private readonly waiting: Task[] = []
  private readonly device: Streams

  constructor(device: Streams) {
    this.device = device
  }

  /** Puts something into the stream. */
  put(task: Task): void {
    if (this.recording) this.recording.tasks.push(task)
    else {
      this.waiting.push(task)
      this.device.goOn()
    }
  }

  /** Does the next thing; false if there is none. */
  step(): boolean {
    const task = this.waiting.shift()
    task?.()
    return task !== undefined
  }

  /** Does all that is in it. */
  drain(): void {
    while (this.step());
  }

  /** Marks this place. */
  mark(now: () => number): Mark {
    const mark: Mark = { stream: this, recording: this.recording, time: undefined }
    this.put(() => {
      mark.time = now()
    })
    return mark
  }

  /**
   * Goes on only after a place of another stream; a stream that waits for one that is recorded is
   * recorded with it.
   */
  waitFor(mark: Mark): void {
    if (mark.recording) this.recording = mark.recording
    else
      this.put(() => {
        while (mark.time === undefined && mark.stream.step());
      })
  }
}

/** All streams of a device. */
export class Streams {
  readonly all = new Set<Stream>()
  private readonly next: () => number

  constructor(seed: number) {
    this.next = random(seed)
  }

  /** A new one. */
  create(): Stream {
    const stream = new Stream(this)
    this.all.add(stream)
    return stream
  }

  /** The device does something while the host goes on, or does not. */
  goOn(): void {
    while (this.next() < 0.5) [...this.all][Math.floor(this.next() * this.all.size)]?.step()
  }

  /** Does everything. */
  drain(): void {
    for (const stream of this.all) stream.drain()
  }

  /** Whether anything is being recorded. */
  get isRecording(): boolean {
    return [...this.all].some(({ recording }) => recording)
  }
}
