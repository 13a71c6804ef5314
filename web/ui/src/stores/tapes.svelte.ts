/** The recordings that are open beside facteur's own run. */
import type { Opening, Tape } from '../lib/api'
import { getTapes, postTape, Refused } from '../lib/http'
import { readRef, refOf, sameOpening } from '../lib/tape'
import type { Screen } from '../lib/place'
import { transcript } from './transcript.svelte'
import { view } from './view.svelte'

export type Trouble = '' | 'gone' | 'unreadable' | 'refused'

class Tapes {
  /** A recording is being opened. */
  opening = $state(false)
  /** Why the one that the address names is not shown. */
  trouble = $state<Trouble>('')
  #asked = 0

  /** The open tape that an address names, opened if it is not. */
  async id(ref: string): Promise<string> {
    const what = readRef(ref)
    if (transcript.about?.role === 'follower') return what.of ?? '' // followers go where the presenter is, and ask for nothing
    const open = await getTapes()
    const there = what.of && !what.session ? open.find((tape) => tape.id === what.of) : open.find((tape) => sameOpening(tape.from, what))
    if (there) return there.id
    if (what.of && !what.session) throw new Refused(404, { error: 'no_tape' })
    return (await postTape(what)).id
  }

  /** Has the transcript tell what an address names; "" is facteur's own run. */
  async show(ref: string): Promise<void> {
    const asked = ++this.#asked
    this.trouble = ''
    this.opening = ref !== ''
    let id = ''
    try {
      if (ref) id = await this.id(ref)
    } catch (problem) {
      if (asked !== this.#asked) return
      this.opening = false
      // before the page knew that it follows
      if (problem instanceof Refused && problem.status === 403 && transcript.about?.role !== 'presenter') return transcript.watch(readRef(ref).of ?? '')
      // an answer that never came is told by the banner, and asked for again when facteur is back
      if (problem instanceof Refused) this.trouble = problem.status === 404 ? 'gone' : problem.status === 422 ? 'unreadable' : 'refused'
      return
    }
    if (asked !== this.#asked) return
    this.opening = false
    transcript.watch(id)
  }

  /** Opens a recording and looks at it. Its refusals are the caller's to show. */
  async look(what: Opening, screen: Screen = 'live', session = 0): Promise<Tape> {
    const open = await getTapes()
    const tape = open.find((one) => !what.of && sameOpening(one.from, what)) ?? (await postTape(what))
    view.look(refOf(tape.from, tape.id), screen, session)
    return tape
  }
}

export const tapes = new Tapes()
