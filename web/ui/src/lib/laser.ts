/**
 * The presenter's laser goes by octets, not by pixels: which one a pointer is on, and where one is drawn. Octets are drawn in
 * runs of letters of one width, which say in their attributes what they hold:
 * data-octets="N LAYER" an event of the stream and the layer, data-at the first octet, data-unit how many letters an octet
 * takes with the space behind it; none for text, of which each letter takes as many octets as in UTF-8.
 */
import type { MailEvent } from './api'
import { octetsOf, visibleText } from './visible'
import { linesOf } from './story'

export interface Run {
  at: number
  /** 3 in hexadecimal, 1 in ASCII, 0 in text. */
  unit: number
  text: string
}

/** The octet at a share of the run's width. */
export function octetAt(run: Run, share: number): number {
  const letter = Math.max(0, Math.min(run.text.length - 1, Math.floor(share * run.text.length)))
  return run.at + (run.unit ? Math.floor(letter / run.unit) : octetsOf(run.text.slice(0, letter)))
}

/** Where an octet stands in the run, as shares of its width; null where it is not in it. */
export function sharesOf(run: Run, octet: number): [number, number] | null {
  const whole = run.text.length
  const place = octet - run.at
  if (place < 0 || whole === 0) return null
  if (run.unit) {
    const first = place * run.unit
    return first < whole ? [first / whole, (first + Math.max(1, run.unit - 1)) / whole] : null
  }
  let seen = 0
  let at = 0
  for (const letter of run.text) {
    seen += octetsOf(letter)
    if (place < seen) return [at / whole, (at + letter.length) / whole]
    at += letter.length
  }
  return null
}

/** Offset of a line's first octet; -1 where its letters are not its octets: it is none, or shows signs instead of some. */
export function lineAt(event: MailEvent, line: number): number {
  const lines = linesOf(event)
  const text = lines[line]
  if (event.fields?.['line'] === undefined || !text || visibleText(text) !== text) return -1
  return lines.slice(0, line).reduce((at, one) => at + octetsOf(one) + 2, event.span[0])
}

/** Whether two events are of one stream, so that an offset means the same in both. */
export const sameStream = (a: MailEvent | undefined, b: MailEvent | undefined) => !!a && !!b && a.session === b.session && a.leg === b.leg && a.from === b.from
