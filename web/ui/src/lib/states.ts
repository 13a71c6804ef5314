/** State machines: the decoder's tables as the API gives them, and the way that a session took through one. */
import type { Leg, MailEvent } from './api'
import { get } from './http'

export interface MachineState {
  id: string
  note: string
}

export interface Transition {
  /** '' is any state; where it is taken from some in the normal course, an arrow from each of those stands before it. */
  from: string
  to: string
  /** A verb, "greeting", "untagged", "any" or "."; in TLS a side. */
  trigger: string
  /** How the answer begins; in TLS the message. */
  answer: string
  note: string
}

export interface Machine {
  id: string
  states: MachineState[]
  transitions: Transition[]
}

export const getMachines = async () => (await get<{ machines: Machine[] }>('states')).machines

/** One move: by which event, along which arrow of the table (-1 for none that it knows). */
export interface Step {
  n: number
  from: string
  to: string
  arrow: number
}

export const isTLS = (machine: string) => machine.startsWith('tls')

/** The machine of a leg's TLS, as far as its version is known. */
export const tlsMachine = (version: string | undefined) => (version ? (version.replace(' ', '') === 'TLS1.3' ? 'tls1.3' : 'tls1.2') : '')

/** The way that one leg of a session took, in the order of its events. */
export function walk(machine: Machine, events: readonly MailEvent[], session: number, leg: Leg): Step[] {
  const mine = events.filter((event) => event.session === session && event.leg === leg)
  return isTLS(machine.id) ? shake(machine, mine) : talk(machine, mine)
}

const answers = new Set(['smtp.reply', 'pop3.response', 'imap.response', 'sieve.response'])

/** The decoder says where the machine goes; what is found here is only along which arrow. */
function talk(machine: Machine, events: readonly MailEvent[]): Step[] {
  const steps: Step[] = []
  const verbs = new Map<number, string>()
  let state = machine.states[0]?.id ?? ''
  for (const event of events) {
    const fields = event.fields ?? {}
    if (event.kind.endsWith('.command')) verbs.set(event.seq, fields['verb'] ?? fields['name'] ?? '')
    if (!answers.has(event.kind)) continue
    const answer = fields['code'] && event.kind === 'smtp.reply' ? fields['code'] : (fields['status'] ?? fields['name'] ?? '')
    const verb = verbs.get(event.re ?? 0) ?? ''
    const told = fields['state']
    const arrow = find(machine, state, told ?? state, verb, answer, told !== undefined)
    if (told === undefined && arrow < 0) continue
    steps.push({ n: event.n, from: state, to: told ?? state, arrow })
    state = told ?? state
  }
  return steps
}

/** The arrow from one state to another that fits the verb best; of a move that was told, any that fits the answer will do. */
function find(machine: Machine, from: string, to: string, verb: string, answer: string, told: boolean): number {
  const fits = machine.transitions
    .map((one, i) => ({ one, i }))
    .filter(({ one }) => (one.from === '' || one.from === from) && one.to === to && answer !== '' && answer.startsWith(one.answer.replace(/^LAST /, '')))
  const exact = fits.find(({ one }) => one.trigger === verb && verb !== '')
  if (exact || !told) return exact?.i ?? -1
  const special = ['.', 'greeting', 'untagged', 'any']
  return (fits.find(({ one }) => special.includes(one.trigger)) ?? fits[0])?.i ?? -1
}

/** What is no message of the handshake, or says nothing about it. */
const beside = new Set(['record', 'alert', 'heartbeat', 'fragment', 'message'])

/** TLS moves by its messages; where some are missing, sealed or out of order the way ends. */
function shake(machine: Machine, events: readonly MailEvent[]): Step[] {
  const steps: Step[] = []
  let state = machine.states[0]?.id ?? ''
  for (const event of events) {
    if (event.kind === 'session.gap') break
    const [family, message = ''] = event.kind.split('.')
    if (family !== 'tls') continue
    if (message === 'record' ? event.fields?.['opened'] === 'no' : message === 'fragment' || message === 'message') break
    if (beside.has(message) || (machine.id === 'tls1.3' && message === 'change_cipher_spec')) continue
    const arrow = machine.transitions.findIndex((one) => one.from === state && one.trigger === event.from && one.answer === message)
    if (arrow < 0) break
    const to = machine.transitions[arrow]!.to
    steps.push({ n: event.n, from: state, to, arrow })
    state = to
  }
  return steps
}

const alike = (a: Transition, b: Transition) => a.trigger === b.trigger && a.answer === b.answer && a.to === b.to

/** Whether what an arrow says would lead there from any state. */
export const fromAny = (machine: Machine, one: Transition) => one.from === '' || machine.transitions.some((other) => other.from === '' && alike(one, other))

/** The transitions of a drawing: those between two states as arrows, the others within the state they lead to. */
export interface Figure {
  states: { id: string; note: string; loops: number[]; stubs: number[] }[]
  arrows: { id: string; from: string; to: string; transitions: number[] }[]
}

export function figure(machine: Machine): Figure {
  const states = machine.states.map((state) => ({ ...state, loops: [] as number[], stubs: [] as number[] }))
  const arrows = new Map<string, Figure['arrows'][number]>()
  machine.transitions.forEach((one, i) => {
    const target = states.find((state) => state.id === one.to)
    if (one.from === '') {
      // with its normal course drawn, an arrow of any state is a mark on those arrows
      if (!machine.transitions.some((other) => other.from !== '' && alike(one, other))) target?.stubs.push(i)
      return
    }
    if (one.from === one.to) {
      target?.loops.push(i)
      return
    }
    const id = `${one.from} → ${one.to}`
    const arrow = arrows.get(id) ?? { id, from: one.from, to: one.to, transitions: [] }
    arrows.set(id, arrow)
    arrow.transitions.push(i)
  })
  return { states, arrows: [...arrows.values()] }
}

/** What may come next in a state: each trigger with the answers that move the machine. */
export interface Choice {
  trigger: string
  note: string
  ways: { answer: string; to: string }[]
}

export function choices(machine: Machine, state: string): Choice[] {
  const found = new Map<string, Choice>()
  for (const one of machine.transitions) {
    if (one.from !== '' && one.from !== state) continue
    const key = isTLS(machine.id) ? `${one.trigger} ${one.answer}` : one.trigger
    const choice = found.get(key) ?? { trigger: one.trigger, note: one.note, ways: [] }
    found.set(key, choice)
    if (!choice.ways.some((way) => way.answer === one.answer && way.to === one.to)) choice.ways.push({ answer: one.answer, to: one.to })
  }
  // the arrows of the state itself before those of every state
  const own = (choice: Choice) => machine.transitions.some((one) => one.trigger === choice.trigger && one.from === state)
  return [...found.values()].sort((a, b) => Number(own(b)) - Number(own(a)))
}

/** How often each state was entered and each arrow taken. */
export function counts(steps: readonly Step[]): { states: Map<string, number>; arrows: Map<string, number> } {
  const states = new Map<string, number>()
  const arrows = new Map<string, number>()
  const add = (to: Map<string, number>, key: string) => to.set(key, (to.get(key) ?? 0) + 1)
  for (const step of steps) {
    add(states, step.to)
    add(arrows, `${step.from} → ${step.to}`)
    add(arrows, `#${step.arrow}`)
  }
  return { states, arrows }
}
