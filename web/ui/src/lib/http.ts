/** Calls to facteur's API, on the page's own origin only. */
import type { Catalogue, Lang, MailEvent, Player, PlayerOrder, Opening, Refusal, Session, Share, Span, State, Tape } from './api'
import type { Stage, StageOrder } from './stage'

export const root = 'api/v1'

/** What is looked at: "" for facteur's own run, or the addresses of an open recording. */
let shown = ''
export const lookAt = (tape: string) => (shown = tape ? `tapes/${tape}/` : '')
/** The address under the API of something that is looked at. */
export const looked = (path: string) => shown + path

/** An answer that is not 2xx, with what facteur said about it in both languages. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly refusal: Refusal,
  ) {
    super(`${status} ${refusal.error}`)
  }
}

export async function checked(response: Response): Promise<Response> {
  if (response.ok) return response
  let refusal: Refusal = { error: `http_${response.status}` }
  try {
    const told = (await response.json()) as Refusal
    if (typeof told.error === 'string') refusal = told
  } catch {
    // not JSON: the status is all there is to say
  }
  throw new Refused(response.status, refusal)
}

export async function get<T>(path: string): Promise<T> {
  return (await (await checked(await fetch(`${root}/${path}`, { credentials: 'same-origin' }))).json()) as T
}

export const getState = () => get<State>('state')
export const getCatalogue = (lang: Lang) => get<Catalogue>(`catalogue/${lang}`)
export const getSessions = async () => (await get<{ sessions: Session[] | null }>(looked('sessions'))).sessions ?? []
export const getEvents = async (session: string, after: number, limit: number) =>
  (await get<{ events: MailEvent[] | null }>(looked(`events?after=${after}&session=${encodeURIComponent(session)}&limit=${limit}`))).events ?? []

export interface Octets {
  at: number
  data: Uint8Array
}

/** The octets of a span, masked by facteur; null when they are no longer kept. */
export async function getOctets(session: number, leg: string, from: string, layer: string, span: Span): Promise<Octets | null> {
  const query = new URLSearchParams({ leg, from, layer, span: `${span[0]}-${span[1]}` })
  try {
    const response = await checked(await fetch(`${root}/${looked(`sessions/${session}/octets`)}?${query}`, { credentials: 'same-origin' }))
    const given = response.headers.get('Facteur-Span')?.split('-')[0]
    return { at: given ? Number(given) : span[0], data: new Uint8Array(await response.arrayBuffer()) }
  } catch (problem) {
    if (problem instanceof Refused && problem.status === 404) return null
    throw problem
  }
}

/** Gives an order. Only a presenter may; facteur refuses others. */
async function post<T>(path: string, order: unknown): Promise<T> {
  const response = await fetch(`${root}/${path}`, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'Content-Type': 'application/json', Facteur: '1' },
    body: JSON.stringify(order),
  })
  return (await (await checked(response)).json()) as T
}

export const postPlayer = (order: PlayerOrder) => post<Player>(looked('player'), order)
export const postStage = (order: StageOrder) => post<Stage>('stage', order)

/** What is marked at an event of a recording. */
export interface KeptMark {
  session: number
  seq: number
  text: string
}
export const getMarks = () => get<{ kept: boolean; marks: KeptMark[] }>(looked('marks'))
export const postMark = (order: KeptMark & { on: boolean }) => post<{ kept: boolean }>(looked('marks'), order)

export const getTapes = async () => (await get<{ tapes: Tape[] }>('tapes')).tapes
export const postTape = (what: Opening) => post<Tape>('tapes', what)
export const getShare = () => get<Share>('share')

/** Lets a follower in by the code that the presenter shows. */
export async function join(code: string): Promise<'in' | 'wrong' | 'later'> {
  // the right code is answered with a redirect and the cookie, which a page may set but not see
  const response = await fetch(`./?token=${encodeURIComponent(code)}`, { redirect: 'manual', credentials: 'same-origin' })
  if (response.type === 'opaqueredirect' || response.ok) return 'in'
  return response.status === 429 ? 'later' : 'wrong'
}
