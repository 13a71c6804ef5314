/**
 * A server with facteur's API (the part the page uses) that plays made-up sessions, so that the page can be built and
 * tested without the Go side; the same tests also run against the real program.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { WebSocketServer } from 'ws'
import { capture } from './capture.mjs'
import { diff } from './diff.mjs'
import { flood, lesson } from './lesson.mjs'
import { letters } from './letters.mjs'
import { shelves } from './library.mjs'
import { serveMail } from './mail.mjs'

/** The built page; FACTEUR_DIST names another build, ending in a slash. */
const dist = process.env.FACTEUR_DIST ?? fileURLToPath(new URL('../../../dist/', import.meta.url))
const notes = fileURLToPath(new URL('../../../../internal/notes/', import.meta.url))

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.txt': 'text/plain; charset=utf-8' }

/** The policy of the real server, so that what it forbids fails here too. */
const policy = "default-src 'self'; style-src 'self'; img-src 'self' data:; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

const batch = 500

function catalogue(lang) {
  const all = { lang, notes: {}, glossary: {} }
  for (const name of readdirSync(join(notes, lang))) {
    const content = JSON.parse(readFileSync(join(notes, lang, name), 'utf8'))
    if (name === 'glossary.json') all.glossary = content
    else if (name !== 'kinds.json') Object.assign(all.notes, content)
  }
  const ehlo = all.notes['smtp.command.EHLO']
  if (ehlo) ehlo.refs = [{ label: 'RFC 5321 §4.1.1.1', url: 'https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.1' }]
  return JSON.stringify(all)
}

const routes = [
  { listen: 'submission://127.0.0.1:1587', upstream: 'submission://127.0.0.1:10587', protocol: 'smtp', tls: 'intercept', state: 'listening', error: '' },
  { listen: 'pop3://127.0.0.1:1110', upstream: 'pop3://127.0.0.1:10110', protocol: 'pop3', tls: 'intercept', state: 'listening', error: '' },
  { listen: 'imaps://127.0.0.1:1993', upstream: 'imaps://127.0.0.1:10993', protocol: 'imap', tls: 'intercept', state: 'listening', error: '' },
  { listen: 'imap://127.0.0.1:1143', upstream: 'imap://127.0.0.1:10143', protocol: 'imap', tls: 'intercept', state: 'failed', error: 'listen tcp 127.0.0.1:1143: bind: address already in use' },
]

const connect = [
  { id: 'curl-imap', title: { fr: 'Lire la boîte avec curl (IMAPS)', en: 'Read the mailbox with curl (IMAPS)' }, command: 'curl -v --cacert ~/.facteur/ca.pem --user bob:motdepasse imaps://127.0.0.1:1993/INBOX' },
  { id: 'openssl', title: { fr: 'Parler SMTP à la main (STARTTLS)', en: 'Speak SMTP by hand (STARTTLS)' }, command: 'openssl s_client -connect 127.0.0.1:1587 -starttls smtp -crlf -quiet' },
]

/** What a client has to be told before it trusts facteur. */
const steps = [
  {
    id: 'thunderbird', client: 'Thunderbird',
    trust: { fr: ['facteur ca install --into thunderbird, puis relancer Thunderbird'], en: ['facteur ca install --into thunderbird, then restart Thunderbird'] },
    forget: { fr: ['Paramètres › Vie privée et sécurité › Certificats › Gérer les certificats › Autorités › facteur › Supprimer'], en: ['Settings › Privacy & Security › Certificates › Manage Certificates › Authorities › facteur › Delete'] },
  },
]

/**
 * role: who looks; "" is somebody at the followers' door who has not typed the code. library: see shelves.
 * @param {{mode?: 'live'|'replay'|'demo', events?: 'lesson'|'capture'|'letters'|'none'|number, many?: number, pace?: number, first?: number, port?: number, shared?: boolean, lab?: string[], role?: 'presenter'|'follower'|'', library?: 'few'|'indexing'|'none'|'off'|number}} options
 */
