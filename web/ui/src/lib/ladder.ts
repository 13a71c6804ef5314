/**
 * The sequence diagram of one session: from events to rungs. A rung is one arrow between two lanes, or something that
 * happened to the connection. What belongs together is one rung (a body, the messages of one TLS flight, the same words
 * on both legs), unless the reader spreads them out.
 */
import type { Leg, MailEvent, Session, Side } from './api'
import { lineParts } from './lineparts'
import { isPlumbing, isSealed } from './story'

export type Zoom = 'compact' | 'normal' | 'spread'
export const zooms: readonly Zoom[] = ['compact', 'normal', 'spread']

/** How TLS stands on a leg: none, its handshake under way, or everything inside it. */
export type Band = 'none' | 'opening' | 'open'

/**
 * arrow: words, or a TLS record that stays sealed; handshake: messages of TLS; body: a message or literal, folded; open
 * and end: of the connection; tcp: what the capture tells about segments; gap: octets it missed; fact: the rest.
 */
export type RungKind = 'arrow' | 'handshake' | 'body' | 'open' | 'end' | 'tcp' | 'gap' | 'fact'

export interface Rung {
  /** n of its first event, for keys. */
  n: number
  /** n of its last event so far. */
  until: number
  /** Index of its event in the list. */
  at: number
  kind: RungKind
  leg: Leg
  from: Side
  /** Index of the same words on the other leg; -1 while they were not seen there. */
  through: number
  /** Indices of the further messages of a TLS flight. */
  flight: readonly number[]
  /** Events folded into this one, and the octets of a body. */
  under: number
  octets: number
  /** TLS on the client leg and on the server leg, from here on. */
  bands: readonly [Band, Band]
}

/** A command with all that answers it, as a bracket over the rungs [first, last]. */
export interface Exchange {
  first: number
  last: number
  slot: number
  /** Rungs that belong to it. */
  steps: number
  /** More is to come: the answer, or the rest of it. */
  pending: boolean
}

export interface Bracket {
  slot: number
  part: 'start' | 'middle' | 'end' | 'alone'
  /** The rung belongs to the exchange; else it happens to stand between. */
  own: boolean
}

/** Brackets side by side: pipelined commands need as many as are under way. More are not drawn, only named. */
export const maxSlots = 3

/** An exchange without an answer is given up after so many rungs: captures of one direction have thousands. */
const patience = 64

/** The same words are looked for among so many that were not relayed yet. */
const relayWindow = 64

export interface Wish {
  session: number
  zoom: Zoom
  /** There are two legs: facteur stands between. */
  between: boolean
  cursor: number
}

const firstLeg = (from: Side): Leg => from
const legIndex = (leg: Leg) => (leg === 'client' ? 0 : 1)

/** Replies that ask for more leave their exchange open. */
function answersForGood(event: MailEvent): boolean {
  const fields = event.fields ?? {}
  if (event.kind === 'smtp.reply') return !fields['code']?.startsWith('3')
  if (event.kind === 'pop3.response') return fields['status'] !== '+'
  if (event.kind === 'imap.response') return fields['tag'] !== '*' && fields['tag'] !== '+'
  return event.kind === 'sieve.response'
}

const kindOf = (event: MailEvent): RungKind => {
  if (event.kind.startsWith('tcp.')) return 'tcp'
  if (event.kind === 'session.gap') return 'gap'
  if (event.kind === 'session.open') return 'open'
  if (event.kind === 'session.end') return 'end'
  if (event.kind.startsWith('session.')) return 'fact'
  if (event.kind.startsWith('tls.') && event.kind !== 'tls.record') return 'handshake'
  return event.kind.endsWith('.data.begin') ? 'body' : 'arrow'
}

/** What the same words on the other leg have in common. */
const wordsOf = (event: MailEvent) => `${event.kind} ${event.fields?.['line'] ?? ''} ${event.fields?.['how'] ?? ''}`

interface Waiting {
  row: number
  words: string
}

export class Ladder {
  rungs: Rung[] = []
  /** n of the last event looked at. */
  told = 0
  #seen = 0
  #bands: [Band, Band] = ['none', 'none']
  #waiting: Record<Side, Waiting[]> = { client: [], server: [] }
  /** Row of the body under way, and of the last words, by stream. */
  #bodies = new Map<string, number>()
  #literals = new Map<string, number>()
  #last = new Map<string, number>()
  #lastOfLeg: Record<Leg, number> = { client: -1, server: -1 }
  #exchanges: [Map<number, Exchange>, Map<number, Exchange>] = [new Map(), new Map()]
  #slots: [Exchange[][], Exchange[][]] = [[], []]
  #owners: [Map<number, Exchange>, Map<number, Exchange>] = [new Map(), new Map()]

  constructor(readonly wish: Wish) {}

