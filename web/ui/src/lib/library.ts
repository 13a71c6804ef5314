/** The library of recordings and the samples, as facteur's API gives them (web/library.go, captures/samples). */
import type { Both, Lang } from './api'
import { checked, get, root } from './http'

export type Security = 'clear' | 'starttls' | 'tls'

export interface Recording {
  /** Its file's name, which stands for it. */
  name: string
  title: string
  began: string
  sessions: number
  events: number
  size: number
  secrets: 'masked' | 'anonymized' | 'kept' | ''
  fault: Both | null
  indexed: boolean
  /** Older than the library keeps. */
  old: boolean
  tags: string[]
  protocols: string[]
  tls: string[]
  security: Security[]
  client: string
  server: string
  lints: number
  errors: number
  marks: number
}

export interface Listing {
  dir: string
  indexing: boolean
  retention: number
  old: number
  recordings: Recording[]
}

export interface LibrarySession {
  number: number
  protocol: string
  client: string
  server: string
  tls: string
  user: string
  began: string
  ended: string
  events: number
  lints: number
  errors: number
}

export interface Mark {
  id: number
  session: number
  seq: number
  text: string
  made: string
}

export interface Contents {
  sessions: LibrarySession[]
  marks: Mark[]
}

export interface Hit {
  recording: string
  session: number
  seq: number
  time: string
  from: 'client' | 'server'
  kind: string
  line: string
  /** A note or tag, where that is what was found. */
  mark: string
}

export interface Sample {
  id: string
  title: Both
  story: Both
  points: { filter: string; text: Both }[]
  theme: string
  tags: string[]
  protocols: string[]
  security: 'clear' | 'starttls' | 'implicit' | 'mixed'
  tls?: string
  lesson?: string
  size: number
}

export interface Samples {
  samples: Sample[]
  themes: { id: string; title: Both }[]
  pairs: { id: string; title: Both; ids: string[] }[]
}

export const formats = ['html', 'markdown', 'text', 'jsonl', 'eml', 'pcapng', 'pcapng-nokeys', 'bundle'] as const
export type Format = (typeof formats)[number]

const one = (name: string) => `library/recordings/${encodeURIComponent(name)}`

export const getLibrary = () => get<Listing>('library')
export const getContents = (name: string) => get<Contents>(one(name))
export const getSamples = () => get<Samples>('samples')
export const search = (query: string, after: string) => get<{ hits: Hit[]; after: string }>(`library/search?${new URLSearchParams({ q: query, after })}`)

async function send(path: string, method: string, body: unknown, type = 'application/json'): Promise<Response> {
  const content = type === 'application/json' ? JSON.stringify(body) : (body as Blob)
  return checked(await fetch(`${root}/${path}`, { method, credentials: 'same-origin', headers: { 'Content-Type': type, Facteur: '1' }, body: method === 'DELETE' ? null : content }))
}

export type Change = { tag: string } | { untag: string } | { mark: { session: number; seq: number; text: string } } | { unmark: number }
export const change = (name: string, what: Change) => send(one(name), 'POST', what)
export const remove = (name: string) => send(one(name), 'DELETE', null)

/** Hands a file over, as it is read from disk: it is never in the page's memory as a whole. */
export async function upload(file: File): Promise<string> {
  const answer = await send(`uploads?${new URLSearchParams({ name: file.name })}`, 'PUT', file, 'application/octet-stream')
  return ((await answer.json()) as { upload: string }).upload
}

export async function importFile(upload: string, keylog: string, force: boolean): Promise<string[]> {
  const answer = await send('library/import', 'POST', { upload, keylog, force })
  return ((await answer.json()) as { names: string[] }).names
}

/** Where a recording, or one session of it, is downloaded in a form. */
export function exportURL(name: string, format: Format, lang: Lang, session = 0): string {
  const query = new URLSearchParams({ format: format === 'pcapng-nokeys' ? 'pcapng' : format, lang })
  if (format === 'pcapng-nokeys') query.set('keys', 'no')
  if (session) query.set('session', String(session))
  return `${root}/${one(name)}/export?${query}`
}

/** What was dropped: captures, each with the keys dropped with them. */
export function sortFiles(files: readonly File[]): { captures: File[]; keys: File | undefined; others: File[] } {
  const captures: File[] = []
  const others: File[] = []
  let keys: File | undefined
  for (const file of files) {
    if (/\.(pcap|pcapng|cap|facteur)(\.gz)?$/i.test(file.name)) captures.push(file)
    else if (/\.(txt|log|keys|keylog)$/i.test(file.name)) keys = file
    else others.push(file)
  }
  return { captures, keys, others }
}

/** A size in the words of its language. */
export function sizeText(octets: number, lang: Lang): string {
  const units = lang === 'fr' ? ['o', 'ko', 'Mo', 'Go'] : ['B', 'kB', 'MB', 'GB']
  let unit = 0
  let value = octets
  for (; value >= 1000 && unit < 3; unit++) value /= 1000
  const digits = unit === 0 || value >= 100 ? 0 : 1
  return `${value.toLocaleString(lang === 'fr' ? 'fr-FR' : 'en-GB', { maximumFractionDigits: digits, minimumFractionDigits: digits })}\u00a0${units[unit]}`
}

/** A day and time, short enough for a column. */
export function dayText(time: string, lang: Lang): string {
  if (!time) return ''
  return new Date(time).toLocaleString(lang === 'fr' ? 'fr-FR' : 'en-GB', { day: '2-digit', month: '2-digit', year: 'numeric', hour: '2-digit', minute: '2-digit' })
}
