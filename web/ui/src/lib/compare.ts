/**
 * What an eavesdropper on one leg has, beside what the endpoints say: each TLS record with the commands it carries, and
 * what was learnt without the keys.
 */
import type { Leg, MailEvent } from './api'

/** Something that went over the wire in one piece: a clear line, or a TLS record with what facteur found in it. */
export interface Piece {
  /** Its place in the wire's order, from 1, for connectors and guesses. */
  number: number
  /** The record, or the event itself when it was in clear. */
  wire: MailEvent
  /** The eavesdropper cannot read it. */
  sealed: boolean
  inner: MailEvent[]
}

const isRecord = (event: MailEvent) => event.kind === 'tls.record'
const onWire = (event: MailEvent) => event.span[1] > event.span[0]

/** The pieces of one leg of a session, in the order in which they were seen. */
export function pieces(events: readonly MailEvent[], session: number, leg: Leg): Piece[] {
  const found: Piece[] = []
  const records = new Map<string, Piece>()
  const key = (event: MailEvent, from: number) => `${event.from} ${from}`
  for (const event of events) {
    if (event.session !== session || event.leg !== leg || event.kind.startsWith('session.')) continue
    if (isRecord(event)) {
      const piece: Piece = { number: found.length + 1, wire: event, sealed: event.fields?.['type'] === 'application_data', inner: [] }
      // from TLS 1.2 on, a handshake message after change_cipher_spec is sealed under its own type
      if (event.fields?.['opened'] !== undefined) piece.sealed = true
      found.push(piece)
      records.set(key(event, event.span[0]), piece)
    } else if (event.layer === 'wire') {
      if (onWire(event)) found.push({ number: found.length + 1, wire: event, sealed: false, inner: [event] })
    } else {
      const carrier = event.carried?.[0] && records.get(key(event, event.carried[0][0]))
      if (carrier) carrier.inner.push(event)
    }
  }
  return found
}

/** What there is to learn from a mail session; the words for each are in the dictionaries. */
export const secretsOfASession = [
  'addresses',
  'volumes',
  'banner',
  'clientName',
  'capabilities',
  'serverName',
  'tlsChoice',
  'certificate',
  'user',
  'password',
  'sender',
  'recipient',
  'subject',
  'body',
] as const
export type Secret = (typeof secretsOfASession)[number]

export interface Learnt {
  what: Secret
  /** Where it was said; 0 for what every packet says. */
  n: number
  value: string
  read: boolean
}

const field = (event: MailEvent, name: string) => event.fields?.[name] ?? ''
const verb = (event: MailEvent) => field(event, 'verb') || (event.kind === 'imap.command' ? field(event, 'name') : '')

/** What an event says, if anything that is on the list. */
function tells(event: MailEvent): [Secret, string][] {
  const told: [Secret, string][] = []
  const notes = event.notes ?? []
  if (notes.some((note) => note.id.endsWith('.greeting') || note.id.startsWith('imap.greeting'))) told.push(['banner', field(event, 'text') || field(event, 'line')])
  if (['EHLO', 'HELO', 'LHLO'].includes(verb(event))) told.push(['clientName', field(event, 'argument')])
  if (notes.some((note) => /^\w+\.capability\./.test(note.id))) told.push(['capabilities', ''])
  if (event.kind === 'tls.client_hello' && field(event, 'sni')) told.push(['serverName', field(event, 'sni')])
  if (event.kind === 'tls.server_hello') told.push(['tlsChoice', [field(event, 'version'), field(event, 'cipher')].filter(Boolean).join(' · ')])
  if (event.kind === 'tls.certificate') told.push(['certificate', field(event, 'names') || field(event, 'subjects')])
  if (field(event, 'user') || verb(event) === 'USER') told.push(['user', field(event, 'user') || field(event, 'argument')])
  if (event.secret?.length) told.push(['password', ''])
  if (verb(event) === 'MAIL') told.push(['sender', field(event, 'argument').replace(/^FROM:/i, '')])
  if (verb(event) === 'RCPT') told.push(['recipient', field(event, 'argument').replace(/^TO:/i, '')])
  if (event.kind === 'message.header' && field(event, 'name').toLowerCase() === 'subject') told.push(['subject', field(event, 'value')])
  if (event.kind.endsWith('.data.data')) told.push(['body', ''])
  return told
}

/** What was said on this leg, and what of it could be read without the keys. A thing read once is read. */
export function learnt(found: readonly Piece[]): Learnt[] {
  const all = new Map<Secret, Learnt>()
  all.set('addresses', { what: 'addresses', n: 0, value: '', read: true })
  all.set('volumes', { what: 'volumes', n: 0, value: '', read: true })
  for (const piece of found) {
    for (const event of piece.inner) {
      for (const [what, value] of tells(event)) {
        const known = all.get(what)
        if (!known || (!known.read && !piece.sealed)) all.set(what, { what, n: event.n, value, read: !piece.sealed })
      }
    }
  }
  return secretsOfASession.map((what) => all.get(what)).filter((one) => one !== undefined)
}

/** The first event of a kind on a leg of a session. */
export const firstOf = (events: readonly MailEvent[], session: number, leg: Leg, kind: string, from?: 'client' | 'server') =>
  events.find((event) => event.session === session && event.leg === leg && event.kind === kind && (!from || event.from === from))
