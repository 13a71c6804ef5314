/**
 * The part of the mock that reads messages: what web/mailapi.go answers, for well-formed mail. The HTML it serves is not
 * the mail's: that the real one is harmless is tested on the real program.
 */
const utf8 = new TextDecoder()
const policy = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

/** A message as text of one character an octet, dots unstuffed. */
function messageOf(tape, session, n) {
  const begin = tape.events[n - 1]
  if (!begin || begin.session !== session || !begin.kind.endsWith('.data.begin')) return null
  const same = (event) => event.session === session && event.leg === begin.leg && event.from === begin.from
  const end = tape.events.find((event) => event.n > n && same(event) && event.kind.endsWith('.data.end'))
  const octets = tape.octets(session, begin.leg, begin.from, begin.layer).slice(begin.span[0], end?.span[0])
  return { ended: !!end, at: begin.span[0], text: Buffer.from(octets).toString('latin1').replace(/^\./gm, '') }
}

const parameter = (value, name) => new RegExp(`${name}="?([^";]+)"?`, 'i').exec(value ?? '')?.[1]?.trim() ?? ''

function partsOf(text, path, at, out) {
  const [head, ...rest] = text.split('\r\n\r\n')
  const body = rest.join('\r\n\r\n')
  const fields = Object.fromEntries(head.replace(/\r\n[ \t]+/g, ' ').split('\r\n').map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
  const type = (fields['content-type'] ?? 'text/plain').split(';')[0].toLowerCase()
  const encoding = fields['content-transfer-encoding'] ?? ''
  const offset = at + head.length + 4
  if (type.startsWith('multipart/')) {
    out.push({ path, type, octets: 0, decoded: 0, at: offset })
    const pieces = body.split(new RegExp(`(?:^|\\r\\n)--${parameter(fields['content-type'], 'boundary')}(?:--)?[ \\t]*(?:\\r\\n|$)`))
    pieces.slice(1, -1).forEach((piece, i) => partsOf(piece, path ? `${path}.${i + 1}` : String(i + 1), offset + body.indexOf(piece), out))
    return out
  }
  const filename = parameter(fields['content-disposition'], 'filename').replace(/=\?UTF-8\?Q\?(.*)\?=/, (_, word) => decodeURIComponent(word.replaceAll('=', '%')))
  out.push({ path: path || '1', type, encoding, disposition: fields['content-disposition']?.split(';')[0] ?? '', filename, charset: parameter(fields['content-type'], 'charset'), octets: body.length, decoded: decoded(body, encoding).length, at: offset, body })
  return out
}

function decoded(body, encoding) {
  if (encoding === 'base64') return Buffer.from(body, 'base64')
  if (encoding === 'quoted-printable') return Buffer.from(body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1')
  return Buffer.from(body, 'latin1')
}

const report = {
  images: 3, pixels: 1, styles: 3, scripts: 3, forms: 3, frames: 1, refresh: 2, inline: 1, left_out: 0, too_deep: false, charset: 'ok', octets: 1044, missing: 0, trimmed: false,
  links: [{ text: 'www.banque.test', href: 'http://canary.test/link', deceives: true }, { text: 'ici', href: "javascript:location='http://canary.test/js'" }],
}
const page = '<!doctype html><html lang="fr"><meta charset="utf-8"><title>mail</title><style>body{font:15px sans-serif;margin:12px}h1{color:#900}</style><main><h1>Banque Éternelle</h1><p>Cher client, votre compte sera <b>fermé</b>.</p></main></html>'

/** Answers a request about messages; false when it is about something else. */
export function serveMail(tape, url, response) {
  const asked = /^\/api\/v1\/sessions\/(\d+)\/messages\/(\d+)(?:\/(source|message\.eml|parts\/([\d.]+)))?$/.exec(url.pathname)
  if (!asked) return false
  const send = (body, type, headers = {}) => {
    response.writeHead(200, { 'Content-Type': type, ...headers })
    response.end(body)
    return true
  }
  const mail = messageOf(tape, Number(asked[1]), Number(asked[2]))
  if (!mail) {
    response.writeHead(404, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify({ error: 'no_message' }))
    return true
  }
  const parts = partsOf(mail.text, '', mail.at, [])
  const octets = Buffer.from(mail.text, 'latin1')
  if (!asked[3]) {
    const told = parts.map(({ body: _, ...part }) => part)
    return send(JSON.stringify({ n: Number(asked[2]), stuffed: true, ended: mail.ended, octets: octets.length, missing: 0, gaps: [], parts: told, left_out: 0 }), 'application/json')
  }
  if (asked[3] === 'source') return send(octets.subarray(Number(url.searchParams.get('from') ?? 0)), 'application/octet-stream')
  if (asked[3] === 'message.eml') return send(octets, 'application/octet-stream', { 'Content-Disposition': 'attachment; filename="message.eml"' })
  const part = parts.find((one) => one.path === asked[4])
  const content = decoded(part.body, part.encoding)
  switch (url.searchParams.get('as')) {
    case 'text':
      return send(part.charset === 'iso-8859-1' ? content.toString('latin1') : utf8.decode(content), 'text/plain; charset=utf-8', { 'Facteur-Charset': 'ok', 'Facteur-Missing': '0', 'Facteur-Trimmed': 'false' })
    case 'report':
      return send(JSON.stringify(report), 'application/json')
    case 'html':
      return send(page, 'text/html; charset=utf-8', { 'Content-Security-Policy': policy })
  }
  return send(content, 'application/octet-stream')
}
