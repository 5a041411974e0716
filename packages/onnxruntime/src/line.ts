/**
 * A line that work on ONNX Runtime stands in: one thing after another, in the order in which it was
 * asked for. onnxruntime-web can neither run nor create two sessions at a time, whichever sessions
 * they are, so there is one line for each copy of it.
 */

/** Work that is done one after the other. */
export class Line {
  private last: Promise<unknown> = Promise.resolve()

  /** Does something when all that was asked for before is done, or has failed. */
  next<T>(f: () => Promise<T>): Promise<T> {
    const done = this.last.then(f)
    this.last = done.catch(() => {})
    return done
  }
}

const lines = new WeakMap<object, Line>()

/** The line of a copy of ONNX Runtime. */
export function lineOf(ort: object): Line {
  const line = lines.get(ort) ?? new Line()
  lines.set(ort, line)
  return line
}
