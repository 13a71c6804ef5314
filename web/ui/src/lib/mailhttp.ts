/** What only the octets of a message tell, asked of facteur. */
import { checked, get, looked, Refused, root } from './http'

export interface Part {
  path: string
  type: string
  charset?: string
  encoding?: string
  disposition?: string
  filename?: string
  octets: number
  decoded: number
  missing?: number
  faults?: number
  at: number
}

export interface Mail {
  n: number
  stuffed: boolean
  ended: boolean
  octets: number
  missing: number
  gaps: [number, number][]
  parts: Part[]
  left_out: number
}

export interface Link {
  text: string
  href: string
  deceives?: boolean
}

/** What a part's HTML would have loaded, run or sent. */
export interface HTMLReport {
  images: number
  pixels: number
  styles: number
  scripts: number
  forms: number
  frames: number
  refresh: number
  inline: number
  links: Link[]
  left_out: number
  too_deep: boolean
  charset: Charset
  octets: number
  missing: number
  trimmed: boolean
}

export type Charset = 'ok' | 'assumed' | 'unknown'

export interface PartText {
  text: string
  charset: Charset
  missing: number
  trimmed: boolean
}

const of = (session: number, n: number) => looked(`sessions/${session}/messages/${n}`)
const partOf = (session: number, n: number, path: string, as: string) => `${of(session, n)}/parts/${encodeURIComponent(path)}?as=${as}`

export const getMail = (session: number, n: number) => get<Mail>(of(session, n))
export const getReport = (session: number, n: number, path: string) => get<HTMLReport>(partOf(session, n, path, 'report'))
export const emlAddress = (session: number, n: number) => `${root}/${of(session, n)}/message.eml`
export const htmlAddress = (session: number, n: number, path: string) => `${root}/${partOf(session, n, path, 'html')}`
export const saveAddress = (session: number, n: number, path: string) => `${root}/${partOf(session, n, path, 'octets')}`

const ask = async (path: string) => checked(await fetch(`${root}/${path}`, { credentials: 'same-origin' }))

export async function getPartText(session: number, n: number, path: string): Promise<PartText> {
  const response = await ask(partOf(session, n, path, 'text'))
  const head = response.headers
  const charset = head.get('Facteur-Charset')
  return {
    text: await response.text(),
    charset: charset === 'assumed' || charset === 'unknown' ? charset : 'ok',
    missing: Number(head.get('Facteur-Missing') ?? 0),
    trimmed: head.get('Facteur-Trimmed') === 'true',
  }
}

/** Octets of the message from an offset in it on: what one answer holds. */
export async function getSource(session: number, n: number, from: number): Promise<Uint8Array> {
  return new Uint8Array(await (await ask(`${of(session, n)}/source?from=${from}`)).arrayBuffer())
}

/** facteur's word for what went wrong; '' where it said none. */
export const codeOf = (problem: unknown) => (problem instanceof Refused ? problem.refusal.error : '')
