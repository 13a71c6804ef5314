/**
 * Marks and notes on events. They belong to the recording that holds the event: facteur keeps them in its library. What is
 * in no recording (a sample, a file that was only opened) has them in this browser. In a replay the marks are also places
 * where the player may pause.
 */
import { untrack } from 'svelte'
import { getMarks, postMark, postPlayer, type KeptMark } from '../lib/http'
import { transcript } from './transcript.svelte'
import { view } from './view.svelte'

export interface Mark {
  n: number
  text: string
}

/** Bounds of what the browser keeps: a lesson's worth for each recording, and the recordings of a term. */
const maxMarks = 256
const maxText = 2000
const maxTapes = 64

/** How long after the last key a note is sent to facteur, in milliseconds. */
const pause = 400

const drawer = 'facteur.marks'

type Kept = Record<string, { marks: Mark[]; at: number }>

function load(): Kept {
  try {
    return JSON.parse(localStorage.getItem(drawer) ?? '{}') as Kept
  } catch {
    return {}
  }
}

const name = (mark: { session: number; seq: number }) => `${mark.session}.${mark.seq}`

class Marks {
  #all = $state.raw<Kept>(load())
  /** What facteur keeps of what is looked at, by session and event; null where it keeps nothing. */
  #kept = $state.raw<ReadonlyMap<string, KeptMark> | null>(null)
  #timers = new Map<string, number>()
  /** The numbers of events by session and event, as far as they were looked through. */
  #numbers = new Map<string, number>()
  #through = 0
  #generation = -1
  #asked = 0

  constructor() {
    $effect.root(() => {
      const there = $derived(transcript.primed && transcript.sessions.size > 0 && transcript.about?.role === 'presenter')
      $effect(() => {
        void transcript.watched
        if (there) untrack(() => void this.ask())
      })
    })
  }

  /** What the marks belong to: a tape by its name; what happens live by the process, which numbers events anew. */
  get #place(): string {
    return view.tape || (transcript.about?.epoch ?? '')
  }

  get list(): readonly Mark[] {
    const own = this.#all[this.#place]?.marks ?? []
    if (!this.#kept?.size) return own
    void transcript.version
    const all = new Map(own.map((mark) => [mark.n, mark]))
    const numbers = this.#look()
    for (const [place, mark] of this.#kept) {
      const n = numbers.get(place)
      if (n) all.set(n, { n, text: mark.text })
    }
    return [...all.values()].sort((a, b) => a.n - b.n)
  }

  of(n: number): Mark | undefined {
    return this.list.find((mark) => mark.n === n)
  }

  /** Asks what is marked in what is looked at now. */
  async ask(): Promise<void> {
    const mine = ++this.#asked
    this.#kept = null
    if (transcript.about?.role !== 'presenter') return
    try {
      const told = await getMarks()
      if (mine !== this.#asked) return
      this.#kept = told.kept ? this.#joined(told.marks) : null
      this.#tellPlayer()
    } catch {
      // facteur cannot say: the browser's own are shown
    }
  }

  /** Several notes at one event are shown, and changed, as one. */
  #joined(list: KeptMark[]): Map<string, KeptMark> {
    const all = new Map<string, KeptMark>()
    for (const mark of list) {
      const there = all.get(name(mark))
      all.set(name(mark), there ? { ...mark, text: `${there.text}\n${mark.text}` } : mark)
    }
    return all
  }

  #look(): ReadonlyMap<string, number> {
    if (this.#generation !== transcript.generation) {
      this.#numbers.clear()
      this.#through = 0
      this.#generation = transcript.generation
    }
    for (; this.#through < transcript.events.length; this.#through++) {
      const event = transcript.events[this.#through]!
      this.#numbers.set(name(event), event.n)
    }
    return this.#numbers
  }

  turn(n: number): void {
    if (!n) return
    if (this.of(n)) this.#put(n, null)
    else this.#put(n, '')
  }

  /** Writes beside an event; what was not marked is marked by it. */
  write(n: number, text: string): void {
    this.#put(n, text.slice(0, maxText))
  }

  /** Text beside an event, or with null none. */
  #put(n: number, text: string | null): void {
    const event = transcript.byN(n)
    if (!event) return
    const known = !!this.of(n)
    const place = name(event)
    const kept = new Map(this.#kept)
    if (text === null) kept.delete(place)
    else kept.set(place, { session: event.session, seq: event.seq, text })
    if (this.#kept) this.#kept = kept
    this.#here(n, text !== null && !this.#kept ? text : null)
    if (transcript.about?.role === 'presenter') {
      window.clearTimeout(this.#timers.get(place))
      const send = async () => {
        try {
          const told = await postMark({ session: event.session, seq: event.seq, text: text ?? '', on: text !== null })
          if (!told.kept || this.#kept) return
          await this.ask()
          if (this.#kept) this.#here(n, null)
        } catch {
          if (text !== null && this.#timers.get(place) === timer) this.#here(n, text) // the browser keeps what facteur could not, unless more was written since
        }
      }
      const timer = window.setTimeout(() => void send(), known && text ? pause : 0)
      this.#timers.set(place, timer)
    }
    if (known !== (text !== null)) this.#tellPlayer()
  }

  /** Keeps a mark in this browser, or with null no longer. */
  #here(n: number, text: string | null): void {
    const place = this.#place
    const own = this.#all[place]?.marks ?? []
    if (!place || (text === null && !own.some((mark) => mark.n === n))) return
    const others = own.filter((mark) => mark.n !== n)
    const marks = (text === null ? others : [...others, { n, text }].slice(-maxMarks)).sort((a, b) => a.n - b.n)
    const all = { ...this.#all, [place]: { marks, at: Date.now() } }
    const oldest = Object.entries(all).sort(([, a], [, b]) => a.at - b.at)
    for (const [old] of oldest.slice(0, Math.max(0, oldest.length - maxTapes))) delete all[old]
    this.#all = all
    try {
      localStorage.setItem(drawer, JSON.stringify(all))
    } catch {
      // not kept; they hold until the page is closed
    }
  }

  #tellPlayer(): void {
    if (transcript.mode !== 'replay' || transcript.about?.role !== 'presenter') return
    void postPlayer({ do: 'markers', n: this.list.map((mark) => mark.n).slice(0, maxMarks) }).catch(() => {})
  }
}

export const marks = new Marks()
