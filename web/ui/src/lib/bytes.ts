/** The octets of one direction as a stream to move in: what lies where, what is kept, and what a place means. */
import type { Layer, Leg, MailEvent, Side, Span } from './api'
import type { Octets } from './http'
import { masked, places, type Place } from './lineparts'

export interface Where {
  session: number
  leg: Leg
  from: Side
  layer: Layer
}

export const overlaps = (a: Span, b: Span) => a[0] < b[1] && b[0] < a[1]

/** The events of one side of one leg, by layer, in the order of their octets, and which records carried which. */
export class StreamIndex {
  readonly layers: Record<Layer, MailEvent[]> = { wire: [], tls: [], plain: [] }
  #carried: MailEvent[] = []
  #seen = 0

  constructor(
    readonly session: number,
    readonly leg: Leg,
    readonly from: Side,
  ) {}

  is = (session: number, leg: Leg, from: Side) => this.session === session && this.leg === leg && this.from === from

  take(events: readonly MailEvent[], cursor: number): boolean {
    let changed = false
    for (; this.#seen < events.length && events[this.#seen]!.n <= cursor; this.#seen++) {
      const event = events[this.#seen]!
      if (event.session !== this.session || event.leg !== this.leg || event.from !== this.from) continue
      if (event.span[1] <= event.span[0]) continue
      this.layers[event.layer].push(event)
      if (event.carried?.length) this.#carried.push(event)
      changed = true
    }
    return changed
  }

  /** n of the last event read. */
  told(events: readonly MailEvent[]): number {
    return events[this.#seen - 1]?.n ?? 0
  }

  end = (layer: Layer) => this.layers[layer].at(-1)?.span[1] ?? 0

  /** The place in its layer's list of the event that holds an octet; the next one where none does; -1 behind the last. */
  at(layer: Layer, octet: number): number {
    const list = this.layers[layer]
    let low = 0
    let high = list.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (list[middle]!.span[1] > octet) high = middle
      else low = middle + 1
    }
    return low < list.length ? low : -1
  }

  eventAt(layer: Layer, octet: number): MailEvent | undefined {
    const event = this.layers[layer][this.at(layer, octet)]
    return event && octet >= event.span[0] ? event : undefined
  }

  /** What a record carried: messages of TLS, lines of the protocol. */
  inside(record: MailEvent): MailEvent[] {
    let low = 0
    let high = this.#carried.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#carried[middle]!.carried!.at(-1)![1] > record.span[0]) high = middle
      else low = middle + 1
    }
    const out: MailEvent[] = []
    for (let i = low; i < this.#carried.length && this.#carried[i]!.carried![0]![0] < record.span[1]; i++) {
      if (this.#carried[i]!.carried!.some((span) => overlaps(span, record.span))) out.push(this.#carried[i]!)
    }
    return out
  }

  /** The records that carried an event. */
  records(event: MailEvent): MailEvent[] {
    return (event.carried ?? []).map((span) => this.eventAt('wire', span[0])).filter((one) => one !== undefined)
  }

  /** Where an event lies on a layer: itself, its records, or what it carried; empty where it has no octets there. */
  spans(event: MailEvent, layer: Layer): Span[] {
    if (event.layer === layer) return event.span[1] > event.span[0] ? [event.span] : []
    if (layer === 'wire') return event.carried ?? []
    return event.layer === 'wire' ? this.inside(event).filter((one) => one.layer === layer).map((one) => one.span) : []
  }
}

/** The smallest field that owns each octet of an event, found once for each event in view. */
export class FieldFinder {
  #known = new Map<number, { places: Place[]; secrets: ReadonlySet<string> }>()

  of(event: MailEvent) {
    let known = this.#known.get(event.n)
    if (!known) {
      if (this.#known.size > 500) this.#known.clear()
      known = { places: places(event), secrets: masked(event) }
      this.#known.set(event.n, known)
    }
    return known
  }

  at(event: MailEvent, octet: number): Place | undefined {
    return this.of(event).places.find((place) => octet >= place.span[0] && octet < place.span[1])
  }

  secret(event: MailEvent, octet: number): boolean {
    const { places, secrets } = this.of(event)
    return secrets.size > 0 && places.some((place) => secrets.has(place.name) && octet >= place.span[0] && octet < place.span[1])
  }
}

/** Octets that are not there: not asked for yet, or no longer kept by facteur. */
export const unread = -1
export const gone = -2

/** Octets asked for at once. */
export const blockSize = 16 << 10
/** Blocks kept here: a megabyte, some thousand screens. */
const maxBlocks = 64

/** Keeps what was read of a stream, and asks for what is looked at. */
export class OctetCache {
  #blocks = new Map<number, { cells: Int16Array; length: number; busy: boolean }>()

  constructor(
    private read: (span: Span) => Promise<Octets | null>,
    private changed: (failed: boolean) => void,
  ) {}

