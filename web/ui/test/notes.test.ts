import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Catalogue, Lang } from '../src/lib/api'
import { explain, gravest, lookup, oneLine, words } from '../src/lib/notes'
import { grouped, render } from '../src/lib/template'
import { event } from './helpers'

const fill = (template: string, values: Record<string, string>, lang: Lang = 'fr') => render(template, (name) => values[name] ?? '', lang)

describe('templates', () => {
  it.each<[string, Record<string, string>, Lang, string]>([
    ['{code} {text}', { code: '250', text: 'Ok' }, 'fr', '250 Ok'],
    ['{n|octet|octets}', { n: '0' }, 'fr', '0 octet'],
    ['{n|octet|octets}', { n: '0' }, 'en', '0 octets'],
    ['{n|octet|octets}', { n: '1' }, 'en', '1 octet'],
    ['{n|octet|octets}', { n: '10485760' }, 'fr', '10\u202f485\u202f760 octets'],
    ['{n|octet|octets}', { n: '10485760' }, 'en', '10,485,760 octets'],
    ['taille{n? de {n|octet|octets}}', { n: '2' }, 'fr', 'taille de 2 octets'],
    ['taille{n? de {n|octet|octets}}', {}, 'fr', 'taille'],
    ['Le client « {name} » part.', {}, 'fr', 'Le client part.'],
    ['ligne {x}, fin', {}, 'fr', 'ligne, fin'],
    ['(“{x}”) end', {}, 'en', 'end'],
    ['{{x}} {', { x: '1' }, 'fr', '{x} {'],
    ['{UPPER} {a|b}', {}, 'fr', '{UPPER} {a|b}'],
    ['{x}', { x: 'a\r\nb\u202ec' }, 'fr', 'a bc'],
    ['{x}', { x: 'y'.repeat(100) }, 'fr', `${'y'.repeat(59)}…`],
    ['{x}', { x: '{x}' }, 'fr', '{x}'],
  ])('%s', (template, values, lang, want) => expect(fill(template, values, lang)).toBe(want))

  it('groups thousands', () => {
    expect(grouped(999, 'fr')).toBe('999')
    expect(grouped(1000, 'en')).toBe('1,000')
  })
})

/** Cases of internal/notes/testdata/render.json: the same vectors test the Go side, and hold the two renderers together. */
interface Vector {
  name: string
  template: string
  fields: Record<string, string>
  lang: Lang
  expected: string
}

const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '../../../internal/notes/testdata/render.json'), 'utf8')) as Vector[]

describe('the vectors of internal/notes', () => {
  it('are there', () => expect(vectors.length).toBeGreaterThan(20))
  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_, { template, fields, lang, expected }) => {
    expect(render(template, words(event({ n: 1, fields }), { id: '' }, ''), lang)).toBe(expected)
  })
})

const catalogue: Catalogue = {
  lang: 'fr',
  notes: {
    'smtp.reply': { line: 'Réponse {word}' },
    'smtp.reply.250': { line: 'Accepté : {text}', more: '{code}', refs: [{ label: 'RFC 5321', url: 'https://www.rfc-editor.org/rfc/rfc5321' }] },
    'lint.nul': { line: 'Octet nul' },
    unknown: { line: '?{rest}' },
  },
  glossary: {},
}

describe('notes', () => {
  it('are looked up by dropping the end of the id', () => {
    expect(lookup(catalogue, 'smtp.reply.250.RCPT')).toMatchObject({ id: 'smtp.reply.250', rest: 'RCPT' })
    expect(lookup(catalogue, 'smtp.reply.251.RCPT')).toMatchObject({ id: 'smtp.reply', rest: '251.RCPT' })
    expect(lookup(catalogue, 'imap.done')).toMatchObject({ id: 'unknown', rest: 'imap.done' })
    expect(lookup(catalogue, 'constructor')).toMatchObject({ id: 'unknown' })
    expect(lookup(null, 'smtp.reply')).toBeNull()
  })
  it('take words from arguments, then from fields', () => {
    const told = event({ n: 1, fields: { text: 'Ok', code: '250' } })
    expect(explain(catalogue, told, { id: 'smtp.reply.250' })).toMatchObject({ line: 'Accepté : Ok', more: '250' })
    expect(explain(catalogue, told, { id: 'smtp.reply.250', args: { text: 'Oui' } })?.line).toBe('Accepté : Oui')
  })
  it('know what warns', () => {
    expect(gravest(event({ n: 1, notes: [{ id: 'smtp.reply' }, { id: 'lint.nul' }] }))).toBe('lint')
    expect(gravest(event({ n: 1, notes: [{ id: 'session.error.limit' }, { id: 'lint.nul' }] }))).toBe('error')
    expect(gravest(event({ n: 1, notes: [{ id: 'tls.alert.close_notify' }] }))).toBe('note')
    expect(oneLine(catalogue, event({ n: 1 }))).toBe('')
  })
})
