import { describe, expect, it } from 'vitest'
import { hexRows, octetsPerRow, offset, offsetDigits } from '../src/lib/hex'
import { lineParts, quoted } from '../src/lib/lineparts'
import { say, sizeOf } from '../src/lib/say'
import { formatDelta, formatLength, millis } from '../src/lib/time'
import { charAt, visibleText } from '../src/lib/visible'
import { event } from './helpers'

describe('text of strangers', () => {
  it.each([
    ['a\0b', 'a␀b'],
    ['x\r\n', 'x␍␊'],
    ['\u001b[31m', '␛[31m'],
    ['\u007f', '␡'],
    ['\u0085', '‹U+0085›'],
    ['\u202egnp.exe', '‹U+202E›gnp.exe'],
    ['a\u200bb', 'a‹U+200B›b'],
    ['\ufeff', '‹U+FEFF›'],
    ['\ud800', '‹U+D800›'],
    ['é ← 日本 🙂', 'é ← 日本 🙂'],
  ])('%j', (text, want) => expect(visibleText(text)).toBe(want))

  it('counts octets, not characters', () => {
    expect(charAt('déjà', 1)).toBe(1)
    expect(charAt('déjà', 3)).toBe(2)
    expect(charAt('🙂x', 4)).toBe(2)
  })
})

const command = event({
  n: 1,
  span: [100, 116],
  fields: { line: 'AUTH PLAIN ***', verb: 'AUTH', argument: 'PLAIN ***', response: '***' },
  spans: { verb: [100, 104], argument: [105, 114], response: [111, 114] },
  secret: ['response'],
})

describe('fields of a line', () => {
  it('cut it, the smallest winning', () => {
    expect(lineParts(command)[0]!.map((part) => [part.text, part.field, part.secret])).toEqual([
      ['AUTH', 'verb', false],
      [' ', '', false],
      ['PLAIN ', 'argument', false],
      ['***', 'response', true],
    ])
  })
  it('count the line ends that were sent', () => {
    const reply = event({ n: 1, span: [0, 12], fields: { line: '250-a\n250 b' }, spans: { code: [7, 10] } })
    expect(lineParts(reply)[1]![0]).toEqual({ text: '250', field: 'code', secret: false })
    expect(quoted(reply, [7, 12])).toBe('250 b')
    expect(quoted(reply, [0, 12])).toBe('')
  })
})

describe('octets', () => {
  it('stand in rows, cut where fields end', () => {
    const data = new TextEncoder().encode('AUTH PLAIN ***\r\n')
    const rows = hexRows(data, 100, 8, (at) => (at >= 111 && at < 114 ? 'response' : at < 104 ? 'verb' : ''), (field) => field === 'response')
    expect(rows.map((row) => row.runs.map((run) => `${run.hex}|${run.ascii}|${run.field}${run.secret ? '!' : ''}`))).toEqual([
      ['41 55 54 48|AUTH|verb', '20 50 4C 41| PLA|'],
      ['49 4E 20|IN |', '2A 2A 2A|***|response!', '0D 0A|··|'],
    ])
    expect(hexRows(data.slice(0, 3), 0, 8, () => '', () => false)[0]!.missing).toBe(5)
  })
  it('take the rows that the width holds', () => {
    expect(octetsPerRow(320, 7.2, 4)).toBe(8)
    expect(octetsPerRow(520, 7.2, 4)).toBe(16)
    expect(octetsPerRow(1100, 7.2, 4)).toBe(32)
    expect(offset(29, offsetDigits(29))).toBe('001D')
    expect(offsetDigits(0x12345)).toBe(6)
  })
})

describe('what is said of an event', () => {
  it('is its line, or its name and first facts', () => {
    expect(say(event({ n: 1, fields: { line: 'a\nb' } }), 1)).toEqual({ name: '', text: 'b' })
    expect(say(event({ n: 1, kind: 'tls.client_hello', fields: { sni: 'x', versions: 'TLS 1.3' } }))).toEqual({ name: 'ClientHello', text: 'x' })
    expect(sizeOf(event({ n: 1, span: [3, 8] }))).toBe(5)
    expect(sizeOf(event({ n: 1, fields: { octets: '77' } }))).toBe(77)
  })
})

describe('times', () => {
  it('keep what the recording kept', () => {
    expect(millis('2026-11-23T08:14:02.123456789Z') - millis('2026-11-23T08:14:02.123Z')).toBeCloseTo(0.456, 2)
  })
  it.each<[number, string, string]>([
    [0.4, '+0,000', '+0.000'],
    [12, '+0,012', '+0.012'],
    [9999.9, '+10,0', '+10.0'],
    [61_000, '+1:01', '+1:01'],
    [-5, '−0,005', '−0.005'],
  ])('%d ms', (ms, fr, en) => expect([formatDelta(ms, 'fr'), formatDelta(ms, 'en')]).toEqual([fr, en]))
  it('have lengths', () => expect(formatLength(65.9)).toBe('1:05'))
})
