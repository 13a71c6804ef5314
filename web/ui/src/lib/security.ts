/** How protected the octets of an event were, on the leg where they were seen. */
import type { Leg, MailEvent, Route, Session } from './api'

export type Protection = 'clear' | 'negotiating' | 'encrypted' | 'intercepted' | 'failed' | 'none'

/** Session facts that do not change from event to event. */
export interface Setting {
  /** facteur ends the TLS of the client leg itself, with a certificate of its own. */
  intercepts: boolean
  tls: Record<Leg, boolean>
}

/** @param mode what the session.open event says of the route, '' where it says nothing (captures of others) */
export function settingOf(session: Session | undefined, routes: Route[], mode = ''): Setting {
  const tls = {
    client: !!session?.security.client && session.security.client !== 'clear',
    server: !!session?.security.server && session.security.server !== 'clear',
  }
  const route = session?.route ? routes.find((one) => session.route === one.listen || session.route.startsWith(`${one.listen}=`)) : undefined
  // A capture has one leg and nobody in the middle; a live session has an upstream.
  const said = mode || route?.tls
  const intercepts = tls.client && (said ? said === 'intercept' : !!session?.upstream)
  return { intercepts, tls }
}

/** Messages of TLS itself that come when the negotiation is over; of alerts, failures were sorted out before. */
const afterHandshake = new Set(['tls.alert', 'tls.new_session_ticket', 'tls.key_update'])

const failures = new Set(['session.error', 'session.violation', 'session.gap'])

export function protectionOf(event: MailEvent, setting: Setting): Protection {
  if (event.kind.startsWith('session.')) return failures.has(event.kind) ? 'failed' : 'none'
  if (event.kind === 'tls.alert' && event.fields?.['description'] !== 'close_notify') return 'failed'
  const sealed: Protection = event.leg === 'client' && setting.intercepts ? 'intercepted' : 'encrypted'
  if (afterHandshake.has(event.kind)) return sealed
  if (event.kind === 'tls.record') return event.fields?.['type'] === 'application_data' ? sealed : 'negotiating'
  if (event.layer === 'tls' || event.kind.startsWith('tls.')) return 'negotiating'
  if (event.layer === 'plain') return setting.tls[event.leg] || event.carried?.length ? sealed : 'clear'
  return 'clear'
}
