/**
 * Every screen in every state that looks different: what shots.mjs takes pictures of and axe.test.mjs looks for faults in.
 * A scene names the server that it needs, the address, what says that it is there (`ready`), and what is done then (`act`).
 * `few` scenes are pictured in fewer sizes: what they show is one part of a screen that another scene shows whole.
 */
import { startMock } from './mock/server.mjs'

/** As many as a list has to stand. */
const crowd = 10_000

/** What the scenes are played by; run is the real program's demo where there is one. */
export const servers = {
  run: () => startMock(),
  lesson: () => startMock(),
  none: () => startMock({ events: 'none', library: 'none' }),
  off: () => startMock({ library: 'off' }),
  indexing: () => startMock({ library: 'indexing' }),
  crowd: () => startMock({ events: crowd, library: crowd }),
  letters: () => startMock({ events: 'letters', many: 40 }),
  manyLetters: () => startMock({ events: 'letters', many: crowd / 2 }),
  capture: () => startMock({ events: 'capture' }),
  replay: () => startMock({ mode: 'replay' }),
  shared: () => startMock({ shared: true, lab: ['strip-starttls'] }),
  follower: () => startMock({ shared: true, role: 'follower' }),
  door: () => startMock({ role: '' }),
  lost: () => startMock(),
}

const rows = '[data-index]'
const key = (name) => (page) => page.keyboard.press(name)
const click = (role, name) => (page) => page.getByRole(role, { name }).first().click()
const then = (...steps) => async (page, server) => {
  for (const step of steps) await step(page, server)
}
const wait = (selector) => (page) => page.locator(selector).first().waitFor({ state: 'attached' })
/** Presses what only a wide window has, or only a phone; elsewhere the scene is the screen as it is. */
const press = (selector, after) => async (page) => {
  const button = page.locator(selector).first()
  if (!(await button.isVisible())) return
  await button.click()
  await after(page)
}
const top = then(wait(rows), async (page) => {
  await page.locator('.rows').press('Enter')
  await page.keyboard.press('Home')
})
/** Selects the row that holds a text, near the top. */
export const pick = (text) => then(top, (page) => page.locator(`[role=row]${rows}`, { hasText: text }).first().dispatchEvent('click'))
/** Opens what a phone folds away. */
const unfold = (page) => page.evaluate(() => document.querySelectorAll('main details').forEach((one) => (one.open = true)))
/** Brings what the scene is about into the picture. */
const show = (selector) => (page) => page.locator(selector).first().evaluate((one) => one.scrollIntoView({ block: 'nearest' }))
/** The message that has something of everything. */
const hostile = (hash) => (server) => hash.replace('MAIL', server.events.find((event) => event.kind === 'smtp.data.begin' && event.leg === 'client').n)

