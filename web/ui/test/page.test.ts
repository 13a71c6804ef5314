import { describe, expect, it } from 'vitest'
import { actionOf, keyFor, rebind } from '../src/lib/keys'
import { readPlace, stepFrom, writePlace, type Place, type Written } from '../src/lib/place'
import { protectionOf, settingOf } from '../src/lib/security'
import { words as english } from '../src/i18n/words/en'
import { words as french } from '../src/i18n/words/fr'
import { event, session } from './helpers'

/** A sentence with numbers in its gaps, or lists of names where it wants those. */
function filled(part: (...words: unknown[]) => unknown): string {
  try {
    return String(part(2, 3, 4))
  } catch {
    return String(part(['a', 'b'], ['c'], ['d']))
  }
}

/** Every sentence of a dictionary; those with words to fill are given some. */
function sentences(part: unknown, path = ''): [string, string][] {
  if (typeof part === 'string') return [[path, part]]
  if (typeof part === 'function') return [[path, filled(part as (...words: unknown[]) => unknown)]]
  return Object.entries(part as object).flatMap(([key, value]) => sentences(value, `${path}.${key}`))
}

describe('the page’s sentences', () => {
  it('are in French typography', () => {
    for (const [path, text] of sentences(french)) {
      expect(text, path).not.toMatch(/ [;:!?»]|« |'/)
      expect(text, path).not.toMatch(/[a-zé][;!?]/i)
    }
  })
  it('are all there, none left in the other language', () => {
    const fr = sentences(french)
    const en = sentences(english)
    expect(en.map(([path]) => path)).toEqual(fr.map(([path]) => path))
    for (const [path, text] of en) expect(text, path).not.toMatch(/[éèàç«»]/)
  })
})

describe('shortcuts', () => {
  const press = (key: string, target: Element = document.body, over: Partial<KeyboardEvent> = {}) =>
    actionOf({ key, target, defaultPrevented: false, ctrlKey: false, metaKey: false, altKey: false, isComposing: false, ...over } as KeyboardEvent, true)

  it('go by the character, so that AZERTY and QWERTY are alike', () => {
    expect(press('j')).toBe('next')
    expect(press('?')).toBe('help')
    expect(press('/')).toBe('filter')
  })
  it('never fire in fields or with a modifier', () => {
    const field = document.body.appendChild(document.createElement('input'))
    expect(press('j', field)).toBeNull()
    expect(press('Escape', field)).toBeNull()
    expect(press('s', document.body, { ctrlKey: true })).toBeNull()
    field.remove()
  })
  it('leave a button its keys', () => {
    const button = document.body.appendChild(document.createElement('button'))
    expect(press(' ', button)).toBeNull()
    expect(press('Enter', button)).toBeNull()
    button.remove()
  })
  it('can be given to another key, which its owner then loses', () => {
    const own = rebind({}, 'follow', 'C')
    expect(keyFor('follow', own)).toBe('c')
    expect(keyFor('compare', own)).toBe('')
    const with_ = (key: string) => actionOf({ key, target: document.body } as unknown as KeyboardEvent, true, own)
    expect([with_('c'), with_('s'), with_('j')]).toEqual(['follow', null, 'next'])
    expect(rebind(own, 'follow', ' ')).toBe(own)
    expect(rebind(own, 'follow', 'Enter')).toBe(own)
  })
  it('can be switched off', () => {
    expect(actionOf({ key: 'j', target: document.body } as unknown as KeyboardEvent, false)).toBeNull()
  })
})

describe('addresses', () => {
  it('come back as they were written', () => {
    const places: Place[] = [
      { screen: 'live', session: 0, n: 0, leg: 'client', tape: '', args: {} },
      { screen: 'live', session: 3, n: 412, leg: 'both', tape: '', args: {} },
      { screen: 'compare', session: 1, n: 0, leg: 'client', tape: 'sample:smtp-clear', args: { pair: 'tls12-tls13' } },
    ]
    for (const place of places) expect(readPlace(writePlace(place))).toEqual(place)
  })
  it('take nothing strange', () => {
    expect(readPlace('#/nowhere?session=-1&n=1e9&leg=x')).toEqual({ screen: 'live', session: 0, n: 0, leg: 'client', tape: '', args: {} })
    expect(readPlace('')).toEqual({ screen: 'live', session: 0, n: 0, leg: 'client', tape: '', args: {} })
    expect(readPlace(`#/live?Bad=1&long=${'x'.repeat(300)}&a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1`).args).toEqual(Object.fromEntries([...'abcdefgh'].map((name) => [name, '1'])))
  })
})

describe('protection', () => {
  const route = { listen: 'imap://127.0.0.1:1143', upstream: 'imap://mail', protocol: 'imap', state: 'listening' } as const
  const tls = session({ route: route.listen, upstream: 'mail:143', security: { client: 'tls', server: 'tls' } })
  it('is intercepted on the client leg only where facteur ends TLS', () => {
    const intercepting = settingOf(tls, [{ ...route, tls: 'intercept' }])
    expect(protectionOf(event({ n: 1, layer: 'plain' }), intercepting)).toBe('intercepted')
    expect(protectionOf(event({ n: 1, layer: 'plain', leg: 'server' }), intercepting)).toBe('encrypted')
    expect(protectionOf(event({ n: 1, layer: 'plain' }), settingOf(tls, [{ ...route, tls: 'passthrough' }]))).toBe('encrypted')
  })
  it('is negotiating during the handshake, clear before it, failed at an alert', () => {
    const setting = settingOf(tls, [])
    expect(protectionOf(event({ n: 1, layer: 'tls', kind: 'tls.client_hello' }), setting)).toBe('negotiating')
    expect(protectionOf(event({ n: 1 }), setting)).toBe('clear')
    expect(protectionOf(event({ n: 1, layer: 'tls', kind: 'tls.alert', fields: { description: 'unknown_ca' } }), setting)).toBe('failed')
  })
  it('is what was agreed, when TLS says goodbye', () => {
    expect(protectionOf(event({ n: 1, layer: 'tls', kind: 'tls.alert', fields: { description: 'close_notify' } }), settingOf(tls, []))).toBe('intercepted')
  })
  it('stays clear under compression alone', () => {
    expect(protectionOf(event({ n: 1, layer: 'plain' }), settingOf(session(), []))).toBe('clear')
  })
})

describe('what back undoes', () => {
  const at = (hash: string): Written => ({ place: readPlace(hash), jumps: 0, time: 1000, changed: '' })
  const step = (from: string, to: string, { jumps = 0, time = 60_000 } = {}) => stepFrom(at(from), readPlace(to), jumps, time).step

  it('is a change of screen, session, leg or recording, and a jump', () => {
    for (const to of ['#/tls?session=1', '#/live?session=2', '#/live?session=1&leg=both', '#/live?session=1&tape=sample:x']) expect(step('#/live?session=1', to), to).toBe(true)
    expect(step('#/live?n=3', '#/live?n=90', { jumps: 1 })).toBe(true)
    expect(step('#/live?n=3', '#/live?n=4')).toBe(false)
  })
  it('is a choice on the screen, but not what is typed', () => {
    expect(step('#/compare?pair=a', '#/compare?pair=b')).toBe(true)
    expect(step('#/bytes?span=1-2', '#/bytes')).toBe(true)
    expect(step('#/library?q=a', '#/library?q=ab')).toBe(false)
  })
  it('is a whole gesture', () => {
    const first = stepFrom(at('#/bytes'), readPlace('#/bytes?span=1-2'), 0, 5000)
    const second = stepFrom(first.written, readPlace('#/bytes?span=1-9'), 0, 5300)
    const other = stepFrom(second.written, readPlace('#/bytes?span=1-9&layer=wire'), 0, 5400)
    const later = stepFrom(second.written, readPlace('#/bytes?span=4-5'), 0, 9000)
    expect([first.step, second.step, other.step, later.step]).toEqual([true, false, true, true])
  })
})
