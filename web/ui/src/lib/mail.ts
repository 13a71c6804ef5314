/** The messages that a session carried, put together from its events: envelope, header, route, proofs. */
import type { Leg, MailEvent, Session, Side } from './api'

export type How = 'DATA' | 'BDAT' | 'RETR' | 'TOP' | 'APPEND' | 'FETCH'

/** One step of the envelope, and what the server said to it. */
export interface Step {
  address: string
  command: MailEvent
  reply?: MailEvent | undefined
}

/** A header field of the message itself; those of its parts are with the parts. */
export interface Field {
  name: string
  value: string
  /** Its encoded words decoded (RFC 2047); the same as value where there are none. */
  decoded: string
  event: MailEvent
}

export interface Letter {
  /** n of the event that begins it. */
  n: number
  leg: Leg
  from: Side
  how: How
  /** What of the message was asked for: BODY[], BODY[1], RFC822.HEADER …; '' for all of it. */
  section: string
  begin: MailEvent
  /** All of it has come; false while it comes, or where the session ended in it. */
  ended: boolean
  octets: number
  fields: Field[]
  /** The header was told to its end. */
  headed: boolean
  sender?: Step | undefined
  recipients: Step[]
  /** POP3's number; IMAP's sequence number, UID, mailbox and flags. */
  number: string
  uid: string
  mailbox: string
  flags: string
  command?: MailEvent | undefined
  /** The last word on it: one reply, or in LMTP one for each recipient. */
  replies: MailEvent[]
}

const accepted = (reply: MailEvent | undefined) => /^2/.test(reply?.fields?.['code'] ?? '')
const refused = (reply: MailEvent | undefined) => /^[45]/.test(reply?.fields?.['code'] ?? '')
export const verdict = (reply: MailEvent | undefined): 'yes' | 'no' | '' => (accepted(reply) ? 'yes' : refused(reply) ? 'no' : '')

/** Commands remembered for what they are answered by; a session has few under way at once. */
const maxRemembered = 5000

/** Takes the events of one leg of one session, as they come, and makes letters of them. */
export class Mailbag {
  readonly letters: Letter[] = []
  #seen = 0
  #commands = new Map<number, MailEvent>()
  #steps = new Map<number, Step>()
  #sender: Step | undefined
  #recipients: Step[] = []
  #mailbox = ''
  #current: Partial<Record<Side, Letter>> = {}
  /** Literals of an IMAP line that has not ended. */
  #unit: Letter[] = []

  constructor(
    readonly session: number,
    readonly leg: Leg,
  ) {}

