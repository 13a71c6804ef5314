import { describe, expect, it } from 'vitest'
import type { MailEvent } from '../src/lib/api'
import { gapHeight, labelParts, Ladder, maxSlots, type Wish } from '../src/lib/ladder'
import { event } from './helpers'

const wish = (over: Partial<Wish> = {}): Wish => ({ session: 1, zoom: 'normal', between: false, cursor: Infinity, ...over })

function told(events: MailEvent[], over: Partial<Wish> = {}): Ladder {
  const ladder = new Ladder(wish(over))
  ladder.take(events)
  return ladder
}

let n = 0
const next = (over: Partial<MailEvent>) => event({ n: ++n, ...over })
const command = (line: string, over: Partial<MailEvent> = {}) => next({ kind: 'smtp.command', fields: { line, verb: line.split(' ')[0]! }, ...over })
const reply = (line: string, re: number, over: Partial<MailEvent> = {}) => next({ kind: 'smtp.reply', from: 'server', re, fields: { line, code: line.slice(0, 3) }, ...over })
const start = () => (n = 0)

describe('rungs', () => {
  it('are one per thing said, in order, of the session asked for only', () => {
    start()
    const ladder = told([command('NOOP'), reply('250 ok', 1), command('NOOP', { session: 2 })])
    expect(ladder.rungs.map((rung) => [rung.n, rung.kind, rung.from])).toEqual([
      [1, 'arrow', 'client'],
      [2, 'arrow', 'server'],
    ])
  })

  it('go through facteur when the same words leave on the other leg, and only then', () => {
    start()
    const events = [command('EHLO a'), command('EHLO a', { leg: 'server' }), command('MAIL FROM:<x>'), command('MAIL FROM:<y>', { leg: 'server' })]
    const ladder = told(events, { between: true })
    expect(ladder.rungs.map((rung) => [rung.n, rung.through])).toEqual([
      [1, 1],
      [3, -1],
      [4, -1],
    ])
    expect(told(events, { between: true, zoom: 'spread' }).rungs).toHaveLength(4)
  })

  it('relay replies from the server leg first', () => {
    start()
    const ladder = told([reply('220 hi', 0, { leg: 'server' }), reply('220 hi', 0)], { between: true })
    expect(ladder.rungs.map((rung) => [rung.leg, rung.through])).toEqual([['server', 1]])
  })

  it('fold a body with what hangs under it, and tell its size at the end', () => {
    start()
    const part = (kind: string, fields: Record<string, string> = {}) => next({ kind, re: 1, fields })
    const events = [command('DATA'), reply('354 go', 1), part('smtp.data.begin'), part('message.header', { line: 'Subject: x' }), part('smtp.data.data', { octets: '9' }), part('smtp.data.end', { octets: '12', line: '.' }), reply('250 ok', 1)]
    const ladder = told(events)
    expect(ladder.rungs.map((rung) => [rung.kind, rung.under, rung.octets, rung.until])).toEqual([
      ['arrow', 0, 0, 1],
      ['arrow', 0, 0, 2],
      ['body', 3, 12, 6],
      ['arrow', 0, 0, 7],
    ])
    expect([3, 4, 6, 7, 99].map((one) => ladder.rowOf(one))).toEqual([2, 2, 2, 3, -1])
  })

  it('fold the items of a list under their response', () => {
    start()
    const ladder = told([
      next({ kind: 'pop3.command', fields: { line: 'LIST', verb: 'LIST' } }),
      next({ kind: 'pop3.response', from: 'server', re: 1, fields: { line: '+OK', status: '+OK' } }),
      next({ kind: 'pop3.item', from: 'server', re: 1, fields: { line: '1 20' } }),
      next({ kind: 'pop3.data.end', from: 'server', re: 1, fields: { line: '.', items: '1' } }),
    ])
    expect(ladder.rungs.map((rung) => rung.under)).toEqual([0, 2])
  })

  it('draw an IMAP literal once, with the response it stands in', () => {
    start()
    const from = { from: 'server' as const, re: 1 }
    const ladder = told([
      next({ kind: 'imap.command', fields: { line: 'a FETCH 1 BODY[]', tag: 'a', name: 'FETCH' } }),
      next({ ...from, kind: 'imap.data.begin', fields: { line: '* 1 FETCH (BODY[] {3}', tag: '*' } }),
      next({ ...from, kind: 'imap.data.end', fields: { octets: '3' } }),
      next({ ...from, kind: 'imap.response', fields: { line: '* 1 FETCH (BODY[] {3}\n)', tag: '*' } }),
      next({ ...from, kind: 'imap.response', fields: { line: 'a OK done', tag: 'a' } }),
    ])
    expect(ladder.rungs.map((rung) => [rung.kind, rung.octets])).toEqual([
      ['arrow', 0],
      ['body', 3],
      ['arrow', 0],
    ])
  })

  it('put the messages of one TLS flight on one arrow, and draw opened records never, sealed ones always', () => {
    start()
    const tls = (kind: string, over: Partial<MailEvent> = {}) => next({ kind: `tls.${kind}`, layer: 'tls', from: 'server', ...over })
    const ladder = told([
      tls('record', { layer: 'wire', fields: { type: 'handshake' } }),
      tls('server_hello'),
      tls('certificate'),
      tls('finished', { from: 'client' }),
      tls('record', { layer: 'wire', fields: { type: 'application_data', opened: 'no' } }),
    ])
    expect(ladder.rungs.map((rung) => [rung.kind, rung.flight.length])).toEqual([
      ['handshake', 1],
      ['handshake', 0],
      ['arrow', 0],
    ])
    expect(ladder.rungs.map((rung) => rung.bands[0])).toEqual(['opening', 'opening', 'open'])
  })

  it('tell what TCP did, what is missing, and how a side ended', () => {
    start()
    const ladder = told([next({ kind: 'session.open' }), next({ kind: 'tcp.retransmission', fields: { octets: '5' } }), next({ kind: 'session.gap' }), next({ kind: 'session.end', fields: { how: 'reset' } }), next({ kind: 'session.violation' })])
    expect(ladder.rungs.map((rung) => rung.kind)).toEqual(['open', 'tcp', 'gap', 'end', 'fact'])
  })

  it('stop at the cursor and go on from there', () => {
    start()
    const events = [command('NOOP'), reply('250 ok', 1)]
    const ladder = told(events, { cursor: 1 })
    expect(ladder.rungs).toHaveLength(1)
    expect(ladder.take(events)).toBe(false)
    ladder.wish.cursor = 2
    expect(ladder.take(events)).toBe(true)
    expect(ladder.rungs).toHaveLength(2)
  })
})

