/** What GET /api/v1/diff gives of two sessions of the lesson: one over STARTTLS, and one in clear that meets a full mailbox. */
const part = (text) => (typeof text === 'string' ? { text } : { text: text[0], as: text[1] })
const cell = (n, step, verb, line, answer, more = {}) => ({ n, step, kind: verb ? 'command' : 'greeting', ...(verb ? { verb } : {}), line: line.map(part), answer: answer.map(part), ...more })

const rows = [
  { op: 'same', a: cell(2, 1, '', [], ['220 mail.exemple.test ESMTP']), b: cell(2, 1, '', [], ['220 mail.exemple.test ESMTP']) },
  { op: 'same', a: cell(4, 2, 'EHLO', ['EHLO [192.0.2.7]'], ['250-mail.exemple.test\n250-PIPELINING\n250-SIZE 10485760\n250-STARTTLS\n250 8BITMIME']), b: cell(4, 2, 'EHLO', ['EHLO [192.0.2.9]'], ['250-mail.exemple.test\n250-PIPELINING\n250-SIZE 10485760\n250 8BITMIME']) },
  { op: 'only_a', upgrade: true, a: cell(8, 3, 'STARTTLS', ['STARTTLS'], ['220 2.0.0 Ready to start TLS']) },
  { op: 'only_a', upgrade: true, a: { n: 12, step: 4, kind: 'upgrade', verb: 'TLS', line: [{ text: 'STARTTLS' }] } },
  { op: 'same', a: cell(50, 6, 'AUTH', ['AUTH PLAIN ', ['************************', 'credentials']], ['235 2.7.0 Authentication successful'], { secure: true }), b: cell(50, 3, 'AUTH', ['AUTH PLAIN ', ['****************', 'credentials']], ['235 2.7.0 Authentication successful']) },
  { op: 'same', a: cell(58, 7, 'MAIL', ['MAIL FROM:<alice@exemple.test> SIZE=431'], ['250 2.1.0 Sender ok'], { secure: true }), b: cell(58, 4, 'MAIL', ['MAIL FROM:<alice@exemple.test> SIZE=431'], ['250 2.1.0 Sender ok']) },
  { op: 'changed', asked: true, answered: true, a: cell(66, 8, 'RCPT', ['RCPT TO:<inconnu@exemple.test>'], ['550 5.1.1 No such mailbox'], { secure: true }), b: cell(66, 5, 'RCPT', ['RCPT TO:<zoe@exemple.test>'], ['452 4.2.2 Mailbox full']) },
  { op: 'same', a: cell(74, 9, 'RCPT', ['RCPT TO:<bob@exemple.test>'], ['250 2.1.5 Recipient ok'], { secure: true }), b: cell(74, 6, 'RCPT', ['RCPT TO:<bob@exemple.test>'], ['250 2.1.5 Recipient ok']) },
  { op: 'same', a: cell(82, 10, 'DATA', ['DATA'], ['354 End with <CRLF>.<CRLF>\n250 2.0.0 ', ['queued as 4f21', 'queue_id']], { secure: true }), b: cell(82, 7, 'DATA', ['DATA'], ['354 End with <CRLF>.<CRLF>\n250 2.0.0 ', ['queued as 9ac0', 'queue_id']]) },
  { op: 'only_b', b: cell(110, 8, 'RSET', ['RSET'], ['250 2.0.0 <img src=x onerror=alert(1)> \u202eok']) },
  { op: 'changed', answered: true, a: cell(136, 11, 'QUIT', ['QUIT'], ['221 2.0.0 Bye'], { secure: true }), b: cell(136, 9, 'QUIT', ['QUIT'], ['221 2.0.0 Closing']) },
]
const upgrades = new Set(rows.filter((row) => row.upgrade))

export function diff(a, b, response, json) {
  const side = (ref, security, steps) => ({ ref, session: Number(ref.split(':').at(-1)), protocol: 'smtp', security, opened: '2026-11-23T08:14:02.12Z', steps })
  if (a === '4' || b === '4') return json(response, { error: 'no_dialogue', message: { fr: 'Cette séance n’a pas d’échange de courriel à comparer.', en: 'This session has no mail exchange to compare.' } }, 404)
  if (a === b) {
    const same = rows.filter((row) => row.a && !upgrades.has(row)).map((row) => ({ op: 'same', a: row.a, b: row.a }))
    return json(response, { a: side(a, 'starttls', 11), b: side(b, 'starttls', 11), equal: true, rows: same })
  }
  return json(response, { a: side(a, 'starttls', 11), b: side(b, 'clear', 9), equal: false, rows })
}
