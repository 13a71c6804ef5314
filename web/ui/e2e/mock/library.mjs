/**
 * What facteur has recorded and what comes with it, in the shape of its API: a folder of recordings with all that can be
 * said of one, the samples that two pairs need, and the tapes that open from them.
 */
import { lesson } from './lesson.mjs'
import { Tape } from './tape.mjs'

const both = (fr, en) => ({ fr, en })

const recordings = [
  { name: '2026-11-23_09-14-02_dejeuner.pcapng', title: 'Déjeuner de jeudi', began: '2026-11-23T08:14:02Z', sessions: 5, events: 298, size: 49516, secrets: 'masked', tags: ['cours-1', 'à revoir'], protocols: ['smtp', 'pop3', 'imap'], tls: ['TLS1.3'], security: ['clear', 'starttls', 'tls'], client: '127.0.0.1:51822', server: '127.0.0.1:10587', lints: 3, errors: 1, marks: 2 },
  { name: '2026-11-20_14-02-11.pcapng', title: '', began: '2026-11-20T13:02:11Z', sessions: 1, events: 44, size: 8211, secrets: 'anonymized', tags: [], protocols: ['imap'], tls: ['TLS1.2'], security: ['tls'], client: '192.0.2.7:40112', server: '198.51.100.4:993', lints: 0, errors: 0, marks: 0 },
  { name: 'capture-du-pare-feu-du-lycee-avec-un-nom-tres-long-2026-11-02.pcap', title: '', began: '2026-11-02T06:31:40Z', sessions: 1204, events: 88_412, size: 184_020_992, secrets: 'kept', old: true, tags: ['import'], protocols: ['smtp', 'lmtp', 'sieve'], tls: ['TLS1.2', 'TLS1.3'], security: ['clear', 'starttls'], client: '203.0.113.9:6666', server: '198.51.100.4:25', lints: 117, errors: 12, marks: 0 },
  { name: 'coupee.pcapng', title: '', began: '', sessions: 0, events: 0, size: 120, secrets: '', fault: { fr: 'coupee.pcapng\u202f: un bloc pcapng de 4096 octets, à l’octet 96\u202f: fin inattendue', en: 'coupee.pcapng: a pcapng block of 4096 octets, at octet 96: unexpected EOF' }, tags: [], protocols: [], tls: [], security: [], client: '', server: '', lints: 0, errors: 0, marks: 0 },
].map((one) => ({ fault: null, indexed: true, old: false, ...one }))

/** So many recordings, a few minutes apart. */
const many = (count) =>
  Array.from({ length: count }, (_, i) => ({ ...recordings[i % 3], name: `2026-${String(i).padStart(5, '0')}.pcapng`, title: '', began: new Date(Date.parse('2026-11-23T08:14:02Z') - i * 420_000).toISOString() }))

const contents = {
  sessions: [
    { number: 1, protocol: 'smtp', client: '127.0.0.1:51822', server: '127.0.0.1:10587', tls: 'TLS1.3', user: 'alice', began: '2026-11-23T08:14:02.12Z', ended: '2026-11-23T08:14:02.43Z', events: 140, lints: 0, errors: 0 },
    { number: 2, protocol: 'pop3', client: '127.0.0.1:51830', server: '127.0.0.1:10110', tls: '', user: 'bob', began: '2026-11-23T08:14:03.31Z', ended: '2026-11-23T08:14:03.52Z', events: 62, lints: 2, errors: 0 },
    { number: 3, protocol: 'imap', client: '127.0.0.1:51844', server: '127.0.0.1:10993', tls: 'TLS1.3', user: 'bob', began: '2026-11-23T08:14:04.72Z', ended: '', events: 96, lints: 0, errors: 1 },
  ],
  marks: [
    { id: 1, session: 1, seq: 5, text: 'À montrer : STARTTLS est proposé en clair.', made: '2026-11-23T09:00:00Z' },
    { id: 2, session: 2, seq: 9, text: '<b>le mot de passe</b>', made: '2026-11-23T09:01:00Z' },
  ],
}

