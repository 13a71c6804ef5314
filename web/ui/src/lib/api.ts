/** The shapes that facteur's API gives. One file, so that a change of the contract is one diff. */

export type Lang = 'fr' | 'en'
export type Side = 'client' | 'server'
export type Leg = 'client' | 'server'
export type Layer = 'wire' | 'tls' | 'plain'
/** Octets [from, to) of one side's stream on one layer. */
export type Span = [number, number]
export type Both = Record<Lang, string>

export interface Note {
  id: string
  args?: Record<string, string>
  /** The part of the event that the note explains; absent for the whole of it. */
  span?: Span
}

export interface MailEvent {
  /** Number over all sessions, from 1. */
  n: number
  session: number
  seq: number
  time: string
  leg: Leg
  from: Side
  layer: Layer
  span: Span
  /** For what travelled inside TLS: the wire octets (records) that carried it. */
  carried?: Span[]
  kind: string
  fields?: Record<string, string>
  spans?: Record<string, Span>
  /** Names of the fields that are masked. */
  secret?: string[]
  /** seq of the command answered. */
  re?: number
  notes?: Note[]
}

export type Security = 'clear' | 'starttls' | 'tls'

export interface TLSFacts {
  version?: string
  cipher?: string
  sni?: string
}

export interface Session {
  id: string | number
  opened: string
  closed: string
  protocol: string
  client: string
  server: string
  upstream: string
  route: string
  security: { client?: Security | ''; server?: Security | '' }
  tls?: { client?: TLSFacts; server?: TLSFacts }
  events: number
  octets: [number, number]
  lints: number
  errors: number
  last_n: number
  /** Its events that are not kept. */
  dropped?: number
}

export interface Route {
  listen: string
  upstream: string
  protocol: string
  tls: 'intercept' | 'passthrough' | 'strip' | ''
  state: 'listening' | 'failed'
  error?: string
}

export interface Connect {
  id: string
  title: Both
  command: string
}

export type Mode = 'live' | 'replay' | 'demo'

/** What a person does in one client, to trust facteur's authority and to forget it. */
export interface TrustSteps {
  id: string
  client: string
  trust: Record<Lang, string[]>
  forget: Record<Lang, string[]>
}

export interface State {
  version: string
  mode: Mode
  lang: Lang
  epoch: string
  last: number
  routes: Route[] | null
  recording: { dir: string; on: boolean } | null
  ca: { path: string; sha256: string; steps?: TrustSteps[] } | null
  connect: Connect[] | null
  role: 'presenter' | 'follower'
  /** Followers may come in. */
  share?: boolean
  /** Lab attacks under way, as the command line names them. */
  lab?: string[] | null
}

/** How followers come in. */
export interface Share {
  on: boolean
  code: string
  /** To be typed; the likeliest first. */
  addresses: string[]
  followers: number
}

export interface Reference {
  label: string
  url: string
}

export interface NoteText {
  line: string
  more?: string
  refs?: Reference[]
  see?: string[]
}

export interface Term {
  term: string
  text: string
}

export interface Catalogue {
  lang: Lang
  notes: Record<string, NoteText>
  glossary: Record<string, Term>
}

export interface Chapter {
  n: number
  title: string
}

export interface Player {
  state: 'paused' | 'playing' | 'ended'
  /** Events with n ≤ cursor are shown. */
  cursor: number
  /** Seconds of recorded time. */
  position: number
  duration: number
  speed: number
  idle_cap: number
  loading: boolean
  loaded: number
  chapters?: Chapter[] | null
}

export interface PlayerOrder {
  do: 'play' | 'pause' | 'seek' | 'step' | 'speed' | 'idle_cap' | 'restart' | 'markers'
  /** Of seek the event, of markers all marked events. */
  n?: number | number[]
  position?: number
  by?: 'event' | 'exchange'
  delta?: 1 | -1
  speed?: number
  idle_cap?: number
}

/** How a recording is asked for: one of sample, library, upload and of. */
export interface Opening {
  sample?: string
  /** A file's name in the library. */
  library?: string
  upload?: string
  keylog?: string
  /** An open tape, or "main" for what facteur replay plays. */
  of?: string
  /** Only this session of it. */
  session?: number
}

/** A recording that is open beside the live session, or that facteur replay plays. */
export interface Tape {
  id: string
  title: Both
  from: Opening
  /** Octets of the file, and how many of them are read. */
  size: number
  read: number
  loading: boolean
  fault: Both | null
  /** Events and sessions that are not kept, for want of room. */
  left: number
  unlisted: number
}

/** What the websocket carries from server to page. */
export type Frame =
  | { type: 'hello'; epoch: string; last: number; mode: Mode }
  | { type: 'events'; events: MailEvent[] }
  | { type: 'sessions'; sessions: Session[] }
  | { type: 'routes'; routes: Route[] }
  | { type: 'player'; player: Player }
  | { type: 'tape'; tape: Tape }

export interface Refusal {
  error: string
  message?: Both
}
