/**
 * Makes sessions for the page's tests: events in the shape of the API, and the octets that their spans count, so that
 * what the page shows of a span can be held against what it asked for.
 */
const encoder = new TextEncoder()

/** Octets that look sealed and are the same in every run. */
function* noise(seed) {
  for (let x = seed * 2654435761 + 1; ; ) {
    x = (x * 1664525 + 1013904223) % 4294967296
    yield x >>> 24
  }
}

export class Tape {
  events = []
  sessions = new Map()
  #streams = new Map()
  #clock

  constructor(start = '2026-11-23T08:14:02.120Z') {
    this.#clock = Date.parse(start)
  }

  octets(session, leg, from, layer) {
    return this.#streams.get(`${session} ${leg} ${from} ${layer}`) ?? []
  }

  session(facts) {
    const id = this.sessions.size + 1
    const session = new Take(this, id, facts)
    this.sessions.set(String(id), session.facts)
    return session
  }

  after(ms) {
    this.#clock += ms
  }

  append(session, leg, from, layer, octets) {
    const key = `${session} ${leg} ${from} ${layer}`
    const stream = this.#streams.get(key) ?? []
    this.#streams.set(key, stream)
    const start = stream.length
    for (const octet of octets) stream.push(octet)
    return [start, stream.length]
  }