const hits = [
  { seq: 5, from: 'client', kind: 'smtp.command', line: 'EHLO [192.0.2.7]' },
  { seq: 6, from: 'server', kind: 'smtp.reply', line: '250-mail.exemple.test\n250-PIPELINING\n250 STARTTLS' },
  { seq: 8, from: 'server', kind: 'smtp.reply', line: `220 <img src=x onerror=alert(1)> \u202etset.elpmexe ${'x'.repeat(300)}` },
].map((hit) => ({ recording: recordings[0].name, session: 1, time: '2026-11-23T08:14:02.151Z', ...hit }))

const sample = (id, theme, title, story, more) => ({ id, theme, title, story, points: [{ filter: 'cmd:EHLO', text: both('EHLO : le client se présente.', 'EHLO: the client introduces itself.') }, { filter: 'code:550', text: both('550 : un destinataire est refusé.', '550: a recipient is refused.') }], tags: ['starttls'], protocols: ['smtp'], size: 27_516, ...more })
const samples = {
  samples: [
    sample('smtp-clear', 'security', both('Envoyer un message, sans chiffrement', 'Sending a message, without encryption'), both('Alice envoie un message à Bob par le port 587, sans demander TLS. L’enveloppe et le message entier se lisent.', 'Alice sends Bob a message through port 587 without asking for TLS. The envelope and the whole message can be read.'), { security: 'clear' }),
    sample('smtp-starttls', 'security', both('Envoyer un message, avec STARTTLS', 'Sending a message, with STARTTLS'), both('La même séance, chiffrée après STARTTLS : l’espion n’en lit que le début.', 'The same session, encrypted after STARTTLS: an eavesdropper reads only its beginning.'), { security: 'starttls', tls: '1.3' }),
    sample('smtp-implicit', 'security', both('Envoyer un message, en TLS implicite', 'Sending a message, in implicit TLS'), both('La même séance sur le port 465 : TLS dès le premier octet.', 'The same session on port 465: TLS from the first octet.'), { security: 'implicit', tls: '1.3', lesson: 'L03' }),
    sample('starttls-stripped', 'attacks', both('STARTTLS arraché', 'STARTTLS stripped'), both('Quelqu’un sur le chemin efface la ligne STARTTLS ; le client continue en clair.', 'Somebody on the way takes the STARTTLS line out; the client goes on in clear.'), { security: 'clear' }),
  ],
  themes: [
    { id: 'security', title: both('Le même échange, en clair puis chiffré', 'The same exchange, in clear and then encrypted') },
    { id: 'attacks', title: both('Attaques et certificats', 'Attacks and certificates') },
  ],
  pairs: [
    { id: 'smtp-security', title: both('SMTP : en clair, avec STARTTLS, en TLS implicite', 'SMTP: in clear, with STARTTLS, in implicit TLS'), ids: ['smtp-clear', 'smtp-starttls', 'smtp-implicit'] },
    { id: 'stripped-or-not', title: both('STARTTLS : arraché ou non', 'STARTTLS: stripped or not'), ids: ['smtp-starttls', 'starttls-stripped'] },
  ],
}

