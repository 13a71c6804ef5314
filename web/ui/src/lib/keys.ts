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
  | 'play'
  | 'stepBack'
  | 'stepForth'

/** Letters and signs; the reader may switch these off (WCAG 2.1.4). */
const single: Record<string, Action> = {
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

export function actionOf(key: KeyboardEvent, letters: boolean): Action | null {
  if (key.defaultPrevented || key.ctrlKey || key.metaKey || key.altKey || key.isComposing) return null
  const target = key.target instanceof Element ? key.target : null
  if (typing(target) || document.querySelector('dialog[open]')) return null
  const letter = key.key.length === 1 && key.key !== ' ' ? single[key.key.toLowerCase()] : undefined
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