export async function startMock(options = {}) {
  const { mode = 'live', events = 'lesson', pace = 0, first = Infinity, port = 0, shared = false, lab = [], role = 'presenter' } = options
  const shelf = shelves(options.library)
  const stage = { rev: 1, spotlight: false, frozen: false, blank: false, ...(role === 'follower' ? { place: { screen: 'live', session: 1, n: 4, line: 0, leg: 'client', filter: '', lit: '', wire: false, args: {}, tape: '' } } : {}) }
  const tape = typeof events === 'number' ? flood(events) : events === 'capture' ? capture() : events === 'letters' ? letters(options) : lesson()
  const all = events === 'none' ? [] : tape.events
  const viewers = new Set()
  let epoch = Math.random().toString(36).slice(2)
  let shown = mode === 'replay' ? all.length : Math.min(first, all.length)
  let timer
  const begin = Date.parse(all[0]?.time ?? 0)
  const seconds = (n) => (n > 0 ? (Date.parse(all[n - 1].time) - begin) / 1000 : 0)
  const player = { state: 'paused', cursor: Math.min(40, all.length), position: seconds(Math.min(40, all.length)), duration: seconds(all.length), speed: 1, idle_cap: 2, loading: false, loaded: all.length, chapters: [] }

  const known = () => (events === 'none' ? [] : [...tape.sessions.values()].filter((session) => all.findIndex((event) => event.session === session.id) < shown))

  function tellPlayer() {
    for (const viewer of viewers) viewer.socket.send(JSON.stringify({ type: 'player', player }))
  }

  /** Moves the cursor on by one event in a fixed step; the real player keeps recorded time. */
  function tick() {
    if (player.state !== 'playing') return
    player.cursor++
    if (player.cursor >= all.length) player.state = 'ended'
    player.position = seconds(player.cursor)
    tellPlayer()
    setTimeout(tick, 40 / player.speed)
  }

  const exchange = (from, delta) => {
    for (let n = from + delta; n > 0 && n <= all.length; n += delta) if (all[n - 1].kind.endsWith('.command')) return n
    return delta > 0 ? all.length : 1
  }

  function steer(order) {
    if (order.do === 'play' || order.do === 'restart') {
      if (order.do === 'restart') player.cursor = 0
      if (player.state !== 'playing') setTimeout(tick, 0)
      player.state = 'playing'
    } else if (order.do === 'pause') player.state = 'paused'
    else if (order.do === 'speed') player.speed = order.speed
    else if (order.do === 'idle_cap') player.idle_cap = order.idle_cap
    else if (order.do === 'seek') {
      player.cursor = order.n ?? all.filter((event) => (Date.parse(event.time) - begin) / 1000 <= order.position).length
      player.state = 'paused'
    } else if (order.do === 'step') {
      player.cursor = order.by === 'exchange' ? exchange(player.cursor, order.delta) : Math.max(0, Math.min(all.length, player.cursor + order.delta))
      player.state = 'paused'
    }
    player.position = seconds(player.cursor)
    tellPlayer()
  }

  function feed(viewer) {
    while (viewer.after < shown) {
      const part = all.slice(viewer.after, Math.min(shown, viewer.after + batch))
      viewer.after = part.at(-1).n
      viewer.socket.send(JSON.stringify({ type: 'events', events: part }))
    }
  }

  /** Lets the next events happen. */
  function happen(count) {
    shown = Math.min(all.length, shown + count)
    for (const viewer of viewers) {
      viewer.socket.send(JSON.stringify({ type: 'sessions', sessions: known() }))
      feed(viewer)
    }
  }

  const json = (response, value, status = 200) => {
    response.writeHead(status, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify(value))
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://mock')
    response.setHeader('Content-Security-Policy', policy)
    response.setHeader('X-Content-Type-Options', 'nosniff')
    if (role === '' && url.pathname.startsWith('/api/')) return json(response, { error: 'code', message: { fr: 'Le code du présentateur est attendu.', en: 'The presenter’s code is expected.' } }, 401)
    if (url.pathname.endsWith('/marks')) return json(response, { kept: false, marks: [] })
    if (url.pathname === '/api/v1/state') {
      const none = mode === 'replay'
      return json(response, {
        version: '1.0.0', mode, lang: 'fr', epoch, last: shown, role, share: shared, lab,
        routes: none ? [] : routes, connect: none ? [] : connect,
        recording: { dir: 'captures', on: !none }, ca: none ? null : { path: '~/.facteur/ca.pem', sha256: '3F:51:0A:9C:77:E2:18:B4:5D:06:C1:92:AB:3E:70:8D', steps },
      })
    }
    const asked = /^\/api\/v1\/catalogue\/(fr|en)$/.exec(url.pathname)
    if (asked) {
      response.writeHead(200, { 'Content-Type': 'application/json' })
      return response.end(catalogue(asked[1]))
    }
    if (url.pathname === '/api/v1/states') return json(response, JSON.parse(readFileSync(new URL('./states.json', import.meta.url), 'utf8')))
    if (shared && url.pathname === '/api/v1/share') return json(response, { on: true, code: 'K7M4QB', addresses: ['http://192.0.2.7:8125/', 'http://198.51.100.7:8125/'], followers: 3 })
    if (shared && url.pathname === '/api/v1/share/qr.svg') {
      response.writeHead(200, { 'Content-Type': 'image/svg+xml' })
      return response.end('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path fill="#fff" d="M0 0h8v8H0z"/><path d="M2 2h4v4H2z"/></svg>')
    }
    if (shared && url.pathname === '/api/v1/stage' && request.method === 'POST') {
      request.on('data', (part) => Object.assign(stage, JSON.parse(part), { rev: stage.rev + 1 }))
      request.on('end', () => json(response, stage))
      return undefined
    }
    if (url.pathname === '/api/v1/diff') return diff(url.searchParams.get('a'), url.searchParams.get('b'), response, json)
    if (url.pathname === '/api/v1/sessions') return json(response, { sessions: known() })
    if (url.pathname === '/api/v1/player' && request.method === 'POST') {
      let body = ''
      request.on('data', (part) => (body += part))
      request.on('end', () => {
        if (request.headers.facteur !== '1') return json(response, { error: 'forbidden' }, 403)
        steer(JSON.parse(body))
        json(response, player)
      })
      return undefined
    }
    const octets = /^\/api\/v1\/sessions\/(\d+)\/octets$/.exec(url.pathname)
    if (octets) {
      const [from, to] = url.searchParams.get('span').split('-').map(Number)
      const stream = tape.octets(Number(octets[1]), url.searchParams.get('leg'), url.searchParams.get('from'), url.searchParams.get('layer'))
      if (to > stream.length) return json(response, { error: 'not_kept' }, 404)
      response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Facteur-Span': `${from}-${to}` })
      return response.end(Buffer.from(stream.slice(from, to)))
    }
    if (serveMail(tape, url, response)) return undefined
    if (shelf.serve(request, url, response, json)) return undefined
    const path = normalize(join(dist, url.pathname === '/' ? 'index.html' : url.pathname))
    try {
      if (!path.startsWith(dist) || !statSync(path).isFile()) throw new Error('no such file')
      response.writeHead(200, { 'Content-Type': types[extname(path)] ?? 'application/octet-stream' })
      response.end(readFileSync(path))
    } catch {
      json(response, { error: 'not_found' }, 404)
    }
    return undefined
  })

  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url, 'http://mock')
    if (shared && url.pathname === '/api/v1/stage/stream') {
      return sockets.handleUpgrade(request, socket, head, (ws) => {
        ws.send(JSON.stringify({ type: 'stage', stage }))
        ws.send(JSON.stringify({ type: 'audience', audience: { followers: 3 } }))
      })
    }
    const beside = shelf.tape(/^\/api\/v1\/tapes\/(\w+)\/stream$/.exec(url.pathname)?.[1])
    if (beside) {
      return sockets.handleUpgrade(request, socket, head, (ws) => {
        const { tape: told, facts, player: at } = beside
        const frames = [{ type: 'hello', epoch, last: told.events.length, mode: 'replay' }, { type: 'sessions', sessions: [...told.sessions.values()] }, { type: 'tape', tape: facts }, { type: 'player', player: at }, { type: 'events', events: told.events }]
        for (const frame of frames) ws.send(JSON.stringify(frame))
      })
    }
    if (url.pathname !== '/api/v1/stream' || role === '') return socket.destroy()
    return sockets.handleUpgrade(request, socket, head, (ws) => {
      const viewer = { socket: ws, after: Number(url.searchParams.get('after') ?? 0) }
      ws.on('close', () => viewers.delete(viewer))
      ws.send(JSON.stringify({ type: 'hello', epoch, last: shown, mode }))
      ws.send(JSON.stringify({ type: 'sessions', sessions: known() }))
      ws.send(JSON.stringify({ type: 'routes', routes: mode === 'replay' ? [] : routes }))
      if (mode === 'replay') ws.send(JSON.stringify({ type: 'player', player }))
      feed(viewer)
      viewers.add(viewer)
    })
  })
  await new Promise((listening) => server.listen(port, '127.0.0.1', listening))
  if (pace > 0) timer = setInterval(() => happen(1), pace)

  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    port: server.address().port,
    total: all.length,
    events: all,
    happen,
    /** Cuts every viewer off, as a lost network does. */
    drop: () => viewers.forEach((viewer) => viewer.socket.terminate()),
    /** Another process with the same sessions. */
    renew: () => (epoch = Math.random().toString(36).slice(2)),
    close: () =>
      new Promise((closed) => {
        clearInterval(timer)
        viewers.forEach((viewer) => viewer.socket.terminate())
        server.close(closed)
        server.closeAllConnections()
      }),
  }
}
