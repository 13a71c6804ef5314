/** Everything that the stream told: events, sessions, routes, player, and how the stream itself fares. */
import type { Catalogue, Lang, MailEvent, Mode, Player, Route, Session, State, Tape } from '../lib/api'
import { settingOf, type Setting } from '../lib/security'
import { getCatalogue, getState, lookAt, looked, Refused } from '../lib/http'
import { Stream } from '../lib/stream'
import { way } from './dial.svelte'
import { settings } from './settings.svelte'

export type Link = { state: 'starting' | 'open' } | { state: 'lost'; at: number; retry: number } | { state: 'refused'; code: boolean }

class Transcript {
  /** The events in order of n. The array grows in place; `version` tells. */
  readonly events: MailEvent[] = []
  version = $state(0)
  /** Counts the times that events were replaced, not appended. */
  generation = $state(0)
  sessions = $state.raw<ReadonlyMap<string, Session>>(new Map())
  routes = $state.raw<Route[]>([])
  player = $state.raw<Player | null>(null)
  mode = $state<Mode>('live')
  /** The recording that is told, and how far it is read; null for a live session. */
  tape = $state.raw<Tape | null>(null)
  link = $state.raw<Link>({ state: 'starting' })
  /** facteur was restarted under the page. */
  restarted = $state(false)
  about = $state.raw<State | null>(null)
  catalogues = $state.raw<Partial<Record<Lang, Catalogue>>>({})
  catalogueFailed = $state(false)
  /** Until the first history has come, an empty list does not mean that nothing happened. */
  primed = $state(false)
  /** All that there was when the connection began has come: what comes now happens now. */
  whole = $state(false)
  #before = 0

  /** The open recording that is told, "" for facteur's own run. */
  watched = $state('')

  /** Mode of TLS of each session, as its first event says. */
  #modes = new Map<number, string>()
  #waiting: MailEvent[] = []
  #freshSessions: Session[] = []
  #frame = 0
  #stream: Stream | null = null

  /** Whether facteur has said what it is and for whom, or will not: before, nothing is shown that would have to move then. */
  get met(): boolean {
    return !!this.about || this.link.state === 'lost' || this.link.state === 'refused'
  }

  /** Whether the explanations of one language are here, or will not come: before, lines that bear one would have to make room for it. */
  get explains(): boolean {
    return Object.keys(this.catalogues).length > 0 || this.catalogueFailed || this.link.state === 'lost' || this.link.state === 'refused'
  }

  get catalogue(): Catalogue | null {
    return this.catalogues[settings.lang] ?? null
  }

  /** n of the last event that may be shown: in replay, the player's cursor. */
  get cursor(): number {
    return this.mode === 'replay' && this.player ? this.player.cursor : Infinity
  }

  /** The event of that number. Numbers are contiguous, so it mostly lies at n-1. */
  byN(n: number): MailEvent | undefined {
    const at = this.indexOf(n)
    return at < 0 ? undefined : this.events[at]
  }

