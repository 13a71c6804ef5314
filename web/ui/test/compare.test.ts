import { describe, expect, it } from 'vitest'
import { learnt, pieces } from '../src/lib/compare'
import { event } from './helpers'

const record = (n: number, from: 'client' | 'server', span: [number, number], type: string, opened?: string) =>
  event({ n, from, span, kind: 'tls.record', fields: { type, ...(opened ? { opened } : {}) } })

const session = [
  event({ n: 1, kind: 'session.open' }),
  event({ n: 2, from: 'server', span: [0, 10], kind: 'smtp.reply', fields: { text: 'ready' }, notes: [{ id: 'smtp.reply.220.greeting' }] }),
  event({ n: 3, leg: 'server', span: [0, 4], fields: { verb: 'QUIT' } }),
  record(4, 'client', [0, 100], 'handshake'),
  event({ n: 5, layer: 'tls', span: [0, 95], carried: [[0, 100]], kind: 'tls.client_hello', fields: { sni: 'mail.exemple.test' } }),
  record(6, 'server', [10, 90], 'application_data', 'yes'),
  event({ n: 7, from: 'server', layer: 'tls', carried: [[10, 90]], kind: 'tls.certificate', fields: { names: 'mail.exemple.test' } }),
  record(8, 'client', [100, 160], 'application_data', 'yes'),
  event({ n: 9, layer: 'plain', carried: [[100, 160]], fields: { verb: 'MAIL', argument: 'FROM:<a@b>' } }),
  event({ n: 10, layer: 'plain', carried: [[100, 160]], fields: { verb: 'RCPT', argument: 'TO:<c@d>' } }),
  record(11, 'server', [90, 130], 'application_data', 'no'),
]

describe('comparing', () => {
  const found = pieces(session, 1, 'client')
  it('ties each record to what it carried', () => {
    expect(found.map((piece) => [piece.wire.n, piece.sealed, piece.inner.map((one) => one.n)])).toEqual([
      [2, false, [2]],
      [4, false, [5]],
      [6, true, [7]],
      [8, true, [9, 10]],
      [11, true, []],
    ])
  })
  it('counts truthfully what was read without the keys', () => {
    const list = Object.fromEntries(learnt(found).map((one) => [one.what, one.read]))
    expect(list).toEqual({ addresses: true, volumes: true, banner: true, serverName: true, certificate: false, sender: false, recipient: false })
  })
  it('holds a fact for read once it was read, however well it was hidden later', () => {
    const twice = [...session, event({ n: 12, span: [160, 170], fields: { verb: 'MAIL', argument: 'FROM:<a@b>' } })]
    expect(learnt(pieces(twice, 1, 'client')).find((one) => one.what === 'sender')).toMatchObject({ read: true, n: 12, value: '<a@b>' })
  })
  it('knows a handshake message sealed under its own type (TLS 1.2)', () => {
    expect(pieces([record(1, 'client', [0, 45], 'handshake', 'yes')], 1, 'client')[0]!.sealed).toBe(true)
  })
})
