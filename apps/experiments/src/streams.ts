// Output that may end before the work does: a reader that closes its pipe (`| head`), a device that
// is full. What was still to be printed is lost with it; the work and the report are not.

/** Keeps failures to write from ending the process; gives the code of the first: EPIPE, ENOSPC. */
export function outlive(stream: NodeJS.WritableStream): () => string | undefined {
  let failed: string | undefined
  stream.on('error', (error: NodeJS.ErrnoException) => {
    failed ??= error.code ?? error.message
  })
  return () => failed
}
