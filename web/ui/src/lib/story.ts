/**
 * From events to the rows of the transcript: what is shown, in what order, what is folded under what.
 *
 * Rows are appended as events come; they are all made anew only when the reader changes what they want to see.
 */
import type { Leg, MailEvent, Session } from './api'
import type { Test } from './filter'
import { octetsOf } from './visible'

/** Which connections of a session are shown. */
export type Legs = Leg | 'both'

export interface Wish {
  /** Only this session; 0 for all. */
  session: number
  legs: Legs
  /** TLS records too, not only what travelled in them. */
  wire: boolean
  filter: Test | null
  /** Events with a greater n are not shown yet (replay). */
  cursor: number
  /** n of the fold heads that the reader turned away from how they start. */
  turned: ReadonlySet<number>
}

export interface Row {
  /** Index in the list of events. */
  at: number
  /** n of the event, for keys. */
  n: number
  /** Which line of an event with several; 0 is the event itself. */
  line: number
  /** Rows folded under this one, or that may be. */
  under: number
  folded: boolean
  /** How deep under a fold head. */
  depth: 0 | 1
}

export const keyOf = (row: Row) => row.n * lineRoom + row.line

/** More lines of one reply than this are not told apart in keys; a reply of so many lines is no mail server's. */
const lineRoom = 4096

/** A reply of more lines than this starts folded. */
const unfoldedLines = 12

export const linesOf = (event: MailEvent): string[] => (event.fields?.['line'] ?? '').split('\n')

const isBodyBegin = (kind: string) => kind.endsWith('.data.begin')
const isBodyEnd = (kind: string) => kind.endsWith('.data.end')

/** A TLS record whose content is told by other events says nothing new; one that stays sealed is all there is. */
export const isPlumbing = (event: MailEvent) => event.kind === 'tls.record' && !isSealed(event)

export const isSealed = (event: MailEvent) => event.kind === 'tls.record' && event.fields?.['type'] === 'application_data' && event.fields['opened'] !== 'yes'

/** What concerns the session as a whole, whichever leg it happened on. */
const ofTheSession = new Set(['session.error', 'session.violation', 'session.rewrite', 'session.attack', 'session.verdict', 'session.door'])

const wanted = (event: MailEvent, wish: Wish) =>
  (wish.session === 0 || event.session === wish.session) &&
  (wish.legs === 'both' || event.leg === wish.legs || ofTheSession.has(event.kind)) &&
  (wish.wire || !isPlumbing(event))

/** Makes rows from events; holds which bodies are open in which stream. */
export class Story {
  rows: Row[] = []
  #seen = 0
  /** Row of the fold head of each stream whose body is running. */
  #bodies = new Map<string, Row>()
  /** Row of the last response of each stream, for the items that may follow it (POP3 lists). */
  #responses = new Map<string, Row>()

  constructor(
    readonly wish: Wish,
    readonly sessions: ReadonlyMap<string, Session>,
  ) {}

  /** n of the last event that became a row, or was left out for good. */
  told = 0

  /** Takes the events that were not taken yet, up to the cursor; reports whether there are more rows or other ones. */
  take(events: readonly MailEvent[]): boolean {
    const before = this.rows.length
    let changed = false
    for (; this.#seen < events.length; this.#seen++) {
      const event = events[this.#seen]!
      if (event.n > this.wish.cursor) break
      this.told = event.n
      if (wanted(event, this.wish)) changed = this.#place(event, this.#seen) || changed
    }
    return changed || this.rows.length !== before
  }

  #place(event: MailEvent, at: number): boolean {
    if (this.wish.filter) {
      // a filter answers "which events": they stand alone, unfolded
      if (this.wish.filter(event, this.sessions.get(String(event.session)))) this.#row(event, at, 0)
      return false
    }
    const stream = `${event.session} ${event.leg} ${event.from}`
    const head = this.#bodies.get(stream)
    if (head && !isBodyBegin(event.kind)) return this.#under(head, event, at, stream)
    const response = this.#responses.get(stream)
    if (response && (event.kind.endsWith('.item') || isBodyEnd(event.kind))) return this.#below(response, event, at)
    const row = this.#row(event, at, 0)
    if (isBodyBegin(event.kind)) {
      row.folded = !this.wish.turned.has(event.n)
      this.#bodies.set(stream, row)
    } else {
      this.#lines(row, event, at)
      if (event.kind.endsWith('.response')) {
        this.#responses.set(stream, row)
        row.folded ||= this.wish.turned.has(event.n)
      }
    }
    return false
  }

  #below(head: Row, event: MailEvent, at: number): boolean {
    head.under++
    if (!head.folded) this.#row(event, at, 1)
    return true
  }

  #under(head: Row, event: MailEvent, at: number, stream: string): boolean {
    const belongs = isBodyEnd(event.kind) || event.kind.includes('.data') || event.kind.startsWith('message.') || event.kind.startsWith('mime.')
    if (isBodyEnd(event.kind) || !belongs) this.#bodies.delete(stream)
    if (!belongs) {
      // records of TLS run between the blocks of a body without ending it
      if (event.layer !== 'plain' && event.kind.startsWith('tls.')) this.#bodies.set(stream, head)
      this.#lines(this.#row(event, at, 0), event, at)
      return false
    }
    return this.#below(head, event, at)
  }

  #lines(row: Row, event: MailEvent, at: number): void {
    const count = Math.min(lineRoom, linesOf(event).length)
    if (count < 2) return
    row.under = count - 1
    row.folded = count > unfoldedLines !== this.wish.turned.has(event.n)
    if (row.folded) return
    for (let line = 1; line < count; line++) this.rows.push({ at, n: event.n, line, under: 0, folded: false, depth: 1 })
  }

  #row(event: MailEvent, at: number, depth: 0 | 1): Row {
    const row: Row = { at, n: event.n, line: 0, under: 0, folded: false, depth }
    this.rows.push(row)
    return row
  }
}

/** The index of a row; rows are in the order of their events. -1 if it is not among them. */
export function rowIndex(rows: readonly Row[], n: number, line = 0): number {
  let low = 0
  let high = rows.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const row = rows[middle]!
    if (row.n === n && row.line === line) return middle
    if (row.n < n || (row.n === n && row.line < line)) low = middle + 1
    else high = middle - 1
  }
  return -1
}

/**
 * The octets of one line of an event, counted on the event's layer. `line` has its CRLFs reduced to \n and literals
 * left out, so this is exact for replies and a near guess for commands with literals.
 */
export function lineSpan(event: MailEvent, line: number): [number, number] {
  const lines = linesOf(event)
  let from = event.span[0]
  for (let i = 0; i < line; i++) from += octetsOf(lines[i] ?? '') + 2
  const to = Math.min(event.span[1], from + octetsOf(lines[line] ?? '') + 2)
  return [Math.min(from, event.span[1]), to]
}

/** The index of the note that speaks of this line: the first whose span begins in it; for the whole event, its own. */
export function noteOfLine(event: MailEvent, line: number): number {
  const notes = event.notes ?? []
  if (line === 0) return notes.length ? 0 : -1
  const [from, to] = lineSpan(event, line)
  return notes.findIndex((note, i) => i > 0 && note.span && note.span[0] >= from && note.span[0] < to)
}