  /** Reads on to the event `cursor`; true when a letter changed. */
  take(events: readonly MailEvent[], cursor: number): boolean {
    let changed = false
    for (; this.#seen < events.length && events[this.#seen]!.n <= cursor; this.#seen++) {
      const event = events[this.#seen]!
      if (event.session === this.session && event.leg === this.leg && this.#one(event)) changed = true
    }
    return changed
  }

  /** n of the last event read. */
  told(events: readonly MailEvent[]): number {
    return events[this.#seen - 1]?.n ?? 0
  }

  #one(event: MailEvent): boolean {
    const { kind } = event
    if (kind.startsWith('message.')) return this.#content(event)
    if (kind.endsWith('.data.begin')) return this.#begin(event)
    if (kind.endsWith('.data.end')) return this.#end(event)
    if (kind.endsWith('.command')) return this.#command(event)
    if (kind.endsWith('.reply') || kind.endsWith('.response')) return this.#answer(event)
    return false
  }

  #command(event: MailEvent): boolean {
    const verb = (event.fields?.['verb'] ?? event.fields?.['name'] ?? '').toUpperCase()
    if (this.#commands.size > maxRemembered) this.#commands.clear()
    if (this.#steps.size > maxRemembered) this.#steps.clear()
    switch (verb) {
      case 'MAIL': {
        this.#sender = { address: event.fields?.['from'] ?? addressIn(event), command: event }
        this.#recipients = []
        this.#steps.set(event.seq, this.#sender)
        return false
      }
      case 'RCPT': {
        const step = { address: event.fields?.['to'] ?? addressIn(event), command: event }
        this.#recipients.push(step)
        this.#steps.set(event.seq, step)
        return false
      }
      case 'RSET':
      case 'EHLO':
      case 'HELO':
      case 'LHLO':
        this.#sender = undefined
        this.#recipients = []
        this.#current = {}
        return false
      case 'SELECT':
      case 'EXAMINE':
        this.#mailbox = event.fields?.['mailbox'] ?? event.fields?.['arguments'] ?? ''
        return false
      case 'DATA':
      case 'BDAT':
      case 'RETR':
      case 'TOP':
        this.#commands.set(event.seq, event)
        return false
    }
    return event.kind === 'imap.command' ? this.#unitEnds(event) : false
  }

  #begin(event: MailEvent): boolean {
    const family = event.kind.split('.')[0]
    const what = event.fields?.['what'] ?? ''
    if (family === 'sieve' || (family === 'imap' && what === 'literal')) return false
    const command = event.re ? this.#commands.get(event.re) : undefined
    const chunk = (family === 'smtp' || family === 'lmtp') && event.fields?.['octets'] !== undefined
    const open = this.#current[event.from]
    if (chunk && open?.how === 'BDAT' && !open.ended) {
      open.command = command ?? open.command
      return true
    }
    const letter: Letter = {
      n: event.n,
      leg: event.leg,
      from: event.from,
      how: chunk ? 'BDAT' : 'DATA',
      section: '',
      begin: event,
      ended: false,
      octets: 0,
      fields: [],
      headed: false,
      recipients: [],
      number: '',
      uid: '',
      mailbox: '',
      flags: '',
      command,
      replies: [],
    }
    if (family === 'pop3') this.#popped(letter, command)
    else if (family === 'imap') this.#literal(letter, what)
    else {
      letter.sender = this.#sender
      letter.recipients = this.#recipients
    }
    this.letters.push(letter)
    this.#current[event.from] = letter
    return true
  }

  #popped(letter: Letter, command: MailEvent | undefined): void {
    letter.how = command?.fields?.['verb']?.toUpperCase() === 'TOP' ? 'TOP' : 'RETR'
    letter.number = command?.fields?.['number'] ?? command?.fields?.['argument']?.split(' ')[0] ?? ''
  }

  /** Of the line so far; what stands behind the literal is added when the line has ended. */
  #literal(letter: Letter, what: string): void {
    const line = letter.begin.fields?.['line'] ?? ''
    letter.how = letter.from === 'client' ? 'APPEND' : 'FETCH'
    letter.section = what === 'message' || what === 'BODY[]' || what === 'RFC822' || what === 'BINARY[]' ? '' : what
    letter.number = /^\* (\d+) /.exec(line)?.[1] ?? ''
    letter.uid = /\bUID (\d+)/.exec(line)?.[1] ?? ''
    letter.flags = /\bFLAGS \(([^)]*)\)/.exec(line)?.[1] ?? ''
    if (letter.from === 'server') letter.mailbox = this.#mailbox
    this.#unit.push(letter)
  }

  #content(event: MailEvent): boolean {
    const letter = this.#current[event.from]
    if (!letter || letter.headed) return false
    if (event.kind === 'message.headers_end') letter.headed = true
    else if (event.kind === 'message.header') {
      const value = event.fields?.['value'] ?? ''
      letter.fields.push({ name: event.fields?.['name'] ?? '', value, decoded: event.fields?.['decoded'] || value, event })
    }
    return true
  }

  #end(event: MailEvent): boolean {
    const letter = this.#current[event.from]
    if (!letter) return false
    letter.octets = Number(event.fields?.['octets'] ?? 0) || letter.octets
    // a chunk ends its message only when it is the last (RFC 3030 §2)
    letter.ended = letter.how !== 'BDAT' || !!letter.command?.fields?.['last'] || /\bLAST\b/i.test(letter.command?.fields?.['argument'] ?? '')
    if (letter.how !== 'BDAT') delete this.#current[event.from]
    return true
  }

  #answer(event: MailEvent): boolean {
    if (event.kind === 'imap.response' && event.fields?.['name'] === 'FETCH' && this.#unit.length) return this.#unitEnds(event)
    const { re } = event
    if (!re) return false
    const step = this.#steps.get(re)
    if (step) {
      step.reply ??= event
      return true
    }
    for (let i = this.letters.length - 1; i >= 0 && i > this.letters.length - 50; i--) {
      const letter = this.letters[i]!
      if (letter.command?.seq !== re || letter.how === 'FETCH') continue
      const begins = letter.how === 'RETR' || letter.how === 'TOP'
      if (!begins && letter.ended && !event.fields?.['code']?.startsWith('3')) letter.replies.push(event)
      return true
    }
    return false
  }

  /** The IMAP line that held literals is complete: it says what they were. */
  #unitEnds(event: MailEvent): boolean {
    const letters = this.#unit.filter((letter) => letter.from === event.from)
    if (!letters.length) return false
    this.#unit = this.#unit.filter((letter) => letter.from !== event.from)
    const f = event.fields ?? {}
    for (const letter of letters) {
      letter.command = event
      letter.number ||= f['number'] ?? ''
      letter.uid ||= f['uid'] ?? ''
      letter.flags ||= f['flags'] ?? ''
      if (event.from === 'client') letter.mailbox = f['mailbox'] ?? ''
    }
    return true
  }
}

