/**
 * The quick filter: words that must all hold. `smtp`, `code:5xx`, `from:client`, `leg:server`, `cmd:FETCH`, `kind:tls`,
 * `session:3`, `n:100-200`, `tls:1.2`, `secret`, `lint`, `error`, "quoted text", free text; a minus before one turns it round.
 */
import type { MailEvent, Session } from './api'
import { levelOf } from './notes'

export type Test = (event: MailEvent, session: Session | undefined) => boolean

export interface Filter {
  text: string
  /** Null when the filter lets everything through. */
  test: Test | null
  /** The first word that was not understood, to say so. */
  wrong: string
  /** What that word wants after its colon. */
  wants: Wants | ''
}

export type Wants = 'value' | 'side' | 'numbers'

/** What a key wants, to say it in plain words. */
const wants = (word: string): Wants => {
  const [key, value] = [word.slice(0, word.indexOf(':')), word.slice(word.indexOf(':') + 1)]
  if (key === 'from' || key === 'leg') return 'side'
  if (key === 'session' || key === 'n') return 'numbers'
  return value === '' ? 'value' : 'numbers'
}

const protocols = new Set(['smtp', 'lmtp', 'pop3', 'imap', 'sieve', 'tls', 'sasl', 'message'])

const field = (event: MailEvent, name: string) => event.fields?.[name] ?? ''

/** 5xx matches every reply code of the class; * matches anything. */
function pattern(value: string): RegExp {
  const source = value.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '.*')
  return new RegExp(`^${/^\d+x+$/i.test(value) ? source.replace(/x/gi, '\\d') : source}$`, 'i')
}

function range(value: string): ((n: number) => boolean) | null {
  const match = /^(\d*)(-?)(\d*)$/.exec(value)
  if (!match || value === '' || value === '-') return null
  const from = match[1] ? Number(match[1]) : 0
  const to = match[2] ? (match[3] ? Number(match[3]) : Infinity) : from
  return (n) => n >= from && n <= to
}

const side: Record<string, 'client' | 'server'> = { client: 'client', c: 'client', server: 'server', s: 'server', serveur: 'server' }

/** One test per key; null when the value makes no sense for it. */
const keys: Record<string, (value: string) => Test | null> = {
  code: (value) => {
    const wanted = pattern(value)
    return (event) => [field(event, 'code'), field(event, 'enhanced'), field(event, 'status'), field(event, 'name')].some((one) => one !== '' && wanted.test(one))
  },
  cmd: (value) => {
    const wanted = pattern(value)
    return (event) => event.kind.endsWith('.command') && [field(event, 'verb'), field(event, 'name')].some((one) => one !== '' && wanted.test(one))
  },
  from: (value) => {
    const wanted = side[value.toLowerCase()]
    return wanted ? (event) => event.from === wanted : null
  },
  leg: (value) => {
    const wanted = side[value.toLowerCase()]
    return wanted ? (event) => event.leg === wanted : null
  },
  kind: (value) => (event) => event.kind.toLowerCase().startsWith(value.toLowerCase()),
  tag: (value) => (event) => field(event, 'tag').toLowerCase() === value.toLowerCase(),
  note: (value) => (event) => (event.notes ?? []).some((note) => note.id.toLowerCase().includes(value.toLowerCase())),
  session: (value) => {
    const inside = range(value)
    return inside && ((event) => inside(event.session))
  },
  n: (value) => {
    const inside = range(value)
    return inside && ((event) => inside(event.n))
  },
  tls: (value) => (_, session) => [session?.tls?.client?.version, session?.tls?.server?.version].some((one) => !!one && one.toLowerCase().includes(value.toLowerCase())),
}

const single: Record<string, Test> = {
  secret: (event) => !!event.secret?.length,
  lint: (event) => (event.notes ?? []).some((note) => levelOf(note.id) === 'lint'),
  error: (event) => event.kind === 'session.error' || (event.notes ?? []).some((note) => levelOf(note.id) === 'error'),
}
single['erreur'] = single['error']!

function free(text: string): Test {
  const wanted = text.toLowerCase()
  return (event) => {
    if (event.kind.includes(wanted)) return true
    for (const name in event.fields) if (event.fields[name]!.toLowerCase().includes(wanted)) return true
    return false
  }
}

/**
 * One word to a test, or null when its key is known and its value makes no sense. Keys are in lower case, so that
 * FROM:<alice> and From: are looked for in what was sent.
 */
function read(word: string, quoted: boolean): Test | null {
  if (quoted) return free(word)
  const colon = word.indexOf(':')
  const key = colon > 0 ? word.slice(0, colon) : ''
  if (Object.hasOwn(keys, key)) return colon === word.length - 1 ? null : keys[key]!(word.slice(colon + 1).replace(/^"|"$/g, ''))
  const lower = word.toLowerCase()
  if (Object.hasOwn(single, lower)) return single[lower]!
  if (protocols.has(lower)) return (event, session) => event.kind.startsWith(`${lower}.`) || session?.protocol === lower
  return free(word)
}

const splitter = /(-?)(?:"([^"]*)"?|([^\s"]+:"[^"]*"?|\S+))/g

export function parseFilter(text: string): Filter {
  const tests: Test[] = []
  let wrong = ''
  for (const [, minus, quoted, bare] of text.matchAll(splitter)) {
    const word = quoted ?? bare ?? ''
    if (word === '') continue
    const test = read(word, quoted !== undefined)
    if (!test) wrong ||= word
    else tests.push(minus ? (event, session) => !test(event, session) : test)
  }
  return { text, wrong, wants: wrong ? wants(wrong) : '', test: tests.length ? (event, session) => tests.every((test) => test(event, session)) : null }
}
