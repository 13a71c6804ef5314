/** What to type into a mail client so that it goes through facteur, and how far its newest session got. */
import type { Lang, MailEvent, Route, Session } from './api'

export type Way = 'clear' | 'starttls' | 'tls'

/** A door of facteur that mail clients can use. */
export interface Door {
  protocol: string
  host: string
  port: number
  /** TLS from the first octet. */
  implicit: boolean
  route: Route
}

const ports: Record<string, number> = { smtp: 25, submission: 587, smtps: 465, submissions: 465, pop3: 110, pop3s: 995, imap: 143, imaps: 993, sieve: 4190, lmtp: 24 }

export function doorOf(route: Route): Door | null {
  const match = /^([a-z0-9]+):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?/i.exec(route.listen)
  const scheme = match?.[1]?.toLowerCase() ?? ''
  if (!match?.[2] || !(scheme in ports)) return null
  const host = match[2] === '0.0.0.0' || match[2] === '[::]' ? '127.0.0.1' : match[2].replace(/^\[|\]$/g, '')
  return { protocol: route.protocol, host, port: Number(match[3] ?? ports[scheme]), implicit: scheme.endsWith('s'), route }
}

export const waysOf = (door: Door): Way[] => (door.implicit ? ['tls'] : ['clear', 'starttls'])

export const clients = ['thunderbird', 'outlook', 'applemail', 'android', 'curl', 'openssl', 'swaks', 'mbsync'] as const
export type Client = (typeof clients)[number]

/** Clients that are set up in a dialogue, with the words they use themselves. */
interface Labels {
  host: string
  port: string
  security: string
  words: Record<Way, string>
  auth: string
  password: string
}

export const labels: Partial<Record<Client, Record<Lang, Labels>>> = {
  thunderbird: {
    fr: { host: 'Nom d’hôte', port: 'Port', security: 'Sécurité de la connexion', words: { clear: 'Aucune', starttls: 'STARTTLS', tls: 'SSL/TLS' }, auth: 'Méthode d’authentification', password: 'Mot de passe normal' },
    en: { host: 'Hostname', port: 'Port', security: 'Connection security', words: { clear: 'None', starttls: 'STARTTLS', tls: 'SSL/TLS' }, auth: 'Authentication method', password: 'Normal password' },
  },
  outlook: {
    fr: { host: 'Serveur', port: 'Port', security: 'Méthode de chiffrement', words: { clear: 'Aucune', starttls: 'STARTTLS', tls: 'SSL/TLS' }, auth: 'Authentification par mot de passe sécurisé (SPA)', password: 'non cochée' },
    en: { host: 'Server', port: 'Port', security: 'Encryption method', words: { clear: 'None', starttls: 'STARTTLS', tls: 'SSL/TLS' }, auth: 'Require Secure Password Authentication (SPA)', password: 'not ticked' },
  },
  applemail: {
    fr: { host: 'Nom d’hôte', port: 'Port', security: 'Utiliser TLS/SSL', words: { clear: 'non coché', starttls: 'coché', tls: 'coché' }, auth: 'Authentification', password: 'Mot de passe' },
    en: { host: 'Host Name', port: 'Port', security: 'Use TLS/SSL', words: { clear: 'not ticked', starttls: 'ticked', tls: 'ticked' }, auth: 'Authentication', password: 'Password' },
  },
  android: {
    fr: { host: 'Serveur', port: 'Port', security: 'Sécurité', words: { clear: 'Aucune', starttls: 'StartTLS', tls: 'SSL/TLS' }, auth: 'Authentification', password: 'Mot de passe normal' },
    en: { host: 'Server', port: 'Port', security: 'Security', words: { clear: 'None', starttls: 'StartTLS', tls: 'SSL/TLS' }, auth: 'Authentication', password: 'Normal password' },
  },
}

/** The command or lines of configuration of a client without dialogues; "" where it does not speak the protocol. */
export function commandOf(client: Client, door: Door, way: Way, ca: string): string {
  const { host, port, protocol } = door
  const at = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  if (client === 'curl') {
    if (!['smtp', 'pop3', 'imap'].includes(protocol)) return ''
    const start = way === 'starttls' ? '--ssl-reqd ' : ''
    const trust = way === 'clear' ? '' : `--cacert ${ca} `
    const mail = protocol === 'smtp' ? ' --mail-from alice@exemple.test --mail-rcpt bob@exemple.test --upload-file message.eml' : ''
    return `curl ${start}${trust}--user alice${mail} ${protocol}${way === 'tls' ? 's' : ''}://${at}/`
  }
  if (client === 'openssl') {
    if (way === 'clear') return `nc ${host} ${port}`
    return `openssl s_client -connect ${at} ${way === 'starttls' ? `-starttls ${protocol} ` : ''}-CAfile ${ca} -verify_return_error -crlf -quiet`
  }
  if (client === 'swaks') {
    if (protocol !== 'smtp') return ''
    const tls = way === 'starttls' ? ` --tls --tls-ca-path ${ca}` : way === 'tls' ? ` --tls-on-connect --tls-ca-path ${ca}` : ''
    return `swaks --server ${host} --port ${port}${tls} --auth PLAIN --auth-user alice --from alice@exemple.test --to bob@exemple.test`
  }
  if (client === 'mbsync') {
    if (protocol !== 'imap') return ''
    const tls = way === 'clear' ? 'TLSType None\nAuthMechs LOGIN' : `TLSType ${way === 'tls' ? 'IMAPS' : 'STARTTLS'}\nCertificateFile ${ca}`
    return `IMAPAccount facteur\nHost ${host}\nPort ${port}\nUser alice\n${tls}`
  }
  return ''
}

