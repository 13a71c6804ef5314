/** Starts what the tests look at (the mock, or the real program) and the browser that looks. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

/** Debian's; CHROMIUM names another. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

export const launch = () => chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })

/** What each page has asked for and not got yet. */
const asking = new WeakMap()

/** How much later than everything else comes what is late, in milliseconds. */
const lateness = 300

/** A page that remembers everything that went wrong in it. Answers from addresses like late come after all else. */
export async function visit(browser, url, { width = 1280, height = 800, settings = {}, media = {}, prepare, late } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, reducedMotion: 'reduce', ...media })
  await context.addInitScript((kept) => {
    if (window.top !== window) return // a frame of a mail has no storage, as it should be
    if (!localStorage.getItem('facteur.settings')) localStorage.setItem('facteur.settings', JSON.stringify(kept))
  }, settings)
  if (prepare) await context.addInitScript(prepare)
  if (late)
    await context.route(late, async (route) => {
      await new Promise((then) => setTimeout(then, lateness))
      await route.continue().catch(() => {}) // the page has gone
    })
  const page = await context.newPage()
  const faults = []
  const pending = new Set()
  asking.set(page, pending)
  page.on('request', (request) => pending.add(request))
  for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => pending.delete(request))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !isBarred(message.text())) faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  await page.goto(url)
  return { context, page, faults }
}

/** The browser has barred a script from the frame of a mail, as it should: there it is Playwright's own, now and then, which prepares every frame. */
const isBarred = (text) => /^Blocked script execution in '[^']*\/parts\/[^']*as=html'/.test(text)

/** Nothing of a page changed during so many milliseconds: then it has come to rest. */
const still = 200

/** Waits until a page has all that it asked for, its letters, and changes no more by itself. */
export async function rest(page) {
  const pending = asking.get(page)
  do {
    await page.evaluate(async (still) => {
      await document.fonts.ready
      await new Promise((quiet) => {
        const done = () => (watcher.disconnect(), quiet())
        let timer = setTimeout(done, still)
        const watcher = new MutationObserver(() => {
          clearTimeout(timer)
          timer = setTimeout(done, still)
        })
        watcher.observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
      })
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))
    }, still)
  } while (pending.size > 0)
}

/** To prepare a page with: sums up what moves in it without anybody's doing. */
export const watchShifts = () => {
  window.moved = 0
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.moved += entry.value
  }).observe({ type: 'layout-shift', buffered: true })
}
export const moved = (page) => page.evaluate(() => window.moved)

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