/** The address between angle brackets, where decode named none. */
const addressIn = (event: MailEvent) => /<([^>]*)>/.exec(event.fields?.['argument'] ?? '')?.[1] ?? ''

export const valuesOf = (letter: Letter, name: string) => letter.fields.filter((field) => field.name.toLowerCase() === name)
export const valueOf = (letter: Letter, name: string) => valuesOf(letter, name)[0]?.decoded ?? ''

export interface Address {
  name: string
  address: string
}

/** The addresses of a field (RFC 5322 §3.4): names, comments, groups and quoted parts are understood, not judged. */
export function addresses(value: string): Address[] {
  const list: Address[] = []
  for (const piece of splitList(value)) {
    const angle = piece.lastIndexOf('<')
    const inside = angle >= 0 ? /<([^<>]*)>/.exec(piece.slice(angle))?.[1] : undefined
    const bare = inside ?? withoutComments(piece)
    const address = bare.replace(/^@[^:]*:/, '').trim() // a source route of old (RFC 5322 §4.4)
    if (!address.includes('@')) continue
    const name = inside === undefined ? '' : unquoted(withoutComments(piece.slice(0, angle)))
    list.push({ name, address })
  }
  return list
}

function splitList(value: string): string[] {
  const pieces: string[] = []
  let piece = ''
  let quoted = false
  let depth = 0
  for (let i = 0; i < value.length; i++) {
    const char = value[i]!
    if (char === '\\' && i + 1 < value.length) {
      piece += char + value[++i]!
      continue
    }
    if (char === '"' && depth === 0) quoted = !quoted
    else if (!quoted && char === '(') depth++
    else if (!quoted && char === ')') depth = Math.max(0, depth - 1)
    const separates = !quoted && depth === 0 && (char === ',' || char === ';')
    // "Team: a@x, b@x;" is a group: its name is no address
    if (separates || (!quoted && depth === 0 && char === ':' && !piece.includes('<'))) {
      if (separates) pieces.push(piece)
      piece = ''
    } else piece += char
  }
  return [...pieces, piece].filter((one) => one.trim() !== '')
}

const withoutComments = (text: string) => text.replace(/\([^()]*\)/g, '')
const unquoted = (text: string) => text.trim().replace(/^"(.*)"$/s, '$1').replace(/\\(.)/g, '$1')

/** Two spellings of one mailbox: the domain's case never counts, and in practice neither does the rest. */
export const sameAddress = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
const domain = (address: string) => address.slice(address.lastIndexOf('@') + 1).toLowerCase()

export type FindingId = 'same' | 'sender' | 'senderDomain' | 'bounce' | 'bcc' | 'unsent' | 'refused' | 'bccField' | 'fromTwice' | 'nameLies' | 'replyTo' | 'noDate' | 'noFrom'

