/** The addresses of a header field (RFC 5322 §3.4). */
export interface Address {
  name: string
  address: string
}

/** The addresses of a field (RFC 5322 §3.4): names, comments, groups and quoted parts are understood, not judged. */
export function addresses(value: string): Address[] {
  const list: Address[] = []
  for (const piece of splitList(value)) {
    const angle = piece.lastIndexOf('<')
    const inside = angle >= 0 ? /<([^<>]*)>/.exec(piece.slice(angle))?.[1] : undefined
    const bare = inside ?? withoutComments(piece)
    const address = bare.replace(/^@[^:]*:/, '').trim() // a source route of old (RFC 5322 §4.4)
    if (!address.includes('@')) continue
    const name = inside === undefined ? '' : unquoted(withoutComments(piece.slice(0, angle)))
    list.push({ name, address })
  }
  return list
}

function splitList(value: string): string[] {
  const pieces: string[] = []
  let piece = ''
  let quoted = false
  let depth = 0
  for (let i = 0; i < value.length; i++) {
    const char = value[i]!
    if (char === '\\' && i + 1 < value.length) {
      piece += char + value[++i]!
      continue
    }
    if (char === '"' && depth === 0) quoted = !quoted
    else if (!quoted && char === '(') depth++
    else if (!quoted && char === ')') depth = Math.max(0, depth - 1)
    const separates = !quoted && depth === 0 && (char === ',' || char === ';')
    // "Team: a@x, b@x;" is a group: its name is no address
    if (separates || (!quoted && depth === 0 && char === ':' && !piece.includes('<'))) {
      if (separates) pieces.push(piece)
      piece = ''
    } else piece += char
  }
  return [...pieces, piece].filter((one) => one.trim() !== '')
}

export const withoutComments = (text: string) => text.replace(/\([^()]*\)/g, '')
const unquoted = (text: string) => text.trim().replace(/^"(.*)"$/s, '$1').replace(/\\(.)/g, '$1')

/** Two spellings of one mailbox: the domain's case never counts, and in practice neither does the rest. */
export const sameAddress = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
export const domain = (address: string) => address.slice(address.lastIndexOf('@') + 1).toLowerCase()
