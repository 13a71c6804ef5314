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

/** How long one gesture may last between two changes, in milliseconds: a selection that is dragged, a key held down. */
const gesture = 700
/** What is typed, and only narrows what is shown. */
const typed = new Set(['q'])

/** An address as it was written: when, by how many jumps to an event, and which of the screen's own arguments it changed. */
export interface Written {
  place: Place
  jumps: number
  time: number
  changed: string
}

/**
 * What "back" shall undo: another screen, session, leg or recording, a jump to an event, another choice on the screen. Going
 * from row to row is no step, and a gesture is one.
 */
export function stepFrom(before: Written, place: Place, jumps: number, time: number): { step: boolean; written: Written } {
  const { args } = before.place
  const names = [...new Set([...Object.keys(args), ...Object.keys(place.args)])].filter((name) => !typed.has(name) && (args[name] ?? '') !== (place.args[name] ?? ''))
  const changed = names.sort().join(' ')
  const elsewhere = (['screen', 'session', 'leg', 'tape'] as const).some((name) => (before.place[name] ?? '') !== (place[name] ?? ''))
  const goesOn = changed === before.changed && time - before.time < gesture
  const step = elsewhere || jumps !== before.jumps || (changed !== '' && !goesOn)
  return { step, written: { place, jumps, time: changed || step ? time : before.time, changed: changed || (step ? '' : before.changed) } }
}
