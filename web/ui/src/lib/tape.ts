/**
 * The recording looked at, as the address names it: sample:ID, library:FILE or, for a file handed to the page, the name of
 * its open tape; with #N, only session N of it. What is named by where it comes from opens again after a restart.
 */
import type { Opening } from './api'

/** How to ask for what an address names; the open tape's own name where it is nothing else. */
export function readRef(ref: string): Opening {
  const [, whole = ref, number = ''] = /^(.*)#(\d{1,9})$/.exec(ref) ?? []
  const session = number ? { session: Number(number) } : {}
  if (whole.startsWith('sample:')) return { sample: whole.slice('sample:'.length), ...session }
  if (whole.startsWith('library:')) return { library: whole.slice('library:'.length), ...session }
  return { of: whole, ...session }
}

/** The name for the address, of a tape that was opened so. */
export function refOf(from: Opening, id: string): string {
  const session = from.session ? `#${from.session}` : ''
  if (from.sample) return `sample:${from.sample}${session}`
  if (from.library) return `library:${from.library}${session}`
  return id
}

/** Whether two ways of asking come to the same. */
export const sameOpening = (a: Opening, b: Opening) =>
  a.sample === b.sample && a.library === b.library && a.upload === b.upload && a.keylog === b.keylog && (a.session ?? 0) === (b.session ?? 0)
