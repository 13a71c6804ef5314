/**
 * How the page hears from facteur: a websocket, or server-sent events where something on the way breaks websockets, as
 * school proxies do. Both carry the same messages. The page changes over once two websockets in a row came to nothing
 * while facteur itself answers, and stays with what works.
 */
import type { Socket } from './stream'

/** A websocket that opened says hello at once; one that is silent for this long, in milliseconds, is held up on its way. */
const silence = 5000
/** So many fruitless websockets are no accident. */
const enough = 2

/** What dialling needs of the world, so that tests can stand in for it. */
export interface Exchange {
  socket(url: string): Socket
  events(url: string): { onmessage: ((event: { data: unknown }) => void) | null; onerror: (() => void) | null; close(): void }
  /** Whether facteur answers plain requests. */
  answers(): Promise<boolean>
  later(run: () => void, wait: number): unknown
  cancel(timer: unknown): void
}

export class Dialler {
  #fruitless = 0
  /** Server-sent events are in use. */
  fallback = false

  constructor(
    readonly world: Exchange,
    readonly onfallback: () => void = () => {},
  ) {}

  /** Opens a stream of the API: sse is the address of its twin. */
  dial(url: string, sse: string): Socket {
    return this.fallback ? this.#events(sse) : this.#socket(url)
  }

  #socket(url: string): Socket {
    const inner = this.world.socket(url)
    const outer: Socket = { onopen: null, onmessage: null, onclose: null, close: () => end() }
    let heard = false
    let open = false
    let over = false
    const timer = this.world.later(() => {
      inner.close()
      done(1006)
    }, silence)
    const end = () => {
      over = true
      this.world.cancel(timer)
      // closed while it is being opened, it would be reported on the console as an error, which it is not
      if (open) inner.close()
      else inner.onopen = () => inner.close()
    }
    const done = (code: number) => {
      if (over) return
      over = true
      this.world.cancel(timer)
      if (!heard) void this.#count()
      outer.onclose?.({ code })
    }
    inner.onopen = () => {
      open = true
      outer.onopen?.(undefined as never)
    }
    inner.onmessage = (event) => {
      if (!heard) this.world.cancel(timer)
      heard = true
      this.#fruitless = 0
      if (!over) outer.onmessage?.(event)
    }
    inner.onclose = (event) => done(event.code)
    return outer
  }

  async #count(): Promise<void> {
    if (!(await this.world.answers())) return
    if (++this.#fruitless < enough || this.fallback) return
    this.fallback = true
    this.onfallback()
  }

  #events(url: string): Socket {
    const inner = this.world.events(url)
    const outer: Socket = { onopen: null, onmessage: null, onclose: null, close: () => inner.close() }
    inner.onmessage = (event) => outer.onmessage?.(event)
    inner.onerror = () => {
      inner.close() // it would come back by itself, at its own pace and with no word of it on the page
      outer.onclose?.({ code: 1006 })
    }
    return outer
  }
}
