// The stand-in for fastMRI: drawn images of ellipses in an ellipse, of which a scanner has seen
// only some lines of the Fourier transform. What a network gets is the image with the missing lines
// taken as zero.
import { uniforms } from '../../random.ts'

/** Height and width. */
export const SIZE = 32
/** The middle lines that are always there, and one in so many of the others. */
const [CENTRE, EVERY] = [4, 4]

/** Images [count, SIZE, SIZE], seen and as they are. */
export interface Scans {
  readonly seen: Float32Array
  readonly truth: Float32Array
}

/** So many images, drawn from a seed. */
export function drawScans(count: number, seed: number): Scans {
  const draw = uniforms(seed)
  const [seen, truth] = [
    new Float32Array(count * SIZE * SIZE),
    new Float32Array(count * SIZE * SIZE),
  ]
  for (let i = 0; i < count; i++) {
    const image = phantom(draw)
    truth.set(image, i * SIZE * SIZE)
    seen.set(undersampled(image, Math.floor(draw() * EVERY)), i * SIZE * SIZE)
  }
  return { seen, truth }
}

/** An ellipse of tissue with a rim, and some smaller ellipses in it. */
function phantom(draw: () => number): Float32Array {
  const image = new Float32Array(SIZE * SIZE)
  const between = (from: number, to: number) => from + (to - from) * draw()
  const head = {
    x: between(-0.1, 0.1),
    y: between(-0.1, 0.1),
    a: between(0.65, 0.85),
    b: between(0.5, 0.8),
    turn: between(0, Math.PI),
  }
  add(image, head, 1)
  add(image, { ...head, a: head.a - 0.1, b: head.b - 0.1 }, -between(0.4, 0.7))
  const parts = 3 + Math.floor(4 * draw())
  for (let i = 0; i < parts; i++) {
    const [r, angle] = [between(0, 0.45), between(0, 2 * Math.PI)]
    const place = { x: head.x + r * Math.cos(angle), y: head.y + r * Math.sin(angle) }
    add(
      image,
      { ...place, a: between(0.05, 0.25), b: between(0.05, 0.25), turn: between(0, Math.PI) },
      between(-0.25, 0.4),
    )
  }
  return image
}

/** Adds an ellipse of coordinates in [−1, 1], its edge smooth over a pixel. */
function add(
  image: Float32Array,
  { x, y, a, b, turn }: { x: number; y: number; a: number; b: number; turn: number },
  value: number,
): void {
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)]
  for (let at = 0; at < image.length; at++) {
    const [u, v] = [
      (2 * (at % SIZE) + 1) / SIZE - 1 - x,
      (2 * Math.floor(at / SIZE) + 1) / SIZE - 1 - y,
    ]
    const r = Math.hypot((u * cos + v * sin) / a, (v * cos - u * sin) / b)
    const inside = ((1 - r) * Math.min(a, b) * SIZE) / 2 + 0.5
    image[at] += value * Math.min(1, Math.max(0, inside))
  }
}

/**
 * The image from the middle lines of its transform and every fourth of the others, beginning at
 * `first`.
 */
export function undersampled(image: Float32Array, first: number): Float32Array {
  // Lines are cut along one axis only, so rows are transformed each by itself: a projection of
  // every row.
  const kept = Array.from({ length: SIZE }, (_, k) => k).filter(
    (k) => Math.min(k, SIZE - k) <= CENTRE / 2 || k % EVERY === first,
  )
  const kernel = Array.from(
    { length: SIZE },
    (_, shift) =>
      kept.reduce((sum, k) => sum + Math.cos((2 * Math.PI * k * shift) / SIZE), 0) / SIZE,
  )
  const result = new Float32Array(SIZE * SIZE)
  for (let row = 0; row < SIZE; row++)
    for (let x = 0; x < SIZE; x++) {
      let sum = 0
      for (let from = 0; from < SIZE; from++)
        sum += kernel[(x - from + SIZE) % SIZE] * image[row * SIZE + from]
      result[row * SIZE + x] = sum
    }
  return result
}