/** What envelope and header say to each other. */
export interface Finding {
  id: FindingId
  level: 'note' | 'lint'
  /** The addresses concerned. */
  who: string[]
}

export function findings(letter: Letter): Finding[] {
  const out: Finding[] = []
  const add = (id: FindingId, level: 'note' | 'lint', who: string[] = []) => out.push({ id, level, who })
  const from = valuesOf(letter, 'from').flatMap((field) => addresses(field.decoded))
  if (letter.sender) envelopeFindings(letter, from, add)
  if (letter.headed && !letter.section) {
    if (valuesOf(letter, 'bcc').some((field) => field.value !== '')) add('bccField', 'lint', addresses(valueOf(letter, 'bcc')).map((one) => one.address))
    if (valuesOf(letter, 'from').length > 1) add('fromTwice', 'lint')
    if (!valuesOf(letter, 'from').length) add('noFrom', 'lint')
    if (!valuesOf(letter, 'date').length) add('noDate', 'lint')
  }
  for (const one of from) {
    const named = /[^\s<>"(),;:@]+@[^\s<>"(),;:@]+/.exec(one.name)?.[0]
    if (named && !sameAddress(named, one.address)) add('nameLies', 'lint', [named, one.address])
  }
  const reply = addresses(valueOf(letter, 'reply-to'))
  const elsewhere = reply.filter((one) => from.length && !from.some((author) => domain(author.address) === domain(one.address)))
  if (elsewhere.length) add('replyTo', 'lint', elsewhere.map((one) => one.address))
  return out
}

function envelopeFindings(letter: Letter, from: Address[], add: (id: FindingId, level: 'note' | 'lint', who?: string[]) => void): void {
  const sender = letter.sender!.address
  const shown = ['to', 'cc'].flatMap((name) => valuesOf(letter, name).flatMap((field) => addresses(field.decoded))).map((one) => one.address)
  const sentTo = letter.recipients.map((step) => step.address)
  const known = (list: string[], address: string) => list.some((one) => sameAddress(one, address))
  let differ = true
  if (sender === '') add('bounce', 'note')
  else if (from.some((one) => sameAddress(one.address, sender))) differ = false
  else if (from.length) add(from.some((one) => domain(one.address) === domain(sender)) ? 'sender' : 'senderDomain', 'note', [sender, from[0]!.address])
  const hidden = letter.headed ? sentTo.filter((address) => !known(shown, address)) : []
  const unsent = letter.headed ? shown.filter((address) => !known(sentTo, address)) : []
  const no = letter.recipients.filter((step) => verdict(step.reply) === 'no').map((step) => step.address)
  if (hidden.length) add('bcc', 'note', hidden)
  if (unsent.length) add('unsent', 'note', unsent)
  if (no.length) add('refused', 'lint', no)
  if (!differ && !hidden.length && !unsent.length && from.length) add('same', 'note')
}

export interface Hop {
  by: string
  from: string
  with: string
  for: string
  tls: string
  /** Whether this leg was protected, as the server that took the message says; '' where it does not say. */
  secure: 'yes' | 'no' | ''
  /** Milliseconds since 1970; NaN where the date cannot be read. */
  time: number
  /** Since the hop before; NaN for the first. */
  delay: number
  event?: MailEvent | undefined
  /** The session that is looked at. */
  here: boolean
}

/** A date of RFC 5322 §3.3, with the comment behind it taken off; NaN where it is none. */
export const dateOf = (text: string) => Date.parse(withoutComments(text).trim())

