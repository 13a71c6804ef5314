/**
 * npm run shots -- FOLDER [NAME…]: pictures of every screen in its sizes, themes and languages, or of those named (make
 * shots makes those of the README). From the real demo when
 * FACTEUR_URL or FACTEUR_BIN is given, else from the mock.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { launch, real, visit } from './browser.mjs'
import { startMock } from './mock/server.mjs'

const folder = process.argv[2]
if (!folder) {
  console.error('usage: npm run shots -- FOLDER')
  process.exit(2)
}
const wanted = new Set(process.argv.slice(3))
mkdirSync(folder, { recursive: true })

const sizes = { wide: [1920, 1080], laptop: [1280, 800], phone: [390, 844], small: [320, 640] }
const browser = await launch()
const faults = []

/** @param {string} name @param {string} url @param {{size: keyof typeof sizes, lang?: string, theme?: string, projector?: boolean, hash?: string, act?: (page: any) => Promise<void>}} what */
async function shoot(name, url, { size, lang = 'fr', theme = 'light', projector = false, hash = '', act }) {
  if (wanted.size && !wanted.has(name)) return
  const [width, height] = sizes[size]
  const { context, page, faults: found } = await visit(browser, url, { width, height, settings: { lang, theme, projector } })
  await page.waitForLoadState('networkidle').catch(() => {})
  if (hash) await page.evaluate((to) => (location.hash = to), hash)
  await page.waitForTimeout(700)
  if (act) {
    await act(page)
    await page.waitForTimeout(400)
  }
  await page.screenshot({ path: join(folder, `${name}.png`) })
  faults.push(...found.map((fault) => `${name}: ${fault}`))
  await context.close()
}

/** Selects the row that holds a text. */
export const pick = (text) => async (page) => {
  const row = page.locator('[role=row][data-index]', { hasText: text }).first()
  await row.click()
}
const top = async (page) => {
  await page.locator('.rows').press('Enter')
  await page.keyboard.press('Home')
}
const then = (...steps) => async (page) => {
  for (const step of steps) await step(page)
}

const demo = await real(['--share=127.0.0.1:0'])
const mock = demo ?? (await startMock())
for (const size of Object.keys(sizes)) {
  for (const [lang, theme] of [['fr', 'light'], ['en', 'dark']]) {
    await shoot(`live-${size}-${lang}-${theme}`, mock.url, { size, lang, theme, act: then(top, ...(size === 'phone' || size === 'small' ? [] : [pick('250-')])) })
  }
}
await shoot('live-phone-sheet', mock.url, { size: 'phone', act: then(top, pick('EHLO')) })
await shoot('live-projector', mock.url, { size: 'wide', projector: true, theme: 'auto', act: then(top, pick('EHLO')) })
await shoot('live-projector-light', mock.url, { size: 'wide', projector: true, theme: 'light', lang: 'en', act: then(top, pick('STARTTLS')) })
await shoot('live-all-legs-wire', mock.url, { size: 'wide', act: then(top, async (page) => { await page.keyboard.press('w'); await page.locator('.post').click() }) })
for (const [size, lang, theme] of [['wide', 'fr', 'light'], ['laptop', 'en', 'dark'], ['phone', 'fr', 'light']]) {
  await shoot(`compare-${size}-${lang}-${theme}`, mock.url, { size, lang, theme, hash: '#/compare?session=1' })
  await shoot(`ladder-${size}-${lang}-${theme}`, mock.url, { size, lang, theme, hash: '#/ladder?session=1&n=4' })
  await shoot(`states-${size}-${lang}-${theme}`, mock.url, { size, lang, theme, hash: '#/states?session=1&n=80' })
  await shoot(`diff-${size}-${lang}-${theme}`, mock.url, { size, lang, theme, hash: '#/diff?a=1&b=2' })
  await shoot(`tls-${size}-${lang}-${theme}`, mock.url, { size, lang, theme, hash: '#/tls?session=3' })
  await shoot(`settings-${size}-${lang}-${theme}`, mock.url, { size, lang, theme, hash: '#/settings' })
  await shoot(`present-${size}-${lang}-${theme}`, mock.url, { size, lang, theme, hash: '#/present' })
  if (demo) {
    await shoot(`library-${size}-${lang}-${theme}`, demo.url, { size, lang, theme, hash: '#/library' })
    await shoot(`setup-${size}-${lang}-${theme}`, demo.url, { size, lang, theme, hash: '#/setup' })
    await shoot(`pair-${size}-${lang}-${theme}`, demo.url, { size, lang, theme, hash: '#/live?tape=sample:smtp-starttls' })
  }
}
await shoot('compare-guess', mock.url, { size: 'wide', hash: '#/compare?session=3', act: (page) => page.getByRole('button', { name: 'Devinez' }).click() })
await shoot('compare-leaks', mock.url, { size: 'laptop', hash: '#/compare?session=1', act: (page) => page.locator('summary').click() })
await shoot('help', mock.url, { size: 'laptop', act: (page) => page.keyboard.press('?') })
await shoot('connect', mock.url, { size: 'laptop', lang: 'en', act: (page) => page.getByRole('button', { name: 'Connect a client' }).click() })
await demo?.close()
if (!demo) await mock.close()

const empty = await startMock({ events: 'none' })
await shoot('empty-laptop', empty.url, { size: 'laptop' })
await shoot('empty-phone-dark', empty.url, { size: 'phone', lang: 'en', theme: 'dark' })
await empty.close()

const letters = await startMock({ events: 'letters' })
for (const [size, lang, theme] of [['wide', 'fr', 'light'], ['laptop', 'en', 'dark'], ['phone', 'fr', 'light']]) {
  await shoot(`message-${size}-${lang}-${theme}`, letters.url, { size, lang, theme, hash: '#/message' })
  await shoot(`bytes-${size}-${lang}-${theme}`, letters.url, { size, lang, theme, hash: '#/bytes?n=28&layer=plain' })
}
await shoot('message-html', letters.url, { size: 'wide', hash: '#/message?part=1.2&tab=html' })
await shoot('message-projector', letters.url, { size: 'wide', projector: true, theme: 'auto', hash: '#/message?part=1.2&tab=html' })
await shoot('bytes-wire', letters.url, { size: 'wide', lang: 'en', hash: '#/bytes?n=28&layer=wire' })
await letters.close()

const replay = await startMock({ mode: 'replay' })
await shoot('replay-laptop', replay.url, { size: 'laptop' })
await shoot('replay-phone', replay.url, { size: 'phone', theme: 'dark' })
await replay.close()

const lost = await startMock()
await shoot('lost-laptop', lost.url, { size: 'laptop', act: async (page) => { await lost.close(); await page.waitForTimeout(600) } })

await browser.close()
const serious = faults.filter((fault) => !fault.startsWith('lost'))
if (serious.length) {
  console.error(serious.join('\n'))
  process.exit(1)
}
console.log(`pictures in ${folder}`)
