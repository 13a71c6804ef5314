/**
 * A layered drawing of a small directed graph: boxes in layers from top to bottom, arrows between them, and on every arrow
 * a label that is a box of the drawing itself, so that no label can lie over a box or another label.
 *
 * The steps are those of Sugiyama, Tagawa and Toda (1981): cycles are broken, layers given by the longest path, crossings
 * reduced by barycentres, and places found that are as near as can be to those of the neighbours. It is deterministic.
 */

/** Sizes and places are in any one unit; the page uses rem. */
export interface Box {
  id: string
  width: number
  height: number
}

export interface Arrow extends Box {
  from: string
  to: string
}

export interface PlacedBox extends Box {
  /** Of its left upper corner. */
  x: number
  y: number
}

export interface PlacedArrow extends PlacedBox {
  /** An SVG path from the box it leaves to the one it reaches; x, y and size are its label's. */
  path: string
  /** Where its point is, and whether it points up. */
  head: { x: number; y: number; up: boolean }
}

export interface Drawing {
  boxes: PlacedBox[]
  arrows: PlacedArrow[]
  width: number
  height: number
}

export interface Spacing {
  /** Between layers, where the arrows bend. */
  layer: number
  /** Between neighbours of a layer. */
  side: number
  /** Of the lane that an arrow without a label there runs in. */
  lane: number
}

/** Something in a layer: a box, an arrow's label, or the lane of a long arrow. */
interface Item {
  layer: number
  width: number
  height: number
  x: number
  y: number
  up: Item[]
  down: Item[]
  box: Box | null
}

interface Chain {
  arrow: Arrow
  /** It points up the page. */
  back: boolean
  items: Item[]
  label: Item
}

/** Sweeps for order and for places; more change nothing in graphs of some dozen boxes. */
const orderSweeps = 24
const placeSweeps = 120

/** The arrows that are drawn: between two different boxes that there are. */
const between = (boxes: readonly Box[], arrows: readonly Arrow[]) =>
  arrows.filter((arrow) => arrow.from !== arrow.to && boxes.some((box) => box.id === arrow.from) && boxes.some((box) => box.id === arrow.to))

/** How far down each box comes, from 0. */
export function levels(boxes: readonly Box[], arrows: readonly Arrow[]): Map<string, number> {
  const loose = between(boxes, arrows)
  return rank(boxes, loose, backward(boxes, loose))
}

export function layout(boxes: readonly Box[], arrows: readonly Arrow[], spacing: Spacing): Drawing {
  const loose = between(boxes, arrows)
  const back = backward(boxes, loose)
  const ranks = rank(boxes, loose, back)
  const layers: Item[][] = []
  const put = (layer: number, width: number, height: number, box: Box | null): Item => {
    const item: Item = { layer, width, height, x: 0, y: 0, up: [], down: [], box }
    ;(layers[layer] ??= []).push(item)
    return item
  }
  const items = new Map(boxes.map((box) => [box.id, put(2 * ranks.get(box.id)!, box.width, box.height, box)]))
  const chains = loose.map((arrow) => chain(arrow, back.has(arrow), items, put, layers, spacing))
  for (let layer = 0; layer < layers.length; layer++) layers[layer] ??= []
  order(layers)
  place(layers, spacing)
  return draw(boxes, items, chains, layers, spacing)
}

/** The arrows that close a cycle, found depth first in the order given. */
function backward(boxes: readonly Box[], arrows: readonly Arrow[]): Set<Arrow> {
  const back = new Set<Arrow>()
  const state = new Map<string, 'open' | 'done'>()
  const visit = (id: string) => {
    state.set(id, 'open')
    for (const arrow of arrows) {
      if (arrow.from !== id) continue
      const target = state.get(arrow.to)
      if (target === 'open') back.add(arrow)
      else if (!target) visit(arrow.to)
    }
    state.set(id, 'done')
  }
  for (const box of boxes) if (!state.has(box.id)) visit(box.id)
  return back
}