/** The words of RFC 3848 and RFC 6531 that say how a server took a message in. */
export function securedBy(word: string): 'yes' | 'no' | '' {
  const match = /^(?:UTF8)?(?:E?SMTP|LMTP)(S?)A?$/i.exec(word.trim().split(/[\s(]/)[0] ?? '')
  return match ? (match[1] ? 'yes' : 'no') : ''
}

/** The way of the message in the order of time: Received fields are added on top, so it is read from below. */
export function hopsOf(letter: Letter, session: Session | undefined): Hop[] {
  const hops: Hop[] = valuesOf(letter, 'received')
    .toReversed()
    .map(({ event }) => {
      const f = event.fields ?? {}
      const way = f['with'] ?? ''
      const tls = f['tls'] ?? ''
      return { by: f['by'] ?? '', from: f['from'] ?? '', with: way, for: f['for'] ?? '', tls, secure: tls ? 'yes' : securedBy(way), time: dateOf(f['date'] ?? ''), delay: NaN, event, here: false }
    })
  if (!letter.section) hops.push(hereOf(letter, session))
  hops.forEach((hop, i) => (hop.delay = hop.time - (hops[i - 1]?.time ?? NaN)))
  return hops
}

function hereOf(letter: Letter, session: Session | undefined): Hop {
  const protectedBy = session?.security[letter.leg]
  const secure = letter.begin.layer === 'wire' || protectedBy === 'clear' ? 'no' : 'yes'
  const facts = session?.tls?.[letter.leg]
  const server = session?.upstream || session?.server || ''
  const [from, by] = letter.from === 'client' ? [session?.client ?? '', server] : [server, session?.client ?? '']
  return {
    by,
    from,
    with: `${(session?.protocol ?? '').toUpperCase()} ${letter.how}`,
    for: '',
    tls: secure === 'yes' ? [facts?.version, facts?.cipher].filter(Boolean).join(' ') : '',
    secure,
    time: Date.parse(letter.begin.time),
    delay: NaN,
    event: letter.begin,
    here: true,
  }
}

/** The fields that say who vouches for a message, in the order in which they were added, newest first. */
const proofNames = new Set(['dkim-signature', 'authentication-results', 'received-spf', 'arc-seal', 'arc-message-signature', 'arc-authentication-results', 'domainkey-signature'])
export const proofsOf = (letter: Letter) => letter.fields.filter((field) => proofNames.has(field.name.toLowerCase()))

/** One thing that such a field says. */
export interface Claim {
  /** result.dkim, tag.d, spf.client-ip … as decode names them. */
  key: string
  group: 'result' | 'tag' | 'other'
  name: string
  value: string
  state: 'pass' | 'fail' | 'soft' | ''
}

const states: Record<string, Claim['state']> = {
  pass: 'pass',
  fail: 'fail',
  permerror: 'fail',
  hardfail: 'fail',
  softfail: 'soft',
  temperror: 'soft',
  policy: 'soft',
  neutral: 'soft',
  none: 'soft',
}

export function claimsOf(field: Field): Claim[] {
  const out: Claim[] = []
  for (const [key, value] of Object.entries(field.event.fields ?? {})) {
    if (key === 'name' || key === 'value' || key === 'line' || key === 'decoded') continue
    const group = key.startsWith('result') ? 'result' : key.startsWith('tag.') ? 'tag' : 'other'
    const name = key.replace(/^(?:result|tag|spf)\.?/, '') || 'spf'
    // a field of one name twice (two signatures judged) comes as lines
    for (const one of value.split('\n')) {
      const word = one.trim().split(/[\s(;]/)[0]?.toLowerCase() ?? ''
      out.push({ key, group, name, value: one, state: group === 'result' ? (states[word] ?? '') : '' })
    }
  }
  return out
}

export type SignatureFault = 'sha1' | 'length' | 'noFrom' | 'expired'

/** What makes a DKIM signature weaker than it looks (RFC 8301, RFC 6376 §8.2, §5.4, §3.5). */
export function signatureFaults(field: Field): SignatureFault[] {
  const f = field.event.fields ?? {}
  const signs = (f['tag.h'] ?? '').toLowerCase().split(':').map((name) => name.trim())
  const out: SignatureFault[] = []
  if (/sha1$/i.test(f['tag.a'] ?? '')) out.push('sha1')
  if (f['tag.l'] !== undefined) out.push('length')
  if (f['tag.h'] !== undefined && !signs.includes('from')) out.push('noFrom')
  if (f['tag.x'] !== undefined && Number(f['tag.x']) * 1000 < Date.parse(field.event.time)) out.push('expired')
  return out
}
