import { describe, expect, it } from 'vitest'
import type { Layer, MailEvent, Span } from '../src/lib/api'
import { blockSize, flatten, gone, maxRows, OctetCache, readSpan, StreamIndex, treeOf, unread, windowOf } from '../src/lib/bytes'
import { readings, written } from '../src/lib/decodeas'

let n = 0
const event = (layer: Layer, span: Span, kind: string, more: Partial<MailEvent> = {}): MailEvent => ({
  n: ++n,
  session: 1,
  seq: n,
  time: '',
  leg: 'client',
  from: 'client',
  layer,
  span,
  kind,
  ...more,
})

const record = event('wire', [0, 50], 'tls.record', { fields: { type: 'handshake', length: '45' }, spans: { type: [0, 1], length: [3, 5] } })
const hello = event('tls', [0, 45], 'tls.client_hello', { carried: [[0, 50]], fields: { extensions: 'server_name', sni: 'x.test', ja4: 't13' }, spans: { extensions: [20, 45], sni: [24, 30] } })
const sealed = event('wire', [50, 90], 'tls.record', { fields: { type: 'application_data' } })
const ehlo = event('plain', [0, 8], 'smtp.command', { carried: [[50, 90]], fields: { line: 'EHLO x', verb: 'EHLO', argument: 'x' }, spans: { verb: [0, 4], argument: [5, 6], line: [0, 6] } })
const other = event('plain', [8, 14], 'smtp.command', { carried: [[50, 90]] })
const all = [record, hello, sealed, ehlo, other]
const index = () => {
  const made = new StreamIndex(1, 'client', 'client')
  made.take([...all, event('wire', [0, 9], 'smtp.reply', { from: 'server' })], Infinity)
  return made
}

describe('a stream', () => {
  it('finds the event of an octet, and only its own side and leg', () => {
    const stream = index()
    expect([stream.end('wire'), stream.end('tls'), stream.end('plain')]).toEqual([90, 45, 14])
    expect(stream.eventAt('plain', 8)).toBe(other)
    expect(stream.eventAt('plain', 7)).toBe(ehlo)
    expect(stream.eventAt('plain', 14)).toBeUndefined()
  })
  it('ties a line to the record that carries it, and back', () => {
    const stream = index()
    expect(stream.spans(ehlo, 'wire')).toEqual([[50, 90]])
    expect(stream.spans(sealed, 'plain')).toEqual([[0, 8], [8, 14]])
    expect(stream.spans(record, 'plain')).toEqual([])
    expect(stream.inside(sealed)).toEqual([ehlo, other])
    expect(stream.records(ehlo)).toEqual([sealed])
  })
  it('reads up to the player’s cursor, and on from there', () => {
    const stream = new StreamIndex(1, 'client', 'client')
    expect(stream.take(all, record.n)).toBe(true)
    expect(stream.end('tls')).toBe(0)
    expect(stream.take(all, Infinity)).toBe(true)
    expect(stream.end('plain')).toBe(14)
  })
})

describe('the tree', () => {
  const lines = (of: MailEvent) => flatten(treeOf(of, index()), new Set()).map(({ node, depth }) => `${' '.repeat(depth)}${node.span ? node.label : `[${node.label}]`}`)
  it('nests record, handshake, extensions and what is in them; what facteur derived has no octets', () => {
    expect(lines(hello)).toEqual(['tls.record', ' type', ' length', ' tls.client_hello', '  extensions', '   sni', '  [ja4]'])
  })
  it('nests a line’s fields, and shows what a record carried', () => {
    expect(lines(ehlo)).toEqual(['tls.record', ' [type]', ' smtp.command', '  verb', '  argument'])
    expect(lines(sealed).filter((line) => line.includes('smtp'))).toEqual([' smtp.command', ' smtp.command'])
  })
  it('closes', () => {
    expect(flatten(treeOf(hello, index()), new Set([`${record.n}`])).length).toBe(1)
  })
})

