/** Sessions that carry messages: one sent with everything that can be wrong with one, one under way; many small ones. */
import { hostileBody, hostileHeaders } from './letter.mjs'
import { Tape } from './tape.mjs'

const canary = 'http://canary.test'
/** What decode says of a field besides its value. */
const facts = {
  'Received 0': { from: 'mx.liste.test (mx.liste.test [198.51.100.7])', by: 'mail.exemple.test (Postfix)', with: 'ESMTPS', for: '<bob@exemple.test>', tls: 'using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384', date: 'Mon, 23 Nov 2026 09:12:30 +0100 (CET)' },
  'Received 1': { from: 'poste.banque-secure.test (unknown [203.0.113.9])', by: 'mx.liste.test', with: 'ESMTP', date: 'Mon, 23 Nov 2026 09:12:41 +0100' },
  'Received 2': { from: '[10.0.0.4]', by: 'poste.banque-secure.test', with: 'HTTP', date: 'Mon, 23 Nov 2026 09:11:02 +0100' },
  'Authentication-Results 0': { host: 'mail.exemple.test', 'result.dkim': 'fail (bad signature) header.d=banque.test', 'result.spf': 'softfail smtp.mailfrom=rebond@liste.test', 'result.dmarc': 'fail header.from=banque.test' },
  'Received-SPF 0': { result: 'softfail', 'spf.client-ip': '198.51.100.7', 'spf.helo': 'mx.liste.test' },
  'DKIM-Signature 0': { 'tag.v': '1', 'tag.a': 'rsa-sha1', 'tag.d': 'banque.test', 'tag.s': '2019', 'tag.l': '120', 'tag.h': 'to:subject:date' },
  'To 0': { decoded: 'Bob Lefèvre <bob@exemple.test>' },
  'Subject 0': { decoded: '\u202etset.exemple Urgent : votre compte' },
}

function headers() {
  const seen = {}
  return hostileHeaders.map(([name, value]) => [name, value.replaceAll('\n', '\r\n'), facts[`${name} ${(seen[name] = (seen[name] ?? -1) + 1)}`] ?? {}])
}

const command = (s, verb, argument, fields, code, text) => {
  s.say('client', 'smtp.command', `${verb} ${argument}`, { verb, argument, ...fields }, [`smtp.command.${verb}`])
  s.say('server', 'smtp.reply', `${code} ${text}`, { code, text }, [`smtp.reply.${code}`])
}

export function letters({ many = 0 } = {}) {
  const tape = new Tape()
  const s = tape.session({ protocol: 'smtp', client: '127.0.0.1:51822', server: '127.0.0.1:1587', upstream: '127.0.0.1:10587', route: 'submission://127.0.0.1:1587', security: { client: 'tls', server: 'tls' } })
  s.fact('session.open', { protocol: 'smtp', client: '127.0.0.1:51822' }, 'session.open')
  s.tls('mail.exemple.test')
  command(s, 'MAIL', 'FROM:<rebond@liste.test>', { from: 'rebond@liste.test' }, '250', '2.1.0 Ok')
  command(s, 'RCPT', 'TO:<bob@exemple.test>', { to: 'bob@exemple.test' }, '250', '2.1.5 Ok')
  command(s, 'RCPT', 'TO:<inconnu@exemple.test>', { to: 'inconnu@exemple.test' }, '550', '5.1.1 User unknown')
  s.say('client', 'smtp.command', 'DATA', { verb: 'DATA' }, ['smtp.command.DATA'])
  s.say('server', 'smtp.reply', '354 go ahead', { code: '354' }, ['smtp.reply.354'])
  s.body('client', 'smtp', headers(), hostileBody(canary).replace(/^\./gm, '..'))
  s.say('server', 'smtp.reply', '250 2.0.0 Queued', { code: '250' }, ['smtp.reply.250.data'])
  for (let i = 0; i < many; i++) {
    s.say('client', 'smtp.command', 'DATA', { verb: 'DATA' }, ['smtp.command.DATA'])
    s.body('client', 'smtp', [['Subject', `Lettre ${i + 1}`], ['From', 'alice@exemple.test']], 'Bonjour\n')
  }
  return tape
}
