/** The sessions that the mock plays: a letter sent over STARTTLS, read by POP3 in clear and by IMAP over TLS; one that fails. */
import { Tape } from './tape.mjs'

const headers = [
  ['From', 'Alice <alice@exemple.test>'],
  ['To', 'Bob <bob@exemple.test>'],
  ['Subject', '=?UTF-8?Q?D=C3=A9jeuner_jeudi?='],
  ['Date', 'Mon, 23 Nov 2026 09:14:02 +0100'],
  ['Message-ID', '<4f21@exemple.test>'],
  ['MIME-Version', '1.0'],
  ['Content-Type', 'text/plain; charset=utf-8'],
]
const text = 'Bonjour Bob,\n\nOn déjeune ensemble jeudi ?\n\nAlice\n'

function sending(tape) {
  const s = tape.session({
    protocol: 'smtp',
    client: '127.0.0.1:51822',
    server: '127.0.0.1:1587',
    upstream: '127.0.0.1:10587',
    route: 'submission://127.0.0.1:1587',
    security: { client: 'starttls', server: 'starttls' },
  })
  s.fact('session.open', { protocol: 'smtp', client: '127.0.0.1:51822', server: '127.0.0.1:10587' }, 'session.open')
  s.wait(4).say('server', 'smtp.reply', '220 mail.exemple.test ESMTP', { code: '220', text: 'mail.exemple.test ESMTP', state: 'greeted' }, ['smtp.reply.220.greeting'])
  s.say('client', 'smtp.command', 'EHLO [192.0.2.7]', { verb: 'EHLO', argument: '[192.0.2.7]' }, ['smtp.command.EHLO'])
  s.say('server', 'smtp.reply', '250-mail.exemple.test\n250-PIPELINING\n250-SIZE 10485760\n250-STARTTLS\n250 8BITMIME', { code: '250', state: 'ready' }, [
    'smtp.reply.250.EHLO',
    { id: 'smtp.capability.PIPELINING', at: 'PIPELINING' },
    { id: 'smtp.capability.SIZE', at: 'SIZE 10485760', args: { octets: '10485760' } },
    { id: 'smtp.capability.STARTTLS', at: 'STARTTLS' },
    { id: 'smtp.capability.8BITMIME', at: '8BITMIME' },
  ])
  s.wait(20).say('client', 'smtp.command', 'STARTTLS', { verb: 'STARTTLS' }, ['smtp.command.STARTTLS'])
  s.say('server', 'smtp.reply', '220 2.0.0 Ready to start TLS', { code: '220', enhanced: '2.0.0', text: 'Ready to start TLS', state: 'greeted' }, ['smtp.reply.220.STARTTLS'])
  s.fact('session.upgrade', { protocol: 'TLS' }, 'session.upgrade')
  s.wait(6).tls('mail.exemple.test')
  s.say('client', 'smtp.command', 'EHLO [192.0.2.7]', { verb: 'EHLO', argument: '[192.0.2.7]' }, ['smtp.command.EHLO'])
  s.say('server', 'smtp.reply', '250-mail.exemple.test\n250-PIPELINING\n250-SIZE 10485760\n250-AUTH PLAIN LOGIN\n250 8BITMIME', { code: '250', state: 'ready' }, [
    'smtp.reply.250.EHLO',
    { id: 'smtp.capability.AUTH', at: 'AUTH PLAIN LOGIN' },
  ])
  s.wait(31).say('client', 'smtp.command', 'AUTH PLAIN ************************', { verb: 'AUTH', argument: '************************' }, ['smtp.command.AUTH'], { secret: ['argument'] })
  s.say('server', 'smtp.reply', '235 2.7.0 Authentication successful', { code: '235', enhanced: '2.7.0', text: 'Authentication successful', state: 'authenticated' }, ['smtp.reply.235'])
  s.say('client', 'smtp.command', 'MAIL FROM:<alice@exemple.test> SIZE=431', { verb: 'MAIL', argument: 'FROM:<alice@exemple.test> SIZE=431' }, [
    'smtp.command.MAIL',
    { id: 'smtp.parameter.SIZE', at: 'SIZE=431', args: { octets: '431' } },
  ])
  s.say('server', 'smtp.reply', '250 2.1.0 Sender ok', { code: '250', enhanced: '2.1.0', text: 'Sender ok', state: 'envelope' }, ['smtp.reply.250.MAIL'])
  s.say('client', 'smtp.command', 'RCPT TO:<inconnu@exemple.test>', { verb: 'RCPT', argument: 'TO:<inconnu@exemple.test>' }, ['smtp.command.RCPT'])
  s.say('server', 'smtp.reply', '550 5.1.1 No such mailbox', { code: '550', enhanced: '5.1.1', text: 'No such mailbox' }, ['smtp.reply.550'])
  s.say('client', 'smtp.command', 'RCPT TO:<bob@exemple.test>', { verb: 'RCPT', argument: 'TO:<bob@exemple.test>' }, ['smtp.command.RCPT'])
  s.say('server', 'smtp.reply', '250 2.1.5 Recipient ok', { code: '250', enhanced: '2.1.5', text: 'Recipient ok', state: 'recipients' }, ['smtp.reply.250.RCPT'])
  s.say('client', 'smtp.command', 'DATA', { verb: 'DATA' }, ['smtp.command.DATA'])
  s.say('server', 'smtp.reply', '354 End with <CRLF>.<CRLF>', { code: '354', text: 'End with <CRLF>.<CRLF>', state: 'message' }, ['smtp.reply.354'])
  s.wait(14).body('client', 'smtp', headers, text)
  s.say('server', 'smtp.reply', '250 2.0.0 Queued as 4f21', { code: '250', enhanced: '2.0.0', text: 'Queued as 4f21', state: 'delivered' }, ['smtp.reply.250.data'])
  s.say('client', 'smtp.command', 'QUIT', { verb: 'QUIT' }, ['smtp.command.QUIT'])
  s.say('server', 'smtp.reply', '221 2.0.0 Bye', { code: '221', enhanced: '2.0.0', text: 'Bye', state: 'closing' }, ['smtp.reply.221'])
  s.fact('session.close', {}, 'session.close')
}

