import type { MailEvent, Session } from '../src/lib/api'

/** An event with what a test does not care about filled in. */
export const event = (over: Partial<MailEvent> & { n: number }): MailEvent => ({
  session: 1,
  seq: over.n,
  time: '2026-11-23T08:14:02.123456789Z',
  leg: 'client',
  from: 'client',
  layer: 'wire',
  span: [0, 0],
  kind: 'smtp.command',
  ...over,
})

export const session = (over: Partial<Session> = {}): Session => ({
  id: 1,
  opened: '',
  closed: '',
  protocol: 'smtp',
  client: '',
  server: '',
  upstream: '',
  route: '',
  security: { client: 'clear' },
  events: 0,
  octets: [0, 0],
  lints: 0,
  errors: 0,
  last_n: 0,
  ...over,
})
