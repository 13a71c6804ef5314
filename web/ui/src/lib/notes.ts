/** Notes: from an id and arguments to a sentence. The rules are those of internal/notes/notes.go. */
import type { Catalogue, MailEvent, Note, NoteText } from './api'
import { render, type Values } from './template'

export interface Found {
  id: string
  text: NoteText
  /** The components of the id that fell away before a text was found. */
  rest: string
}

/** The text used when not even the first component of an id is known. */
const lastResort = 'unknown'

/** Tries the whole id, then drops the last component again and again. */
export function lookup(catalogue: Catalogue | null, id: string): Found | null {
  if (!catalogue) return null
  for (let end = id.length; end > 0; end = id.lastIndexOf('.', end - 1)) {
    const key = id.slice(0, end)
    const text = Object.hasOwn(catalogue.notes, key) ? catalogue.notes[key] : undefined
    if (text) return { id: key, text, rest: id.slice(end + 1) }
  }
  const text = catalogue.notes[lastResort]
  return text ? { id: lastResort, text, rest: id } : null
}

/** A note's words come from its arguments, then from the event's fields; {word} is what fell away of its id. */
export function words(event: MailEvent, note: Note, rest: string): Values {
  return (name) => {
    if (note.args && Object.hasOwn(note.args, name)) return note.args[name] ?? ''
    if (event.fields && Object.hasOwn(event.fields, name)) return event.fields[name] ?? ''
    return name === 'word' || name === 'rest' ? rest : ''
  }
}

export type Level = 'note' | 'lint' | 'error'

export interface Explained {
  note: Note
  line: string
  more: string
  refs: NonNullable<NoteText['refs']>
  see: string[]
  level: Level
}

/** A lint warns; an error says what failed. */
export function levelOf(id: string): Level {
  if (id.startsWith('lint.') || id.startsWith('session.violation') || id.startsWith('session.gap')) return 'lint'
  return id.startsWith('session.error') || (id.startsWith('tls.alert') && !id.endsWith('close_notify')) ? 'error' : 'note'
}

/** The gravest level among an event's notes. */
export function gravest(event: MailEvent): Level {
  let level: Level = 'note'
  for (const note of event.notes ?? []) {
    const one = levelOf(note.id)
    if (one === 'error') return one
    if (one === 'lint') level = one
  }
  return level
}

export function explain(catalogue: Catalogue | null, event: MailEvent, note: Note): Explained | null {
  const found = lookup(catalogue, note.id)
  if (!catalogue || !found) return null
  const value = words(event, note, found.rest)
  return {
    note,
    line: render(found.text.line, value, catalogue.lang),
    more: found.text.more ? render(found.text.more, value, catalogue.lang) : '',
    refs: found.text.refs ?? [],
    see: found.text.see ?? [],
    level: levelOf(note.id),
  }
}

export const explainAll = (catalogue: Catalogue | null, event: MailEvent): Explained[] =>
  (event.notes ?? []).map((note) => explain(catalogue, event, note)).filter((one) => one !== null)

/** The one-line note of an event (its own, the first) or of one of its lines. */
export function oneLine(catalogue: Catalogue | null, event: MailEvent, index = 0): string {
  const note = event.notes?.[index]
  const found = note && lookup(catalogue, note.id)
  return found && catalogue ? render(found.text.line, words(event, note, found.rest), catalogue.lang) : ''
}
