/** Longer sessions are aligned in stretches of so many steps: the work grows with the square (as replay diff does). */
const stretch = 2000

/** Pairs what corresponds, in order, so that as much as possible does (longest common subsequence). */
export function align<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): [T | undefined, T | undefined][] {
  if (a.length > stretch || b.length > stretch) {
    return [...align(a.slice(0, stretch), b.slice(0, stretch), same), ...align(a.slice(stretch), b.slice(stretch), same)]
  }
  const width = b.length + 1
  const best = new Uint16Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      best[i * width + j] = same(a[i]!, b[j]!) ? best[(i + 1) * width + j + 1]! + 1 : Math.max(best[(i + 1) * width + j]!, best[i * width + j + 1]!)
    }
  }
  const rows: [T | undefined, T | undefined][] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && same(a[i]!, b[j]!)) rows.push([a[i++], b[j++]])
    else if (j >= b.length || (i < a.length && best[(i + 1) * width + j]! >= best[i * width + j + 1]!)) rows.push([a[i++], undefined])
    else rows.push([undefined, b[j++]])
  }
  return rows
}
