import { describe, expect, it } from 'vitest'
import { Dialler, type Exchange } from '../src/lib/dial'
import type { Socket } from '../src/lib/stream'

/** A world in which websockets do as the test says, and every timer waits for it. */
function world(answers = true) {
  const sockets: Socket[] = []
  const streams: ReturnType<Exchange['events']>[] = []
  const timers: (() => void)[] = []
  const exchange: Exchange = {
    socket: () => {
      const socket: Socket = { onopen: null, onmessage: null, onclose: null, close: () => {} }
      sockets.push(socket)
      return socket
    },
    events: () => {
      const stream = { onmessage: null, onerror: null, close: () => {} }
      streams.push(stream)
      return stream
    },
    answers: () => Promise.resolve(answers),
    later: (run) => timers.push(run),
    cancel: (timer) => (timers[(timer as number) - 1] = () => {}),
  }
  return { exchange, sockets, streams, timers }
}
const settle = () => new Promise((done) => setTimeout(done))

describe('dialling', () => {
  it('changes over to server-sent events after two fruitless websockets, and hands on what they say', async () => {
    const { exchange, sockets, streams } = world()
    const dialler = new Dialler(exchange)
    const closed: number[] = []
    for (let i = 0; i < 2; i++) {
      dialler.dial('ws://x', 'http://x').onclose = ({ code }) => closed.push(code)
      sockets[i]!.onclose!({ code: 1006 })
      await settle()
    }
    expect(closed).toEqual([1006, 1006])
    expect(dialler.fallback).toBe(true)
    const heard: unknown[] = []
    const socket = dialler.dial('ws://x', 'http://x')
    socket.onmessage = ({ data }) => heard.push(data)
    streams[0]!.onmessage!({ data: 'hello' })
    expect(heard).toEqual(['hello'])
    let ended = 0
    socket.onclose = ({ code }) => (ended = code)
    streams[0]!.onerror!()
    expect(ended).toBe(1006)
  })
  it('closes what is still being opened once it is open', () => {
    const { exchange, sockets } = world()
    const socket = new Dialler(exchange).dial('ws://x', 'http://x')
    let closed = 0
    sockets[0]!.close = () => closed++
    socket.close()
    expect(closed).toBe(0)
    sockets[0]!.onopen!(undefined as never)
    expect(closed).toBe(1)
  })
  it('does not blame the network while facteur itself is away', async () => {
    const { exchange, sockets } = world(false)
    const dialler = new Dialler(exchange)
    for (let i = 0; i < 5; i++) {
      dialler.dial('ws://x', 'http://x')
      sockets[i]!.onclose!({ code: 1006 })
      await settle()
    }
    expect(dialler.fallback).toBe(false)
  })
  it('takes a websocket that opens and stays silent for one that is held up', async () => {
    const { exchange, sockets, timers } = world()
    const dialler = new Dialler(exchange)
    for (let i = 0; i < 2; i++) {
      dialler.dial('ws://x', 'http://x')
      sockets[i]!.onopen!(undefined as never)
      timers[i]!()
      await settle()
    }
    expect(dialler.fallback).toBe(true)
  })
  it('forgets a failure once a websocket has spoken', async () => {
    const { exchange, sockets } = world()
    const dialler = new Dialler(exchange)
    for (let i = 0; i < 4; i++) {
      dialler.dial('ws://x', 'http://x')
      if (i % 2) sockets[i]!.onmessage!({ data: 'hello' })
      sockets[i]!.onclose!({ code: 1006 })
      await settle()
    }
    expect(dialler.fallback).toBe(false)
  })
})
