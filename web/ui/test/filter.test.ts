import { describe, expect, it } from 'vitest'
import { parseFilter } from '../src/lib/filter'
import { event, session } from './helpers'

const command = event({ n: 1, fields: { verb: 'MAIL', line: 'MAIL FROM:<alice@exemple.test>' } })
const reply = event({ n: 2, from: 'server', kind: 'smtp.reply', fields: { code: '550', enhanced: '5.1.1', line: '550 5.1.1 No such mailbox' }, notes: [{ id: 'smtp.reply.550' }] })
const secret = event({ n: 3, session: 2, leg: 'server', kind: 'pop3.command', fields: { verb: 'PASS', line: 'PASS ****' }, secret: ['argument'], notes: [{ id: 'lint.password_in_clear' }] })
const fetch = event({ n: 4, session: 3, kind: 'imap.command', fields: { tag: 'A1', name: 'FETCH', line: 'A1 FETCH 1 (FLAGS)' } })
const all = [command, reply, secret, fetch]
const sessions: Record<number, ReturnType<typeof session>> = {
  1: session(),
  2: session({ id: 2, protocol: 'pop3' }),
  3: session({ id: 3, protocol: 'imap', tls: { client: { version: 'TLS 1.2' } } }),
}

const found = (text: string) => {
  const { test } = parseFilter(text)
  return all.filter((one) => !test || test(one, sessions[one.session])).map((one) => one.n)
}

describe('the filter', () => {
  it.each<[string, number[]]>([
    ['', [1, 2, 3, 4]],
    ['smtp', [1, 2]],
    ['POP3', [3]],
    ['code:550', [2]],
    ['code:5xx', [2]],
    ['code:5.1.*', [2]],
    ['code:2xx', []],
    ['from:client', [1, 3, 4]],
    ['from:server smtp', [2]],
    ['leg:server', [3]],
    ['cmd:fetch', [4]],
    ['cmd:F*', [4]],
    ['tag:a1', [4]],
    ['session:2-3', [3, 4]],
    ['n:3-', [3, 4]],
    ['secret', [3]],
    ['lint', [3]],
    ['tls:1.2', [4]],
    ['note:550', [2]],
    ['alice', [1]],
    ['"no such"', [2]],
    ['-smtp', [3, 4]],
    ['from:client -lint', [1, 4]],
    ['FROM:<alice', [1]],
  ])('%s', (text, want) => expect(found(text)).toEqual(want))

  it('says which word it does not understand, and goes by the others', () => {
    const filter = parseFilter('smtp from:nobody')
    expect(filter.wrong).toBe('from:nobody')
    expect(all.filter((one) => filter.test!(one, sessions[one.session])).map((one) => one.n)).toEqual([1, 2])
  })
  it('survives any text', () => {
    for (const text of ['-', '"', ':', 'code:', 'n:-', '((', '\\', 'code:[', '-"a b']) expect(() => found(text)).not.toThrow()
  })
})
