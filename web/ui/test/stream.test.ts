import { beforeEach, describe, expect, it } from 'vitest'
import type { Frame, MailEvent } from '../src/lib/api'
import { Stream, type Socket } from '../src/lib/stream'
import { event } from './helpers'

class FakeSocket implements Socket {
  onopen = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  closed = false
  constructor(readonly after: number) {}
  close() {
    this.closed = true
  }
  say(frame: Frame) {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  lose(code = 1006) {
    this.onclose?.({ code })
  }
}

const events = (...numbers: number[]): Frame => ({ type: 'events', events: numbers.map((n) => event({ n })) })
const hello = (epoch: string, last = 0): Frame => ({ type: 'hello', epoch, last, mode: 'live' })

let sockets: FakeSocket[]
let waits: number[]
let timers: (() => void)[]
let got: number[]
let told: string[]
let stream: Stream
const newest = () => sockets.at(-1)!

beforeEach(() => {
  sockets = []
  waits = []
  timers = []
  got = []
  told = []
  stream = new Stream(
    {
      open: (after) => {
        const socket = new FakeSocket(after)
        sockets.push(socket)
        return socket
      },
      later: (run, wait) => timers.push(run) && waits.push(wait),
      cancel: () => {},
      random: () => 0,
    },
    {
      hello: () => told.push('hello'),
      reset: () => {
        told.push('reset')
        got = []
      },
      events: (list: MailEvent[]) => got.push(...list.map((one) => one.n)),
      sessions: () => {},
      routes: () => {},
      player: () => {},
      tape: () => {},
      lost: (at) => told.push(`lost ${at}`),
      connected: () => told.push('connected'),
    },
  )
  stream.start()
})

describe('the stream', () => {
  it('asks after the last event it handed on, so that a loss leaves no gap', () => {
    newest().say(hello('a'))
    newest().say(events(1, 2, 3))
    newest().lose()
    timers.pop()!()
    expect(newest().after).toBe(3)
    newest().say(hello('a'))
    newest().say(events(4, 5))
    expect(got).toEqual([1, 2, 3, 4, 5])
  })

  it('drops what it has already handed on, so that a loss leaves no duplicate', () => {
    newest().say(hello('a'))
    newest().say(events(1, 2, 3))
    newest().say(events(2, 3, 4))
    expect(got).toEqual([1, 2, 3, 4])
  })

  it('begins again when another process answers', () => {
    newest().say(hello('a'))
    newest().say(events(1, 2, 3))
    newest().lose()
    timers.pop()!()
    const asked = newest()
    asked.say(hello('b', 1))
    expect(told).toContain('reset')
    expect(asked.closed).toBe(true)
    expect(newest().after).toBe(0)
    newest().say(hello('b', 1))
    newest().say(events(1))
    expect(got).toEqual([1])
    asked.say(events(9)) // the dropped connection has no say any more
    expect(got).toEqual([1])
  })

  it('waits longer after each failure, never more than ten seconds, and starts over once connected', () => {
    for (let i = 0; i < 7; i++) {
      newest().lose()
      timers.pop()!()
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 10000, 10000])
    newest().say(hello('a'))
    newest().lose()
    expect(waits.at(-1)).toBe(500)
  })

  it('comes back at once when it was too slow', () => {
    for (let i = 0; i < 4; i++) {
      newest().lose()
      timers.pop()!()
    }
    newest().lose(1013)
    expect(waits.at(-1)).toBe(500)
  })

  it('shortens the wait by up to half, so that a class does not return at once', () => {
    const jittered: number[] = []
    const one = new Stream(
      { open: (after) => newestOf(sockets, after), later: (_, wait) => jittered.push(wait), cancel: () => {}, random: () => 1 },
      stream.handlers,
    )
    one.start()
    newest().lose()
    expect(jittered).toEqual([250])
  })

  it('survives frames that are not JSON and kinds it does not know', () => {
    newest().onmessage?.({ data: '{' })
    newest().onmessage?.({ data: '{"type":"later"}' })
    newest().say(events(1))
    expect(got).toEqual([1])
  })

  it('says nothing more once stopped', () => {
    stream.stop()
    expect(newest().closed).toBe(true)
    expect(newest().onclose).toBeNull()
  })
})

function newestOf(list: FakeSocket[], after: number): FakeSocket {
  const socket = new FakeSocket(after)
  list.push(socket)
  return socket
}
