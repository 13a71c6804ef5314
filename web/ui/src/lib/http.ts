/** Calls to facteur's API, on the page's own origin only. */
import type { Catalogue, Lang, MailEvent, Player, PlayerOrder, Refusal, Session, Span, State } from './api'

const root = 'api/v1'

/** An answer that is not 2xx, with what facteur said about it in both languages. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly refusal: Refusal,
  ) {
    super(`${status} ${refusal.error}`)
  }
}

async function checked(response: Response): Promise<Response> {
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

async function get<T>(path: string): Promise<T> {
  return (await (await checked(await fetch(`${root}/${path}`, { credentials: 'same-origin' }))).json()) as T
}

export const getState = () => get<State>('state')
export const getCatalogue = (lang: Lang) => get<Catalogue>(`catalogue/${lang}`)
export const getSessions = async () => (await get<{ sessions: Session[] | null }>('sessions')).sessions ?? []
export const getEvents = async (session: string, after: number, limit: number) =>
  (await get<{ events: MailEvent[] | null }>(`events?after=${after}&session=${encodeURIComponent(session)}&limit=${limit}`)).events ?? []

export interface Octets {
  at: number
  data: Uint8Array
}

/** The octets of a span, masked by facteur; null when they are no longer kept. */
export async function getOctets(session: number, leg: string, from: string, layer: string, span: Span): Promise<Octets | null> {
  const query = new URLSearchParams({ leg, from, layer, span: `${span[0]}-${span[1]}` })
  try {
    const response = await checked(await fetch(`${root}/sessions/${session}/octets?${query}`, { credentials: 'same-origin' }))
    const given = response.headers.get('Facteur-Span')?.split('-')[0]
    return { at: given ? Number(given) : span[0], data: new Uint8Array(await response.arrayBuffer()) }
  } catch (problem) {
    if (problem instanceof Refused && problem.status === 404) return null
    throw problem
  }
}

/** Only a presenter may steer the player; facteur refuses others. */
export async function postPlayer(order: PlayerOrder): Promise<Player> {
  const response = await fetch(`${root}/player`, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'Content-Type': 'application/json', Facteur: '1' },
    body: JSON.stringify(order),
  })
  return (await (await checked(response)).json()) as Player
}

export function streamURL(after: number, base: Location = location): string {
  const url = new URL(`${root}/stream?after=${after}`, base.href.split('#')[0])
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}
