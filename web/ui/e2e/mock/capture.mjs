/** A capture of somebody's network: segments sent twice and out of order, octets missing, pipelined commands, pauses, a reset. */
import { Tape } from './tape.mjs'

export function capture() {
  const tape = new Tape()
  const s = tape.session({ protocol: 'smtp', client: '192.0.2.7:40110', server: '198.51.100.4:25', upstream: '', route: '', security: { client: 'clear' } })
  const ask = (line, re) => s.say('client', 'smtp.command', line, { verb: line.split(' ')[0] }, [`smtp.command.${line.split(' ')[0]}`], { re })
  const answer = (line) => s.say('server', 'smtp.reply', line, { code: line.slice(0, 3) }, [`smtp.reply.${line.slice(0, 3)}`])
  s.fact('session.open', { protocol: 'smtp', client: '192.0.2.7:40110', server: '198.51.100.4:25' }, 'session.open')
  answer('220 mx.exemple.test ESMTP')
  ask('EHLO poste.exemple.test')
  answer('250-mx.exemple.test\n250 PIPELINING')
  s.wait(640)
  ask('MAIL FROM:<alice@exemple.test>')
  s.fact('tcp.retransmission', { octets: '32' }, 'tcp.retransmission')
  answer('250 2.1.0 Ok')
  s.wait(21_000)
  ask('RCPT TO:<bob@exemple.test>')
  s.fact('tcp.out_of_order', { octets: '1460' }, 'tcp.out_of_order')
  s.fact('session.gap', { octets: '512' }, 'session.gap')
  answer('250 2.1.5 Ok')
  ask('DATA')
  s.fact('session.end', { how: 'reset' }, 'session.end.reset')
  s.fact('session.close', {}, 'session.close')
  return tape
}
