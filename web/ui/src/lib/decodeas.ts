/** Octets read in other ways, and written down in others: for a selection of the stream. */

export type Reading = 'text' | 'base64' | 'quoted' | 'percent' | 'utf7' | 'words' | 'number' | 'packed'

export interface Read {
  id: Reading
  text: string
}

/** More than this is not decoded by hand. */
export const maxRead = 64 << 10

const strict = new TextDecoder('utf-8', { fatal: true })
const loose = new TextDecoder('utf-8')

const latin = (octets: Uint8Array) => Array.from(octets, (octet) => String.fromCharCode(octet)).join('')
const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))

/** UTF-8 where it is valid, else each octet as the character of its number (ISO-8859-1). */
export function asText(octets: Uint8Array): string {
  try {
    return strict.decode(octets)
  } catch {
    return latin(octets)
  }
}

/** Every reading that these octets allow; plain text always. */
export function readings(octets: Uint8Array): Read[] {
  const some = octets.subarray(0, maxRead)
  const text = latin(some)
  const out: Read[] = [{ id: 'text', text: asText(some) }]
  const add = (id: Reading, found: string | null) => found !== null && found !== '' && out.push({ id, text: found })
  add('base64', base64(text))
  add('quoted', quoted(text))
  add('percent', percent(text))
  add('utf7', utf7(text))
  add('words', words(text))
  add('number', number(some))
  add('packed', packed(some))
  return out
}

/** RFC 4648 §4, line ends and blanks passed over; null where anything else stands in it or too little to mean it. */
export function base64(text: string): string | null {
  const clean = text.replace(/[\r\n \t]/g, '')
  if (clean.length < 4 || clean.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(clean)) return null
  try {
    return asText(bytes(atob(clean)))
  } catch {
    return null
  }
}

/** RFC 2045 §6.7. */
export function quoted(text: string): string | null {
  if (!/=(?:[0-9A-Fa-f]{2}|\r?\n)/.test(text)) return null
  const joined = text.replace(/[ \t]*=\r?\n/g, '')
  return asText(bytes(joined.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))))
}

/** RFC 3986 §2.1, as RFC 2231 uses it. */
export function percent(text: string): string | null {
  if (!/%[0-9A-Fa-f]{2}/.test(text)) return null
  return asText(bytes(text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))))
}

/** The modified UTF-7 of mailbox names (RFC 3501 §5.1.3). */
export function utf7(text: string): string | null {
  if (!/&[A-Za-z0-9+,]*-/.test(text)) return null
  let good = true
  const out = text.replace(/&([A-Za-z0-9+,]*)-/g, (_, inside: string) => {
    if (inside === '') return '&'
    try {
      const raw = atob(inside.replaceAll(',', '/'))
      let found = ''
      for (let i = 0; i + 1 < raw.length; i += 2) found += String.fromCharCode((raw.charCodeAt(i) << 8) | raw.charCodeAt(i + 1))
      return found
    } catch {
      good = false
      return ''
    }
  })
  return good ? out : null
}

/** Encoded words (RFC 2047), in the character sets that browsers know. */
export function words(text: string): string | null {
  const pattern = /=\?([^?\s*]{1,40})(?:\*[^?\s]*)?\?([BbQq])\?([^?\s]*)\?=/g
  if (!pattern.test(text)) return null
  let good = true
  const out = text.replace(/(\?=)[ \t\r\n]+(?==\?)/g, '$1').replace(pattern, (whole, charset: string, how: string, inside: string) => {
    try {
      const raw = how.toUpperCase() === 'B' ? atob(inside) : inside.replaceAll('_', ' ').replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
      return new TextDecoder(charset).decode(bytes(raw))
    } catch {
      good = false
      return whole
    }
  })
  return good ? out : null
}

/** One to eight octets as a number in network order (RFC 1700): decimal, and hexadecimal beside it. */
export function number(octets: Uint8Array): string | null {
  if (!octets.length || octets.length > 8) return null
  let value = 0n
  for (const octet of octets) value = (value << 8n) | BigInt(octet)
  return `${value} (0x${value.toString(16).toUpperCase().padStart(octets.length * 2, '0')})`
}

/** What compressed octets begin with: gzip (RFC 1952), zlib (RFC 1950). */
export function packed(octets: Uint8Array): 'gzip' | 'zlib' | null {
  const [a = 0, b = 0, c = 0] = octets
  if (a === 0x1f && b === 0x8b && c === 8) return 'gzip'
  return octets.length > 6 && a === 0x78 && ((a << 8) | b) % 31 === 0 && (b & 0x20) === 0 ? 'zlib' : null
}

const hex = (octet: number) => octet.toString(16).toUpperCase().padStart(2, '0')
const lines = (items: string[], perLine: number, indent: string) => {
  const out: string[] = []
  for (let i = 0; i < items.length; i += perLine) out.push(indent + items.slice(i, i + perLine).join(', '))
  return out.join(',\n')
}

export type Writing = 'hex' | 'text' | 'c' | 'go'

/** Octets for the clipboard. */
export function written(octets: Uint8Array, as: Writing): string {
  const items = Array.from(octets, (octet) => `0x${hex(octet)}`)
  switch (as) {
    case 'hex':
      return Array.from(octets, hex).join(' ')
    case 'text':
      return loose.decode(octets)
    case 'c':
      return `unsigned char octets[${octets.length}] = {\n${lines(items, 12, '  ')}\n};\n`
    case 'go':
      return `octets := []byte{\n${lines(items, 12, '\t')},\n}\n`
  }
}
