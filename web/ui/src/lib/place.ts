/** Where the reader is, as the page's address: #/live?session=3&n=412&leg=both. Links and the back button go by it. */
import type { Legs } from './story'

export const screens = ['live', 'compare', 'tls'] as const
export type Screen = (typeof screens)[number]

export interface Place {
  screen: Screen
  session: number
  n: number
  leg: Legs
}

const whole = (text: string | null) => (text && /^\d{1,12}$/.test(text) ? Number(text) : 0)

export function readPlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  const asked = new URLSearchParams(query)
  const leg = asked.get('leg')
  return {
    screen: screens.find((screen) => screen === path) ?? 'live',
    session: whole(asked.get('session')),
    n: whole(asked.get('n')),
    leg: leg === 'server' || leg === 'both' ? leg : 'client',
  }
}

export function writePlace(place: Place): string {
  const query = new URLSearchParams()
  if (place.session) query.set('session', String(place.session))
  if (place.leg !== 'client') query.set('leg', place.leg)
  if (place.n) query.set('n', String(place.n))
  const text = query.toString()
  return `#/${place.screen}${text ? `?${text}` : ''}`
}
