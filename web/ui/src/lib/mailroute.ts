/** The way that a message came: its Received fields, and the session that is looked at. */
import type { MailEvent, Session } from './api'
import { valuesOf, type Letter } from './mail'
import { withoutComments } from './mailaddress'

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