  /** Takes the events that were not taken yet, up to the cursor; reports whether anything changed. */
  take(events: readonly MailEvent[]): boolean {
    let changed = false
    for (; this.#seen < events.length; this.#seen++) {
      const event = events[this.#seen]!
      if (event.n > this.wish.cursor) break
      this.told = event.n
      if (event.session !== this.wish.session) continue
      this.#place(event, this.#seen)
      changed = true
    }
    return changed
  }

  /** How many brackets stand side by side at most, on one leg's side. */
  slots(leg: Leg): number {
    return this.#slots[legIndex(leg)].length
  }

  /** The brackets that pass a rung on one leg's side. */
  brackets(row: number, leg: Leg): Bracket[] {
    const found: Bracket[] = []
    this.#slots[legIndex(leg)].forEach((line, slot) => {
      const one = covering(line, row)
      if (!one) return
      const part = one.first === one.last ? 'alone' : row === one.first ? 'start' : row === one.last ? 'end' : 'middle'
      found.push({ slot, part, own: this.#owners[legIndex(leg)].get(row) === one })
    })
    return found
  }

  /** The exchange a rung belongs to. */
  exchange(row: number): Exchange | undefined {
    return this.#owners[0].get(row) ?? this.#owners[1].get(row)
  }

  /** The row of the rung that holds an event; -1 if none does. */
  rowOf(n: number): number {
    let low = 0
    let high = this.rungs.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.rungs[middle]!.n <= n) low = middle
      else high = middle - 1
    }
    // folded and relayed events lie after the begin of later rungs
    for (let row = low; row >= 0 && row > low - relayWindow; row--) {
      const rung = this.rungs[row]!
      if (rung.n === n || (rung.n < n && n <= rung.until)) return row
    }
    return -1
  }

  #place(event: MailEvent, at: number): void {
    this.#shelter(event)
    if (isPlumbing(event)) return
    const stream = `${event.leg} ${event.from}`
    const row = this.#folded(event, stream) ?? this.#flown(event, at) ?? this.#relayed(event, at) ?? this.#rung(event, at)
    const rung = this.rungs[row]!
    if (rung.kind === 'body' && event.kind.endsWith('.data.begin')) this.#bodies.set(stream, row)
    if (rung.kind === 'arrow' || rung.kind === 'body') this.#last.set(stream, row)
    this.#enclose(event, row)
  }

  /** Follows TLS on both legs. */
  #shelter(event: MailEvent): void {
    const leg = legIndex(event.leg)
    let band = this.#bands[leg]
    if (event.kind === 'session.close') band = 'none'
    else if (isSealed(event) || (event.layer === 'plain' && event.carried?.length)) band = 'open'
    else if (band === 'none' && event.kind.startsWith('tls.') && event.kind !== 'tls.record') band = 'opening'
    if (band !== this.#bands[leg]) this.#bands = leg === 0 ? [band, this.#bands[1]] : [this.#bands[0], band]
  }

  #rung(event: MailEvent, at: number): number {
    const row = this.rungs.length
    const leg = event.leg
    this.rungs.push({ n: event.n, until: event.n, at, kind: kindOf(event), leg, from: event.from, through: -1, flight: [], under: 0, octets: 0, bands: this.#bands })
    this.#lastOfLeg[leg] = row
    return row
  }

  #change(row: number, over: Partial<Rung>): number {
    this.rungs[row] = { ...this.rungs[row]!, ...over }
    return row
  }

  /** Parts of a body, items of a list and what else hangs under the words before it. */
  #folded(event: MailEvent, stream: string): number | undefined {
    const end = event.kind.endsWith('.data.end')
    const hangs = end || event.kind.includes('.data.data') || event.kind.startsWith('message.') || event.kind.startsWith('mime.') || event.kind.endsWith('.item')
    const literal = this.#literals.get(stream)
    if (!hangs) {
      this.#literals.delete(stream)
      // the response that a literal stood in says nothing new but its end
      if (literal !== undefined && event.kind === 'imap.response' && (event.fields?.['line'] ?? '').includes('\n')) return this.#change(literal, { until: event.n })
      return undefined
    }
    const row = this.#bodies.get(stream) ?? this.#last.get(stream)
    if (row === undefined) return undefined
    if (end && this.#bodies.delete(stream)) this.#literals.set(stream, row)
    const rung = this.rungs[row]!
    const counts = rung.leg === event.leg
    const octets = end ? Number(event.fields?.['octets'] ?? 0) : 0
    return this.#change(row, { until: event.n, under: rung.under + (counts ? 1 : 0), octets: rung.octets || octets })
  }

  /** Messages of TLS that one side sends in one go. */
  #flown(event: MailEvent, at: number): number | undefined {
    if (this.wish.zoom === 'spread' || kindOf(event) !== 'handshake' || event.kind === 'tls.alert') return undefined
    const row = this.#lastOfLeg[event.leg]
    const rung = this.rungs[row]
    if (!rung || rung.kind !== 'handshake' || rung.from !== event.from || rung.bands[legIndex(event.leg)] !== this.#bands[legIndex(event.leg)]) return undefined
    return this.#change(row, { flight: [...rung.flight, at], until: event.n })
  }

  /** Words that facteur hands on: one rung through its lane, where they are the same on both legs. */
  #relayed(event: MailEvent, at: number): number | undefined {
    const kind = kindOf(event)
    const can = kind === 'arrow' || kind === 'body' || kind === 'end' || event.kind === 'session.upgrade'
    if (!this.wish.between || this.wish.zoom === 'spread' || !can || event.kind === 'tls.record') return undefined
    const waiting = this.#waiting[event.from]
    const words = wordsOf(event)
    if (event.leg === firstLeg(event.from)) {
      waiting.push({ row: this.rungs.length, words })
      if (waiting.length > relayWindow) waiting.shift()
      return undefined
    }
    const found = waiting.findIndex((one) => one.words === words)
    if (found < 0) return undefined
    const { row } = waiting[found]!
    waiting.splice(0, found + 1)
    return this.#change(row, { through: at, until: event.n, bands: this.#bands })
  }

  /** Ties a rung to its command. */
  #enclose(event: MailEvent, row: number): void {
    const side = legIndex(event.leg)
    const known = this.#exchanges[side]
    let one = event.re ? known.get(event.re) : undefined
    if (!one && event.from === 'client' && /\.(command|text)$/.test(event.kind)) one = this.#begin(side, row)
    if (!one) return
    known.set(event.seq, one)
    if (answersForGood(event)) one.pending = false
    if (this.#owners[side].get(row) !== one && row >= one.last) {
      if (row > one.last) one.steps++
      one.last = row
      this.#owners[side].set(row, one)
    }
  }

  #begin(side: 0 | 1, row: number): Exchange {
    const lines = this.#slots[side]
    const free = (line: Exchange[]) => {
      const last = line.at(-1)
      return !last || (last.last < row && (!last.pending || row - last.last > patience))
    }
    let slot = lines.findIndex(free)
    if (slot < 0 && lines.length < maxSlots) slot = lines.push([]) - 1
    const one: Exchange = { first: row, last: row, slot, steps: 1, pending: true }
    lines[slot]?.push(one)
    this.#owners[side].set(row, one)
    return one
  }
}

