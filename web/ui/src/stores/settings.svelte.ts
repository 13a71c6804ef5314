/** What the reader chose about the page itself; kept in this browser. */
import { load as words, type Msgs, type Words } from '../i18n'
import type { Lang } from '../lib/api'
import type { OwnKeys } from '../lib/keys'

export type Theme = 'auto' | 'light' | 'dark'

interface Kept {
  lang: Lang | ''
  theme: Theme
  projector: boolean
  /** Letters larger by a quarter, on a desk. */
  large: boolean
  /** How much is read out to those who listen to the page. */
  log: 'all' | 'little' | 'none'
  time: 'gap' | 'clock'
  keys: boolean
  own: OwnKeys
  list: boolean
  bytes: boolean
}

const place = 'facteur.settings'

const initial: Kept = { lang: '', theme: 'auto', projector: false, large: false, log: 'all', time: 'gap', keys: true, own: {}, list: true, bytes: true }

/** Storage may be barred (private windows); the page works without. */
function load(): Kept {
  try {
    return { ...initial, ...(JSON.parse(localStorage.getItem(place) ?? '{}') as Partial<Kept>) }
  } catch {
    return { ...initial }
  }
}

class Settings {
  #kept = $state<Kept>(load())
  /** What facteur was started with, and before that the browser's. */
  #offered: Lang = typeof navigator !== 'undefined' && navigator.language.startsWith('fr') ? 'fr' : 'en'
  /** What is spoken: a language comes with its words, or not at all. */
  #spoken = $state.raw<{ lang: Lang; words: Words }>()

  get lang(): Lang {
    return this.#spoken?.lang ?? this.#wanted
  }
  /** All that the page says. There from the first `speak` on, which the page waits for. */
  get words(): Words {
    if (!this.#spoken) throw new Error('the page speaks before its words have come: await settings.speak() first')
    return this.#spoken.words
  }
  /** What all screens say. */
  get m(): Msgs {
    return this.words.page
  }
  get #wanted(): Lang {
    return this.#kept.lang || this.#offered
  }

  /** Reads the words of the language that is wanted and speaks it from then on; when they do not come, all stays as it is. */
  async speak(): Promise<void> {
    const lang = this.#wanted
    if (lang === this.#spoken?.lang) return
    const spoken = { lang, words: await words[lang]() }
    if (lang !== this.#wanted) return
    this.#spoken = spoken
    this.apply()
  }

  /** The language of those who have chosen none. */
  async offer(lang: Lang): Promise<void> {
    this.#offered = lang
    await this.#speak()
  }

  #speak(): Promise<void> {
    return this.speak().catch(() => undefined) // facteur is gone: the banner says so, in the language there is
  }
  get theme(): Theme {
    return this.#kept.theme
  }
  get projector(): boolean {
    return this.#kept.projector
  }
  get large(): boolean {
    return this.#kept.large
  }
  get log(): Kept['log'] {
    return this.#kept.log
  }
  get time(): Kept['time'] {
    return this.#kept.time
  }
  get keys(): boolean {
    return this.#kept.keys
  }
  /** Keys that the reader chose for actions. */
  get own(): OwnKeys {
    return this.#kept.own
  }
  /** Whether the list of sessions stands beside the transcript, where there is room. */
  get list(): boolean {
    return this.#kept.list
  }
  get bytes(): boolean {
    return this.#kept.bytes
  }

  set<K extends keyof Kept>(key: K, value: Kept[K]): void {
    this.#kept[key] = value
    try {
      localStorage.setItem(place, JSON.stringify(this.#kept))
    } catch {
      // not kept; it holds until the page is closed
    }
    this.apply()
    this.#speak()
  }

  /** Forgets all that this browser keeps of the page, and begins anew. */
  forget(): void {
    try {
      for (const name of Object.keys(localStorage)) if (name.startsWith('facteur')) localStorage.removeItem(name)
    } catch {
      // barred: nothing was kept
    }
    this.#kept = { ...initial }
    this.apply()
    this.#speak()
  }

  /** Puts language and appearance on the document, where the style sheet reads them. */
  apply(): void {
    const root = document.documentElement
    root.lang = this.lang
    const dark = this.theme === 'dark' || (this.theme === 'auto' && (this.projector || matchMedia('(prefers-color-scheme: dark)').matches))
    root.dataset['theme'] = dark ? 'dark' : 'light'
    root.dataset['size'] = this.projector ? 'projector' : this.large ? 'large' : 'normal'
  }

  get dark(): boolean {
    return this.theme === 'dark' || (this.theme === 'auto' && (this.projector || matchMedia('(prefers-color-scheme: dark)').matches))
  }
}

export const settings = new Settings()
