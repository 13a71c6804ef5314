/** The one-key actions that have a name, in the order in which help tells them. */
import type { Msgs } from '../i18n'
import type { Action } from '../lib/keys'

export const named = (m: Msgs, presents: boolean): [Action, string][] => [
  ['next', m.help.list.next],
  ['previous', m.help.list.previous],
  ['follow', m.help.list.follow],
  ['bytes', m.help.list.bytes],
  ['filter', m.help.list.filter],
  ['goto', m.help.list.goto],
  ['mark', m.help.list.mark],
  ['wire', m.help.list.wire],
  ['sessions', m.help.list.sessions],
  ['compare', m.help.list.compare],
  ['stepBack', m.help.list.stepBack],
  ['stepForth', m.help.list.stepForth],
  ...(presents ? ([['blank', m.help.list.blank], ['laser', m.help.list.laser]] as [Action, string][]) : []),
  ['help', m.help.list.help],
]
