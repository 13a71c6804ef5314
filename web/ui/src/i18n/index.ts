import type { Lang } from '../lib/api'
import { en } from './en'
import { fr } from './fr'

export type { Msgs } from './fr'
export const dictionaries = { fr, en } satisfies Record<Lang, unknown>
