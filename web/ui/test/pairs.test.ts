import { describe, expect, it } from 'vitest'
import { pieces } from '../src/lib/compare'
import type { MailEvent } from '../src/lib/api'
import { align } from '../src/lib/align'
import { legRows, sameTurn, turns } from '../src/lib/pairs'
import { event } from './helpers'

let n = 0
let at: Record<string, number> = {}
/** A line on the wire of a leg, or inside a record. */
function line(from: 'client' | 'server', text: string, over: Partial<MailEvent> = {}): MailEvent {
  n++
  const leg = over.leg ?? 'client'
  const start = at[`${leg} ${from}`] ?? 0
  at[`${leg} ${from}`] = start + text.length + 2
  const verb = text.split(' ')[0]!
  return event({
    n, seq: n, session: 1, leg, from, layer: 'wire', span: [start, start + text.length + 2],
    kind: from === 'client' ? 'smtp.command' : 'smtp.reply', fields: from === 'client' ? { verb, line: text } : { code: verb.slice(0, 3), line: text }, ...over,
  })
}
const record = (from: 'client' | 'server', size: number, type = 'application_data'): MailEvent => {
  n++
  const start = at[`client ${from}`] ?? 0
  at[`client ${from}`] = start + size
  return event({ n, seq: n, session: 1, leg: 'client', from, layer: 'wire', span: [start, start + size], kind: 'tls.record', fields: { type, ...(type === 'application_data' ? { opened: 'yes' } : {}) } })
}
const inside = (carrier: MailEvent, text: string) => line(carrier.from, text, { layer: 'plain', carried: [carrier.span] })

describe('turns of a session', () => {
  it('begin with the greeting and with every command, and count what crossed the wire', () => {
    at = {}
    const clear = turns(pieces([line('server', '220 hello'), line('client', 'EHLO a'), line('server', '250 ok'), line('client', 'QUIT'), line('server', '221 bye')], 1, 'client'))
    expect(clear.map((turn) => turn.key)).toEqual(['greeting', 'EHLO', 'QUIT'])
    expect(clear[1]!.octets).toEqual([8, 8])
  })
  it('of a session in TLS correspond to those of one in clear', () => {
    at = {}
    const clear = turns(pieces([line('server', '220 hello'), line('client', 'EHLO a'), line('server', '250 ok'), line('client', 'AUTH PLAIN x'), line('server', '235 ok')], 1, 'client'))
    at = {}
    const hello = record('client', 300, 'handshake')
    const greet = record('server', 60)
    const ehlo = record('client', 40)
    const login = record('client', 50)
    const sealed = turns(
      pieces([hello, event({ n: ++n, session: 1, kind: 'tls.client_hello', layer: 'tls', from: 'client', span: [0, 250], carried: [hello.span] }), greet, inside(greet, '220 hello'), ehlo, inside(ehlo, 'EHLO a'), login, inside(login, 'AUTH LOGIN')], 1, 'client'),
    )
    expect(sealed.map((turn) => turn.key)).toEqual(['TLS', 'greeting', 'EHLO', 'log in'])
    const rows = align(clear, sealed, sameTurn)
    expect(rows.map(([a, b]) => `${a?.key ?? '-'} ${b?.key ?? '-'}`)).toEqual(['- TLS', 'greeting greeting', 'EHLO EHLO', 'log in log in'])
  })
  it('in one piece share it', () => {
    at = {}
    const both = line('client', 'RCPT a')
    const found = turns([{ number: 1, wire: both, sealed: false, inner: [both, { ...both, n: 999 }] }])
    expect(found.map((turn) => turn.pieces.length)).toEqual([1, 0])
  })
})

describe('alignment', () => {
  it('keeps the order and pairs as much as possible', () => {
    const rows = align([...'abcxd'], [...'abycd'], (x, y) => x === y)
    expect(rows.filter(([a, b]) => a === b).length).toBe(4)
    expect(rows.map(([a]) => a ?? '').join('')).toBe('abcxd')
    expect(rows.map(([, b]) => b ?? '').join('')).toBe('abycd')
    expect(align([], ['a'], () => true)).toEqual([[undefined, 'a']])
  })
  it('takes long sessions in stretches', () => {
    const long = Array.from({ length: 4500 }, (_, i) => i % 7)
    expect(align(long, long, (x, y) => x === y).every(([a, b]) => a === b)).toBe(true)
  })
})

describe('two legs', () => {
  it('show what facteur took away, and why', () => {
    at = {}
    const was = 'AUTH SCRAM-SHA-256-PLUS PLAIN'
    const events = [
      line('server', `250-mail\n250-${was}`, { leg: 'server' }),
      event({ n: ++n, session: 1, kind: 'session.rewrite', leg: 'client', fields: { was: `250-${was}`, now: '250-AUTH PLAIN', why: 'scram-plus' } }),
      line('server', '250-mail\n250-AUTH PLAIN'),
      line('client', 'QUIT'),
      line('client', 'QUIT', { leg: 'server' }),
    ]
    const rows = legRows(events, 1)
    expect(rows.map((row) => row.how)).toEqual(['same', 'changed', 'same'])
    expect(rows[1]!.why?.kind).toBe('session.rewrite')
    expect(rows[1]!.server?.text).toContain('PLUS')
    expect(rows[1]!.client?.text).toBe('250-AUTH PLAIN')
  })
  it('do not blame facteur for what it did not do', () => {
    at = {}
    expect(legRows([line('client', 'NOOP'), line('client', 'QUIT', { leg: 'server' })], 1).map((row) => row.how)).toEqual(['lone', 'lone'])
  })
})
