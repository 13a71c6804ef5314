/** What the envelope of a message and its header say to each other, and where they differ. */
import { valueOf, valuesOf, verdict, type Letter } from './mail'
import { addresses, domain, sameAddress, type Address } from './mailaddress'

export type FindingId = 'same' | 'sender' | 'senderDomain' | 'bounce' | 'bcc' | 'unsent' | 'refused' | 'bccField' | 'fromTwice' | 'nameLies' | 'replyTo' | 'noDate' | 'noFrom'

/** What envelope and header say to each other. */
export interface Finding {
  id: FindingId
  level: 'note' | 'lint'
  /** The addresses concerned. */
  who: string[]
}

export function findings(letter: Letter): Finding[] {
  const out: Finding[] = []
  const add = (id: FindingId, level: 'note' | 'lint', who: string[] = []) => out.push({ id, level, who })
  const from = valuesOf(letter, 'from').flatMap((field) => addresses(field.decoded))
  if (letter.sender) envelopeFindings(letter, from, add)
  if (letter.headed && !letter.section) {
    if (valuesOf(letter, 'bcc').some((field) => field.value !== '')) add('bccField', 'lint', addresses(valueOf(letter, 'bcc')).map((one) => one.address))
    if (valuesOf(letter, 'from').length > 1) add('fromTwice', 'lint')
    if (!valuesOf(letter, 'from').length) add('noFrom', 'lint')
    if (!valuesOf(letter, 'date').length) add('noDate', 'lint')
  }
  for (const one of from) {
    const named = /[^\s<>"(),;:@]+@[^\s<>"(),;:@]+/.exec(one.name)?.[0]
    if (named && !sameAddress(named, one.address)) add('nameLies', 'lint', [named, one.address])
  }
  const reply = addresses(valueOf(letter, 'reply-to'))
  const elsewhere = reply.filter((one) => from.length && !from.some((author) => domain(author.address) === domain(one.address)))
  if (elsewhere.length) add('replyTo', 'lint', elsewhere.map((one) => one.address))
  return out
}

function envelopeFindings(letter: Letter, from: Address[], add: (id: FindingId, level: 'note' | 'lint', who?: string[]) => void): void {
  const sender = letter.sender!.address
  const shown = ['to', 'cc'].flatMap((name) => valuesOf(letter, name).flatMap((field) => addresses(field.decoded))).map((one) => one.address)
  const sentTo = letter.recipients.map((step) => step.address)
  const known = (list: string[], address: string) => list.some((one) => sameAddress(one, address))
  let differ = true
  if (sender === '') add('bounce', 'note')
  else if (from.some((one) => sameAddress(one.address, sender))) differ = false
  else if (from.length) add(from.some((one) => domain(one.address) === domain(sender)) ? 'sender' : 'senderDomain', 'note', [sender, from[0]!.address])
  const hidden = letter.headed ? sentTo.filter((address) => !known(shown, address)) : []
  const unsent = letter.headed ? shown.filter((address) => !known(sentTo, address)) : []
  const no = letter.recipients.filter((step) => verdict(step.reply) === 'no').map((step) => step.address)
  if (hidden.length) add('bcc', 'note', hidden)
  if (unsent.length) add('unsent', 'note', unsent)
  if (no.length) add('refused', 'lint', no)
  if (!differ && !hidden.length && !unsent.length && from.length) add('same', 'note')
}
