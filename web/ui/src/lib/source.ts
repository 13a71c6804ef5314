/** A message's source as lines that hide nothing: line ends, controls and octets that are no text are shown as such. */

export interface SourceLine {
  /** Offset of its first octet in the message. */
  at: number
  text: string
  /** How it ends: as mail lines must, with a bare LF or CR, in the middle of a long line, or with the message. */
  end: 'crlf' | 'lf' | 'cr' | 'cut' | ''
  /** Octets that are missing in front of it: this line stands for them, and has no text. */
  gap?: number
}

/** The longest stretch of a line that is one row; RFC 5322 §2.1.1 allows 998 octets, hostile mail does not ask. */
const maxRow = 512

const strict = new TextDecoder('utf-8', { fatal: true })

/** Octets as text: UTF-8 where it is valid, else every octet above ASCII by its number. */
export function textOf(octets: Uint8Array): string {
  try {
    return strict.decode(octets)
  } catch {
    let out = ''
    for (const octet of octets) out += octet < 0x80 ? String.fromCharCode(octet) : `\\x${octet.toString(16).toUpperCase().padStart(2, '0')}`
    return out
  }
}

/**
 * @param at offset of data[0] in the message
 * @param gaps [offset in the message, octets missing there], rising
 */
export function sourceLines(data: Uint8Array, at: number, gaps: readonly (readonly [number, number])[]): SourceLine[] {
  const lines: SourceLine[] = []
  const breaks = gaps.filter(([offset]) => offset >= at && offset <= at + data.length)
  let gap = 0
  let start = 0
  const push = (to: number, skip: number, end: SourceLine['end']) => {
    lines.push({ at: at + start, text: textOf(data.subarray(start, to)), end })
    start = to + skip
  }
  for (let i = 0; i <= data.length; i++) {
    if (gap < breaks.length && at + i === breaks[gap]![0]) {
      if (i > start) push(i, 0, 'cut')
      lines.push({ at: at + i, text: '', end: '', gap: breaks[gap++]![1] })
    }
    if (i === data.length) break
    const octet = data[i]!
    if (octet === 0x0a) push(i, 1, 'lf')
    else if (octet === 0x0d && data[i + 1] === 0x0a && breaks[gap]?.[0] !== at + i + 1) {
      push(i, 2, 'crlf')
      i++
    } else if (octet === 0x0d) push(i, 1, 'cr')
    else if (i - start >= maxRow && ((octet & 0xc0) !== 0x80 || i - start >= maxRow + 4)) push(i, 0, 'cut')
  }
  if (start < data.length) push(data.length, 0, '')
  return lines
}

/** In letters: the pictures that Unicode has for controls are missing from many systems' fonts. */
export const lineEnds: Record<SourceLine['end'], string> = { crlf: 'CRLF', lf: 'LF', cr: 'CR', cut: '…', '': '' }
