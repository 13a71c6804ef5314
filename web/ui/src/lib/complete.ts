/** What can be typed next into the filter: its words, then the values that occur. */
import type { MailEvent, Session } from './api'

export type Meaning =
  | 'family'
  | 'code'
  | 'cmd'
  | 'from'
  | 'leg'
  | 'kind'
  | 'tag'
  | 'note'
  | 'session'
  | 'n'
  | 'tls'
  | 'secret'
  | 'lint'
  | 'error'

export interface Suggestion {
  /** The whole word, without the minus before it. */
  word: string
  meaning: Meaning
  /** How many events (of sessions, sessions) have it; 0 where that is not counted. */
  count: number
}

export interface Completion {
  /** The part of the text that a suggestion takes the place of. */
  from: number
  to: number
  suggestions: Suggestion[]
}

/** Values that occur, with how often. */
export interface Occurring {
  families: Map<string, number>
  verbs: Map<string, number>
  codes: Map<string, number>
  kinds: Map<string, number>
  tls: Map<string, number>
  sessions: Map<string, number>
}

const words: [string, Meaning][] = [
  ['smtp', 'family'], ['pop3', 'family'], ['imap', 'family'], ['lmtp', 'family'], ['sieve', 'family'], ['tls', 'family'], ['sasl', 'family'], ['message', 'family'],
  ['code:', 'code'], ['cmd:', 'cmd'], ['from:client', 'from'], ['from:server', 'from'], ['leg:client', 'leg'], ['leg:server', 'leg'],
  ['secret', 'secret'], ['lint', 'lint'], ['error', 'error'], ['tls:', 'tls'], ['session:', 'session'], ['kind:', 'kind'], ['tag:', 'tag'], ['note:', 'note'], ['n:', 'n'],
]

/** The values a key can have here: those that occur. */
const values: Partial<Record<Meaning, keyof Occurring>> = { code: 'codes', cmd: 'verbs', kind: 'kinds', tls: 'tls', session: 'sessions' }

const most = 9

export function occurring(events: readonly MailEvent[], sessions: Iterable<Session>): Occurring {
  const found: Occurring = { families: new Map(), verbs: new Map(), codes: new Map(), kinds: new Map(), tls: new Map(), sessions: new Map() }
  const add = (into: Map<string, number>, value: string | undefined) => value && into.set(value, (into.get(value) ?? 0) + 1)
  for (const event of events) {
    add(found.families, event.kind.slice(0, event.kind.indexOf('.')))
    add(found.kinds, event.kind)
    if (event.kind.endsWith('.command')) add(found.verbs, event.fields?.['verb'] ?? event.fields?.['name'])
    const code = event.fields?.['code'] ?? (event.from === 'server' ? event.fields?.['status'] : undefined)
    add(found.codes, code)
    if (code && /^[2-5]\d\d$/.test(code)) add(found.codes, `${code[0]}xx`)
  }
  for (const session of sessions) {
    add(found.sessions, String(session.id))
    for (const version of new Set([session.tls?.client?.version, session.tls?.server?.version])) add(found.tls, version?.replace(/^TLS\s*/, ''))
  }
  return found
}

/** The word under the caret: from the space before it, a minus aside. */
function wordAt(text: string, caret: number): [from: number, to: number] {
  let from = caret
  while (from > 0 && !/\s/.test(text[from - 1]!)) from--
  let to = caret
  while (to < text.length && !/\s/.test(text[to]!)) to++
  return text[from] === '-' ? [from + 1, to] : [from, to]
}

export function complete(text: string, caret: number, found: Occurring): Completion {
  const [from, to] = wordAt(text, caret)
  const typed = text.slice(from, Math.max(from, caret)).toLowerCase()
  const colon = typed.indexOf(':')
  const key = colon > 0 ? words.find(([word]) => word === typed.slice(0, colon + 1)) : undefined
  if (key) {
    const which = values[key[1]]
    if (!which) return { from, to, suggestions: [] }
    const wanted = typed.slice(colon + 1)
    const suggestions = [...found[which]]
      .filter(([value]) => value.toLowerCase().startsWith(wanted) && value.toLowerCase() !== wanted)
      .sort(([a, x], [b, y]) => y - x || a.localeCompare(b))
      .slice(0, most)
      .map(([value, count]): Suggestion => ({ word: key[0] + (/\s/.test(value) ? `"${value}"` : value), meaning: key[1], count }))
    return { from, to, suggestions }
  }
  const suggestions = words
    .filter(([word]) => word.startsWith(typed) && word !== typed)
    .map(([word, meaning]): Suggestion => ({ word, meaning, count: meaning === 'family' ? (found.families.get(word) ?? 0) : 0 }))
    .filter((one) => one.meaning !== 'family' || one.count > 0)
    .slice(0, most)
  return { from, to, suggestions }
}
