import { describe, expect, it } from 'vitest'
import { exportURL, sizeText, sortFiles } from '../src/lib/library'
import { readRef, refOf, sameOpening } from '../src/lib/tape'
import { readPlace, writePlace } from '../src/lib/place'

describe('the name of a recording in the address', () => {
  it('comes back as it was asked for', () => {
    for (const opening of [{ sample: 'smtp-clear' }, { library: 'a b#é.pcapng' }, { library: 'x.pcapng', session: 12 }, { sample: 'two', session: 3 }]) {
      expect(readRef(refOf(opening, 'tape1'))).toEqual(opening)
    }
    expect(refOf({ upload: 'u' }, 'tape1')).toBe('tape1')
    expect(readRef('tape1#4')).toEqual({ of: 'tape1', session: 4 })
  })
  it('travels in the address of every screen, and a stranger’s is cut', () => {
    const place = { screen: 'tls' as const, session: 2, n: 0, leg: 'client' as const, args: {}, tape: 'library:é #1.pcapng' }
    expect(readPlace(writePlace(place))).toEqual(place)
    expect(readPlace(`#/live?tape=${'x'.repeat(500)}`).tape?.length).toBeLessThanOrEqual(200)
  })
  it('finds the tape that is open already', () => {
    expect(sameOpening({ library: 'a' }, { library: 'a', session: 0 })).toBe(true)
    expect(sameOpening({ library: 'a' }, { library: 'a', session: 1 })).toBe(false)
    expect(sameOpening({ sample: 'a' }, { library: 'a' })).toBe(false)
  })
})

describe('files that are dropped', () => {
  it('are captures, the keys of them, or neither', () => {
    const files = ['a.pcap', 'b.PCAPNG.gz', 'keys.log', 'lesson.facteur', 'photo.png'].map((name) => new File(['x'], name))
    const { captures, keys, others } = sortFiles(files)
    expect(captures.map((file) => file.name)).toEqual(['a.pcap', 'b.PCAPNG.gz', 'lesson.facteur'])
    expect(keys?.name).toBe('keys.log')
    expect(others.map((file) => file.name)).toEqual(['photo.png'])
  })
})

describe('downloads', () => {
  it('name the recording safely', () => {
    expect(exportURL('../a b.pcapng', 'pcapng-nokeys', 'fr', 3)).toBe('api/v1/library/recordings/..%2Fa%20b.pcapng/export?format=pcapng&lang=fr&keys=no&session=3')
    expect(exportURL('a.pcapng', 'html', 'en')).toBe('api/v1/library/recordings/a.pcapng/export?format=html&lang=en')
  })
  it('say sizes as people do', () => {
    expect(sizeText(950, 'en')).toBe('950\u00a0B')
    expect(sizeText(12_345, 'fr')).toBe('12,3\u00a0ko')
    expect(sizeText(1_074_028_748, 'en')).toBe('1.1\u00a0GB')
  })
})
