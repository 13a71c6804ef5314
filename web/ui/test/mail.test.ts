import { describe, expect, it } from 'vitest'
import type { MailEvent } from '../src/lib/api'
import { Mailbag, verdict } from '../src/lib/mail'
import { addresses } from '../src/lib/mailaddress'
import { findings } from '../src/lib/mailfindings'
import { claimsOf, proofsOf, signatureFaults } from '../src/lib/mailproofs'
import { dateOf, hopsOf, securedBy } from '../src/lib/mailroute'
import { sourceLines } from '../src/lib/source'

/** Events as facteur tells them, with what the letters need. */
function tell(list: [from: 'client' | 'server', kind: string, fields?: Record<string, string>, re?: number][], layer: MailEvent['layer'] = 'wire'): MailEvent[] {
  return list.map(([from, kind, fields = {}, re], i) => ({
    n: i + 1,
    session: 1,
    seq: i + 1,
    time: '2026-11-23T08:00:00Z',
    leg: 'client',
    from,
    layer,
    span: [i, i + 1],
    kind,
    fields,
    ...(re ? { re } : {}),
  }))
}
const bagOf = (events: MailEvent[]) => {
  const bag = new Mailbag(1, 'client')
  bag.take(events, Infinity)
  return bag.letters
}
const header = (name: string, value: string, more = {}): ['client', string, Record<string, string>, number] => ['client', 'message.header', { name, value, ...more }, 7]
const smtp = (...headers: ReturnType<typeof header>[]) =>
  tell([
    ['client', 'smtp.command', { verb: 'MAIL', from: 'a@x.test' }],
    ['server', 'smtp.reply', { code: '250' }, 1],
    ['client', 'smtp.command', { verb: 'RCPT', to: 'b@y.test' }],
    ['server', 'smtp.reply', { code: '250' }, 3],
    ['client', 'smtp.command', { verb: 'RCPT', to: 'c@y.test' }],
    ['server', 'smtp.reply', { code: '550' }, 5],
    ['client', 'smtp.command', { verb: 'DATA' }],
    ['server', 'smtp.reply', { code: '354' }, 7],
    ['client', 'smtp.data.begin', {}, 7],
    ...headers,
    ['client', 'message.headers_end', {}, 7],
    ['client', 'smtp.data.end', { octets: '321' }, 7],
    ['server', 'smtp.reply', { code: '250' }, 7],
  ])
const ids = (events: MailEvent[]) => findings(bagOf(events)[0]!).map((one) => one.id)

