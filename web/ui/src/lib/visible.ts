/**
 * Text from mail and servers is anybody's text. Control characters, bidirectional overrides and invisible spaces are
 * shown as signs, so that what is read is what was sent.
 */
export interface Piece {
  text: string
  /** Drawn as a sign that stands for a character, not as text that was sent. */
  sign: boolean
}

/** C0 and DEL have pictures of their own in Unicode: U+2400 and following. */
function picture(code: number): string {
  if (code < 0x20) return String.fromCodePoint(0x2400 + code)
  if (code === 0x7f) return '␡'
  return `‹U+${code.toString(16).toUpperCase().padStart(4, '0')}›`
}

/** C0, DEL, C1, soft hyphen, Arabic letter mark, Mongolian separator, zero width and bidi controls, separators, fillers, BOM, interlinear marks, tags, lone surrogates. */
const hidden =

  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu

export function visible(text: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  for (const match of text.matchAll(hidden)) {
    if (match.index > at) pieces.push({ text: text.slice(at, match.index), sign: false })
    pieces.push({ text: picture(match[0].codePointAt(0) ?? 0), sign: true })
    at = match.index + match[0].length
  }
  if (at < text.length) pieces.push({ text: text.slice(at), sign: false })
  return pieces
}

/** The same as one string, for titles, labels and the clipboard's preview. */
export const visibleText = (text: string) =>
  visible(text)
    .map((piece) => piece.text)
    .join('')

const encoder = new TextEncoder()

/** Octets a text takes in UTF-8. */
export const octetsOf = (text: string) => encoder.encode(text).length

/** The character before which `octets` octets of UTF-8 lie. */
export function charAt(text: string, octets: number): number {
  let seen = 0
  let at = 0
  for (const char of text) {
    if (seen >= octets) return at
    seen += octetsOf(char)
    at += char.length
  }
  return at
}