  /** The octets [from, to) as far as they are known; what is not is asked for. end is where the stream ends for now. */
  cells(from: number, to: number, end: number): Int16Array {
    const out = new Int16Array(Math.max(0, to - from)).fill(unread)
    for (let block = Math.floor(from / blockSize); block * blockSize < to; block++) {
      const start = block * blockSize
      const wanted = Math.min(blockSize, end - start)
      const known = this.#blocks.get(block)
      if (known) {
        this.#blocks.delete(block) // looked at last, kept longest
        this.#blocks.set(block, known)
        const a = Math.max(from, start)
        const b = Math.min(to, start + known.length)
        if (b > a) out.set(known.cells.subarray(a - start, b - start), a - from)
      }
      if (wanted > (known?.length ?? 0) && !known?.busy) void this.#load(block, start, wanted)
    }
    return out
  }

  async #load(block: number, start: number, length: number): Promise<void> {
    const cells = new Int16Array(blockSize).fill(gone)
    const had = this.#blocks.get(block)
    const entry = { cells: had?.cells ?? cells, length: had?.length ?? 0, busy: true }
    this.#blocks.set(block, entry)
    try {
      let at = start
      while (at < start + length) {
        const got = await this.read([at, start + length])
        if (!got?.data.length) break
        cells.set(got.data.subarray(0, start + length - got.at), got.at - start)
        at = got.at + got.data.length
      }
      entry.cells = cells
      entry.length = length
      entry.busy = false
      for (const oldest of this.#blocks.keys()) {
        if (this.#blocks.size <= maxBlocks) break
        if (oldest !== block) this.#blocks.delete(oldest)
      }
      this.changed(false)
    } catch {
      this.#blocks.delete(block) // asked for again when it is looked at again
      this.changed(true)
    }
  }
}

/** A line of the tree. */
export interface Node {
  id: string
  /** A protocol's own name (a field, a kind of event); shown as it is. */
  label: string
  value: string
  /** Where its octets are; null for what facteur derived, which stands in brackets. */
  span: Span | null
  layer: Layer
  event: MailEvent
  secret: boolean
  children: Node[]
}

/** Longest value shown in the tree; the octets have it all. */
const maxValue = 120
/** Fields drawn of one event: more than any protocol here names. */
const maxFields = 300

const shorten = (text: string) => (text.length > maxValue ? `${text.slice(0, maxValue)}…` : text)

function eventNode(event: MailEvent): Node {
  const root: Node = { id: `${event.n}`, label: event.kind, value: '', span: event.span, layer: event.layer, event, secret: false, children: [] }
  const secrets = masked(event)
  const derived: Node[] = []
  const open: Node[] = [root]
  const named = Object.entries(event.fields ?? {})
    .filter(([name]) => name !== 'line')
    .slice(0, maxFields)
    .map(([name, value]): Node => ({ id: `${event.n} ${name}`, label: name, value: shorten(value), span: event.spans?.[name] ?? null, layer: event.layer, event, secret: secrets.has(name), children: [] }))
  const placed = named.filter((node) => node.span !== null).sort((a, b) => a.span![0] - b.span![0] || b.span![1] - a.span![1])
  for (const node of named) if (node.span === null) derived.push(node)
  for (const node of placed) {
    // into the smallest that holds it; of two that lie alike neither holds the other
    while (open.length > 1 && !holds(open.at(-1)!.span!, node.span!)) open.pop()
    open.at(-1)!.children.push(node)
    open.push(node)
  }
  root.children.push(...derived)
  return root
}

const holds = (outer: Span, inner: Span) => outer[0] <= inner[0] && outer[1] >= inner[1] && outer[1] - outer[0] > inner[1] - inner[0]

/** An event in its surroundings: the records that carried it above, what it carried below. */
export function treeOf(event: MailEvent, index: StreamIndex): Node[] {
  const self = eventNode(event)
  if (event.layer === 'wire') {
    self.children.push(...index.inside(event).slice(0, maxFields).map(eventNode))
    return [self]
  }
  const records = index.records(event)
  if (!records.length) return [self]
  const last = eventNode(records.at(-1)!)
  last.children.push(self)
  return [...records.slice(0, -1).slice(0, maxFields).map(eventNode), last]
}

/** What is open of a tree, line by line. */
export function flatten(nodes: readonly Node[], shut: ReadonlySet<string>, depth = 0): { node: Node; depth: number }[] {
  return nodes.flatMap((node) => [{ node, depth }, ...(shut.has(node.id) ? [] : flatten(node.children, shut, depth + 1))])
}

/** A span in an address: 120-164. */
export function readSpan(text: string | undefined): Span | null {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text ?? '')
  return match && Number(match[1]) < Number(match[2]) ? [Number(match[1]), Number(match[2])] : null
}
export const writeSpan = (span: Span) => `${span[0]}-${span[1]}`

/** Most rows that one scroller holds: browsers stop counting at some 33 million pixels. */
export const maxRows = 400_000

/** The rows that are laid out: all of the stream, or a window of it around a place. */
export function windowOf(end: number, perRow: number, around: number): { first: number; rows: number } {
  const all = Math.ceil(end / perRow)
  if (all <= maxRows) return { first: 0, rows: all }
  const first = Math.max(0, Math.min(all - maxRows, Math.floor(around / perRow) - maxRows / 2))
  return { first, rows: maxRows }
}
