/** A state machine as a drawing: what its boxes and labels say, how large they are, and where they lie. */
import type { MailEvent } from './api'
import { fold, type Folded, type Room } from './fold'
import type { Box } from './layout'
import { say } from './say'
import { figure, fromAny, isTLS, type Figure, type Machine, type Transition } from './states'

/** What of a drawing is not protocol, in the reader's language. */
export interface Words {
  names: Record<string, string>
  greeting: string
  end: string
  any: string
}

/** "2" stands for every reply that begins with it. */
const answerText = (answer: string) => answer.replace(/^(LAST )?(\d)$/, '$1$2xx')

/** What moves the machine, in a word or two. */
export function triggerText(machine: string, one: Pick<Transition, 'trigger' | 'answer'>, words: Words, withAnswer = true): string {
  if (isTLS(machine)) {
    const { name } = say({ kind: `tls.${one.answer}` } as MailEvent)
    return one.trigger === 'client' ? `C→ ${name}` : `←S ${name}`
  }
  if (one.trigger === 'untagged') return `* ${one.answer}`
  const verb = { greeting: words.greeting, '.': words.end, any: words.any }[one.trigger] ?? one.trigger
  return withAnswer ? `${verb} ${answerText(one.answer)}` : verb
}

export interface Shown {
  figure: Figure
  drawing: Folded
  /** The lines of each arrow's label, and of what is written in each state, by their ids. */
  labels: Map<string, { text: string; transition: number; any: boolean }[]>
  notes: Map<string, Note[]>
}

/** A line within a state: an arrow back to itself, one from any state, or one that leads into another column. */
export interface Note {
  text: string
  transition: number
  how: 'loop' | 'any' | 'leaves'
}

/** Widths of a character in rem: of the bold sans of names (an ample mean) and of the mono of protocol text. */
const nameChar = 0.54
const monoChar = 0.45
/** Room around a text, for a count behind a label, and the heights of lines. */
const namePad = 2
const labelPad = 0.9
const countChars = 3
const nameLine = 2.25
const noteLine = 1.125
const labelLine = 1.125

/** Roomy, and as close as arrows can still be followed. */
const spacings = [{ layer: 1.75, side: 1.25, lane: 0.5 }, { layer: 1.25, side: 1, lane: 0.5 }, { layer: 0.875, side: 0.75, lane: 0.375 }]

/** room, in rem, is what the drawing should fit in. */
export function show(machine: Machine, words: Words, room?: Room): Shown {
  const made = figure(machine)
  const labels: Shown['labels'] = new Map()
  const notes: Shown['notes'] = new Map()
  const longest = (texts: readonly { text: string }[]) => Math.max(0, ...texts.map((one) => one.text.length))
  const text = (at: number) => triggerText(machine.id, machine.transitions[at]!, words)
  const name = (state: string) => words.names[state] ?? state
  const sized = (id: string, lines: readonly Note[]): Box => ({
    id,
    width: Math.max(name(id).length * nameChar, (longest(lines) + countChars) * monoChar) + namePad,
    height: nameLine + (lines.length ? lines.length * noteLine + 0.375 : 0),
  })
  const boxes = made.states.map((state) => {
    const lines = [...state.loops.map((at): Note => ({ text: `↻ ${text(at)}`, transition: at, how: 'loop' })), ...state.stubs.map((at): Note => ({ text: `∗ ${text(at)}`, transition: at, how: 'any' }))]
    notes.set(state.id, lines)
    return sized(state.id, lines)
  })
  const arrows = made.arrows.map((arrow) => {
    const lines = arrow.transitions.map((at) => {
      const any = fromAny(machine, machine.transitions[at]!)
      return { text: text(at) + (any ? ' ∗' : ''), transition: at, any }
    })
    labels.set(arrow.id, lines)
    return { id: arrow.id, from: arrow.from, to: arrow.to, width: (longest(lines) + countChars) * monoChar + labelPad, height: lines.length * labelLine + 0.25 }
  })
  /** What a box says of arrows that lead into another column. */
  const told = (leaving: readonly string[]) =>
    made.arrows.filter((arrow) => leaving.includes(arrow.id)).flatMap((arrow) => labels.get(arrow.id)!.map((one): Note => ({ text: `↗ ${one.text} → ${name(arrow.to)}`, transition: one.transition, how: 'leaves' })))
  const drawing = fold(boxes, arrows, spacings, (box, leaving) => sized(box.id, [...notes.get(box.id)!, ...told(leaving)]), room)
  for (const [id, leaving] of drawing.leaving) notes.set(id, [...notes.get(id)!, ...told(leaving)])
  return { figure: made, drawing, labels, notes }
}
