import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { MailEvent } from '../src/lib/api'
import { show, triggerText } from '../src/lib/figure'
import { layout, type PlacedBox } from '../src/lib/layout'
import { choices, counts, figure, walk, type Machine } from '../src/lib/states'
import { en } from '../src/screens/states/en'
import { fr } from '../src/screens/states/fr'
import { event } from './helpers'

const texts = { fr, en }

const { machines } = JSON.parse(readFileSync(join(import.meta.dirname, '../e2e/mock/states.json'), 'utf8')) as { machines: Machine[] }
const machine = (id: string) => machines.find((one) => one.id === id)!

const overlap = (a: PlacedBox, b: PlacedBox) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height

describe('layout', () => {
  for (const one of machines) {
    for (const lang of ['fr', 'en'] as const) {
      it(`puts no box or label of ${one.id} over another (${lang})`, () => {
        const { drawing } = show(one, texts[lang])
        const all = [...drawing.boxes, ...drawing.arrows]
        for (const a of all) {
          expect(a.x).toBeGreaterThanOrEqual(0)
          expect(a.x + a.width).toBeLessThanOrEqual(drawing.width + 0.01)
          expect(a.y + a.height).toBeLessThanOrEqual(drawing.height + 0.01)
          for (const b of all) if (a !== b && overlap(a, b)) throw new Error(`${a.id} lies over ${b.id}`)
        }
        // wide enough for a laptop beside the list, so that nobody scrolls sideways there
        expect(drawing.width).toBeLessThan(62)
      })

      it(`leads every arrow of ${one.id} from edge to edge, and over no box (${lang})`, () => {
        const { drawing, figure: made } = show(one, texts[lang])
        const box = (id: string) => drawing.boxes.find((other) => other.id === id)!
        for (const arrow of drawing.arrows) {
          const { from, to } = made.arrows.find((other) => other.id === arrow.id)!
          const target = box(to)
          expect(arrow.head.y).toBeCloseTo(arrow.head.up ? target.y + target.height : target.y, 2)
          expect(arrow.head.x).toBeGreaterThan(target.x)
          expect(arrow.head.x).toBeLessThan(target.x + target.width)
          for (const [x, y] of sampled(arrow.path)) {
            for (const other of drawing.boxes) {
              if (other.id === from || other.id === to) continue
              const inside = x > other.x && x < other.x + other.width && y > other.y && y < other.y + other.height
              if (inside) throw new Error(`${arrow.id} runs over ${other.id}`)
            }
          }
        }
      })
    }
  }

  it('is the same every time', () => {
    expect(show(machine('tls1.2'), texts.fr)).toEqual(show(machine('tls1.2'), texts.fr))
  })

  it('takes cycles, lonely boxes and arrows to nowhere', () => {
    const box = (id: string) => ({ id, width: 4, height: 2 })
    const arrow = (from: string, to: string) => ({ ...box(`${from}${to}`), from, to })
    const drawing = layout([box('a'), box('b'), box('c')], [arrow('a', 'b'), arrow('b', 'a'), arrow('a', 'a'), arrow('a', 'x')], { layer: 1, side: 1, lane: 1 })
    expect(drawing.boxes).toHaveLength(3)
    expect(drawing.arrows.map((one) => [one.id, one.head.up])).toEqual([['ab', false], ['ba', true]])
    expect(layout([], [], { layer: 1, side: 1, lane: 1 })).toEqual({ boxes: [], arrows: [], width: 0, height: -1 })
  })
})

/** Points on a path of M, C and L. */
function sampled(path: string): [number, number][] {
  const points: [number, number][] = []
  let at: [number, number] = [0, 0]
  for (const [, verb, rest] of path.matchAll(/([MCL])([^MCL]+)/g)) {
    const n = rest!.trim().split(' ').map(Number)
    const end: [number, number] = [n.at(-2)!, n.at(-1)!]
    if (verb === 'C') {
      for (let t = 0; t <= 1; t += 0.05) {
        const u = 1 - t
        const mix = (i: 0 | 1) => u ** 3 * at[i] + 3 * u * u * t * n[i]! + 3 * u * t * t * n[2 + i]! + t ** 3 * end[i]
        points.push([mix(0), mix(1)])
      }
    }
    points.push(end)
    at = end
  }
  return points
}

