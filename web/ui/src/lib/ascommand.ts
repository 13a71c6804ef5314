/** A session as commands for a terminal: the same conversation by hand (openssl) or by program (curl, swaks). No password is ever in them. */
import type { MailEvent, Session } from './api'

export interface AsCommand {
  tool: 'openssl' | 'nc' | 'curl' | 'swaks'
  command: string
}

/** Quoted for a POSIX shell; control characters, which have no business there, are left out. */
export function shell(word: string): string {
  // eslint-disable-next-line no-control-regex
  const plain = word.replace(/[\u0000-\u001f\u007f-\u009f]/g, '')
  return /^[\w@%+=:,./-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", `'\\''`)}'`
}

const starttls: Record<string, string> = { smtp: 'smtp', lmtp: 'lmtp', pop3: 'pop3', imap: 'imap', sieve: 'sieve' }

/** The address in MAIL FROM:<…> and RCPT TO:<…>; '' for none or for the empty reverse-path. */
const path = (event: MailEvent) => /<([^<>\s]*)>/.exec(event.fields?.['line'] ?? '')?.[1] ?? ''

/** The user that logged in, where the line tells it: names are shown anyway, secrets are masked. */
function userOf(events: readonly MailEvent[]): string {
  for (const event of events) {
    const line = event.fields?.['line'] ?? ''
    const pop = event.kind === 'pop3.command' && /^USER (\S+)/i.exec(line)
    const imap = event.kind === 'imap.command' && /^\S+ LOGIN (?:"([^"\\]*)"|([^\s"{]+))/i.exec(line)
    const name = (pop && pop[1]) || (imap && (imap[1] || imap[2])) || event.fields?.['authcid'] || event.fields?.['user']
    if (name && !/^\*+$/.test(name)) return name
  }
  return ''
}

/** The commands that hold the session again at the address its client used. ca is the file of the authority to trust there, '' for the system's. */
export function asCommands(session: Session, events: readonly MailEvent[], ca = ''): AsCommand[] {
  const at = /^(.*):(\d+)$/.exec(session.server)
  const protocol = starttls[session.protocol]
  if (!at || !protocol) return []
  const [, host, port] = at as unknown as [string, string, string]
  const security = session.security.client || 'clear'
  const mine = events.filter((event) => event.leg === 'client' && event.from === 'client')
  const user = userOf(mine)
  const name = session.tls?.client?.sni ?? ''
  const connect = `-connect ${shell(`${host}:${port}`)}${name ? ` -servername ${shell(name)}` : ''} -crlf`
  const commands: AsCommand[] = []
  if (security === 'clear') commands.push({ tool: 'nc', command: `nc -C ${shell(host.replace(/^\[|\]$/g, ''))} ${port}` })
  else commands.push({ tool: 'openssl', command: `openssl s_client ${connect}${security === 'starttls' ? ` -starttls ${protocol}` : ''}${ca ? ` -CAfile ${shell(ca)}` : ''}` })

  const login = user ? ` --user ${shell(user)}` : ''
  const ssl = (security === 'starttls' ? ' --ssl-reqd' : '') + (ca && security !== 'clear' ? ` --cacert ${shell(ca)}` : '')
  const scheme = security === 'tls' ? `${session.protocol}s` : session.protocol
  if (session.protocol === 'smtp' || session.protocol === 'lmtp') {
    const from = mine.find((event) => event.fields?.['verb'] === 'MAIL')
    const to = mine.filter((event) => event.fields?.['verb'] === 'RCPT').map(path).filter(Boolean)
    if (from && to.length && session.protocol === 'smtp') {
      const sender = path(from)
      const rcpt = to.map((one) => ` --mail-rcpt ${shell(one)}`).join('')
      commands.push({ tool: 'curl', command: `curl ${shell(`${scheme}://${host}:${port}`)}${ssl}${login} --mail-from ${shell(`<${sender}>`)}${rcpt} --upload-file message.eml` })
      const tls = security === 'tls' ? ' --tls-on-connect' : security === 'starttls' ? ' --tls' : ''
      commands.push({ tool: 'swaks', command: `swaks --server ${shell(host)} --port ${port}${tls} --from ${shell(sender || '<>')} --to ${shell(to.join(','))}${user ? ` --auth-user ${shell(user)}` : ''}` })
    }
  } else if (session.protocol === 'imap' || session.protocol === 'pop3') {
    const box = session.protocol === 'imap' ? '/INBOX' : '/'
    commands.push({ tool: 'curl', command: `curl ${shell(`${scheme}://${host}:${port}${box}`)}${ssl}${login}` })
  }
  return commands
}
