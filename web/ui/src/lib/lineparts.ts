/** An event's line cut where its fields lie, so that pointing at a field lights its letters and back. */
import type { MailEvent, Span } from './api'
import { linesOf } from './story'
import { octetsOf } from './visible'

export interface LinePart {
  text: string
  /** The smallest field that these letters belong to; '' for none. */
  field: string
  secret: boolean
}

export interface Place {
  name: string
  span: Span
}

/** Fields that lie inside the event, smallest first: an argument's part wins over the argument. */
export function places(event: MailEvent): Place[] {
  return Object.entries(event.spans ?? {})
    .filter(([name, span]) => name !== 'line' && span[1] > span[0] && span[0] >= event.span[0] && span[1] <= event.span[1])
    .map(([name, span]) => ({ name, span }))
    .sort((a, b) => a.span[1] - a.span[0] - (b.span[1] - b.span[0]))
}

/** The field that owns octet `at`, or ''. */
export function fieldAt(event: MailEvent, at: number, known = places(event)): string {
  return known.find((place) => at >= place.span[0] && at < place.span[1])?.name ?? ''
}

/** The fields that facteur masked; a secret that it was asked to show is no longer one to hide. */
export const masked = (event: MailEvent): ReadonlySet<string> => new Set((event.secret ?? []).filter((name) => event.fields?.[name]?.includes('*')))

/** Every line of the event in parts. Offsets count two octets for each line end, as they were sent. */
export function lineParts(event: MailEvent): LinePart[][] {
  const known = places(event)
  const secret = masked(event)
  let at = event.span[0]
  return linesOf(event).map((line) => {
    const parts: LinePart[] = []
    for (const char of line) {
      const field = fieldAt(event, at, known)
      const last = parts.at(-1)
      if (last && last.field === field) last.text += char
      else parts.push({ text: char, field, secret: secret.has(field) })
      at += octetsOf(char)
    }
    at += 2
    return parts
  })
}

/** The part of the line that a note explains, quoted; '' when it is the whole or unknown. */
export function quoted(event: MailEvent, span: Span | undefined): string {
  if (!span || (span[0] <= event.span[0] && span[1] >= event.span[1])) return ''
  let at = event.span[0]
  let out = ''
  for (const line of linesOf(event)) {
    for (const char of line) {
      if (at >= span[0] && at < span[1]) out += char
      at += octetsOf(char)
    }
    at += 2
  }
  return out.trim()
}