export const lightNames = ['door', 'tcp', 'tls', 'greeting', 'login'] as const
export type LightName = (typeof lightNames)[number]
/** wait: not seen yet; ok; bad: it failed; none: there was nothing of the kind, as TLS in a clear session. */
export interface Light {
  name: LightName
  state: 'wait' | 'ok' | 'bad' | 'none'
  /** What was seen, in the protocol's own words. */
  fact: string
  /** The event that says so, 0 for none. */
  n: number
}

const field = (event: MailEvent | undefined, name: string) => event?.fields?.[name] ?? ''
const isLogin = (event: MailEvent) =>
  ['AUTH', 'PASS', 'APOP', 'LOGIN', 'AUTHENTICATE'].includes((field(event, 'verb') || (event.kind === 'imap.command' ? field(event, 'name') : '')).toUpperCase())
const isAnswer = (event: MailEvent) => event.from === 'server' && /\.(reply|response)$/.test(event.kind)

/** Whether an answer to a log-in lets the client in; null while it goes on. */
function letIn(answer: MailEvent): boolean | null {
  const code = field(answer, 'code')
  const word = field(answer, 'status') || (answer.kind === 'imap.response' ? field(answer, 'name') : '')
  if (answer.kind === 'smtp.reply') return code.startsWith('2') ? true : code.startsWith('3') ? null : false
  if (word === '+' || (answer.kind === 'imap.response' && ['*', '+'].includes(field(answer, 'tag')))) return null
  return word === '+OK' || word === 'OK'
}

/** How far a session got: five lights, in the order in which they turn on. events are those of the session. */
export function lights(routes: readonly Route[], session: Session | undefined, events: readonly MailEvent[]): Light[] {
  const listening = routes.filter((route) => route.state === 'listening')
  const failed = routes.find((route) => route.state === 'failed')
  const door: Light = listening.length ? { name: 'door', state: 'ok', fact: listening.map((route) => route.listen).join(' '), n: 0 } : { name: 'door', state: failed ? 'bad' : 'wait', fact: failed?.error ?? '', n: 0 }
  const wait = (name: LightName): Light => ({ name, state: 'wait', fact: '', n: 0 })
  if (!session) return [door, wait('tcp'), wait('tls'), wait('greeting'), wait('login')]
  const client = events.filter((event) => event.leg === 'client')
  const first = events[0]
  const alert = events.find((event) => event.kind === 'tls.alert' && event.leg === 'client' && field(event, 'level') === 'fatal')
  const hello = client.find((event) => event.kind === 'tls.server_hello')
  const greeting = client.find((event) => isAnswer(event) && !event.re)
  const trouble = events.find((event) => event.kind.startsWith('session.error'))

  const tls: Light = wait('tls')
  const facts = session.tls?.client
  if (alert) Object.assign(tls, { state: 'bad', fact: field(alert, 'description'), n: alert.n })
  else if (hello && facts?.version) Object.assign(tls, { state: 'ok', fact: [facts.version.replace(/^TLS(?=\d)/, 'TLS '), facts.cipher].filter(Boolean).join(' · '), n: hello.n })
  else if (session.security.client === 'clear') tls.state = 'none'

  const said: Light = wait('greeting')
  if (greeting) Object.assign(said, { state: 'ok', fact: field(greeting, 'line').split('\n')[0], n: greeting.n })
  else if (trouble || session.closed) Object.assign(said, { state: 'bad', fact: field(trouble, 'error') || field(trouble, 'reason'), n: trouble?.n ?? 0 })

  const login: Light = wait('login')
  for (const command of client.filter(isLogin)) {
    for (const answer of client.filter((event) => isAnswer(event) && event.re === command.seq)) {
      const inside = letIn(answer)
      if (inside !== null) Object.assign(login, { state: inside ? 'ok' : 'bad', fact: field(answer, 'line').split('\n')[0], n: answer.n })
    }
  }
  return [door, { name: 'tcp', state: 'ok', fact: session.client, n: first?.n ?? 0 }, tls, said, login]
}
