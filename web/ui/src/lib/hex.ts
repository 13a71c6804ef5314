/** Octets as rows of hexadecimal and ASCII, cut where the fields lie. */

export interface Run {
  /** Offset of the first octet on its stream. */
  at: number
  hex: string
  ascii: string
  field: string
  secret: boolean
  /** What the caller says of these octets besides: chosen, gone …; '' for nothing. */
  mark: string
}

export interface HexRow {
  at: number
  runs: Run[]
  /** Octets that the last row lacks, so that columns stay in line. */
  missing: number
}

const hex = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0').toUpperCase())

export const ascii = (octet: number) => (octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : octet < 0 ? ' ' : '·')

/**
 * @param data octets; a number below 0 is one that is not there
 * @param at offset of data[0] on its stream
 * @param perRow octets a row holds
 * @param fieldAt names the field that an octet belongs to
 * @param isSecret whether an octet of that field is masked
 * @param markAt what else is to be told apart
 */
export function hexRows(
  data: ArrayLike<number>,
  at: number,
  perRow: number,
  fieldAt: (at: number) => string,
  isSecret: (field: string, at: number) => boolean,
  markAt: (at: number) => string = () => '',
): HexRow[] {
  const rows: HexRow[] = []
  for (let start = 0; start < data.length; start += perRow) {
    const end = Math.min(data.length, start + perRow)
    const runs: Run[] = []
    for (let i = start; i < end; i++) {
      const octet = data[i]!
      const field = fieldAt(at + i)
      const secret = isSecret(field, at + i)
      const mark = markAt(at + i)
      const last = runs.at(-1)
      if (last && last.field === field && last.secret === secret && last.mark === mark) {
        last.hex += ` ${hex[octet] ?? '  '}`
        last.ascii += ascii(octet)
      } else {
        runs.push({ at: at + i, hex: hex[octet] ?? '  ', ascii: ascii(octet), field, secret, mark })
      }
    }
    rows.push({ at: at + start, runs, missing: perRow - (end - start) })
  }
  return rows
}

/** 8, 16 or 32 octets, whichever the width holds: each takes three characters of hexadecimal and one of ASCII, beside the offset. */
export function octetsPerRow(width: number, charWidth: number, digits: number): 8 | 16 | 32 {
  // two gaps of two between the columns; the last octet has no space after it
  const room = Math.floor(width / charWidth) - digits - 3
  if (room >= 32 * 4) return 32
  return room >= 16 * 4 ? 16 : 8
}

/** Hexadecimal digits that an offset needs: at least four, always even. */
export const offsetDigits = (last: number) => Math.max(4, Math.ceil(last.toString(16).length / 2) * 2)

export const offset = (at: number, digits: number) => at.toString(16).padStart(digits, '0').toUpperCase()
