import { describe, expect, it } from 'vitest'
import { lineAt, octetAt, sameStream, sharesOf } from '../src/lib/laser'
import { event } from './helpers'

describe('the laser', () => {
  const hex = { at: 100, unit: 3, text: '41 55 54 48' }
  const ascii = { at: 100, unit: 1, text: 'AUTH' }
  const text = { at: 100, unit: 0, text: 'déjà' }

  it('finds the octet under the pointer, also in the space between two', () => {
    expect([0, 0.2, 0.3, 0.999, 1, -1, 5].map((share) => octetAt(hex, share))).toEqual([100, 100, 101, 103, 103, 100, 103])
    expect(octetAt(ascii, 0.5)).toBe(102)
    expect([0, 0.3, 0.6, 0.8].map((share) => octetAt(text, share))).toEqual([100, 101, 103, 104])
  })
  it('draws an octet where it stands, whatever it is drawn as', () => {
    expect(sharesOf(hex, 101)).toEqual([3 / 11, 5 / 11])
    expect(sharesOf(ascii, 103)).toEqual([0.75, 1])
    expect(sharesOf(text, 102)).toEqual([0.25, 0.5])
    for (const run of [hex, ascii]) for (const octet of [99, 104]) expect(sharesOf(run, octet)).toBeNull()
    expect(sharesOf(text, 106)).toBeNull()
    for (const run of [hex, ascii, text]) {
      for (let octet = 100; octet < 104; octet++) {
        const [from, to] = sharesOf(run, octet)!
        const back = octetAt(run, (from + to) / 2)
        expect(sharesOf(run, back)).toEqual([from, to])
      }
    }
  })
  it('counts the line ends of a reply, and leaves lines alone whose letters are not their octets', () => {
    const reply = event({ n: 1, span: [50, 70], fields: { line: '250-é\n250 ok' } })
    expect([lineAt(reply, 0), lineAt(reply, 1)]).toEqual([50, 58])
    expect(lineAt(event({ n: 1, fields: { line: 'a\0b' } }), 0)).toBe(-1)
    expect(lineAt(event({ n: 1, fields: { sni: 'x' } }), 0)).toBe(-1)
  })
  it('means the same octets only on the same stream', () => {
    expect(sameStream(event({ n: 1 }), event({ n: 2 }))).toBe(true)
    expect(sameStream(event({ n: 1 }), event({ n: 2, from: 'server' }))).toBe(false)
    expect(sameStream(event({ n: 1 }), undefined)).toBe(false)
  })
})
