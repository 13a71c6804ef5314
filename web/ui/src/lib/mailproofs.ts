/** Who vouches for a message: signatures, and the verdicts of servers on them. */
import type { Field, Letter } from './mail'

/** The fields that say who vouches for a message, in the order in which they were added, newest first. */
const proofNames = new Set(['dkim-signature', 'authentication-results', 'received-spf', 'arc-seal', 'arc-message-signature', 'arc-authentication-results', 'domainkey-signature'])
export const proofsOf = (letter: Letter) => letter.fields.filter((field) => proofNames.has(field.name.toLowerCase()))

/** One thing that such a field says. */
export interface Claim {
  /** result.dkim, tag.d, spf.client-ip … as decode names them. */
  key: string
  group: 'result' | 'tag' | 'other'
  name: string
  value: string
  state: 'pass' | 'fail' | 'soft' | ''
}

const states: Record<string, Claim['state']> = {
  pass: 'pass',
  fail: 'fail',
  permerror: 'fail',
  hardfail: 'fail',
  softfail: 'soft',
  temperror: 'soft',
  policy: 'soft',
  neutral: 'soft',
  none: 'soft',
}

export function claimsOf(field: Field): Claim[] {
  const out: Claim[] = []
  for (const [key, value] of Object.entries(field.event.fields ?? {})) {
    if (key === 'name' || key === 'value' || key === 'line' || key === 'decoded') continue
    const group = key.startsWith('result') ? 'result' : key.startsWith('tag.') ? 'tag' : 'other'
    const name = key.replace(/^(?:result|tag|spf)\.?/, '') || 'spf'
    // a field of one name twice (two signatures judged) comes as lines
    for (const one of value.split('\n')) {
      const word = one.trim().split(/[\s(;]/)[0]?.toLowerCase() ?? ''
      out.push({ key, group, name, value: one, state: group === 'result' ? (states[word] ?? '') : '' })
    }
  }
  return out
}

export type SignatureFault = 'sha1' | 'length' | 'noFrom' | 'expired'

/** What makes a DKIM signature weaker than it looks (RFC 8301, RFC 6376 §8.2, §5.4, §3.5). */
export function signatureFaults(field: Field): SignatureFault[] {
  const f = field.event.fields ?? {}
  const signs = (f['tag.h'] ?? '').toLowerCase().split(':').map((name) => name.trim())
  const out: SignatureFault[] = []
  if (/sha1$/i.test(f['tag.a'] ?? '')) out.push('sha1')
  if (f['tag.l'] !== undefined) out.push('length')
  if (f['tag.h'] !== undefined && !signs.includes('from')) out.push('noFrom')
  if (f['tag.x'] !== undefined && Number(f['tag.x']) * 1000 < Date.parse(field.event.time)) out.push('expired')
  return out
}