/** Longest paths from above; a box without arrows comes last. */
function rank(boxes: readonly Box[], arrows: readonly Arrow[], back: ReadonlySet<Arrow>): Map<string, number> {
  const ranks = new Map(boxes.map((box) => [box.id, 0]))
  for (let pass = 0; pass < boxes.length; pass++) {
    for (const arrow of arrows) {
      const [above, below] = back.has(arrow) ? [arrow.to, arrow.from] : [arrow.from, arrow.to]
      ranks.set(below, Math.max(ranks.get(below)!, ranks.get(above)! + 1))
    }
  }
  const last = Math.max(0, ...ranks.values())
  for (const box of boxes) if (!arrows.some((arrow) => arrow.from === box.id || arrow.to === box.id)) ranks.set(box.id, boxes.length > 1 ? last : 0)
  return ranks
}

/** The items that an arrow runs through; its label goes where its layers have most room. */
function chain(arrow: Arrow, back: boolean, items: ReadonlyMap<string, Item>, put: (layer: number, width: number, height: number, box: null) => Item, layers: readonly Item[][], spacing: Spacing): Chain {
  const ends = [items.get(arrow.from)!, items.get(arrow.to)!]
  const [above, below] = (back ? ends.reverse() : ends) as [Item, Item]
  const room = (layer: number) => (layers[layer] ?? []).reduce((sum, item) => sum + item.width + spacing.side, 0)
  let at = above.layer + 1
  for (let layer = at; layer < below.layer; layer += 2) if (room(layer) < room(at)) at = layer
  const through: Item[] = [above]
  let label = above
  for (let layer = above.layer + 1; layer < below.layer; layer++) {
    const item = layer === at ? put(layer, arrow.width, arrow.height, null) : put(layer, spacing.lane, 0, null)
    if (layer === at) label = item
    through.push(item)
  }
  through.push(below)
  for (let i = 1; i < through.length; i++) {
    through[i - 1]!.down.push(through[i]!)
    through[i]!.up.push(through[i - 1]!)
  }
  return { arrow, back, items: through, label }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Orders every layer by the mean place of the neighbours above, then below, and keeps the order with fewest crossings. */
function order(layers: Item[][]): void {
  let best = layers.map((layer) => layer.slice())
  let fewest = crossings(layers)
  for (let sweep = 0; sweep < orderSweeps && fewest > 0; sweep++) {
    const down = sweep % 2 === 0
    for (let i = 1; i < layers.length; i++) {
      const layer = layers[down ? i : layers.length - 1 - i]!
      const beside = layers[down ? i - 1 : layers.length - i]!
      const wish = new Map(layer.map((item, at) => {
        const near = down ? item.up : item.down
        return [item, near.length ? mean(near.map((one) => beside.indexOf(one))) : (at * beside.length) / layer.length]
      }))
      layer.sort((a, b) => wish.get(a)! - wish.get(b)!)
    }
    const count = crossings(layers)
    if (count < fewest) {
      fewest = count
      best = layers.map((layer) => layer.slice())
    }
  }
  best.forEach((layer, i) => layers[i]!.splice(0, Infinity, ...layer))
}

function crossings(layers: readonly Item[][]): number {
  let count = 0
  for (let i = 0; i + 1 < layers.length; i++) {
    const below = new Map(layers[i + 1]!.map((item, at) => [item, at]))
    const ends = layers[i]!.flatMap((item) => item.down.map((to) => below.get(to)!).sort((a, b) => a - b))
    for (let a = 0; a < ends.length; a++) for (let b = a + 1; b < ends.length; b++) if (ends[a]! > ends[b]!) count++
  }
  return count
}

/** Finds the places (of the middles) in every layer: near the neighbours, never nearer to each other than they may be. */
function place(layers: readonly Item[][], spacing: Spacing): void {
  for (const layer of layers) spread(layer, layer.map((_, at) => at), spacing.side)
  for (let sweep = 0; sweep < placeSweeps; sweep++) {
    const down = sweep % 2 === 0
    for (let i = 0; i < layers.length; i++) {
      const layer = layers[down ? i : layers.length - 1 - i]!
      const wishes = layer.map((item) => {
        // both sides at once: what is pushed aside in one layer is drawn back by the others, and nothing drifts away
        const near = [...item.up, ...item.down]
        return mean((near.length ? near : layer.filter((one) => one !== item)).map((one) => one.x).concat(near.length ? [] : item.x))
      })
      spread(layer, wishes, spacing.side)
    }
  }
}

/** The places nearest to the wishes (least squares) that keep order and distance: pool adjacent violators. */
function spread(layer: readonly Item[], wishes: readonly number[], side: number): void {
  const offsets: number[] = []
  layer.forEach((item, i) => offsets.push(i === 0 ? 0 : offsets[i - 1]! + (layer[i - 1]!.width + item.width) / 2 + side))
  const pools: { sum: number; count: number }[] = []
  wishes.forEach((wish, i) => {
    pools.push({ sum: wish - offsets[i]!, count: 1 })
    while (pools.length > 1) {
      const [a, b] = [pools.at(-2)!, pools.at(-1)!]
      if (a.sum / a.count <= b.sum / b.count) break
      pools.splice(-2, 2, { sum: a.sum + b.sum, count: a.count + b.count })
    }
  })
  let i = 0
  for (const pool of pools) for (let k = 0; k < pool.count; k++, i++) layer[i]!.x = pool.sum / pool.count + offsets[i]!
}

const rounded = (value: number) => Math.round(value * 1000) / 1000

function draw(boxes: readonly Box[], items: ReadonlyMap<string, Item>, chains: readonly Chain[], layers: readonly Item[][], spacing: Spacing): Drawing {
  const left = Math.min(0, ...layers.flat().map((item) => item.x - item.width / 2))
  let y = 0
  const heights = layers.map((layer) => Math.max(0, ...layer.map((item) => item.height)))
  const tops: number[] = []
  layers.forEach((layer, i) => {
    tops.push(y)
    for (const item of layer) {
      item.x -= left
      item.y = y + (heights[i]! - item.height) / 2
    }
    y += heights[i]! + spacing.layer
  })
  const placed = (item: Item, box: Box): PlacedBox => ({ ...box, x: rounded(item.x - item.width / 2), y: rounded(item.y), width: item.width, height: item.height })
  return {
    boxes: boxes.map((box) => placed(items.get(box.id)!, box)),
    arrows: chains.map((one) => ({ ...placed(one.label, one.arrow), ...trace(one, tops, heights) })),
    width: rounded(Math.max(0, ...layers.flat().map((item) => item.x + item.width / 2))),
    height: rounded(y - spacing.layer),
  }
}

/** How near each other arrows leave a box, at most. */
const portGap = 1.25

/** Where an arrow leaves or reaches a box: side by side with the others there, in the order in which they part. */
function port(item: Item, other: Item, below: boolean): number {
  if (!item.box) return item.x
  const all = (below ? item.down : item.up).slice().sort((a, b) => a.x - b.x)
  const gap = Math.min(portGap, (item.width - 1) / Math.max(1, all.length))
  return item.x + (all.indexOf(other) - (all.length - 1) / 2) * gap
}

/** The line through the items: bent between the layers, straight within them. */
function trace({ items, back }: Chain, tops: readonly number[], heights: readonly number[]): { path: string; head: PlacedArrow['head'] } {
  const points: [number, number][] = []
  const add = (x: number, y: number) => points.push([rounded(x), rounded(y)])
  for (let i = 0; i + 1 < items.length; i++) {
    const [a, b] = [items[i]!, items[i + 1]!]
    const [from, to] = [port(a, b, true), port(b, a, false)]
    if (a.box) add(from, a.y + a.height)
    add(from, tops[a.layer]! + heights[a.layer]!)
    add(to, tops[b.layer]!)
    if (b.box) add(to, b.y)
  }
  if (back) points.reverse()
  const at = ([x, y]: [number, number]) => `${x} ${y}`
  let path = `M${at(points[0]!)}`
  for (let i = 1; i < points.length; i++) {
    const [from, to] = [points[i - 1]!, points[i]!]
    const middle = rounded((from[1] + to[1]) / 2)
    path += from[0] === to[0] ? `L${at(to)}` : `C${at([from[0], middle])} ${at([to[0], middle])} ${at(to)}`
  }
  const [x, y] = points.at(-1)!
  return { path, head: { x, y, up: back } }
}
