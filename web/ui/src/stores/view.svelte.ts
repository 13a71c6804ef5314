/** What of the transcript is looked at, and where the reader is in it. */
import { SvelteSet } from 'svelte/reactivity'
import type { MailEvent } from '../lib/api'
import { parseFilter } from '../lib/filter'
import type { Args, Screen } from '../lib/place'
import { Story, type Legs, type Row } from '../lib/story'
import { transcript } from './transcript.svelte'

/** What is explained, and why that. */
export interface Shown {
  event: MailEvent
  line: number
  why: 'pinned' | 'here' | 'latest'
}

class View {
  screen = $state<Screen>('live')
  /** The recording looked at, as the address names it; "" for facteur's own run. */
  tape = $state('')
  /** What the screen shown keeps of its own in the address. */
  args = $state.raw<Args>({})
  /** Session shown; 0 for all. */
  session = $state(0)
  legs = $state<Legs>('client')
  wire = $state(false)
  query = $state('')
  follow = $state(true)
  /** n of the row that has the focus of the grid, 0 for none, and which line of it. */
  at = $state(0)
  line = $state(0)
  pinned = $state(0)
  pinnedLine = $state(0)
  /** Field under the pointer or focus, lit in line, table and octets. */
  lit = $state('')
  /** Row asked for by a link or key; the list brings it into view. */
  wanted = $state(0)
  /** Counts how often the reader was taken to an event, other than from row to row. */
  jumps = $state(0)
  readonly turned = new SvelteSet<number>()

  readonly filter = $derived(parseFilter(this.query.trim()))

  rows = $state.raw<Row[]>([])
  /** n of the last event when following stopped: what came after is new. */
  frozenAt = $state(0)

  #story: Story | null = null

  /** Makes the story anew. */
  retell(): void {
    this.#story = new Story(
      {
        session: this.session,
        legs: this.legs,
        wire: this.wire,
        filter: this.filter.test,
        cursor: transcript.cursor,
        turned: new Set(this.turned),
      },
      transcript.sessions,
    )
    this.#story.take(transcript.events)
    this.rows = this.#story.rows.slice()
  }

  /** Adds the rows of events that came since, up to the player's cursor; a cursor that went back begins again. */
  advance(cursor: number): void {
    const story = this.#story
    if (!story || cursor < story.told) return this.retell()
    story.wish.cursor = cursor
    if (story.take(transcript.events)) this.rows = story.rows.slice()
  }

  /** The event whose explanation is shown: pinned, else where the reader is, else the latest told. */
  readonly shown = $derived.by((): Shown | null => {
    void transcript.version
    const pinned = this.pinned ? transcript.byN(this.pinned) : undefined
    if (pinned) return { event: pinned, line: this.pinnedLine, why: 'pinned' }
    const here = this.at ? transcript.byN(this.at) : undefined
    if (here) return { event: here, line: this.line, why: 'here' }
    const last = this.rows.findLast((row) => row.line === 0)
    const event = last && transcript.events[last.at]
    return event ? { event, line: 0, why: 'latest' } : null
  })

  readonly fresh = $derived.by(() => {
    if (this.follow) return 0
    let count = 0
    for (let i = this.rows.length - 1; i >= 0 && this.rows[i]!.n > this.frozenAt; i--) if (this.rows[i]!.line === 0) count++
    return count
  })

  freeze(): void {
    if (!this.follow) return
    this.follow = false
    this.frozenAt = this.rows.at(-1)?.n ?? 0
  }

  unfreeze(): void {
    this.follow = true
  }

  go(n: number, line = 0): void {
    this.freeze()
    this.at = n
    this.line = line
  }

  /** Goes to an event wherever it is: shows its session and leg if they are not, and brings it into view. */
  reveal(n: number): void {
    const event = transcript.byN(n)
    if (!event) return
    if (this.session && this.session !== event.session) this.session = event.session
    if (this.legs !== 'both' && this.legs !== event.leg && !event.kind.startsWith('session.')) this.legs = 'both'
    if (this.query) this.query = ''
    if (this.at !== n) this.jumps++
    this.go(n)
    if (this.pinned) this.pinned = n
    this.wanted = n
  }

  /** Looks at a recording, or with "" at facteur's own run again; nothing of the other one is chosen. */
  look(tape: string, screen: Screen = 'live', session = 0): void {
    this.tape = tape
    this.session = session
    this.query = ''
    this.at = this.pinned = this.wanted = 0
    this.turned.clear()
    this.unfreeze()
    this.show(screen)
  }

  /** Changes the screen; what the last one kept in the address is its own. */
  show(screen: Screen, args: Args = {}): void {
    this.screen = screen
    this.args = args
  }

  pin(): void {
    if (this.pinned && this.pinned === this.at && this.pinnedLine === this.line) {
      this.pinned = 0
    } else if (this.at) {
      this.pinned = this.at
      this.pinnedLine = this.line
    }
  }

  turn(n: number): void {
    if (this.turned.has(n)) this.turned.delete(n)
    else this.turned.add(n)
  }
}

export const view = new View()