describe('figure', () => {
  it('has every transition of the table somewhere: one of any state in the arrows of its normal course, or within the state it leads to', () => {
    for (const one of machines) {
      const made = figure(one)
      const seen = new Set([...made.arrows.flatMap((arrow) => arrow.transitions), ...made.states.flatMap((state) => [...state.loops, ...state.stubs])])
      one.transitions.forEach((row, i) => {
        const drawn = one.transitions.some((other, at) => seen.has(at) && other.trigger === row.trigger && other.answer === row.answer && other.to === row.to)
        expect([one.id, row, drawn && (seen.has(i) || row.from === '')]).toEqual([one.id, row, true])
      })
    }
  })

  it('says where what is accepted in any state comes from in the normal course, and once what may follow', () => {
    const smtp = machine('smtp')
    expect(figure(smtp).arrows.filter((arrow) => arrow.to === 'envelope').map((arrow) => arrow.from)).toEqual(['ready', 'authenticated', 'delivered', 'refused'])
    expect(choices(smtp, 'delivered').find((one) => one.trigger === 'MAIL')?.ways).toEqual([{ answer: '2', to: 'envelope' }])
    expect(choices(smtp, 'greeted')[0]?.trigger).toBe('EHLO')
  })

  it('folds what is too tall into columns that fit a laptop, and tells in a box what leads into another', () => {
    const room = { width: 54, height: 39 }
    for (const one of machines) {
      for (const lang of ['fr', 'en'] as const) {
        const { drawing, figure: made, notes } = show(one, texts[lang], room)
        expect([one.id, drawing.width * drawing.scale <= room.width + 0.01 && drawing.height * drawing.scale <= room.height + 0.01]).toEqual([one.id, true])
        expect([one.id, drawing.scale >= 0.8]).toEqual([one.id, true])
        const told = [...drawing.leaving.values()].flat()
        expect([...drawing.arrows.map((arrow) => arrow.id), ...told].sort()).toEqual(made.arrows.map((arrow) => arrow.id).sort())
        for (const [id, leaving] of drawing.leaving) {
          const lines = notes.get(id)!.filter((line) => line.how === 'leaves')
          expect(lines.length).toBe(made.arrows.filter((arrow) => leaving.includes(arrow.id)).reduce((sum, arrow) => sum + arrow.transitions.length, 0))
        }
        const all = [...drawing.boxes, ...drawing.arrows]
        for (const a of all) for (const b of all) if (a !== b && overlap(a, b)) throw new Error(`${a.id} lies over ${b.id}`)
      }
    }
  })

  it('names every state and machine in both languages', () => {
    for (const lang of ['fr', 'en'] as const) {
      for (const one of machines) {
        expect(texts[lang].machines[one.id]).toBeTruthy()
        for (const state of one.states) expect([state.id, texts[lang].names[state.id]]).not.toContain(undefined)
      }
    }
  })

  it('tells what moves it in a word or two', () => {
    const t = (id: string, trigger: string, answer: string) => triggerText(id, { trigger, answer }, texts.en)
    expect(t('smtp', 'MAIL', '2')).toBe('MAIL 2xx')
    expect(t('smtp', 'any', '421')).toBe('any command 421')
    expect(t('smtp', 'BDAT', 'LAST 2')).toBe('BDAT LAST 2xx')
    expect(t('smtp', '.', '5')).toBe('end of message 5xx')
    expect(t('imap', 'untagged', 'BYE')).toBe('* BYE')
    expect(t('tls1.3', 'server', 'certificate_verify')).toBe('←S CertificateVerify')
  })
})