function fetching(tape) {
  const s = tape.session({
    protocol: 'pop3',
    client: '127.0.0.1:51830',
    server: '127.0.0.1:1110',
    upstream: '127.0.0.1:10110',
    route: 'pop3://127.0.0.1:1110',
    security: { client: 'clear', server: 'clear' },
  })
  const ok = (line, fields, note, more = {}) => s.say('server', 'pop3.response', line, { status: '+OK', ...fields }, [note], more)
  s.wait(900).fact('session.open', { protocol: 'pop3', client: '127.0.0.1:51830', server: '127.0.0.1:10110' }, 'session.open')
  ok('+OK mail.exemple.test POP3 ready', { text: 'mail.exemple.test POP3 ready', state: 'authorization' }, 'pop3.response.ok.greeting')
  s.say('client', 'pop3.command', 'USER bob', { verb: 'USER', argument: 'bob' }, ['pop3.command.USER'])
  ok('+OK', {}, 'pop3.response.ok.USER')
  s.say('client', 'pop3.command', 'PASS ********', { verb: 'PASS', argument: '********' }, ['pop3.command.PASS', 'lint.password_in_clear'], { secret: ['argument'] })
  ok('+OK 1 message', { text: '1 message', state: 'transaction' }, 'pop3.response.ok.PASS')
  s.say('client', 'pop3.command', 'STAT', { verb: 'STAT' }, ['pop3.command.STAT'])
  ok('+OK 1 431', { text: '1 431' }, 'pop3.response.ok.STAT')
  s.say('client', 'pop3.command', 'RETR 1', { verb: 'RETR', argument: '1' }, ['pop3.command.RETR'])
  ok('+OK 431 octets', { text: '431 octets' }, 'pop3.response.ok.RETR')
  s.body('server', 'pop3', [['Received', 'from [192.0.2.7] by mail.exemple.test with ESMTPSA'], ...headers], text)
  s.say('client', 'pop3.command', 'QUIT', { verb: 'QUIT' }, ['pop3.command.QUIT'])
  ok('+OK Bye', { text: 'Bye', state: 'update' }, 'pop3.response.ok.QUIT')
  s.fact('session.close', {}, 'session.close')
}