describe('brackets', () => {
  const parts = (ladder: Ladder) => ladder.rungs.map((_, row) => ladder.brackets(row, 'client').map((one) => `${one.slot}${one.part[0]}${one.own ? '' : '-'}`).join(' '))

  it('join a command to its reply', () => {
    start()
    expect(parts(told([command('EHLO'), reply('250 ok', 1), command('QUIT')]))).toEqual(['0s', '0e', '0a'])
  })

  it('hold the steps of DATA together until the reply that is final', () => {
    start()
    const data = next
    const ladder = told([command('DATA'), reply('354 go', 1), data({ kind: 'smtp.data.begin', re: 1 }), data({ kind: 'smtp.data.end', re: 1, fields: { octets: '1' } }), reply('250 ok', 1)])
    expect(parts(ladder)).toEqual(['0s', '0m', '0m', '0e'])
    expect(ladder.exchange(0)?.steps).toBe(4)
  })

  it('stand side by side where commands are pipelined, and never overlap', () => {
    start()
    const ladder = told([command('MAIL'), command('RCPT'), command('DATA'), command('NOOP'), reply('250 a', 1), reply('250 b', 2), reply('354 c', 3), command('RSET')])
    expect(parts(ladder)).toEqual(['0s', '0m- 1s', '0m- 1m- 2s', '0m- 1m- 2m-', '0e 1m- 2m-', '1e 2m-', '2e', '0a'])
    expect(ladder.slots('client')).toBe(maxSlots)
  })

  it('of a relayed exchange follow the client leg', () => {
    start()
    const events = [command('NOOP'), command('NOOP', { leg: 'server' }), reply('250 ok', 2, { leg: 'server' }), reply('250 ok', 1)]
    expect(parts(told(events, { between: true }))).toEqual(['0s', '0e'])
  })

  it('without an answer give their place back', () => {
    start()
    const many = Array.from({ length: 400 }, () => command('NOOP'))
    const ladder = told(many)
    expect(ladder.slots('client')).toBe(maxSlots)
    expect(ladder.rungs.some((_, row) => row > 200 && ladder.brackets(row, 'client').length > 0)).toBe(true)
  })
})

describe('labels', () => {
  it('tell the verb, the code, the tag and name apart, secrets still marked', () => {
    const line = (kind: string, text: string, over: Partial<MailEvent> = {}) => labelParts(event({ n: 1, kind, fields: { line: text }, ...over }))
    expect(line('smtp.reply', '250-mail\n250 ok')).toEqual([{ text: '250', head: true, secret: false }, { text: '-mail', head: false, secret: false }])
    expect(line('imap.command', 'a3 UID FETCH 1 ALL')[0]).toEqual({ text: 'a3 UID FETCH', head: true, secret: false })
    expect(line('imap.response', '* 7 EXISTS')[0]?.text).toBe('* 7 EXISTS')
    const pass = line('pop3.command', 'PASS ****', { span: [0, 11], spans: { argument: [5, 9] }, secret: ['argument'], fields: { line: 'PASS ****', argument: '****' } })
    expect(pass).toEqual([{ text: 'PASS', head: true, secret: false }, { text: ' ', head: false, secret: false }, { text: '****', head: false, secret: true }])
  })
})

describe('pauses', () => {
  it('take room in proportion, up to a cap at which the lanes break', () => {
    expect(gapHeight(0, 'normal')).toEqual({ rem: 0, broken: false })
    expect(gapHeight(-5, 'normal').rem).toBe(0)
    expect(gapHeight(750, 'normal').rem * 2).toBeCloseTo(gapHeight(1500, 'normal').rem, 0)
    expect(gapHeight(90_000, 'normal')).toEqual({ rem: gapHeight(1500, 'normal').rem, broken: true })
    expect(gapHeight(1500, 'compact').rem).toBeLessThan(gapHeight(1500, 'spread').rem)
  })
})

it('ten thousand rungs are told within a frame or few', () => {
  start()
  const events: MailEvent[] = []
  for (let i = 0; i < 5000; i++) events.push(command(`NOOP ${i}`), reply('250 ok', n))
  const begin = performance.now()
  const ladder = told(events)
  expect(ladder.rungs).toHaveLength(10_000)
  expect(performance.now() - begin).toBeLessThan(500)
})