describe('a letter', () => {
  it('has its envelope, with the reply to each step and the last word', () => {
    const [letter] = bagOf(smtp(header('From', 'a@x.test')))
    expect([letter!.sender!.address, verdict(letter!.sender!.reply)]).toEqual(['a@x.test', 'yes'])
    expect(letter!.recipients.map((step) => [step.address, verdict(step.reply)])).toEqual([['b@y.test', 'yes'], ['c@y.test', 'no']])
    expect(letter!.replies.map((reply) => reply.fields!['code'])).toEqual(['250'])
    expect([letter!.how, letter!.ended, letter!.octets, letter!.headed]).toEqual(['DATA', true, 321, true])
  })
  it('keeps to the header of the message, not of its parts, and shows no more than the player has told', () => {
    const events = tell([['client', 'smtp.data.begin', {}, 7], header('Subject', 'one'), ['client', 'message.headers_end', {}, 7], header('Subject', 'of a part')])
    expect(bagOf(events)[0]!.fields.map((field) => field.value)).toEqual(['one'])
    const bag = new Mailbag(1, 'client')
    expect(bag.take(events, 1)).toBe(true)
    expect(bag.letters[0]!.fields).toEqual([])
    expect(bag.take(events, 2)).toBe(true)
    expect(bag.letters[0]!.fields.length).toBe(1)
  })
  it('is one through all its chunks, and ends with the last (RFC 3030)', () => {
    const events = tell([
      ['client', 'smtp.command', { verb: 'BDAT', size: '10' }],
      ['client', 'smtp.data.begin', { octets: '10' }, 1],
      ['client', 'smtp.data.end', { octets: '10' }, 1],
      ['client', 'smtp.command', { verb: 'BDAT', size: '5', last: 'LAST' }],
      ['client', 'smtp.data.begin', { octets: '5' }, 4],
      ['client', 'smtp.data.end', { octets: '15' }, 4],
      ['server', 'smtp.reply', { code: '250' }, 4],
    ])
    expect(bagOf(events.slice(0, 3))[0]!.ended).toBe(false)
    const letters = bagOf(events)
    expect(letters.map((one) => [one.how, one.ended, one.octets, one.replies.length])).toEqual([['BDAT', true, 15, 1]])
  })
  it('of IMAP has mailbox, number, UID and flags, also those told behind the literal', () => {
    const [letter] = bagOf(
      tell([
        ['client', 'imap.command', { name: 'SELECT', mailbox: 'INBOX' }],
        ['server', 'imap.data.begin', { what: 'BODY[]', line: '* 3 FETCH (BODY[] {5}' }],
        ['server', 'imap.data.end', { octets: '5' }, 2],
        ['server', 'imap.response', { name: 'FETCH', number: '3', uid: '17', flags: '\\Seen' }],
      ]),
    )
    expect([letter!.how, letter!.section, letter!.mailbox, letter!.number, letter!.uid, letter!.flags]).toEqual(['FETCH', '', 'INBOX', '3', '17', '\\Seen'])
  })
  it('of POP3 has its number, and what the first lines (TOP) are is said', () => {
    const events = tell([['client', 'pop3.command', { verb: 'TOP', number: '2' }], ['server', 'pop3.response', { status: '+OK' }, 1], ['server', 'pop3.data.begin', {}, 1], ['server', 'pop3.data.end', { octets: '9' }, 1]])
    expect(bagOf(events).map((one) => [one.how, one.number, one.from, one.octets])).toEqual([['TOP', '2', 'server', 9]])
  })
  it('is none where a literal holds something else', () => {
    expect(bagOf(tell([['client', 'imap.data.begin', { what: 'literal', line: 'a LOGIN {3}' }]]))).toEqual([])
  })
})

describe('envelope beside header', () => {
  it('says when both agree', () => {
    const events = smtp(header('From', 'A <A@X.test>'), header('To', 'b@y.test, c@y.test'), header('Date', 'x'))
    expect(ids(events)).toEqual(['refused', 'same'])
  })
  it('explains where they differ: sender, blind copy, recipients elsewhere', () => {
    expect(ids(smtp(header('From', 'z@x.test'), header('To', 'b@y.test, d@z.test'), header('Date', 'x')))).toEqual(['sender', 'bcc', 'unsent', 'refused'])
    expect(ids(smtp(header('From', 'a@other.test'), header('To', 'b@y.test'), header('Cc', 'c@y.test'), header('Date', 'x')))).toEqual(['senderDomain', 'refused'])
  })
  it('warns of what a header hides or shows by mistake', () => {
    const found = ids(smtp(header('From', '"service@banque.test" <a@x.test>'), header('From', 'b@x.test'), header('Bcc', 'c@y.test'), header('Reply-To', 'v@w.test'), header('To', 'b@y.test')))
    expect(found).toEqual(expect.arrayContaining(['bccField', 'fromTwice', 'nameLies', 'replyTo', 'noDate']))
  })
})

