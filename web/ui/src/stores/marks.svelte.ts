/**
 * Marks and notes on events: the reader's own, kept in this browser by recording. In a replay the marks are also places
 * where the player may pause.
 */
import { postPlayer } from '../lib/http'
import { transcript } from './transcript.svelte'
import { view } from './view.svelte'

export interface Mark {
  n: number
  text: string
}

/** Bounds of what is kept: a lesson's worth for each recording, and the recordings of a term. */
const maxMarks = 256
const maxText = 2000
const maxTapes = 64

const drawer = 'facteur.marks'

type Kept = Record<string, { marks: Mark[]; at: number }>

function load(): Kept {
  try {
    return JSON.parse(localStorage.getItem(drawer) ?? '{}') as Kept
  } catch {
    return {}
  }
}

class Marks {
  #all = $state.raw<Kept>(load())

  /** What the marks belong to: a tape by its name; what happens live by the process, which numbers events anew. */
  get #place(): string {
    return view.tape || (transcript.about?.epoch ?? '')
  }

  get list(): readonly Mark[] {
    return this.#all[this.#place]?.marks ?? []
  }

  of(n: number): Mark | undefined {
    return this.list.find((mark) => mark.n === n)
  }

  turn(n: number): void {
    if (!n) return
    this.#put(this.of(n) ? this.list.filter((mark) => mark.n !== n) : [...this.list, { n, text: '' }].slice(-maxMarks))
  }

  /** Writes beside an event; what was not marked is marked by it. */
  write(n: number, text: string): void {
    if (!this.of(n)) this.turn(n)
    this.#put(this.list.map((mark) => (mark.n === n ? { n, text: text.slice(0, maxText) } : mark)))
  }

  #put(marks: Mark[]): void {
    if (!this.#place) return
    const sorted = marks.toSorted((a, b) => a.n - b.n)
    const moved = sorted.map((mark) => mark.n).join() !== this.list.map((mark) => mark.n).join()
    const all = { ...this.#all, [this.#place]: { marks: sorted, at: Date.now() } }
    const oldest = Object.entries(all).sort(([, a], [, b]) => a.at - b.at)
    for (const [place] of oldest.slice(0, Math.max(0, oldest.length - maxTapes))) delete all[place]
    this.#all = all
    try {
      localStorage.setItem(drawer, JSON.stringify(all))
    } catch {
      // not kept; they hold until the page is closed
    }
    if (moved && transcript.mode === 'replay' && transcript.about?.role === 'presenter') void postPlayer({ do: 'markers', n: sorted.map((mark) => mark.n) }).catch(() => {})
  }
}

export const marks = new Marks()
