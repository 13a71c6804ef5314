/** Two sessions side by side: what the API gives, and which words of a row differ. */
import { align } from './align'
import type { Session } from './api'
import { get } from './http'

/** What does not count in a difference, because only the moment knows it. */
export type As = 'tag' | 'date' | 'id' | 'queue_id' | 'number' | 'size' | 'port' | 'nonce' | 'uid' | 'tls' | 'credentials'

export interface Part {
  text: string
  as?: As
}

export type Op = 'same' | 'changed' | 'only_a' | 'only_b'

export interface Cell {
  /** Number of the event that the step begins with; absent when it is no longer kept. */
  n?: number
  step: number
  kind: 'greeting' | 'command' | 'upgrade'
  verb?: string
  line?: Part[]
  answer?: Part[]
  secure?: boolean
}

export interface DiffRow {
  op: Op
  /** Said only to come into TLS: no difference. */
  upgrade?: boolean
  asked?: boolean
  answered?: boolean
  a?: Cell
  b?: Cell
}

export interface DiffSession {
  ref: string
  session: number
  protocol: string
  security: 'clear' | 'starttls' | 'tls'
  opened: string
  steps: number
  missing?: { what: string; from: string; after: number; octets?: number }[]
  cut?: boolean
}

export interface Difference {
  a: DiffSession
  b: DiffSession
  equal: boolean
  rows: DiffRow[]
}

export const getDiff = (a: string, b: string) => get<Difference>(`diff?a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}`)

/** A session's name for the API: its number, or in a recording TAPE:NUMBER. */
export const refOf = (tape: string, session: number) => (tape ? `${tape}:${session}` : String(session))

/** Its tape ('' for the run) and number; null where it is neither. */
export function readRef(ref: string): { tape: string; session: number } | null {
  const [, tape = '', number = ''] = /^(?:([A-Za-z0-9_-]{1,64}):)?([1-9]\d{0,8})$/.exec(ref) ?? []
  return number ? { tape, session: Number(number) } : null
}

/** The two to compare where nobody chose: the last two sessions of the same protocol, the older one left. */
export function lastPair(sessions: Iterable<Session>): [number, number] | null {
  const all = [...sessions].sort((x, y) => Number(y.id) - Number(x.id))
  for (const [i, one] of all.entries()) {
    const before = all.slice(i + 1).find((other) => other.protocol === one.protocol && one.protocol !== '' && one.protocol !== 'unknown')
    if (before) return [Number(before.id), Number(one.id)]
  }
  return null
}

/** changed: a word that the other side has not; moment: differs, but does not count. */
export type Mark = '' | 'changed' | 'moment'

export interface Word {
  text: string
  mark: Mark
  as: As | ''
}

interface Token {
  text: string
  as: As | ''
  /** Tokens with the same key correspond. */
  key: string
}

/** A line end, a space, a word (with the dots and hyphens inside: a code, an address, a name), or a sign. */
const word = /\n|[^\S\n]+|[A-Za-z0-9_\u0080-\uffff]+(?:(?:\.|(?<=[A-Za-z])-)[A-Za-z0-9_\u0080-\uffff]+)*|[^\sA-Za-z0-9_\u0080-\uffff]/g

const tokens = (parts: readonly Part[]): Token[] =>
  parts.flatMap(({ text, as }) => (as ? [{ text, as, key: `\0${as}` }] : (text.match(word) ?? []).map((one): Token => ({ text: one, as: '', key: one }))))

/** Work on longer texts would show: beyond, only common beginnings and ends are found. */
const maxCells = 400_000

/**
 * The words of two texts, each marked where the other has it not.
 *
 * @param counts whether the texts differ in what counts; else a difference is of the moment
 */
export function wordDiff(a: readonly Part[], b: readonly Part[], counts: boolean): [Word[], Word[]] {
  const [x, y] = [tokens(a), tokens(b)]
  const mark: Mark = counts ? 'changed' : 'moment'
  const [inX, inY] = common(x, y)
  const words = (list: Token[], kept: readonly (Token | undefined)[]) =>
    join(list.map((token, i) => ({ text: token.text, as: token.as, mark: token.as ? (kept[i] && kept[i].text === token.text ? '' : 'moment') : kept[i] ? '' : mark })))
  return [words(x, inX), words(y, inY)]
}

/** The words of what only one side has: there is nothing to differ from. */
export const plainWords = (parts: readonly Part[]): Word[] => parts.map(({ text, as }) => ({ text, mark: '', as: as ?? '' }))

/** For each token of either list the one of the other that it corresponds to (longest common subsequence). */
function common(x: readonly Token[], y: readonly Token[]): [(Token | undefined)[], (Token | undefined)[]] {
  const inX: (Token | undefined)[] = new Array(x.length)
  const inY: (Token | undefined)[] = new Array(y.length)
  const tie = (i: number, j: number) => {
    inX[i] = y[j]
    inY[j] = x[i]
  }
  let start = 0
  while (start < x.length && start < y.length && x[start]!.key === y[start]!.key) tie(start, start++)
  let endX = x.length
  let endY = y.length
  while (endX > start && endY > start && x[endX - 1]!.key === y[endY - 1]!.key) tie(--endX, --endY)
  if ((endX - start) * (endY - start) > maxCells) return [inX, inY]
  const at = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
  for (const [i, j] of align(at(start, endX), at(start, endY), (i, j) => x[i]!.key === y[j]!.key)) if (i !== undefined && j !== undefined) tie(i, j)
  return [inX, inY]
}

/** Neighbours of the same kind as one; a space between two changed words is changed with them. */
function join(words: readonly Word[]): Word[] {
  const out: Word[] = []
  words.forEach((word, i) => {
    const last = out.at(-1)
    const between = /^[^\S\n]+$/.test(word.text) && word.mark === '' && word.as === '' && last?.mark === 'changed' && words[i + 1]?.mark === 'changed'
    const mark = between ? 'changed' : word.mark
    if (last && last.mark === mark && last.as === word.as && word.as === '') last.text += word.text
    else out.push({ ...word, mark })
  })
  return out
}

/** Whether a row is a difference; coming into TLS is none. */
export const differs = (row: DiffRow) => row.op !== 'same' && !row.upgrade

export interface Tally {
  same: number
  changed: number
  only_a: number
  only_b: number
  upgrade: number
}

export function tally(rows: readonly DiffRow[]): Tally {
  const counts: Tally = { same: 0, changed: 0, only_a: 0, only_b: 0, upgrade: 0 }
  for (const row of rows) counts[row.op !== 'same' && row.upgrade ? 'upgrade' : row.op]++
  return counts
}
