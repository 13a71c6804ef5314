/** The line of the transcript for an event: what was sent, or for what has no line, its name and first facts. */
import type { MailEvent } from './api'
import { isSealed } from './story'

/** The names that the RFCs give the messages of TLS. */
const messages: Record<string, string> = {
  client_hello: 'ClientHello',
  server_hello: 'ServerHello',
  hello_retry_request: 'HelloRetryRequest',
  encrypted_extensions: 'EncryptedExtensions',
  certificate: 'Certificate',
  server_key_exchange: 'ServerKeyExchange',
  certificate_request: 'CertificateRequest',
  server_hello_done: 'ServerHelloDone',
  certificate_verify: 'CertificateVerify',
  client_key_exchange: 'ClientKeyExchange',
  finished: 'Finished',
  new_session_ticket: 'NewSessionTicket',
  key_update: 'KeyUpdate',
  hello_request: 'HelloRequest',
  certificate_status: 'CertificateStatus',
  end_of_early_data: 'EndOfEarlyData',
  change_cipher_spec: 'ChangeCipherSpec',
  alert: 'Alert',
  heartbeat: 'Heartbeat',
}

/** Facts worth a place on the line, in this order. */
const facts = ['sni', 'version', 'cipher', 'group', 'names', 'subjects', 'level', 'description', 'mechanism', 'step', 'protocol', 'rule', 'reason', 'error']

const kept = (event: MailEvent, names: readonly string[]) =>
  names
    .map((name) => event.fields?.[name] ?? '')
    .filter((value) => value !== '')
    .join(' · ')

export interface Said {
  /** A name that facteur gives, in brackets in the transcript because it is not on the wire. */
  name: string
  /** What was sent, or facts. */
  text: string
}

export function say(event: MailEvent, line = 0): Said {
  const sent = event.fields?.['line']
  if (sent !== undefined) return { name: '', text: sent.split('\n')[line] ?? '' }
  const [family, ...rest] = event.kind.split('.')
  if (family === 'tls' && rest[0] === 'record') return { name: 'TLS', text: isSealed(event) ? '' : kept(event, ['type', 'inner']) }
  if (family === 'tls') return { name: messages[rest[0] ?? ''] ?? rest.join('.'), text: kept(event, facts) }
  if (family === 'session') return { name: '', text: kept(event, ['protocol', 'client', event.fields?.['upstream'] ? 'upstream' : 'server', 'how', 'rule', 'reason', 'error']) }
  if (event.kind === 'message.header' && event.fields?.['name']) {
    return { name: '', text: `${event.fields['name']}: ${event.fields['value'] ?? ''}` }
  }
  return { name: rest.join('.'), text: kept(event, ['text', 'argument', 'name', 'value', ...facts]) }
}

/** Whether there is a line to show; of what has none, the note is the best name. */
export const hasLine = (event: MailEvent) =>
  event.fields?.['line'] !== undefined || event.kind.startsWith('tls.') || event.kind.startsWith('sslv2.') || event.kind === 'message.header'

/** Octets an event stands for: what it announces, else what it spans. */
export function sizeOf(event: MailEvent): number {
  const told = Number(event.fields?.['octets'] ?? event.fields?.['length'])
  return Number.isFinite(told) && told > 0 ? told : event.span[1] - event.span[0]
}