describe('addresses', () => {
  it('are read through names, comments, groups, quotes and routes', () => {
    expect(addresses('"Lef\\"èvre, Bob" <b@y.test>, c@y.test (Carl, x@z), Team: d@y.test, e@y.test;, <@r.test:f@y.test>, nobody').map((one) => [one.name, one.address])).toEqual([
      ['Lef"èvre, Bob', 'b@y.test'],
      ['', 'c@y.test'],
      ['', 'd@y.test'],
      ['', 'e@y.test'],
      ['', 'f@y.test'],
    ])
  })
  it('of hostile length are read in time', () => {
    const began = performance.now()
    addresses('('.repeat(200_000) + '<'.repeat(200_000))
    expect(performance.now() - began).toBeLessThan(1500)
  })
})

describe('the route', () => {
  it('runs from the oldest hop to this session, with delays and padlocks', () => {
    const events = smtp(
      header('Received', '', { from: 'b', by: 'c', with: 'ESMTPS', date: 'Mon, 23 Nov 2026 08:59:00 +0100 (CET)' }),
      header('Received', '', { from: 'a', by: 'b', with: 'ESMTP', date: 'Mon, 23 Nov 2026 08:58:00 +0100' }),
    )
    const hops = hopsOf(bagOf(events)[0]!, undefined)
    expect(hops.map((hop) => [hop.by, hop.secure, hop.delay, hop.here])).toEqual([
      ['b', 'no', NaN, false],
      ['c', 'yes', 60_000, false],
      ['', 'no', 60_000, true],
    ])
  })
  it('reads the words of RFC 3848 and says nothing where nothing is said', () => {
    expect(['ESMTPSA', 'LMTPS', 'UTF8SMTPS', 'esmtpa id 3', 'SMTP', 'HTTP', ''].map(securedBy)).toEqual(['yes', 'yes', 'yes', 'no', 'no', '', ''])
    expect(dateOf('not a date')).toBeNaN()
  })
})

describe('proofs', () => {
  const proof = (name: string, fields: Record<string, string>) => proofsOf(bagOf(smtp(header(name, '', fields)))[0]!)[0]!
  it('are taken apart, each result with its state', () => {
    const field = proof('Authentication-Results', { host: 'mx', 'result.dkim': 'pass header.d=x.test\nfail header.d=y.test', 'result.spf': 'softfail' })
    expect(claimsOf(field).map((one) => [one.name, one.state])).toEqual([['host', ''], ['dkim', 'pass'], ['dkim', 'fail'], ['spf', 'soft']])
  })
  it('that are weaker than they look are named so', () => {
    const field = proof('DKIM-Signature', { 'tag.a': 'rsa-sha1', 'tag.l': '120', 'tag.h': 'to:subject', 'tag.x': '100' })
    expect(signatureFaults(field)).toEqual(['sha1', 'length', 'noFrom', 'expired'])
    expect(signatureFaults(proof('DKIM-Signature', { 'tag.a': 'ed25519-sha256', 'tag.h': 'From : To' }))).toEqual([])
  })
})

describe('the source', () => {
  const octets = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))
  it('shows each line end for what it is', () => {
    expect(sourceLines(octets('a\r\nb\nc\rd'), 0, []).map((line) => [line.text, line.end])).toEqual([['a', 'crlf'], ['b', 'lf'], ['c', 'cr'], ['d', '']])
  })
  it('shows octets that are no UTF-8 by their number, and others as they are', () => {
    expect(sourceLines(octets('caf\xe9\r\ncaf\xc3\xa9'), 0, []).map((line) => line.text)).toEqual(['caf\\xE9', 'café'])
  })
  it('cuts endless lines, and says what is missing where it is missing', () => {
    const long = sourceLines(octets('x'.repeat(2000)), 0, [])
    expect(long.map((line) => line.end)).toEqual(['cut', 'cut', 'cut', ''])
    expect(sourceLines(octets('ab\r\ncd'), 0, [[3, 500]]).map((line) => line.gap ?? line.text)).toEqual(['ab', 500, '', 'cd'])
    expect(sourceLines(octets('\x80'.repeat(3000)), 0, []).every((line) => line.text.length <= 4 * 520)).toBe(true)
  })
})
