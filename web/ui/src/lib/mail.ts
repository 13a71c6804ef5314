/** The messages that a session carried, put together from its events. */
import type { Leg, MailEvent, Side } from './api'

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
