import { describe, expect, it } from 'vitest'
import type { Route } from '../src/lib/api'
import { commandOf, doorOf, lights, waysOf } from '../src/lib/setup'
import { event, session } from './helpers'

const route = (listen: string, protocol: string, state: 'listening' | 'failed' = 'listening'): Route => ({ listen, upstream: '', protocol, tls: 'intercept', state, error: state === 'failed' ? 'taken' : '' })

describe('doors', () => {
  it('are read from the routes', () => {
    expect(doorOf(route('imaps://127.0.0.1:1993', 'imap'))).toMatchObject({ host: '127.0.0.1', port: 1993, implicit: true })
    expect(doorOf(route('submission://[::1]:1587', 'smtp'))).toMatchObject({ host: '::1', port: 1587, implicit: false })
    expect(doorOf(route('imap://0.0.0.0', 'imap'))).toMatchObject({ host: '127.0.0.1', port: 143 })
    expect(doorOf(route('nonsense', 'imap'))).toBeNull()
  })
  it('offer the ways that they have', () => {
    expect(waysOf(doorOf(route('pop3s://h:1', 'pop3'))!)).toEqual(['tls'])
    expect(waysOf(doorOf(route('pop3://h:1', 'pop3'))!)).toEqual(['clear', 'starttls'])
  })
  it('make commands that can be copied', () => {
    const imap = doorOf(route('imap://127.0.0.1:1143', 'imap'))!
    expect(commandOf('openssl', imap, 'starttls', 'ca.pem')).toBe('openssl s_client -connect 127.0.0.1:1143 -starttls imap -CAfile ca.pem -verify_return_error -crlf -quiet')
    expect(commandOf('curl', imap, 'clear', 'ca.pem')).toBe('curl --user alice imap://127.0.0.1:1143/')
    expect(commandOf('swaks', imap, 'tls', 'ca.pem')).toBe('')
    expect(commandOf('mbsync', imap, 'starttls', '/x/ca.pem')).toContain('TLSType STARTTLS\nCertificateFile /x/ca.pem')
  })
})

describe('five lights', () => {
  const states = (list: ReturnType<typeof lights>) => list.map((light) => light.state).join(' ')
  const up = [route('imaps://127.0.0.1:1993', 'imap')]
  const hello = event({ n: 2, kind: 'tls.server_hello', leg: 'client', from: 'server' })
  const greeting = event({ n: 3, kind: 'imap.response', leg: 'client', from: 'server', fields: { tag: '*', name: 'OK', line: '* OK ready' } })
  const login = event({ n: 4, seq: 4, kind: 'imap.command', leg: 'client', from: 'client', fields: { tag: 'a', name: 'LOGIN', line: 'a LOGIN' } })
  const secure = session({ security: { client: 'tls', server: 'tls' }, tls: { client: { version: 'TLS1.3', cipher: 'X' } }, closed: '' })

  it('wait before anything happened', () => {
    expect(states(lights(up, undefined, []))).toBe('ok wait wait wait wait')
    expect(states(lights([route('imap://h:1', 'imap', 'failed')], undefined, []))).toBe('bad wait wait wait wait')
  })
  it('turn on one after the other', () => {
    expect(states(lights(up, secure, [hello]))).toBe('ok ok ok wait wait')
    expect(states(lights(up, secure, [hello, greeting, login]))).toBe('ok ok ok ok wait')
    const inside = event({ n: 5, kind: 'imap.response', leg: 'client', from: 'server', re: 4, fields: { tag: 'a', name: 'OK', line: 'a OK' } })
    expect(states(lights(up, secure, [hello, greeting, login, inside]))).toBe('ok ok ok ok ok')
  })
  it('say where it failed', () => {
    const alert = event({ n: 5, kind: 'tls.alert', leg: 'client', from: 'client', fields: { level: 'fatal', description: 'unknown_ca' } })
    const refused = lights(up, { ...secure, closed: 'now' }, [hello, alert])
    expect(states(refused)).toBe('ok ok bad bad wait')
    expect(refused[2]).toMatchObject({ fact: 'unknown_ca', n: 5 })
    const no = event({ n: 6, kind: 'imap.response', leg: 'client', from: 'server', re: 4, fields: { tag: 'a', name: 'NO', line: 'a NO wrong' } })
    expect(lights(up, secure, [hello, greeting, login, no])[4]).toMatchObject({ state: 'bad', fact: 'a NO wrong' })
  })
  it('know that a session in clear has no certificate', () => {
    expect(lights(up, session({ security: { client: 'clear' }, closed: '' }), [greeting])[2]!.state).toBe('none')
  })
})
