/** The presenter's stage: what is shown, who looks on, and whether this page goes along. */
import { postStage } from '../lib/http'
import { sameSight, takePlace, type Laser, type Stage, type StageFrame, type StageOrder, type StagePlace } from '../lib/stage'
import { way } from './dial.svelte'
import { transcript } from './transcript.svelte'
import { view } from './view.svelte'

/** Least time between two orders, in milliseconds: an eye follows twenty a second. */
const pace = 50
/** Waits before coming back to a lost stage, in milliseconds. */
const firstWait = 500
const lastWait = 10_000
/** How long a follower's page waits for the presenter's place before it shows its own, in milliseconds. */
const lateAfter = 1000

class StageStore {
  now = $state.raw<Stage | null>(null)
  followers = $state(0)
  /** A follower goes where the presenter goes; not while exploring. */
  following = $state(true)
  /** The presenter's pointer is a laser. */
  aiming = $state(false)
  /** What this page's laser is on; everyone else's comes from the stage. */
  #aim = $state.raw<Laser | null>(null)
  /** The presenter's event that this page has not got yet. */
  awaited = $state(0)

  /** It has not been heard of for so long that the page is shown without it. */
  late = $state(false)

  #started = false
  #tries = 0
  #order: StageOrder = {}
  #timer: number | undefined
  #sent = 0

  get role(): 'presenter' | 'follower' | '' {
    return transcript.about?.role ?? ''
  }
  /** This page shows to others. */
  get presents(): boolean {
    return this.role === 'presenter' && !!transcript.about?.share
  }
  get follows(): boolean {
    return this.role === 'follower'
  }
  /** The event that everything else is dimmed for, 0 for none. */
  get spot(): number {
    if (!this.now?.spotlight || !(this.presents || (this.follows && this.following))) return 0
    return this.now.place?.n ?? 0
  }
  get laser(): Laser | null {
    if (this.aiming) return this.#aim
    return (this.presents || (this.follows && this.following) ? this.now?.laser : null) ?? null
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    window.setTimeout(() => (this.late = true), lateAfter)
    this.#open()
  }

  #open(): void {
    const socket = way.open('stage/stream')
    socket.onmessage = (message) => {
      if (typeof message.data !== 'string') return
      this.#tries = 0
      const frame = JSON.parse(message.data) as StageFrame
      if (frame.type === 'stage') this.now = frame.stage
      else this.followers = frame.audience.followers
    }
    socket.onclose = () => {
      const whole = Math.min(lastWait, firstWait * 2 ** this.#tries++)
      window.setTimeout(() => this.#open(), whole * (1 - Math.random() / 2))
    }
  }

  /** Where this page stands. */
  get here(): StagePlace {
    return {
      screen: view.screen,
      session: view.session,
      n: view.pinned || view.at,
      line: view.pinned ? view.pinnedLine : view.line,
      leg: view.legs,
      filter: view.query,
      lit: view.lit,
      wire: view.wire,
      args: view.args,
      tape: transcript.watched,
    }
  }

  /** Shows something else; orders are gathered and sent at a steady pace. */
  show(order: StageOrder): void {
    this.#order = { ...this.#order, ...order }
    if (this.#timer !== undefined) return
    this.#timer = window.setTimeout(() => void this.#send(), Math.max(0, pace - (Date.now() - this.#sent)))
  }

  async #send(): Promise<void> {
    const order = this.#order
    this.#order = {}
    this.#sent = Date.now()
    this.#timer = undefined
    try {
      this.now = await postStage(order)
    } catch {
      // the banner says that facteur does not answer; the next order brings the stage up to date
    }
  }

  /** The laser's next octets, null for none. */
  point(laser: Laser | null): void {
    if (laser?.n === this.#aim?.n && laser?.layer === this.#aim?.layer && laser?.from === this.#aim?.from && laser?.to === this.#aim?.to) return
    this.#aim = laser
    this.show({ laser: laser ?? { n: 0, layer: '', from: 0, to: 0 } })
  }

  /** Switches the laser on and off. */
  aim(on = !this.aiming): void {
    if (!on) this.point(null)
    this.aiming = on && this.presents
  }

  toggle(what: 'blank' | 'frozen' | 'spotlight'): void {
    const on = !this.now?.[what]
    this.show(what === 'frozen' && !on ? { frozen: false, place: this.here } : { [what]: on })
  }

  /** Goes where the presenter is; an event that is not here yet is waited for. */
  follow(): void {
    const place = this.now?.place && takePlace(this.now.place)
    if (!place) return
    if (place.tape !== transcript.watched) {
      view.tape = place.tape
      transcript.watch(place.tape)
    }
    view.show(place.screen, place.args)
    view.session = place.session
    view.legs = place.leg
    view.wire = place.wire
    view.query = place.filter
    view.lit = place.lit
    view.pinned = 0
    this.awaited = 0
    if (!place.n) {
      view.at = 0
      view.line = 0
      view.unfreeze()
    } else if (transcript.byN(place.n)) {
      view.go(place.n, place.line)
      view.wanted = place.n
    } else this.awaited = place.n
  }

  /** Whether the reader has gone elsewhere than where the presenter led. */
  get strayed(): boolean {
    const place = this.now?.place && takePlace(this.now.place)
    return !!place && !this.awaited && !sameSight(this.here, place)
  }
}

export const stage = new StageStore()
