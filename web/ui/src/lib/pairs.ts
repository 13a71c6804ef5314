/**
 * Two sessions laid side by side, command by command: what an eavesdropper has of each. And the two legs of one session,
 * line by line, with what facteur changed between them.
 */
import { align } from './align'
import type { Piece } from './compare'
import type { Leg, MailEvent } from './api'

/** A command with its answers, the server's greeting, or a handshake. */
export interface Turn {
  kind: 'greeting' | 'command' | 'tls'
  /** Turns with the same key correspond, whatever their tags, dates and numbers. */
  key: string
  /** What the endpoints say it is. */
  name: string
  pieces: Piece[]
  /** Octets on the wire, from client and from server. */
  octets: [number, number]
  time: string
}

const field = (event: MailEvent, name: string) => event.fields?.[name] ?? ''
const isCommand = (event: MailEvent) => event.kind.endsWith('.command')
const isHandshake = (piece: Piece) =>
  piece.inner.some((event) => event.kind.startsWith('tls.') && event.kind !== 'tls.alert') || ['handshake', 'change_cipher_spec'].includes(field(piece.wire, 'type'))

/** However a client logs in, it logs in. */
const logIns = new Set(['AUTH', 'LOGIN', 'AUTHENTICATE', 'PASS', 'APOP'])

/** What a command asks for, and how it is called. */
function asks(event: MailEvent): { key: string; name: string } {
  const verb = (field(event, 'verb') || field(event, 'name') || field(event, 'line').split(' ')[0] || '').toUpperCase()
  return { key: logIns.has(verb) ? 'log in' : verb === 'HELO' ? 'EHLO' : verb, name: verb }
}

/** The turns of one leg of a session, from its pieces. Several commands in one piece are several turns; the first has it. */
export function turns(pieces: readonly Piece[]): Turn[] {
  const all: Turn[] = []
  const begin = (kind: Turn['kind'], key: string, name: string, time: string) => {
    const turn: Turn = { kind, key, name, pieces: [], octets: [0, 0], time }
    all.push(turn)
    return turn
  }
  let now: Turn | undefined
  for (const piece of pieces) {
    const commands = piece.wire.from === 'client' ? piece.inner.filter(isCommand) : []
    if (commands.length) {
      const told = commands.map((event) => ({ ...asks(event), time: event.time }))
      const made = told.map((one) => begin('command', one.key, one.name, one.time))
      now = made[0]!
      add(now, piece)
      now = made.at(-1)
      continue
    }
    if (isHandshake(piece) && now?.kind !== 'tls' && !(piece.sealed && now?.kind === 'command' && all.some((turn) => turn.kind === 'tls'))) now = begin('tls', 'TLS', 'TLS', piece.wire.time)
    else if (now?.kind === 'tls' && !isHandshake(piece) && piece.inner.length) now = begin('greeting', 'greeting', '', piece.wire.time)
    now ??= begin('greeting', 'greeting', '', piece.wire.time)
    add(now, piece)
  }
  return all
}

function add(turn: Turn, piece: Piece) {
  turn.pieces.push(piece)
  turn.octets[piece.wire.from === 'client' ? 0 : 1] += piece.wire.span[1] - piece.wire.span[0]
}

export const sameTurn = (x: Turn, y: Turn) => x.key === y.key

/** One line of the conversation as one leg carried it. */
export interface LegLine {
  event: MailEvent
  from: 'client' | 'server'
  text: string
}

export interface LegRow {
  server?: LegLine
  client?: LegLine
  /** same on both legs; changed or only on one because facteur rewrote it; lone: on one leg, without facteur's doing. */
  how: 'same' | 'changed' | 'lone'
  /** The event that tells of the change. */
  why?: MailEvent
}

/** The lines of a session on one leg: commands and answers, one row for each line. */
export function legLines(events: readonly MailEvent[], session: number, leg: Leg): LegLine[] {
  const lines: LegLine[] = []
  for (const event of events) {
    if (event.session !== session || event.leg !== leg || !/\.(command|reply|response|continuation)$/.test(event.kind)) continue
    for (const text of field(event, 'line').split('\n')) lines.push({ event, from: event.from, text })
  }
  return lines
}

/** Both legs of an intercepted session, aligned; every line that facteur changed is marked with the event that says so. */
export function legRows(events: readonly MailEvent[], session: number): LegRow[] {
  const told = events.filter((event) => event.session === session && event.kind === 'session.rewrite')
  const says = (name: 'was' | 'now', line: LegLine | undefined) => !!line && told.find((event) => field(event, name).split('\n').some((one) => one.trim() !== '' && line.text.includes(one.trim())))
  const key = (line: LegLine) => line.text.replace(/^(\d{3})[ -]/, '$1 ')
  const rows = align(legLines(events, session, 'server'), legLines(events, session, 'client'), (x, y) => x.from === y.from && key(x) === key(y))
  const out: LegRow[] = []
  for (let i = 0; i < rows.length; i++) {
    const [server, client] = rows[i]!
    if (server && client) {
      const changed = server.text !== client.text
      out.push({ server, client, how: changed ? 'changed' : 'same', ...(changed ? told[0] && { why: told[0] } : {}) })
      continue
    }
    const next = rows[i + 1]
    const other = next && (server ? !next[0] && next[1]?.from === server.from && next[1] : !next[1] && next[0]?.from === client?.from && next[0])
    const was = says('was', server)
    const now = says('now', client)
    if (other && (server ? was || says('now', other) : now || says('was', other))) {
      const why = was || now || says('now', other) || says('was', other) || undefined
      out.push({ ...(server ? { server, client: other } : { server: other, ...(client ? { client } : {}) }), how: 'changed', ...(why ? { why } : {}) })
      i++
      continue
    }
    const why = was || now || undefined
    out.push({ ...(server ? { server } : {}), ...(client ? { client } : {}), how: why ? 'changed' : 'lone', ...(why ? { why } : {}) })
  }
  return out
}