export const scenes = {
  // on a phone the explanation would cover the lines: it has a scene of its own
  live: { server: 'run', ready: rows, act: (page) => (page.viewportSize().width < 800 ? top : pick('250-'))(page) },
  'live-picked': { server: 'run', ready: rows, few: true, act: pick('250-') },
  'live-wire': { server: 'run', ready: rows, few: true, act: then(top, key('w'), (page) => page.locator('.post').click()) },
  'live-sessions': { server: 'run', ready: rows, few: true, act: key('l') },
  'live-completing': { server: 'run', ready: rows, few: true, act: then((page) => page.locator('search input').fill('co'), wait('[role=option]'), key('ArrowDown')) },
  'live-filtered': { server: 'run', ready: rows, few: true, act: (page) => page.locator('search input').fill('secret') },
  'live-nothing': { server: 'run', ready: rows, few: true, act: (page) => page.locator('search input').fill('from:nobody xyzzy') },
  'live-marked': { server: 'run', ready: rows, few: true, act: then(pick('STARTTLS'), key('m'), (page) => page.locator('.mark textarea').fill('À montrer')) },
  'live-taking': { server: 'run', ready: rows, few: true, act: then(pick('EHLO'), click('button', /Emporter|Take away/), wait('.take')) },
  'live-hostile': { server: 'lesson', ready: rows, few: true, act: then(key('End'), (page) => page.locator(`[role=row]${rows}`, { hasText: 'HELO xx' }).first().dispatchEvent('click')) },
  'live-empty': { server: 'none', ready: 'main h2' },
  'live-lost': { server: 'lost', own: true, breaks: true, ready: rows, act: then(top, async (page, server) => (await server.close(), page.locator('.banner').waitFor())) },
  'live-crowd': { server: 'crowd', ready: rows, few: true },
  help: { server: 'run', ready: rows, few: true, act: then(key('?'), wait('dialog[open]')) },
  connect: { server: 'run', ready: rows, few: true, act: press('.plug', wait('dialog[open]')) },
  more: { server: 'run', ready: rows, few: true, act: press('.rail .more', wait('dialog[open]')) },
  palette: { server: 'run', ready: rows, few: true, act: then(key('Control+k'), (page) => page.keyboard.type('tls'), wait('[role=option]')) },
  goto: { server: 'run', ready: rows, few: true, act: then(key('g'), wait('dialog[open]')) },
  replay: { server: 'replay', ready: 'input[type=range]' },
  tape: { server: 'run', hash: '#/live?tape=sample:smtp-starttls', ready: `section.tape ~ *, ${rows}`, few: true },

  compare: { server: 'run', hash: '#/compare?session=1', ready: '.pieces .piece' },
  'compare-open': { server: 'run', hash: '#/compare?session=1', ready: '.pieces .piece', few: true, act: (page) => page.locator('main summary').first().click() },
  'compare-guess': { server: 'run', hash: '#/compare?session=3', ready: '.pieces .piece', few: true, act: click('button', /Devinez|Guess/) },
  'compare-legs': { server: 'run', hash: '#/compare?session=1&mode=legs', ready: 'main', few: true },
  pairs: { server: 'run', hash: '#/compare?pair=pair:smtp-security', ready: '.cell, .turn, [role=row]' },
  'compare-empty': { server: 'none', hash: '#/compare', ready: 'main .notice, main h2', few: true },
  'compare-crowd': { server: 'crowd', hash: '#/compare?session=1', ready: '.pieces .piece', few: true },

  ladder: { server: 'run', hash: '#/ladder?session=1&n=4', ready: '.row[data-index]' },
  'ladder-spread': { server: 'capture', hash: '#/ladder?zoom=spread', ready: '.row[data-index]', few: true },
  'ladder-empty': { server: 'none', hash: '#/ladder', ready: 'main', few: true },
  'ladder-crowd': { server: 'crowd', hash: '#/ladder?session=1', ready: '.row[data-index]', few: true },

  diff: { server: 'run', hash: '#/diff?a=1&b=2', ready: '.pair' },
  'diff-refused': { server: 'lesson', breaks: true, hash: '#/diff?a=1&b=4', ready: 'main [role=alert], main .notice, main p', few: true },
  'diff-empty': { server: 'none', hash: '#/diff', ready: 'main', few: true },

  message: { server: 'letters', hash: hostile('#/message?mail=MAIL'), ready: '.text p', act: unfold },
  'message-html': { server: 'letters', hash: hostile('#/message?mail=MAIL&part=1.2&tab=html'), ready: 'iframe', act: then(unfold, show('iframe')) },
  'message-source': { server: 'letters', hash: hostile('#/message?mail=MAIL&tab=source'), ready: '.source p', few: true, act: then(unfold, show('.source')) },
  'message-empty': { server: 'none', hash: '#/message', ready: 'main', few: true },
  'message-crowd': { server: 'manyLetters', hash: '#/message', ready: 'main h2, main h3', few: true },

  bytes: { server: 'lesson', hash: '#/bytes?session=1&n=8&span=0-4', ready: '.hexrow .chosen' },
  'bytes-tls': { server: 'lesson', hash: '#/bytes?session=3&layer=tls&from=client', ready: '.hexrow', few: true },
  'bytes-plain': { server: 'letters', hash: '#/bytes?n=28&layer=plain', ready: '.hexrow', few: true },
  'bytes-empty': { server: 'none', hash: '#/bytes', ready: 'main', few: true },

  tls: { server: 'run', hash: '#/tls?session=3', ready: 'main dl' },
  'tls-clear': { server: 'run', hash: '#/tls?session=2', ready: 'main', few: true },
  'tls-empty': { server: 'none', hash: '#/tls', ready: 'main', few: true },

  states: { server: 'run', hash: '#/states?session=1&n=74', ready: '.diagram .current' },
  'states-tls': { server: 'lesson', hash: '#/states?session=3&machine=tls1.3', ready: '.diagram .current', few: true },
  'states-imap': { server: 'lesson', hash: '#/states?session=3', ready: '.diagram .current', few: true },
  'states-empty': { server: 'none', hash: '#/states', ready: 'main', few: true },

  library: { server: 'lesson', hash: '#/library', ready: 'main [role=row]' },
  'library-one': { server: 'lesson', hash: '#/library?file=2026-11-23_09-14-02_dejeuner.pcapng', ready: 'main h3', few: true },
  'library-search': { server: 'lesson', hash: '#/library?q=cmd:EHLO', ready: 'main mark, main li, main [role=row]', few: true },
  'library-wrong': { server: 'lesson', breaks: true, hash: '#/library?q=cod:250', ready: '[role=alert]', few: true },
  'library-nothing': { server: 'lesson', hash: '#/library?q=xyzzy', ready: 'main .count', few: true },
  'library-samples': { server: 'run', hash: '#/library?shelf=samples', ready: 'main h3' },
  'library-empty': { server: 'none', hash: '#/library', ready: 'main .notice', few: true },
  'library-off': { server: 'off', breaks: true, hash: '#/library', ready: 'main .notice', few: true },
  'library-indexing': { server: 'indexing', hash: '#/library', ready: 'main [role=row]', few: true },
  'library-crowd': { server: 'crowd', hash: '#/library', ready: 'main [role=row]', few: true },

  setup: { server: 'run', hash: '#/setup', ready: '.lights li' },
  'setup-curl': { server: 'lesson', hash: '#/setup?client=curl&door=pop3-1110&way=starttls', ready: '.lights li', few: true },
  'setup-empty': { server: 'none', hash: '#/setup', ready: '.lights li', few: true },
  settings: { server: 'run', hash: '#/settings', ready: 'main h2' },
  present: { server: 'shared', hash: '#/present', ready: '.code' },
  'present-alone': { server: 'lesson', hash: '#/present', ready: '.flag', few: true },
  follower: { server: 'follower', ready: '.pill', act: wait(rows) },
  'follower-away': { server: 'follower', ready: '.pill', few: true, act: then(wait(rows), click('button', /Explorer|Explore/)) },
  join: { server: 'door', breaks: true, ready: 'form' },
}

/** The address of a scene. */
export const address = (scene, server) => server.url + ((typeof scene.hash === 'function' ? scene.hash(server) : scene.hash) ?? '')

/** Waits for a scene at its address and does what it is about; arrived is told before that. */
export async function enter(page, scene, server, arrived = async () => {}) {
  await page.locator(scene.ready).first().waitFor({ state: 'attached' })
  await arrived()
  await scene.act?.(page, server)
}

/** The servers that are asked for, each started once. */
export class Servers {
  #running = new Map()
  constructor(given = {}) {
    this.given = given
  }
  get(name) {
    if (this.given[name]) return this.given[name]
    if (!this.#running.has(name)) this.#running.set(name, servers[name]())
    return this.#running.get(name)
  }
  async close() {
    await Promise.all([...this.#running.values()].map(async (one) => (await one).close()))
  }
}
