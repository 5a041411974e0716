/**
 * The tensors of a small vision transformer: A. Dosovitskiy et al. 2021,
 * https://arxiv.org/abs/2010.11929, with 12 layers of width 96.
 */

/** How many numbers each of them has. */
export function visionTransformer(
  width = 96,
  layers = 12,
  patch = 8 * 8 * 3,
  patches = 65,
  classes = 100,
): number[] {
  const linear = (from: number, to: number) => [from * to, to]
  const norm = [width, width]
  const layer = [
    ...norm,
    ...linear(width, 3 * width),
    ...linear(width, width),
    ...norm,
    ...linear(width, 4 * width),
    ...linear(4 * width, width),
  ]
  const layersAll = Array.from({ length: layers }, () => layer).flat()
  return [
    ...linear(patch, width),
    width,
    patches * width,
    ...layersAll,
    ...norm,
    ...linear(width, classes),
  ]
}
