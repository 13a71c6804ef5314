import type { Lang } from '../lib/api'
import type { Words } from './words/fr'

export type { Msgs } from './fr'
export type { Words }

/** What the page says, each language in a file of its own: a reader loads the one that is read. */
export const load: Record<Lang, () => Promise<Words>> = {
  fr: async () => (await import('./words/fr')).words,
  en: async () => (await import('./words/en')).words,
}
