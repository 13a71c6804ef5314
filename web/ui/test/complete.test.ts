import { describe, expect, it } from 'vitest'
import { complete, occurring } from '../src/lib/complete'
import { event, session } from './helpers'

const found = occurring(
  [
    event({ n: 1, fields: { verb: 'EHLO' } }),
    event({ n: 2, fields: { verb: 'MAIL' } }),
    event({ n: 3, kind: 'smtp.reply', from: 'server', fields: { code: '550' } }),
    event({ n: 4, kind: 'smtp.reply', from: 'server', fields: { code: '553' } }),
    event({ n: 5, kind: 'imap.response', from: 'server', fields: { status: 'NO' } }),
  ],
  [session({ tls: { client: { version: 'TLS1.3' } } })],
)
const offered = (text: string, caret = text.length) => complete(text, caret, found).suggestions.map((one) => one.word)

describe('completing the filter', () => {
  it('offers the words of the language, families only where they occur', () => {
    expect(offered('')).toContain('smtp')
    expect(offered('')).not.toContain('pop3')
    expect(offered('fr')).toEqual(['from:client', 'from:server'])
    expect(offered('sec')).toEqual(['secret'])
  })
  it('offers the values that occur, the most frequent first', () => {
    expect(offered('code:')).toEqual(['code:5xx', 'code:550', 'code:553', 'code:NO'])
    expect(offered('code:55')).toEqual(['code:550', 'code:553'])
    expect(offered('cmd:e')).toEqual(['cmd:EHLO'])
    expect(offered('tls:')).toEqual(['tls:1.3'])
  })
  it('completes the word under the caret, a minus kept', () => {
    expect(complete('smtp -sec from:client', 9, found)).toMatchObject({ from: 6, to: 9, suggestions: [{ word: 'secret' }] })
  })
  it('offers nothing for what is whole', () => expect(offered('secret')).toEqual([]))
})
