/** What the presenter shows, as facteur's API has it (web/README.md, Stage), and where a page stands compared to it. */
import { screens, type Args, type Screen } from './place'
import type { Legs } from './story'

export interface StagePlace {
  screen: string
  session: number
  n: number
  line: number
  leg: string
  filter: string
  lit: string
  wire: boolean
  args: Args
  /** The open tape that is looked at; '' for facteur's own run. */
  tape: string
}

export interface Laser {
  n: number
  layer: string
  from: number
  to: number
}

export interface Stage {
  rev: number
  place?: StagePlace
  laser?: Laser
  spotlight: boolean
  frozen: boolean
  blank: boolean
}

export type StageFrame = { type: 'stage'; stage: Stage } | { type: 'audience'; audience: { followers: number } }

export interface StageOrder {
  place?: StagePlace
  laser?: Laser
  spotlight?: boolean
  frozen?: boolean
  blank?: boolean
}

/** Screens that only the presenter has: nobody is led there. */
export const ownScreens: ReadonlySet<string> = new Set(['present', 'library', 'setup', 'settings'])

/** The place as a follower can take it; null for one that followers do not have. */
export function takePlace(place: StagePlace): (Omit<StagePlace, 'screen' | 'leg'> & { screen: Screen; leg: Legs }) | null {
  const screen = screens.find((one) => one === place.screen)
  if (!screen || ownScreens.has(screen)) return null
  return { ...place, screen, leg: place.leg === 'server' || place.leg === 'both' ? place.leg : 'client' }
}

/** Whether two pages look at the same; what is merely lit does not count. */
export function sameSight(a: StagePlace, b: StagePlace): boolean {
  return (
    a.screen === b.screen &&
    a.session === b.session &&
    a.n === b.n &&
    a.line === b.line &&
    a.leg === b.leg &&
    a.filter === b.filter &&
    a.wire === b.wire &&
    a.tape === b.tape &&
    JSON.stringify(Object.entries(a.args).sort()) === JSON.stringify(Object.entries(b.args).sort())
  )
}