/** The same letter, without TLS. */
function clear() {
  const tape = new Tape()
  const s = tape.session({ protocol: 'smtp', client: '127.0.0.1:51822', server: '127.0.0.1:1587', upstream: '', route: '', security: { client: 'clear' } })
  const step = (verb, argument, code, text) => {
    s.say('client', 'smtp.command', `${verb}${argument && ` ${argument}`}`, { verb, argument }, [`smtp.command.${verb}`])
    s.say('server', 'smtp.reply', `${code} ${text}`, { code, text }, [`smtp.reply.${code}`])
  }
  s.fact('session.open', { protocol: 'smtp', client: '127.0.0.1:51822' }, 'session.open')
  s.say('server', 'smtp.reply', '220 mail.exemple.test ESMTP', { code: '220' }, ['smtp.reply.220.greeting'])
  step('EHLO', '[192.0.2.7]', '250', 'mail.exemple.test')
  step('AUTH', 'PLAIN ************************', '235', '2.7.0 Authentication successful')
  step('MAIL', 'FROM:<alice@exemple.test>', '250', '2.1.0 Sender ok')
  step('RCPT', 'TO:<bob@exemple.test>', '250', '2.1.5 Recipient ok')
  step('QUIT', '', '221', '2.0.0 Bye')
  s.fact('session.close', {}, 'session.close')
  return tape
}

/** Its first session alone, as a recording of one. */
function first(tape) {
  const kept = new Tape()
  kept.events.push(...tape.events.filter((event) => event.session === 1))
  kept.sessions.set('1', tape.sessions.get('1'))
  kept.octets = tape.octets.bind(tape)
  return kept
}

/** The library of one mock: few recordings (or none, off, or a number of them) and the tapes that are open. */
export function shelves(what = 'few') {
  const listing = { dir: '~/.local/share/facteur/recordings', indexing: false, retention: 30, old: 0, recordings: [] }
  if (what === 'few' || what === 'indexing') Object.assign(listing, { recordings, old: 1, indexing: what === 'indexing' })
  else if (typeof what === 'number') listing.recordings = many(what)
  const tapes = new Map()

  function open(from) {
    const id = `t${tapes.size + 1}`
    const told = samples.samples.find((one) => one.id === from.sample)
    const title = told?.title ?? both(from.library ?? 'capture.pcap', from.library ?? 'capture.pcap')
    const tape = told?.security === 'clear' ? clear() : told ? first(lesson()) : lesson()
    const facts = { id, title, from, size: 27_516, read: 27_516, loading: false, fault: null, left: 0, unlisted: 0, others: 0 }
    tapes.set(id, { facts, tape, player: { state: 'ended', cursor: tape.events.length, position: 4.2, duration: 4.2, speed: 1, idle_cap: 2, loading: false, loaded: tape.events.length, chapters: [] } })
    return facts
  }

  /** Answers what is asked of the library, the samples and the tapes; false for anything else. */
  function serve(request, url, response, json) {
    const path = url.pathname.replace('/api/v1/', '')
    if (path === 'samples') return json(response, samples), true
    if (path === 'tapes' && request.method === 'GET') return json(response, { tapes: [...tapes.values()].map((one) => one.facts), limit: 4 }), true
    if (path === 'tapes') {
      let body = ''
      request.on('data', (part) => (body += part))
      request.on('end', () => json(response, open(JSON.parse(body))))
      return true
    }
    const [, id, asked] = /^tapes\/(\w+)\/(sessions|events|player)$/.exec(path) ?? []
    const one = tapes.get(id)
    if (one && asked === 'sessions') return json(response, { sessions: [...one.tape.sessions.values()] }), true
    if (one && asked === 'player') return json(response, one.player), true
    if (one) return json(response, { events: one.tape.events, last: one.tape.events.length }), true
    if (!path.startsWith('library')) return false
    if (what === 'off') return json(response, { error: 'no_library', message: both('Aucun dossier d’enregistrements.', 'No folder of recordings.') }, 404), true
    if (path === 'library') return json(response, listing), true
    if (path === 'library/search') {
      if (url.searchParams.get('q').includes('cod:')) return json(response, { error: 'filter', message: both('« cod » n’est pas un champ : pensiez-vous à « code » ?', '“cod” is no field: did you mean “code”?') }, 422), true
      return json(response, { hits: url.searchParams.get('q').includes('xyzzy') ? [] : hits, after: '' }), true
    }
    if (path.startsWith('library/recordings/')) return json(response, contents), true
    return false
  }
  return { serve, tape: (id) => tapes.get(id) }
}
