/** The strip beside the transcript: where in the whole of it something is. */

/** What a place of the strip shows; the higher hides the lower. */
export const levels = { none: 0, hit: 1, mark: 2, lint: 3, error: 4 } as const

/**
 * Gathers items into the strip's pixels: the gravest of each pixel wins. at gives an item's place in 0…span-1, level
 * what it is.
 */
export function gather(count: number, span: number, height: number, at: (i: number) => number, level: (i: number) => number): Uint8Array {
  const pixels = new Uint8Array(Math.max(0, height))
  if (span <= 0) return pixels
  for (let i = 0; i < count; i++) {
    const grave = level(i)
    if (grave === 0) continue
    const y = Math.min(height - 1, Math.floor((at(i) / span) * height))
    if (grave > pixels[y]!) pixels[y] = grave
  }
  return pixels
}

/** The index of the item nearest to a place; at rises with the index. -1 for none. */
export function nearest(count: number, place: number, at: (i: number) => number): number {
  if (count === 0) return -1
  let low = 0
  let high = count - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (at(middle) < place) low = middle + 1
    else high = middle
  }
  return low > 0 && place - at(low - 1) <= at(low) - place ? low - 1 : low
}
