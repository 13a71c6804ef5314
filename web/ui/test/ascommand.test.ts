import { describe, expect, it } from 'vitest'
import { asCommands, shell } from '../src/lib/ascommand'
import { event, session } from './helpers'

const line = (n: number, verb: string, text: string, kind = 'smtp.command') => event({ n, kind, fields: { verb, line: text } })
const mail = [line(1, 'EHLO', 'EHLO x'), line(2, 'MAIL', 'MAIL FROM:<alice@exemple.test> SIZE=3'), line(3, 'RCPT', 'RCPT TO:<bob@exemple.test>'), line(4, 'RCPT', 'RCPT TO:<o\'neil@exemple.test>')]

describe('a session as commands', () => {
  it('sends the same mail after STARTTLS', () => {
    const smtp = session({ server: '127.0.0.1:1587', security: { client: 'starttls' }, tls: { client: { sni: 'mail.exemple.test' } } })
    expect(asCommands(smtp, mail)).toEqual([
      { tool: 'openssl', command: 'openssl s_client -connect 127.0.0.1:1587 -servername mail.exemple.test -crlf -starttls smtp' },
      { tool: 'curl', command: `curl smtp://127.0.0.1:1587 --ssl-reqd --mail-from '<alice@exemple.test>' --mail-rcpt bob@exemple.test --mail-rcpt 'o'\\''neil@exemple.test' --upload-file message.eml` },
      { tool: 'swaks', command: `swaks --server 127.0.0.1 --port 1587 --tls --from alice@exemple.test --to 'bob@exemple.test,o'\\''neil@exemple.test'` },
    ])
  })
  it('logs in by name and never with the password', () => {
    const imap = session({ protocol: 'imap', server: '[::1]:1993', security: { client: 'tls' } })
    const login = event({ n: 1, kind: 'imap.command', fields: { name: 'LOGIN', line: 'a1 LOGIN "bob" "*********"' } })
    expect(asCommands(imap, [login])).toEqual([
      { tool: 'openssl', command: `openssl s_client -connect '[::1]:1993' -crlf` },
      { tool: 'curl', command: `curl 'imaps://[::1]:1993/INBOX' --user bob` },
    ])
  })
  it('names the authority to trust where facteur answers', () => {
    const pop = session({ protocol: 'pop3', server: '127.0.0.1:1995', security: { client: 'tls' } })
    expect(asCommands(pop, [], '/home/a b/ca.pem').map((one) => one.command)).toEqual([`openssl s_client -connect 127.0.0.1:1995 -crlf -CAfile '/home/a b/ca.pem'`, `curl pop3s://127.0.0.1:1995/ --cacert '/home/a b/ca.pem'`])
  })
  it('is by hand where there is no TLS, and nothing for what is no mail', () => {
    expect(asCommands(session({ protocol: 'pop3', server: '127.0.0.1:1110' }), []).map((one) => one.command)).toEqual(['nc -C 127.0.0.1 1110', 'curl pop3://127.0.0.1:1110/'])
    expect(asCommands(session({ protocol: '' }), [])).toEqual([])
  })
  it('lets no name out of its quotes', () => {
    expect(shell(`$(rm -rf ~)`)).toBe(`'$(rm -rf ~)'`)
    expect(shell(`a'; id\n`)).toBe(`'a'\\''; id'`)
  })
})
