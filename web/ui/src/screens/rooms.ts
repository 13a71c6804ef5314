/** Every screen but the transcript: one file of the built page, read after the first paint. Small files apart would weigh more. */
import type { Component } from 'svelte'
import type { Screen } from '../lib/place'
import Bytes from './bytes/Bytes.svelte'
import Compare from './compare/Compare.svelte'
import Diff from './diff/Diff.svelte'
import type { Handle, Room } from './index'
import Ladder from './ladder/Ladder.svelte'
import Library from './library/Library.svelte'
import Message from './message/Message.svelte'
import Present from './present/Present.svelte'
import Settings from './settings/Settings.svelte'
import Setup from './setup/Setup.svelte'
import States from './states/States.svelte'
import Tls from './tls/Tls.svelte'

export const rooms: Record<Exclude<Screen, 'live'>, Component<Room, Handle>> = {
  bytes: Bytes,
  compare: Compare,
  diff: Diff,
  ladder: Ladder,
  library: Library,
  message: Message,
  present: Present,
  settings: Settings,
  setup: Setup,
  states: States,
  tls: Tls,
}
