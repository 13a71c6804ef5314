/**
 * Where the reader is, as the page's address: #/live?session=3&n=412&leg=both. Links and the back button go by it.
 * What a screen adds of its own (a part of a message, a pair to compare) travels in args, under names the screen chooses.
 */
import type { Legs } from './story'

export const screens = ['live', 'compare', 'ladder', 'diff', 'message', 'bytes', 'tls', 'states', 'library', 'setup', 'settings', 'present'] as const
export type Screen = (typeof screens)[number]

export interface Place {
  screen: Screen
  session: number
  n: number
  leg: Legs
  args: Args
  /** The recording looked at (see lib/tape.ts); left out for facteur's own run. */
  tape?: string
}

export type Args = Readonly<Record<string, string>>

/** An address is a stranger's text: more names or longer values than any screen writes are left out. */
const maxArgs = 8
const maxArg = 200

const common = new Set(['session', 'n', 'leg', 'tape'])

const whole = (text: string | null) => (text && /^\d{1,12}$/.test(text) ? Number(text) : 0)

export function readPlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  const asked = new URLSearchParams(query)
  const leg = asked.get('leg')
  const own = [...asked].filter(([name, value]) => !common.has(name) && /^[a-z]{1,16}$/.test(name) && value.length <= maxArg)
  return {
    screen: screens.find((screen) => screen === path) ?? 'live',
    session: whole(asked.get('session')),
    n: whole(asked.get('n')),
    leg: leg === 'server' || leg === 'both' ? leg : 'client',
    args: Object.fromEntries(own.slice(0, maxArgs)),
    tape: (asked.get('tape') ?? '').slice(0, maxArg),
  }
}

export function writePlace(place: Place): string {
  const query = new URLSearchParams()
  if (place.tape) query.set('tape', place.tape)
  if (place.session) query.set('session', String(place.session))
  if (place.leg !== 'client') query.set('leg', place.leg)
  if (place.n) query.set('n', String(place.n))
  for (const [name, value] of Object.entries(place.args)) if (value) query.set(name, value)
  const text = query.toString()
  return `#/${place.screen}${text ? `?${text}` : ''}`
}
