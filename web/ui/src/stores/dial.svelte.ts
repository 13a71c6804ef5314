/** The page's way to facteur's streams, shared by all of them: what one finds out about the network holds for the others. */
import { Dialler } from '../lib/dial'
import { getState } from '../lib/http'
import type { Socket } from '../lib/stream'

class Way {
  /** Server-sent events are in use, because websockets do not come through. */
  fallback = $state(false)
  readonly #dialler = new Dialler(
    {
      socket: (url) => new WebSocket(url) as unknown as Socket,
      events: (url) => new EventSource(url) as unknown as ReturnType<Dialler['world']['events']>,
      answers: () => getState().then(() => true, () => false),
      later: (run, wait) => window.setTimeout(run, wait),
      cancel: (timer) => window.clearTimeout(timer as number),
    },
    () => (this.fallback = true),
  )

  /** Opens a stream by its address under the API, such as stream?after=12. */
  open(path: string): Socket {
    const url = new URL(`api/v1/${path}`, location.href.split('#')[0])
    const sse = new URL(url)
    sse.pathname += '.sse'
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    return this.#dialler.dial(url.href, sse.href)
  }
}

export const way = new Way()
