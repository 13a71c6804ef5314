/**
 * The rooms of the page, in the order of the rail. A new screen is an id in lib/place.ts and a line here; it comes in a
 * file of its own, read when it is first shown, so that the transcript never waits for it.
 */
import type { Component } from 'svelte'
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
  load?: () => Promise<{ default: Component<Room, Handle> }>
}

export const entries: Record<Screen, Entry> = {
  live: { group: 'watch', icon: 'list', name: { fr: 'En direct', en: 'Live' }, first: true },
  compare: { group: 'watch', icon: 'watch', name: { fr: 'Comparer', en: 'Compare' }, first: true, load: () => import('./compare/Compare.svelte') },
  ladder: { group: 'watch', icon: 'ladder', name: { fr: 'Chronologie', en: 'Ladder' }, load: () => import('./ladder/Ladder.svelte') },
  diff: { group: 'keep', icon: 'diff', name: { fr: 'Différences', en: 'Diff' }, load: () => import('./diff/Diff.svelte') },
  message: { group: 'look', icon: 'envelope', name: { fr: 'Message', en: 'Message' }, load: () => import('./message/Message.svelte') },
  bytes: { group: 'look', icon: 'bytes', name: { fr: 'Octets', en: 'Bytes' }, load: () => import('./bytes/Bytes.svelte') },
  tls: { group: 'look', icon: 'closed', name: { fr: 'TLS', en: 'TLS' }, first: true, load: () => import('./tls/Tls.svelte') },
  states: { group: 'look', icon: 'states', name: { fr: 'États', en: 'States' }, load: () => import('./states/States.svelte') },
  library: { group: 'keep', icon: 'box', name: { fr: 'Séances', en: 'Sessions' }, own: true, load: () => import('./library/Library.svelte') },
  setup: { group: 'arrange', icon: 'plug', name: { fr: 'Brancher', en: 'Connect' }, own: true, load: () => import('./setup/Setup.svelte') },
  settings: { group: 'arrange', icon: 'sliders', name: { fr: 'Réglages', en: 'Settings' }, load: () => import('./settings/Settings.svelte') },
  present: { group: 'arrange', icon: 'share', name: { fr: 'Présenter', en: 'Present' }, own: true, load: () => import('./present/Present.svelte') },
}

const replay: Record<Lang, string> = { fr: 'Relecture', en: 'Replay' }

export function screenName(screen: Screen, lang: Lang, mode: string | undefined): string {
  return screen === 'live' && mode === 'replay' ? replay[lang] : entries[screen].name[lang]
}

const loaded = new Map<Screen, Promise<Component<Room, Handle>>>()

/** The component of a screen; a failed load is tried again the next time. */
export function roomOf(screen: Screen): Promise<Component<Room, Handle>> {
  const known = loaded.get(screen)
  if (known) return known
  const load = entries[screen].load
  if (!load) return Promise.reject(new Error(`${screen} has no room of its own`))
  const room = load().then((module) => module.default)
  loaded.set(screen, room)
  room.catch(() => loaded.delete(screen))
  return room
}