  emit(event) {
    this.#clock += 0.4
    const n = this.events.length + 1
    this.events.push({ n, ...event, time: new Date(this.#clock).toISOString().replace('Z', `${String(n % 1000).padStart(3, '0')}000Z`) })
    return n
  }
}

/** One session being played; both legs are told of everything, as when facteur relays. */
class Take {
  #tape
  #seq = 0
  #noise
  #tls = { client: false, server: false }
  #asked = { client: 0, server: 0 }

  constructor(tape, id, facts) {
    this.#tape = tape
    this.id = id
    this.#noise = noise(id)
    this.facts = { id, opened: '', closed: '', tls: {}, events: 0, octets: [0, 0], lints: 0, errors: 0, last_n: 0, ...facts }
  }

  #emit(event) {
    this.#seq++
    const n = this.#tape.emit({ session: this.id, seq: this.#seq, ...event })
    const told = this.#tape.events[n - 1]
    this.facts.opened ||= told.time
    this.facts.events++
    this.facts.last_n = n
    this.facts.lints += (told.notes ?? []).filter((note) => note.id.startsWith('lint.')).length
    this.facts.errors += told.kind === 'session.error' ? 1 : 0
    if (told.kind === 'session.close') this.facts.closed = told.time
    return this.#seq
  }

  fact(kind, fields, ...ids) {
    return this.#emit({ leg: 'client', from: 'client', layer: 'wire', span: [0, 0], kind, fields, notes: ids.map((id) => ({ id })) })
  }

  wait(ms) {
    this.#tape.after(ms)
    return this
  }

  /** facteur hears a side on one leg and says the same on the other. */
  #legs(from) {
    if (!this.facts.upstream) return ['client']
    return from === 'client' ? ['client', 'server'] : ['server', 'client']
  }

  #record(leg, from, type, size, opened) {
    const body = Array.from({ length: size }, () => this.#noise.next().value)
    const code = { handshake: 22, alert: 21, change_cipher_spec: 20, application_data: 23 }[type]
    const span = this.#tape.append(this.id, leg, from, 'wire', [code, 3, 3, size >> 8, size & 255, ...body])
    const note = { id: `tls.record.${type}${opened ? '.opened' : '.sealed'}` }
    this.#emit({ leg, from, layer: 'wire', span, kind: 'tls.record', fields: { type, length: String(size), ...(type === 'application_data' ? { opened: opened ? 'yes' : 'no' } : {}) }, notes: [note] })
    return span
  }

  /** A line or several, with fields found in the text. */
  say(from, kind, line, fields = {}, notes = [], { secret = [], re = true } = {}) {
    for (const leg of this.#legs(from)) this.#sayOn(leg, from, kind, line, fields, notes, secret, re)
    this.#tape.after(3)
    return this
  }

  #sayOn(leg, from, kind, line, fields, notes, secret, re) {
    const octets = encoder.encode(`${line.replaceAll('\n', '\r\n')}\r\n`)
    const sealed = this.#tls[leg]
    const carried = sealed ? [this.#record(leg, from, 'application_data', octets.length + 17, true)] : undefined
    const layer = sealed ? 'plain' : 'wire'
    const span = this.#tape.append(this.id, leg, from, layer, octets)
    const text = new TextDecoder().decode(octets)
    const spans = {}
    for (const [name, value] of Object.entries(fields)) {
      const at = value === '' ? -1 : text.indexOf(value)
      if (at >= 0) spans[name] = [span[0] + encoder.encode(text.slice(0, at)).length, span[0] + encoder.encode(text.slice(0, at) + value).length]
    }
    const placed = notes.map((note) => {
      if (typeof note === 'string') return { id: note }
      const at = text.indexOf(note.at)
      const start = span[0] + encoder.encode(text.slice(0, at)).length
      return { id: note.id, args: note.args, span: [start, start + encoder.encode(note.at).length] }
    })
    const event = { leg, from, layer, span, carried, kind, fields: { line, ...fields }, spans, notes: placed }
    if (secret.length) event.secret = secret
    if (from === 'server' && re && this.#asked[leg]) event.re = this.#asked[leg]
    const seq = this.#emit(event)
    if (from === 'client') this.#asked[leg] = seq
    this.facts.octets[from === 'client' ? 0 : 1] += leg === 'client' ? octets.length : 0
  }

  /** A body: begin, headers, one block, end. */
  body(from, family, headers, text) {
    for (const leg of this.#legs(from)) {
      const put = (kind, content, fields, ids) => {
        const octets = encoder.encode(content)
        const carried = this.#tls[leg] && octets.length ? [this.#record(leg, from, 'application_data', octets.length + 17, true)] : undefined
        const layer = this.#tls[leg] ? 'plain' : 'wire'
        const span = this.#tape.append(this.id, leg, from, layer, octets)
        this.#emit({ leg, from, layer, span, carried, kind, fields, notes: ids.map((id) => ({ id })) })
      }
      put(`${family}.data.begin`, '', {}, [`${family}.data.begin`])
      for (const [name, value, more = {}] of headers) {
        put('message.header', `${name}: ${value}\r\n`, { line: `${name}: ${value}`, name, value, ...more }, [`message.header.${name.toLowerCase()}`])
      }
      put('message.headers_end', '\r\n', { line: '' }, ['message.headers_end'])
      put(`${family}.data.data`, text.replaceAll('\n', '\r\n'), { octets: String(text.length) }, [`${family}.data.data`])
      put(`${family}.data.end`, '.\r\n', { line: '.', octets: String(headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 2) + text.length) }, [`${family}.data.end`])
    }
    this.#tape.after(3)
    return this
  }

  /** A TLS 1.3 handshake on both legs. */
  tls(sni) {
    for (const leg of this.facts.upstream ? ['client', 'server'] : ['client']) {
      const message = (from, name, size, fields, record, ids) => {
        const carried = [this.#record(leg, from, record, size + (record === 'handshake' ? 0 : 17), true)]
        const span = this.#tape.append(this.id, leg, from, 'tls', Array.from({ length: size }, () => this.#noise.next().value))
        this.#emit({ leg, from, layer: 'tls', span, carried, kind: `tls.${name}`, fields, notes: [{ id: `tls.${name}` }, ...ids] })
      }
      message('client', 'client_hello', 218, { sni, versions: 'TLS 1.3, TLS 1.2', ja4: 't13d1310h1_f57a46bbacb6_ab7e3b40a677' }, 'handshake', [{ id: 'tls.extension.server_name' }])
      message('server', 'server_hello', 90, { version: 'TLS 1.3', cipher: 'TLS_AES_128_GCM_SHA256', group: 'X25519MLKEM768' }, 'handshake', [])
      message('server', 'encrypted_extensions', 6, {}, 'application_data', [])
      message('server', 'certificate', 612, { subjects: `CN=${sni}`, names: sni, issuer: leg === 'client' ? 'CN=facteur' : 'CN=exemple.test root' }, 'application_data', [])
      message('server', 'certificate_verify', 78, {}, 'application_data', [])
      message('server', 'finished', 36, {}, 'application_data', [])
      message('client', 'finished', 36, {}, 'application_data', [])
      this.#tls[leg] = true
      this.facts.tls[leg] = { version: 'TLS 1.3', cipher: 'TLS_AES_128_GCM_SHA256', sni }
    }
    this.#tape.after(9)
    return this
  }

  /** Records that facteur could not open. */
  sealed(from, size) {
    this.#record('client', from, 'application_data', size, false)
    this.#tape.after(12)
    return this
  }
}
