import { describe, expect, it } from 'vitest'
import { rank, type Choice } from '../src/lib/palette'

const choice = (id: string, title: string, over: Partial<Choice> = {}): Choice => ({ id, group: 'screens', icon: 'list', title, run: () => {}, ...over })
const all = [
  choice('live', 'En direct', { also: 'live' }),
  choice('library', 'Séances', { also: 'sessions' }),
  choice('tls', 'TLS'),
  choice('starttls', 'STARTTLS', { group: 'glossary' }),
  choice('ticket', 'ticket de session TLS', { group: 'glossary' }),
]
const found = (question: string) => rank(question, all, 10).map((one) => one.id)

describe('the palette', () => {
  it('finds without accents and case, in either language', () => {
    expect(found('seances')).toEqual(['library'])
    expect(found('LIVE')).toEqual(['live'])
  })
  it('puts the exact word first, then what begins with it', () => {
    expect(found('tls')).toEqual(['tls', 'ticket', 'starttls'])
    expect(found('start')).toEqual(['starttls'])
  })
  it('wants every word', () => {
    expect(found('session ticket')).toEqual(['ticket'])
    expect(found('session nowhere')).toEqual([])
  })
  it('forgives missing letters of a title', () => expect(found('sttls')).toEqual(['starttls']))
  it('offers places to go before anything is asked', () => expect(found('')).toEqual(['live', 'library', 'tls']))
})
