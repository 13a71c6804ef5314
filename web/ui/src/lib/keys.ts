/**
 * One-key shortcuts. They go by the character typed, not by the place of the key, so that they are where the reader's
 * keyboard says; they never fire in a field, with a modifier, or while a dialog is open.
 */
export type Action =
  | 'next'
  | 'previous'
  | 'pageDown'
  | 'pageUp'
  | 'first'
  | 'last'
  | 'pin'
  | 'escape'
  | 'unfold'
  | 'fold'
  | 'follow'
  | 'bytes'
  | 'filter'
  | 'goto'
  | 'wire'
  | 'sessions'
  | 'help'
  | 'compare'
  | 'blank'
  | 'laser'
  | 'mark'
  | 'play'
  | 'stepBack'
  | 'stepForth'

/** What each letter or sign does unless the reader chose otherwise; all of them may be switched off (WCAG 2.1.4). */
export const usual: Readonly<Record<string, Action>> = {
  j: 'next',
  k: 'previous',
  s: 'follow',
  o: 'bytes',
  '/': 'filter',
  g: 'goto',
  w: 'wire',
  c: 'compare',
  l: 'sessions',
  b: 'blank',
  x: 'laser',
  m: 'mark',
  '?': 'help',
  ',': 'stepBack',
  '.': 'stepForth',
}

/** Keys that are no letters; those of the list act when the list, or nothing, has the focus. */
const named: Record<string, Action> = {
  ArrowDown: 'next',
  ArrowUp: 'previous',
  PageDown: 'pageDown',
  PageUp: 'pageUp',
  Home: 'first',
  End: 'last',
  Enter: 'pin',
  ArrowRight: 'unfold',
  ArrowLeft: 'fold',
  Escape: 'escape',
  ' ': 'play',
}

const typing = (target: Element | null) => !!target?.closest('input, textarea, select, [contenteditable="true"]')

/** The reader's own keys: which character does an action; '' for none. */
export type OwnKeys = Readonly<Partial<Record<Action, string>>>

/** The character that does an action, '' for none. */
export function keyFor(action: Action, own: OwnKeys): string {
  return own[action] ?? Object.keys(usual).find((key) => usual[key] === action) ?? ''
}

/** Gives an action another key; whoever had it goes without. A space and keys that are no single character are not taken. */
export function rebind(own: OwnKeys, action: Action, key: string): OwnKeys {
  const letter = key.toLowerCase()
  if ([...letter].length !== 1 || letter === ' ') return own
  const next: Partial<Record<Action, string>> = { ...own }
  for (const other of new Set(Object.values(usual))) if (other !== action && keyFor(other, own) === letter) next[other] = ''
  next[action] = letter
  return next
}

function letterAction(letter: string, own: OwnKeys): Action | undefined {
  for (const action in own) if (own[action as Action] === letter) return action as Action
  const action = Object.hasOwn(usual, letter) ? usual[letter] : undefined
  return action && own[action] === undefined ? action : undefined
}

export function actionOf(key: KeyboardEvent, letters: boolean, own: OwnKeys = {}): Action | null {
  if (key.defaultPrevented || key.ctrlKey || key.metaKey || key.altKey || key.isComposing) return null
  const target = key.target instanceof Element ? key.target : null
  if (typing(target) || document.querySelector('dialog[open]')) return null
  const letter = key.key.length === 1 && key.key !== ' ' ? letterAction(key.key.toLowerCase(), own) : undefined
  if (letter) return letters ? letter : null
  const action = named[key.key]
  if (!action) return null
  if (action === 'escape') return action
  // a button keeps its Enter and Space, a scrolling region its arrows
  const free = !target || target === document.body || !!target.closest('[role="grid"]')
  const pressed = !!target?.closest('button, a, summary')
  if (action === 'play') return pressed ? null : action
  return free && !pressed ? action : null
}