let n = 0
const next = (over: Partial<MailEvent>) => event({ n: ++n, ...over })
const command = (verb: string) => next({ kind: 'smtp.command', fields: { verb } })
const reply = (code: string, re: number, state?: string) => next({ kind: 'smtp.reply', from: 'server', re, fields: { code, ...(state ? { state } : {}) } })
const arrowsOf = (id: string, events: MailEvent[]) => walk(machine(id), events, 1, 'client').map((step) => [step.to, machine(id).transitions[step.arrow]?.trigger])

describe('walk', () => {
  it('follows what the decoder says, along the arrow of the verb', () => {
    n = 0
    const events = [reply('220', 0, 'greeted'), command('EHLO'), reply('250', 2, 'ready'), command('MAIL'), reply('250', 4, 'envelope'), command('RCPT'), reply('250', 6, 'recipients'), command('RCPT'), reply('550', 8), command('RCPT'), reply('250', 10)]
    expect(arrowsOf('smtp', events)).toEqual([
      ['greeted', 'greeting'],
      ['ready', 'EHLO'],
      ['envelope', 'MAIL'],
      ['recipients', 'RCPT'],
      ['recipients', 'RCPT'],
    ])
    const { states, arrows } = counts(walk(machine('smtp'), events, 1, 'client'))
    expect(states.get('recipients')).toBe(2)
    expect(arrows.get('envelope → recipients')).toBe(1)
    expect(arrows.get('recipients → recipients')).toBe(1)
  })

  it('knows the end of a message, pipelined commands and the goodbye of a server', () => {
    n = 0
    const events = [reply('220', 0, 'greeted'), command('EHLO'), reply('250', 2, 'ready'), command('MAIL'), command('RCPT'), command('DATA'), reply('250', 4, 'envelope'), reply('250', 5, 'recipients'), reply('354', 6, 'message'), reply('250', 6, 'delivered'), command('NOOP'), reply('421', 11, 'closing')]
    expect(arrowsOf('smtp', events).slice(2)).toEqual([
      ['envelope', 'MAIL'],
      ['recipients', 'RCPT'],
      ['message', 'DATA'],
      ['delivered', '.'],
      ['closing', 'any'],
    ])
  })

  it('goes on where the beginning was not captured', () => {
    n = 0
    expect(arrowsOf('imap', [next({ kind: 'imap.response', from: 'server', fields: { tag: 'a', name: 'OK', state: 'selected' } })])).toEqual([['selected', 'SELECT']])
  })

  it('follows a handshake by its messages and stops where some are hidden', () => {
    n = 0
    const tls = (kind: string, from: 'client' | 'server', fields = {}) => next({ kind: `tls.${kind}`, from, layer: 'tls', fields })
    const hello = [tls('client_hello', 'client'), tls('record', 'server', { type: 'handshake' }), tls('server_hello', 'server'), tls('change_cipher_spec', 'server'), tls('encrypted_extensions', 'server')]
    expect(walk(machine('tls1.3'), hello, 1, 'client').map((step) => step.to)).toEqual(['offered', 'enciphered', 'parameters'])
    const sealed = [...hello.slice(0, 3), tls('record', 'server', { opened: 'no' }), tls('encrypted_extensions', 'server')]
    expect(walk(machine('tls1.3'), sealed, 1, 'client').map((step) => step.to)).toEqual(['offered', 'enciphered'])
  })
})

describe('choices', () => {
  it('are the triggers of the state first, then those of every state', () => {
    const names = choices(machine('smtp'), 'recipients').map((choice) => choice.trigger)
    expect(names.slice(0, 3)).toEqual(expect.arrayContaining(['DATA', 'BDAT', 'RCPT']))
    expect(names).toContain('QUIT')
    expect(choices(machine('pop3'), 'update')).toEqual([])
    expect(choices(machine('imap'), 'connected')[0]).toMatchObject({ trigger: 'greeting', ways: [{ answer: 'OK' }, { answer: 'PREAUTH' }, { answer: 'BYE' }] })
  })
})
