import { describe, expect, it } from 'vitest'
import { sameSight, takePlace, type StagePlace } from '../src/lib/stage'

const place: StagePlace = { screen: 'live', session: 1, n: 412, line: 0, leg: 'both', filter: '', lit: '', wire: false, args: { a: '1', b: '2' }, tape: '' }

describe('the stage', () => {
  it('leads nobody to a screen that followers do not have, or that does not exist', () => {
    expect(takePlace({ ...place, screen: 'present' })).toBeNull()
    expect(takePlace({ ...place, screen: 'elsewhere' })).toBeNull()
    expect(takePlace({ ...place, leg: 'sideways' })?.leg).toBe('client')
  })
  it('sees the same where only what is lit differs', () => {
    expect(sameSight(place, { ...place, lit: 'code', args: { b: '2', a: '1' } })).toBe(true)
    for (const other of [{ n: 413 }, { screen: 'tls' }, { args: { a: '1' } }, { filter: 'x' }, { wire: true }, { tape: 'x' }]) expect(sameSight(place, { ...place, ...other })).toBe(false)
  })
})