function reading(tape) {
  const s = tape.session({
    protocol: 'imap',
    client: '127.0.0.1:51844',
    server: '127.0.0.1:1993',
    upstream: '127.0.0.1:10993',
    route: 'imaps://127.0.0.1:1993',
    security: { client: 'tls', server: 'tls' },
  })
  const answer = (line, fields, notes, re = true) => s.say('server', 'imap.response', line, fields, notes, { re })
  s.wait(1200).fact('session.open', { protocol: 'imap', client: '127.0.0.1:51844', server: '127.0.0.1:10993' }, 'session.open')
  s.tls('imap.exemple.test')
  answer('* OK [CAPABILITY IMAP4rev2 IDLE SASL-IR] mail.exemple.test ready', { tag: '*', name: 'OK', state: 'not authenticated' }, ['imap.greeting.OK', { id: 'imap.capability.IDLE', at: 'IDLE' }])
  s.say('client', 'imap.command', 'A1 LOGIN bob ********', { tag: 'A1', name: 'LOGIN', arguments: 'bob ********', password: '********' }, ['imap.command.LOGIN'], { secret: ['password'] })
  answer('A1 OK LOGIN completed', { tag: 'A1', name: 'OK', text: 'LOGIN completed', state: 'authenticated' }, ['imap.tagged.OK.LOGIN'])
  s.say('client', 'imap.command', 'A2 SELECT INBOX', { tag: 'A2', name: 'SELECT', arguments: 'INBOX' }, ['imap.command.SELECT'])
  answer('* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)', { tag: '*', name: 'FLAGS' }, ['imap.response.FLAGS'])
  answer('* 1 EXISTS', { tag: '*', name: 'EXISTS', number: '1' }, ['imap.response.EXISTS'])
  answer('* OK [UIDVALIDITY 1763885642] UIDs valid', { tag: '*', name: 'OK' }, ['imap.response.OK', { id: 'imap.code.UIDVALIDITY', at: 'UIDVALIDITY 1763885642' }])
  answer('A2 OK [READ-WRITE] SELECT completed', { tag: 'A2', name: 'OK', text: '[READ-WRITE] SELECT completed', state: 'selected' }, ['imap.tagged.OK.SELECT'])
  s.say('client', 'imap.command', 'A3 UID FETCH 1 (FLAGS BODY.PEEK[HEADER])', { tag: 'A3', name: 'UID FETCH', arguments: '1 (FLAGS BODY.PEEK[HEADER])' }, ['imap.command.UID.FETCH'])
  answer('* 1 FETCH (UID 1 FLAGS () BODY[HEADER] {287}', { tag: '*', name: 'FETCH', number: '1' }, ['imap.response.FETCH'])
  s.body('server', 'imap', headers, text)
  answer('A3 OK FETCH completed', { tag: 'A3', name: 'OK', text: 'FETCH completed' }, ['imap.tagged.OK.FETCH'])
  s.say('client', 'imap.command', 'A4 IDLE', { tag: 'A4', name: 'IDLE' }, ['imap.command.IDLE'])
  answer('+ idling', { tag: '+' }, ['imap.continuation'])
}

function watching(tape) {
  const s = tape.session({
    protocol: 'imap',
    client: '192.0.2.7:40112',
    server: '198.51.100.4:993',
    upstream: '',
    route: '',
    security: { client: 'tls' },
  })
  s.wait(400).fact('session.open', { protocol: 'imap', client: '192.0.2.7:40112', server: '198.51.100.4:993' }, 'session.open')
  s.sealed('server', 61).sealed('client', 37).sealed('server', 1190)
  s.fact('session.error', { error: 'upstream_untrusted' }, 'session.error.upstream_untrusted')
  s.fact('session.close', {}, 'session.close')
}

/** Text that tries everything: markup, bidi, control characters, an overlong line. */
function attacking(tape) {
  const s = tape.session({
    protocol: 'smtp',
    client: '203.0.113.9:6666',
    server: '127.0.0.1:1587',
    upstream: '',
    route: '',
    security: { client: 'clear' },
  })
  s.fact('session.open', { protocol: 'smtp', client: '203.0.113.9:6666', server: '127.0.0.1:1587' }, 'session.open')
  s.say('server', 'smtp.reply', '220 <img src=x onerror=alert(1)> \u202etset.elpmexe\u0007\u0000', { code: '220', text: '<img src=x onerror=alert(1)> \u202etset.elpmexe\u0007\u0000' }, ['smtp.reply.220.greeting'])
  s.say('client', 'smtp.command', `HELO ${'x'.repeat(2000)}`, { verb: 'HELO', argument: 'x'.repeat(2000) }, ['smtp.command.HELO', 'lint.long_line'])
  s.fact('session.close', {}, 'session.close')
}

export function lesson() {
  const tape = new Tape()
  sending(tape)
  fetching(tape)
  reading(tape)
  watching(tape)
  attacking(tape)
  return tape
}

/** Many events, for the budgets: NOOPs and their replies in one long session. */
export function flood(count) {
  const tape = new Tape()
  const s = tape.session({ protocol: 'smtp', client: '127.0.0.1:50001', server: '127.0.0.1:1587', upstream: '', route: '', security: { client: 'clear' } })
  s.fact('session.open', { protocol: 'smtp' }, 'session.open')
  while (tape.events.length < count) {
    s.say('client', 'smtp.command', `NOOP ${tape.events.length}`, { verb: 'NOOP' }, ['smtp.command.NOOP'])
    s.say('server', 'smtp.reply', '250 2.0.0 Ok', { code: '250', enhanced: '2.0.0', text: 'Ok' }, ['smtp.reply.250'])
  }
  return tape
}
