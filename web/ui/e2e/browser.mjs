/** Starts what the tests look at (the mock, or the real program) and the browser that looks. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

/** Debian's; CHROMIUM names another. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

export const launch = () => chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })

/** A page that remembers everything that went wrong in it. */
export async function visit(browser, url, { width = 1280, height = 800, settings = {}, media = {}, prepare } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, reducedMotion: 'reduce', ...media })
  await context.addInitScript((kept) => {
    if (window.top !== window) return // a frame of a mail has no storage, as it should be
    if (!localStorage.getItem('facteur.settings')) localStorage.setItem('facteur.settings', JSON.stringify(kept))
  }, settings)
  if (prepare) await context.addInitScript(prepare)
  const page = await context.newPage()
  const faults = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  await page.goto(url)
  return { context, page, faults }
}

/** The demo of the real program: FACTEUR_URL if it runs already, else FACTEUR_BIN is started; null when neither is given. */
export async function real(more = []) {
  if (process.env.FACTEUR_URL && more.length === 0) return { url: process.env.FACTEUR_URL, close: async () => {} }
  if (!process.env.FACTEUR_BIN) return null
  const home = mkdtempSync(join(tmpdir(), 'facteur-e2e-'))
  const child = spawn(process.env.FACTEUR_BIN, ['demo', '--web', '127.0.0.1:0', ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: home,
    env: { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
  })
  const url = await new Promise((found, failed) => {
    let said = ''
    const timer = setTimeout(() => failed(new Error(`no address within 30 s; it said: ${said}`)), 30_000)
    const read = (part) => {
      said += part
      const match = /https?:\/\/\S+token=\S+/.exec(said)
      if (!match) return
      clearTimeout(timer)
      found(match[0])
    }
    child.stdout.on('data', read)
    child.stderr.on('data', (part) => (said += part))
    child.on('exit', (code) => failed(new Error(`facteur demo ended with ${code}: ${said}`)))
  })
  return {
    url,
    close: () =>
      new Promise((closed) => {
        child.removeAllListeners('exit')
        child.on('exit', () => {
          rmSync(home, { recursive: true, force: true })
          closed()
        })
        child.kill('SIGINT')
      }),
  }
}
