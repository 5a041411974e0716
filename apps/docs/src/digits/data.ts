/**
 * The digits of the playground as one file: images and labels to train on, then those to test on.
 * Not where the file comes from.
 */

/** How many digits there are. */
export const counts = { train: 12_000, test: 2_000 } as const

/** The numbers of an image, row by row. */
export const pixels = 28 * 28

/** Images, a byte for each pixel, and what they show. */
export interface Digits {
  readonly images: Uint8Array
  readonly labels: Uint8Array
}

/** Takes the file apart, which is compressed as deflate-raw. */
export async function readDigits(file: Blob): Promise<Record<keyof typeof counts, Digits>> {
  const stream = file.stream().pipeThrough(new DecompressionStream('deflate-raw'))
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer())
  const expected = (counts.train + counts.test) * (pixels + 1)
  if (bytes.length !== expected)
    throw new RangeError(`The file of digits has ${bytes.length} bytes, not ${expected}.`)
  const some = (from: number, count: number): Digits => {
    const labels = from + count * pixels
    return { images: bytes.subarray(from, labels), labels: bytes.subarray(labels, labels + count) }
  }
  return { train: some(0, counts.train), test: some(counts.train * (pixels + 1), counts.test) }
}