  indexOf(n: number): number {
    if (this.events[n - 1]?.n === n) return n - 1
    let low = 0
    let high = this.events.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const found = this.events[middle]!.n
      if (found === n) return middle
      if (found < n) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  /** How protected a session is, on either leg. */
  setting(id: number): Setting {
    return settingOf(this.session(id), this.routes, this.#modes.get(id))
  }

  /** The session to look at where one must be: the one asked for, else the newest that used TLS, else the newest. */
  chosen(asked: number): number {
    if (asked && this.session(asked)) return asked
    const all = [...this.sessions.values()].sort((a, b) => Number(b.id) - Number(a.id))
    return Number((all.find((session) => session.security.client && session.security.client !== 'clear') ?? all[0])?.id ?? 0)
  }

  session(id: number | string): Session | undefined {
    return this.sessions.get(String(id))
  }

  async start(): Promise<void> {
    window.addEventListener('online', () => this.retry())
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.retry())
    const asked = this.#ask()
    this.#connect()
    await asked
  }

  /** Tells of an open recording from now on, or with "" of facteur's own run, from the first event. */
  watch(tape: string): void {
    if (tape === this.watched) return
    this.watched = tape
    lookAt(tape)
    if (!this.#stream) return
    this.#stream.stop()
    this.#reset()
    this.restarted = this.primed = this.whole = false
    this.routes = []
    this.#connect()
  }

  #connect(): void {
    const stream = new Stream(
      {
        open: (after) => way.open(looked(`stream?after=${after}`)),
        later: (run, wait) => window.setTimeout(run, wait),
        cancel: (timer) => window.clearTimeout(timer as number),
        random: Math.random,
      },
      {
        hello: (mode, last) => {
          this.mode = mode
          this.#before = last
          if (last === 0) this.primed = this.whole = true
        },
        reset: () => this.#reset(),
        events: (events) => {
          this.#waiting.push(...events)
          this.#soon()
        },
        sessions: (sessions) => {
          this.#freshSessions.push(...sessions)
          this.#soon()
        },
        routes: (routes) => (this.routes = routes),
        player: (player) => (this.player = player),
        tape: (tape) => (this.tape = tape),
        lost: (at, wait) => {
          const tell = () => (this.link = { state: 'lost', at, retry: Date.now() + wait })
          if (this.link.state !== 'refused' && this.link.state !== 'starting') tell()
          // who is refused has lost nothing
          void this.#ask().then(() => this.link.state === 'starting' && tell())
        },
        connected: () => (this.link = { state: 'open' }),
      },
    )
    this.#stream = stream
    stream.start()
  }

  retry(): void {
    this.#stream?.retry()
  }

  /** Asks what facteur is; a refusal says that the cookie is not (or no longer) good. */
  async #ask(): Promise<void> {
    try {
      this.about = await getState()
      const spoken = settings.offer(this.about.lang)
      if (!this.watched) {
        this.mode = this.about.mode
        if (this.about.routes) this.routes = this.about.routes
      }
      if (this.link.state === 'refused') this.link = { state: 'starting' }
      settings.apply()
      await spoken // in another language than the browser's, its notes are needed
      await this.needCatalogue(settings.lang)
    } catch (problem) {
      if (problem instanceof Refused && (problem.status === 401 || problem.status === 403)) this.link = { state: 'refused', code: problem.refusal.error === 'code' }
    }
  }

  async needCatalogue(lang: Lang): Promise<void> {
    if (this.catalogues[lang]) return
    try {
      const catalogue = await getCatalogue(lang)
      this.catalogues = { ...this.catalogues, [lang]: catalogue }
      this.catalogueFailed = false
    } catch {
      this.catalogueFailed = true
    }
  }

  #reset(): void {
    this.#waiting = []
    this.#freshSessions = []
    this.events.length = 0
    this.#modes.clear()
    this.sessions = new Map()
    this.player = this.tape = null
    this.restarted = true
    this.generation++
    this.version++
  }

  /** One change of the page per animation frame, however much arrives; in a hidden tab there are no frames, so a timer. */
  #soon(): void {
    if (this.#frame) return
    const run = () => {
      this.#frame = 0
      this.#flush()
    }
    this.#frame = document.visibilityState === 'hidden' ? window.setTimeout(run, 250) : requestAnimationFrame(run)
  }

  #flush(): void {
    if (this.#freshSessions.length) {
      const all = new Map(this.sessions)
      for (const session of this.#freshSessions) all.set(String(session.id), session)
      this.#freshSessions = []
      this.sessions = all
    }
    if (this.#waiting.length) {
      for (const event of this.#waiting) {
        this.events.push(event)
        if (event.kind === 'session.open' && event.fields?.['mode']) this.#modes.set(event.session, event.fields['mode'])
      }
      this.#waiting = []
      this.primed = true
      this.whole ||= (this.events.at(-1)?.n ?? 0) >= this.#before
      this.version++
    }
  }
}

export const transcript = new Transcript()
