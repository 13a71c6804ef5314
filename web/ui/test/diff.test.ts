import { describe, expect, it } from 'vitest'
import { differs, lastPair, readRef, refOf, tally, wordDiff, type Part } from '../src/lib/diff'
import { session } from './helpers'

const text = (...parts: (string | Part)[]): Part[] => parts.map((part) => (typeof part === 'string' ? { text: part } : part))
const shown = (words: ReturnType<typeof wordDiff>[0]) => words.map((word) => (word.mark === 'changed' ? `[${word.text}]` : word.mark === 'moment' ? `(${word.text})` : word.text)).join('')
const both = (a: Part[], b: Part[], counts = true) => wordDiff(a, b, counts).map(shown)

describe('words', () => {
  it('are marked where the other side has others, and nowhere else', () => {
    expect(both(text('RCPT TO:<bob@exemple.test>'), text('RCPT TO:<zoe@exemple.test>'))).toEqual(['RCPT TO:<[bob]@exemple.test>', 'RCPT TO:<[zoe]@exemple.test>'])
    expect(both(text('250 2.1.5 Ok'), text('550 5.1.1 No such mailbox'))).toEqual(['[250 2.1.5 Ok]', '[550 5.1.1 No such mailbox]'])
    expect(both(text('a b'), text('a b'))).toEqual(['a b', 'a b'])
    expect(both(text(), text('new'))).toEqual(['', '[new]'])
  })

  it('of the moment are marked as such, and not at all when equal', () => {
    const a = text({ text: 'a1', as: 'tag' }, ' OK done')
    expect(both(a, text({ text: 'b7', as: 'tag' }, ' OK done'))).toEqual(['(a1) OK done', '(b7) OK done'])
    expect(both(a, a)).toEqual(['a1 OK done', 'a1 OK done'])
  })

  it('of a row that is the same are of the moment, whatever differs', () => {
    expect(both(text('EHLO one'), text('EHLO two'), false)).toEqual(['EHLO (one)', 'EHLO (two)'])
  })

  it('keep the whole text, line ends included', () => {
    const a = '250-mx\n250-SIZE 10\n250 PIPELINING'
    const b = '250-mx\n250-STARTTLS\n250-SIZE 20\n250 HELP'
    const [x, y] = wordDiff(text(a), text(b), true)
    expect(x.map((word) => word.text).join('')).toBe(a)
    expect(y.map((word) => word.text).join('')).toBe(b)
    expect(shown(y)).toContain('[STARTTLS')
  })

  it('of long texts are found at both ends, in little time', () => {
    const long = Array.from({ length: 3000 }, (_, i) => `x${i}`).join(' ')
    const other = Array.from({ length: 3000 }, (_, i) => `y${i}`).join(' ')
    const begin = performance.now()
    const [x] = wordDiff(text(`same ${long} end`), text(`same ${other} end`), true)
    expect(performance.now() - begin).toBeLessThan(500)
    expect(shown(x).startsWith('same [')).toBe(true)
    expect(shown(x).endsWith('] end')).toBe(true)
  })
})

describe('which two', () => {
  const of = (id: number, protocol: string) => session({ id, protocol })
  it('are the last two of the same protocol', () => {
    expect(lastPair([of(1, 'smtp'), of(2, 'imap'), of(3, 'smtp'), of(4, 'pop3')])).toEqual([1, 3])
    expect(lastPair([of(1, 'smtp'), of(2, 'smtp'), of(3, 'smtp')])).toEqual([2, 3])
    expect(lastPair([of(1, 'smtp'), of(2, 'imap')])).toBeNull()
    expect(lastPair([of(1, 'unknown'), of(2, 'unknown')])).toBeNull()
  })

  it('are named by number, or by tape and number', () => {
    expect(readRef('12')).toEqual({ tape: '', session: 12 })
    expect(readRef('aB3_x-9:4')).toEqual({ tape: 'aB3_x-9', session: 4 })
    for (const wrong of ['', '0', 'x', 'a b:1', 'a:b:1', ':1', '1:', '../1']) expect(readRef(wrong)).toBeNull()
    expect([refOf('', 3), refOf('t', 3)]).toEqual(['3', 't:3'])
  })
})

it('rows are counted; what only leads into TLS is no difference', () => {
  const rows = [{ op: 'same' as const }, { op: 'changed' as const }, { op: 'only_a' as const, upgrade: true }, { op: 'same' as const, upgrade: true }, { op: 'only_b' as const }]
  expect(tally(rows)).toEqual({ same: 2, changed: 1, only_a: 0, only_b: 1, upgrade: 1 })
  expect(rows.map(differs)).toEqual([false, true, false, false, true])
})
