/**
 * A drawing cut into columns, as a text is: what would be too tall is read from the left column to the right. An arrow that
 * leaves its column is not drawn: the box that it leaves tells where it leads.
 */
import { layout, levels, type Arrow, type Box, type Drawing, type PlacedBox, type Spacing } from './layout'

export interface Room {
  width: number
  height: number
}

export interface Folded extends Drawing {
  /** The arrows that leave a box for another column, by its id: they are told in it, not drawn. */
  leaving: Map<string, string[]>
  /** Where a rule stands between two columns. */
  rules: number[]
  /** What the drawing is to be made smaller by, to fit. */
  scale: number
}

/** More columns than these would tell more arrows than they draw. */
const maxColumns = 3
/** From here on a drawing may as well be scrolled: smaller, its words could not be read. */
const smallest = 0.8
/** Between two columns. */
const gutter = 2.5

/**
 * The way to fold that fits the room, with as few columns and as roomy as can be; else the one that has to be made smaller
 * least. Without a room it is a single column. telling gives a box the size that it has when it tells of some arrows.
 */
export function fold(boxes: readonly Box[], arrows: readonly Arrow[], spacings: readonly Spacing[], telling: (box: Box, arrows: readonly string[]) => Box, room?: Room): Folded {
  const level = levels(boxes, arrows)
  const depth = Math.max(0, ...level.values()) + 1
  const scaleOf = (size: Room) => (room ? Math.min(1, room.width / size.width, room.height / size.height) : 1)
  const ways = cuts(depth, room ? maxColumns : 1)
    .map((ends) => columns(boxes, arrows, level, ends, telling))
    .flatMap((made) => spacings.map((spacing) => ({ made, spacing, hoped: scaleOf(least(made, level, spacing)) })))
    // a stable order: what is hoped for as much stays in the order of fewest columns
    .sort((a, b) => b.hoped - a.hoped)
  let best: Folded | undefined
  for (const { made, spacing, hoped } of ways) {
    if (best && hoped <= best.scale) break
    const drawn = draw(made, spacing)
    const scale = scaleOf(drawn)
    if (!best || scale > best.scale) best = { ...drawn, scale }
  }
  return { ...best!, scale: Math.max(smallest, best!.scale) }
}

interface Column {
  boxes: Box[]
  arrows: Arrow[]
}

interface Columns {
  columns: Column[]
  leaving: Map<string, string[]>
}

/** What stands in which column, when each ends before a level. */
function columns(boxes: readonly Box[], arrows: readonly Arrow[], level: ReadonlyMap<string, number>, ends: readonly number[], telling: (box: Box, arrows: readonly string[]) => Box): Columns {
  const columnOf = (id: string) => ends.findIndex((end) => (level.get(id) ?? 0) < end)
  const leaving = new Map<string, string[]>()
  const made = ends.map((_, column): Column => ({
    boxes: boxes.filter((box) => columnOf(box.id) === column).map((box) => {
      const out = arrows.filter((arrow) => arrow.from === box.id && columnOf(arrow.to) !== column).map((arrow) => arrow.id)
      if (out.length === 0) return box
      leaving.set(box.id, out)
      return telling(box, out)
    }),
    arrows: arrows.filter((arrow) => columnOf(arrow.from) === column && columnOf(arrow.to) === column),
  }))
  return { columns: made, leaving }
}

/** No drawing of these columns can be smaller: what stands side by side or one upon the other in it, summed up. */
function least({ columns }: Columns, level: ReadonlyMap<string, number>, spacing: Spacing): Room {
  const size = { width: (columns.length - 1) * gutter, height: 0 }
  for (const { boxes, arrows } of columns) {
    const at = (id: string) => 2 * level.get(id)!
    const wide: number[] = []
    const tall: number[] = []
    const put = (layer: number, width: number, height: number) => {
      wide[layer] = (wide[layer] ?? -spacing.side) + width + spacing.side
      tall[layer] = Math.max(tall[layer] ?? 0, height)
    }
    for (const box of boxes) put(at(box.id), box.width, box.height)
    for (const arrow of arrows) {
      const [above, below] = [Math.min(at(arrow.from), at(arrow.to)), Math.max(at(arrow.from), at(arrow.to))]
      for (let layer = above + 1; layer < below; layer++) put(layer, below - above === 2 ? arrow.width : spacing.lane, below - above === 2 ? arrow.height : 0)
    }
    size.width += Math.max(0, ...wide.filter((one) => one !== undefined))
    const layers = tall.filter((one) => one !== undefined)
    size.height = Math.max(size.height, layers.reduce((sum, one) => sum + one + spacing.layer, -spacing.layer))
  }
  return size
}

/** Draws the columns side by side. */
function draw({ columns, leaving }: Columns, spacing: Spacing): Omit<Folded, 'scale'> {
  const out: Omit<Folded, 'scale'> = { boxes: [], arrows: [], leaving, rules: [], width: 0, height: 0 }
  columns.forEach((column, i) => {
    const drawing = layout(column.boxes, column.arrows, spacing)
    const left = i === 0 ? 0 : out.width + gutter
    if (i > 0) out.rules.push(out.width + gutter / 2)
    const moved = <T extends PlacedBox>(one: T): T => ({ ...one, x: one.x + left })
    out.boxes.push(...drawing.boxes.map(moved))
    out.arrows.push(...drawing.arrows.map((one) => ({ ...moved(one), path: shift(one.path, left), head: { ...one.head, x: one.head.x + left } })))
    out.width = left + drawing.width
    out.height = Math.max(out.height, drawing.height)
  })
  return out
}

/** A path of absolute points, moved sideways. */
const shift = (path: string, by: number) => path.replace(/(-?[\d.]+) (-?[\d.]+)/g, (_, x: string, y: string) => `${Number(x) + by} ${y}`)

/** Every way to cut so many levels into columns, fewest first: the level before which each column ends. */
function cuts(depth: number, most: number): number[][] {
  let all: number[][] = [[]]
  const found: number[][] = []
  for (let columns = 1; columns <= most; columns++) {
    found.push(...all.map((ends) => [...ends, depth]))
    all = all.flatMap((ends) => Array.from({ length: Math.max(0, depth - 1 - (ends.at(-1) ?? 0)) }, (_, i) => [...ends, (ends.at(-1) ?? 0) + 1 + i]))
  }
  return found
}
