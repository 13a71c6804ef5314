/**
 * The rooms of the page, in the order of the rail. A new screen is an id in lib/place.ts, a line here and one in rooms.ts,
 * for which the transcript never waits.
 */
import type { Lang } from '../lib/api'
import type { Screen } from '../lib/place'
import type { IconName } from '../parts/Icon.svelte'

/** What every screen is given: the way to an event's place in the transcript. */
export interface Room {
  onopen: (n: number) => void
}

/** What the page's keys steer in a screen that has rows, or steps. */
export interface Rows {
  move: (by: number) => void
  page: (direction: 1 | -1) => void
  end: (which: 'first' | 'last') => void
}

/** What a screen may give the page. */
export interface Handle {
  rows?: () => Rows
}

/** watch: what happens now; look: one thing closely; keep: what was recorded; arrange: the surroundings. */
export type Group = 'watch' | 'look' | 'keep' | 'arrange'

interface Entry {
  group: Group
  icon: IconName
  name: Record<Lang, string>
  /** One of the four that a phone's bar has room for. */
  first?: true
  /** The presenter's own: followers do not have it. */
  own?: true
}

export const entries: Record<Screen, Entry> = {
  live: { group: 'watch', icon: 'list', name: { fr: 'En direct', en: 'Live' }, first: true },
  compare: { group: 'watch', icon: 'watch', name: { fr: 'Comparer', en: 'Compare' }, first: true },
  ladder: { group: 'watch', icon: 'ladder', name: { fr: 'Chronologie', en: 'Ladder' } },
  diff: { group: 'keep', icon: 'diff', name: { fr: 'Différences', en: 'Diff' } },
  message: { group: 'look', icon: 'envelope', name: { fr: 'Message', en: 'Message' } },
  bytes: { group: 'look', icon: 'bytes', name: { fr: 'Octets', en: 'Bytes' } },
  tls: { group: 'look', icon: 'closed', name: { fr: 'TLS', en: 'TLS' }, first: true },
  states: { group: 'look', icon: 'states', name: { fr: 'États', en: 'States' } },
  library: { group: 'keep', icon: 'box', name: { fr: 'Séances', en: 'Sessions' }, own: true },
  setup: { group: 'arrange', icon: 'plug', name: { fr: 'Brancher', en: 'Connect' }, own: true },
  settings: { group: 'arrange', icon: 'sliders', name: { fr: 'Réglages', en: 'Settings' } },
  present: { group: 'arrange', icon: 'share', name: { fr: 'Présenter', en: 'Present' }, own: true },
}

const replay: Record<Lang, string> = { fr: 'Relecture', en: 'Replay' }

export function screenName(screen: Screen, lang: Lang, mode: string | undefined): string {
  return screen === 'live' && mode === 'replay' ? replay[lang] : entries[screen].name[lang]
}

type Rooms = typeof import('./rooms').rooms

let coming: Promise<Rooms> | undefined

/** The screens beside the transcript; a failed load is tried again the next time. */
export function loadRooms(): Promise<Rooms> {
  if (!coming) {
    coming = import('./rooms').then((module) => module.rooms)
    coming.catch(() => (coming = undefined))
  }
  return coming
}
