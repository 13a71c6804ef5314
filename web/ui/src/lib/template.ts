/**
 * The template language of the notes, the same as in internal/notes/render.go; testdata/render.json there tests both.
 *
 *   {name}            the value of name
 *   {name|one|many}   a number, in the language's own way of writing, and the noun that agrees with it
 *   {name?text}       text, itself a template, if name has a value
 *   {{ and }}         a brace
 *
 * A word without a value is dropped together with the space before it; a pair of quotation marks or parentheses left
 * empty goes too. What is not well formed is text.
 */
import type { Lang } from './api'

export type Values = (name: string) => string

/** A value comes from the network and may be anything: it is cut to this many characters. */
const maxValue = 60

/** Bounds templates within templates; the catalogue uses two levels. */
const maxNesting = 8

/** Stands for a dropped word until the text around it is complete; no value can hold it. */
const hole = '\uE000'

type Part =
  | { form: 'text'; text: string }
  | { form: 'value'; name: string }
  | { form: 'count'; name: string; one: string; many: string }
  | { form: 'if'; name: string; body: Part[] }

const parsed = new Map<string, Part[]>()

function parse(source: string): Part[] {
  let template = parsed.get(source)
  if (!template) parsed.set(source, (template = parseLevel(source, 0)))
  return template
}

function parseLevel(source: string, level: number): Part[] {
  const parts: Part[] = []
  let text = ''
  for (let i = 0; i < source.length; ) {
    if (source.startsWith('{{', i) || source.startsWith('}}', i)) {
      text += source[i]
      i += 2
      continue
    }
    const read = source[i] === '{' ? parseWord(source.slice(i), level) : null
    if (!read) {
      text += source[i++]
      continue
    }
    if (text) parts.push({ form: 'text', text })
    text = ''
    parts.push(read.part)
    i += read.length
  }
  if (text) parts.push({ form: 'text', text })
  return parts
}

/** Reads the word that the source starts with; null if it is not one. */
function parseWord(source: string, level: number): { part: Part; length: number } | null {
  const head = /^\{([a-z0-9_]+)([}|?])/.exec(source)
  if (!head) return null
  const [{ length: start }, name = '', mark] = head
  if (mark === '}') return { part: { form: 'value', name }, length: start }
  if (mark === '|') {
    const end = source.indexOf('}', start)
    const [one = '', ...rest] = end < 0 ? [] : source.slice(start, end).split('|')
    if (rest.length !== 1 || /[{|]/.test(one + rest[0])) return null
    return { part: { form: 'count', name, one, many: rest[0]! }, length: end + 1 }
  }
  const end = matchingBrace(source, start)
  if (end < 0 || level === maxNesting) return null
  return { part: { form: 'if', name, body: parseLevel(source.slice(start, end), level + 1) }, length: end + 1 }
}

/** The place of the } that closes a body. Escaped braces inside a body are a pair and so cancel out. */
function matchingBrace(source: string, from: number): number {
  let depth = 0
  for (let i = from; i < source.length; i++) {
    if (source[i] === '{') depth++
    else if (source[i] === '}' && depth-- === 0) return i
  }
  return -1
}

export const render = (source: string, value: Values, lang: Lang): string => closeHoles(write(parse(source), value, lang))

function write(parts: Part[], value: Values, lang: Lang): string {
  let out = ''
  for (const part of parts) {
    if (part.form === 'text') {
      out += part.text
      continue
    }
    const found = clean(value(part.name))
    if (found === '') out += hole
    else if (part.form === 'if') out += write(part.body, value, lang)
    else if (part.form === 'count') out += counted(found, part.one, part.many, lang)
    else out += found
  }
  return out
}

const blank = /[\u0000-\u0020\u007f-\u009f\u2028\u2029]/
/** Would reorder the sentence, or forge a hole. */
const barred = /[\u202a-\u202e\u2066-\u2069\ue000]/

/** Writes the versions of TLS in a field, which are one word there ("TLS1.3, TLS1.2"), as people do. */
const spelt = (text: string) => (text.startsWith('TLS1.') ? text.replaceAll('TLS1.', 'TLS 1.') : text)

/** Makes a value fit to stand in a sentence: one line, no control characters, not too long. */
export function clean(text: string): string {
  let out = ''
  let count = 0
  let space = false
  for (const char of spelt(text).replace(/\p{Surrogate}/gu, '\ufffd')) {
    if (blank.test(char)) {
      space = count > 0
      continue
    }
    if (barred.test(char)) continue
    if (space) {
      out += ' '
      count++
      space = false
    }
    out += char
    if (++count > maxValue) return `${cut(out, maxValue - 1)}…`
  }
  return out
}

const cut = (text: string, length: number) => [...text].slice(0, length).join('').replace(/ +$/, '')

function counted(value: string, one: string, many: string, lang: Lang): string {
  if (!/^[0-9]+$/.test(value)) return `${value} ${many}`
  const digits = value.replace(/^0+(?=.)/, '')
  const single = digits === '1' || (digits === '0' && lang === 'fr')
  return `${grouped(digits, lang)} ${single ? one : many}`
}

/** Separates thousands: 2 310 with a narrow no-break space in French, 2,310 in English. */
export const grouped = (digits: string | number, lang: Lang): string => String(digits).replace(/\B(?=(\d{3})+$)/g, lang === 'fr' ? '\u202f' : ',')

const spaces = ' \u00a0\u202f'
const opening = '«“('
const closing: Record<string, string> = { '«': '»', '“': '”', '(': ')' }
/** What may not be preceded by the space that a dropped word leaves. */
const after = spaces + '.,;:!?)]»”…'

const trimRight = (text: string) => text.replace(/[ \u00a0\u202f]+$/, '')
const trimLeft = (text: string) => text.replace(/^[ \u00a0\u202f]+/, '')

/** Takes the holes out, from left to right, each with the space and the empty marks it leaves. */
function closeHoles(text: string): string {
  for (;;) {
    const at = text.indexOf(hole)
    if (at < 0) return text
    text = closeHole(text.slice(0, at), text.slice(at + 1)).join('')
  }
}

function closeHole(left: string, right: string): [string, string] {
  for (;;) {
    const l = trimRight(left)
    const r = trimLeft(right)
    if (l === '' || r === '' || closing[l.at(-1)!] !== r[0]) break
    left = l.slice(0, -1)
    right = r.slice(1)
  }
  if (right === '' || after.includes(right[0]!)) left = trimRight(left)
  if (left === '' || (opening + spaces).includes(left.at(-1)!)) right = trimLeft(right)
  return [left, right]
}
