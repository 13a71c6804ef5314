/**
 * The websocket client: history from n, then live, without gap or duplicate across losses.
 *
 * It keeps the number of the last event handed on. The same epoch on reconnecting means the same process, so it asks
 * after that number; another epoch means facteur was started again, so everything held is forgotten and it asks from 0.
 */
import type { Frame, MailEvent, Mode, Player, Route, Session, Tape } from './api'

/** Reconnection waits, in milliseconds: doubled from the first to the last, each shortened by up to half at random so that a class does not return all at once. */
const firstWait = 500
const lastWait = 10_000

/** facteur closes a viewer that is too slow with this code; it may come back at once. */
const tooSlow = 1013

export interface Socket {
  onopen: ((event: never) => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number }) => void) | null
  close(): void
}

/** What the client needs of the world, so that tests can hold the clock. */
export interface World {
  open(after: number): Socket
  later(run: () => void, wait: number): unknown
  cancel(timer: unknown): void
  random(): number
}

export interface Handlers {
  hello(mode: Mode, last: number): void
  /** facteur is another process now: forget events and sessions. */
  reset(): void
  events(events: MailEvent[]): void
  sessions(sessions: Session[]): void
  routes(routes: Route[]): void
  player(player: Player): void
  tape(tape: Tape): void
  /** Which n the stream resumes after, and in how many milliseconds it tries. */
  lost(resumeAt: number, wait: number): void
  connected(): void
}

export class Stream {
  #socket: Socket | null = null
  #timer: unknown = null
  #tries = 0
  #epoch = ''
  #last = 0
  #stopped = true

  constructor(
    readonly world: World,
    readonly handlers: Handlers,
  ) {}

  /** Number of the last event handed on. */
  get last(): number {
    return this.#last
  }

  start(): void {
    this.#stopped = false
    this.#open()
  }

  stop(): void {
    this.#stopped = true
    this.world.cancel(this.#timer)
    this.#drop()
  }

  /** Tries now instead of waiting: the network came back, or the reader asked. */
  retry(): void {
    if (this.#stopped || this.#socket) return
    this.world.cancel(this.#timer)
    this.#open()
  }

  #drop(): void {
    const socket = this.#socket
    if (!socket) return
    this.#socket = null
    socket.onopen = socket.onmessage = socket.onclose = null
    socket.close()
  }

  #open(): void {
    const socket = this.world.open(this.#last)
    this.#socket = socket
    socket.onmessage = (event) => {
      if (typeof event.data === 'string') this.#take(event.data)
    }
    socket.onclose = (event) => this.#closed(event.code)
  }

  #closed(code: number): void {
    this.#socket = null
    if (this.#stopped) return
    const whole = code === tooSlow ? firstWait : Math.min(lastWait, firstWait * 2 ** this.#tries)
    const wait = Math.round(whole * (1 - this.world.random() / 2))
    this.#tries++
    this.#timer = this.world.later(() => this.#open(), wait)
    this.handlers.lost(this.#last, wait)
  }

  #take(text: string): void {
    let frame: Frame
    try {
      frame = JSON.parse(text) as Frame
    } catch {
      return // a frame that is not JSON says nothing; the numbering below would show a loss
    }
    switch (frame.type) {
      case 'hello':
        return this.#hello(frame.epoch, frame.last, frame.mode)
      case 'events':
        return this.#events(frame.events)
      case 'sessions':
        return this.handlers.sessions(frame.sessions)
      case 'routes':
        return this.handlers.routes(frame.routes)
      case 'player':
        return this.handlers.player(frame.player)
      case 'tape':
        return this.handlers.tape(frame.tape)
    }
  }

  #hello(epoch: string, last: number, mode: Mode): void {
    const known = this.#epoch !== ''
    const again = known && epoch !== this.#epoch
    this.#epoch = epoch
    this.#tries = 0
    if (again) {
      const asked = this.#last
      this.#last = 0
      this.handlers.reset()
      if (asked > 0) {
        // this connection was asked for another process's numbers
        this.#drop()
        this.#open()
        return
      }
    }
    this.handlers.connected()
    this.handlers.hello(mode, last)
  }

  #events(events: MailEvent[]): void {
    const fresh = events.filter((event) => event.n > this.#last)
    const end = fresh.at(-1)
    if (!end) return
    this.#last = end.n
    this.handlers.events(fresh)
  }
}
