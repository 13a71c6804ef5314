/** Times as the transcript shows them: since the event before, or of the day. */
import type { Lang } from './api'

/** RFC 3339 with nanoseconds to milliseconds since 1970, with their fraction. */
export function millis(time: string): number {
  const whole = Date.parse(time)
  const fraction = /\.(\d+)/.exec(time)?.[1]
  if (!fraction || Number.isNaN(whole)) return whole
  // Date.parse keeps three digits; the rest is added back.
  return whole + Number(`0.${fraction.slice(3) || '0'}`)
}

const decimal = (text: string, lang: Lang) => (lang === 'fr' ? text.replace('.', ',') : text)

/** +0,012 s style gap between two events: three decimals under ten seconds, fewer above, minutes above a minute. */
export function formatDelta(ms: number, lang: Lang): string {
  const sign = ms < 0 ? '−' : '+'
  const size = Math.abs(ms)
  if (size < 9_999.5) return sign + decimal((size / 1000).toFixed(3), lang)
  if (size < 59_950) return sign + decimal((size / 1000).toFixed(1), lang)
  const minutes = Math.floor(Math.round(size / 1000) / 60)
  if (minutes >= 100) return `${sign}${Math.round(minutes / 60)} h`
  return `${sign}${minutes}:${String(Math.round(size / 1000) % 60).padStart(2, '0')}`
}

const pad = (value: number, width = 2) => String(value).padStart(width, '0')

/** Local time of day with milliseconds; the decimal sign is the language's. */
export function formatClock(time: string, lang: Lang): string {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return ''
  const clock = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`
  return decimal(`${clock}.${pad(date.getMilliseconds(), 3)}`, lang)
}

/** Hours and minutes, with seconds, for lists. */
export function formatShortClock(time: string): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? '' : `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`
}

/** A length of time as a player shows it: 1:05. */
export function formatLength(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  return `${Math.floor(whole / 60)}:${pad(whole % 60)}`
}
