import { describe, expect, it } from 'vitest'
import type { MailEvent } from '../src/lib/api'
import { lineSpan, noteOfLine, Story, type Wish } from '../src/lib/story'
import { event } from './helpers'

const wish = (over: Partial<Wish> = {}): Wish => ({ session: 0, legs: 'client', wire: false, filter: null, cursor: Infinity, turned: new Set(), ...over })

function tell(events: MailEvent[], over: Partial<Wish> = {}) {
  const story = new Story(wish(over), new Map())
  story.take(events)
  return story.rows.map((row) => (row.line ? `${row.n}.${row.line}` : `${row.n}${row.under ? `(${row.folded ? '' : '+'}${row.under})` : ''}`))
}

const reply = event({ n: 2, from: 'server', kind: 'smtp.reply', span: [0, 31], fields: { line: '250-mail\n250-SIZE 1\n250 OK' }, notes: [{ id: 'a' }, { id: 'b', span: [14, 20] }] })
const body = [
  event({ n: 1, kind: 'smtp.data.begin' }),
  event({ n: 2, kind: 'message.header' }),
  event({ n: 3, from: 'server', kind: 'smtp.reply' }),
  event({ n: 4, kind: 'smtp.data' }),
  event({ n: 5, kind: 'smtp.data.end' }),
  event({ n: 6 }),
]

describe('the story', () => {
  it('shows one leg, and what concerns the session on both', () => {
    const events = [event({ n: 1 }), event({ n: 2, leg: 'server' }), event({ n: 3, leg: 'server', kind: 'session.error' })]
    expect(tell(events)).toEqual(['1', '3'])
    expect(tell(events, { legs: 'server' })).toEqual(['2', '3'])
    expect(tell(events, { legs: 'both' })).toEqual(['1', '2', '3'])
  })

  it('leaves out records that were opened, not those that stay sealed', () => {
    const record = (n: number, opened: string) => event({ n, kind: 'tls.record', fields: { type: 'application_data', opened } })
    expect(tell([record(1, 'yes'), record(2, 'no')])).toEqual(['2'])
    expect(tell([record(1, 'yes'), record(2, 'no')], { wire: true })).toEqual(['1', '2'])
  })

  it('gives each line of a reply a row, unless the reader folds it', () => {
    expect(tell([reply])).toEqual(['2(+2)', '2.1', '2.2'])
    expect(tell([reply], { turned: new Set([2]) })).toEqual(['2(2)'])
  })

  it('folds a long reply until the reader unfolds it', () => {
    const long = event({ n: 1, fields: { line: Array(20).fill('x').join('\n') } })
    expect(tell([long])).toEqual(['1(19)'])
    expect(tell([long], { turned: new Set([1]) })).toHaveLength(20)
  })

  it('folds a body under its begin and lets the other side speak meanwhile', () => {
    expect(tell(body)).toEqual(['1(3)', '3', '6'])
    expect(tell(body, { turned: new Set([1]) })).toEqual(['1(+3)', '2', '3', '4', '5', '6'])
  })

  it('puts the items of a list under the response they follow', () => {
    const list = [
      event({ n: 1, from: 'server', kind: 'pop3.response', fields: { line: '+OK' } }),
      event({ n: 2, from: 'server', kind: 'pop3.item', fields: { line: 'TOP' } }),
      event({ n: 3, from: 'server', kind: 'pop3.data.end', fields: { line: '.' } }),
    ]
    expect(tell(list)).toEqual(['1(+2)', '2', '3'])
    expect(tell(list, { turned: new Set([1]) })).toEqual(['1(2)'])
  })

  it('ends a body when its stream speaks of something else', () => {
    expect(tell([event({ n: 1, kind: 'smtp.data.begin' }), event({ n: 2 }), event({ n: 3, kind: 'smtp.data' })])).toEqual(['1', '2', '3'])
  })

  it('tells the same whether events come one by one or all at once', () => {
    const story = new Story(wish(), new Map())
    const grown: MailEvent[] = []
    for (const one of body) {
      grown.push(one)
      story.take(grown)
    }
    const whole = new Story(wish(), new Map())
    whole.take(body)
    expect(story.rows).toEqual(whole.rows)
  })

  it('stops at the cursor and goes on from there', () => {
    const events = [event({ n: 1 }), event({ n: 2 }), event({ n: 3 })]
    const story = new Story(wish({ cursor: 2 }), new Map())
    story.take(events)
    expect(story.rows.map((row) => row.n)).toEqual([1, 2])
    expect(story.told).toBe(2)
    story.wish.cursor = 3
    story.take(events)
    expect(story.rows.map((row) => row.n)).toEqual([1, 2, 3])
  })

  it('answers a filter with single rows', () => {
    expect(tell(body, { filter: (one) => one.kind.startsWith('message.') })).toEqual(['2'])
  })
})

describe('lines of a reply', () => {
  it('know their octets and their note', () => {
    expect(lineSpan(reply, 0)).toEqual([0, 10])
    expect(lineSpan(reply, 1)).toEqual([10, 22])
    expect(lineSpan(reply, 2)).toEqual([22, 30])
    expect([0, 1, 2].map((line) => noteOfLine(reply, line))).toEqual([0, 1, -1])
  })
})