/** The exchange that covers a row, among some in order. */
function covering(line: readonly Exchange[], row: number): Exchange | undefined {
  let low = 0
  let high = line.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (line[middle]!.first <= row) low = middle
    else high = middle - 1
  }
  const one = line[low]
  return one && one.first <= row && row <= one.last ? one : undefined
}

export interface LabelPart {
  text: string
  head: boolean
  secret: boolean
}

/** The word that says what is asked or answered: a verb, a code, a tag with its name. */
const heads: Record<string, RegExp> = {
  imap: /^\S+( \d+)?( UID)?( \S+)?/,
  smtp: /^(\d{3}|\S+)/,
}
const anyHead = /^\S+/

/** The first line of an event, its verb or code told apart; secrets stay marked. */
export function labelParts(event: MailEvent): LabelPart[] {
  const [first = []] = lineParts(event)
  const line = first.map((part) => part.text).join('')
  let head = ((heads[event.kind.split('.')[0] ?? ''] ?? anyHead).exec(line)?.[0] ?? '').length
  const parts: LabelPart[] = []
  for (const { text, secret } of first) {
    const cut = Math.min(head, text.length)
    for (const [piece, isHead] of [[text.slice(0, cut), true], [text.slice(cut), false]] as const) {
      const last = parts.at(-1)
      if (piece === '') continue
      if (last && last.head === isHead && last.secret === secret) last.text += piece
      else parts.push({ text: piece, head: isHead, secret })
    }
    head -= cut
  }
  return parts
}

/** A pause takes room on the page in proportion to its length, up to a cap where the lanes are shown broken. */
const gapRem: Record<Zoom, number> = { compact: 0.75, normal: 2.25, spread: 4 }
/** Heights are rounded to what is whole pixels at 16 and at 24 px, so that tubes and lanes have no seams. */
const gapStep = 0.125
/** The pause that takes all of that room, in milliseconds. */
const gapFull = 1500

export function gapHeight(ms: number, zoom: Zoom): { rem: number; broken: boolean } {
  if (!(ms > 0)) return { rem: 0, broken: false }
  return { rem: Math.round((gapRem[zoom] * Math.min(1, ms / gapFull)) / gapStep) * gapStep, broken: ms > gapFull }
}

/** The version of TLS on a leg, as people write it. */
export const versionOf = (tls: Session['tls'], leg: Leg) => (tls?.[leg]?.version ?? 'TLS').replace(/^TLS(?=\d)/, 'TLS ')

/** Whether a leg's tube begins at this rung, or changes its kind. */
export const begins = (rung: Rung, before: Rung | undefined, leg: 0 | 1) => rung.bands[leg] !== 'none' && (before?.bands[leg] ?? 'none') !== rung.bands[leg]