describe('octets', () => {
  it('come in blocks, with holes where facteur keeps none, and grow with the stream', async () => {
    const asked: Span[] = []
    let told = 0
    const cache = new OctetCache(
      async (span) => {
        asked.push(span)
        if (span[0] >= 20) return null
        return span[0] < 4 ? { at: span[0], data: new Uint8Array(4 - span[0]).fill(7) } : { at: 10, data: new Uint8Array(10).fill(8) }
      },
      () => told++,
    )
    expect([...cache.cells(0, 3, 30)]).toEqual([unread, unread, unread])
    await new Promise((done) => setTimeout(done))
    expect([...cache.cells(2, 12, 30)]).toEqual([7, 7, gone, gone, gone, gone, gone, gone, 8, 8])
    expect(told).toBe(1)
    expect(asked).toEqual([[0, 30], [4, 30], [20, 30]])
    cache.cells(0, 40, 40)
    expect(asked.at(-1)).toEqual([0, 40])
  })
  it('of another block are asked for alone, and a failure is told and tried again', async () => {
    let fails = true
    let failed = 0
    const cache = new OctetCache(
      async (span) => {
        if (fails) throw new Error('lost')
        return { at: span[0], data: new Uint8Array(span[1] - span[0]) }
      },
      (bad) => (failed += bad ? 1 : 0),
    )
    cache.cells(blockSize, blockSize + 1, blockSize * 2)
    await new Promise((done) => setTimeout(done))
    expect(failed).toBe(1)
    fails = false
    cache.cells(blockSize, blockSize + 1, blockSize * 2)
    await new Promise((done) => setTimeout(done))
    expect([...cache.cells(blockSize, blockSize + 1, blockSize * 2)]).toEqual([0])
  })
  it('of a stream beyond what a browser can lay out are shown around the place', () => {
    expect(windowOf(1000, 16, 0)).toEqual({ first: 0, rows: 63 })
    const far = windowOf(10 ** 10, 16, 5 * 10 ** 9)
    expect(far.rows).toBe(maxRows)
    expect(far.first * 16).toBeLessThan(5 * 10 ** 9)
    expect((far.first + far.rows) * 16).toBeGreaterThan(5 * 10 ** 9)
  })
  it('are named in an address, and nothing else is', () => {
    expect(readSpan('120-164')).toEqual([120, 164])
    for (const bad of [undefined, '', '5-5', '9-3', '-1-4', '1e3-2', '../-1', `1-${'9'.repeat(16)}`]) expect(readSpan(bad)).toBeNull()
  })
})

describe('a selection', () => {
  const octets = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))
  const read = (text: string) => Object.fromEntries(readings(octets(text)).map((one) => [one.id, one.text]))
  it('is read in every way that it allows, and in no other', () => {
    expect(read('Qm9uam91cg==')).toMatchObject({ base64: 'Bonjour' })
    expect(read('D=C3=A9jeuner=\r\n !')).toMatchObject({ quoted: 'Déjeuner !' })
    expect(read("UTF-8''%C3%A9t%C3%A9")).toMatchObject({ percent: "UTF-8''été" })
    expect(read('Envoy&AOk-s &- lus')).toMatchObject({ utf7: 'Envoyés & lus' })
    expect(read('=?UTF-8?Q?D=C3=A9?= =?iso-8859-1?B?6Q==?=')).toMatchObject({ words: 'Déé' })
    expect(read('\x01\x00')).toMatchObject({ number: '256 (0x0100)' })
    expect(read('\x1f\x8b\x08\x00\x00\x00')).toMatchObject({ packed: 'gzip' })
    expect(Object.keys(read('Bonjour tout le monde'))).toEqual(['text'])
    expect(Object.keys(read('=?x-none?Q?a?= et plus'))).toEqual(['text'])
    expect(read('caf\xe9 et plus')['text']).toBe('café et plus')
  })
  it('is written as hexadecimal, text, C and Go', () => {
    const some = octets('EHLO\r\n')
    expect(written(some, 'hex')).toBe('45 48 4C 4F 0D 0A')
    expect(written(some, 'text')).toBe('EHLO\r\n')
    expect(written(some, 'c')).toBe('unsigned char octets[6] = {\n  0x45, 0x48, 0x4C, 0x4F, 0x0D, 0x0A\n};\n')
    expect(written(some, 'go')).toBe('octets := []byte{\n\t0x45, 0x48, 0x4C, 0x4F, 0x0D, 0x0A,\n}\n')
  })
})
