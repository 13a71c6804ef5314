/** No accessibility fault that axe can find, in any screen, language, theme and size. */
import AxeBuilder from '@axe-core/playwright'
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, visit } from './browser.mjs'
import { startMock } from './mock/server.mjs'

let browser
let mock
let empty
let capture
let letters
let replay
let shared
before(async () => {
  browser = await launch()
  mock = await startMock()
  empty = await startMock({ events: 'none' })
  capture = await startMock({ events: 'capture' })
  letters = await startMock({ events: 'letters', many: 40 })
  replay = await startMock({ mode: 'replay' })
  shared = await startMock({ shared: true, lab: ['strip-starttls'] })
})
after(async () => {
  await browser.close()
  await Promise.all([mock, empty, replay, shared, capture, letters].map((one) => one.close()))
})

/** Language × theme in full; size and projector alternate with them, as neither colours nor names depend on those. */
const looks = [
  { settings: { lang: 'fr', theme: 'light', projector: false }, width: 1920, height: 1080 },
  { settings: { lang: 'en', theme: 'light', projector: true }, width: 1280, height: 800 },
  { settings: { lang: 'en', theme: 'dark', projector: false }, width: 390, height: 844 },
  { settings: { lang: 'fr', theme: 'dark', projector: true }, width: 1920, height: 1080 },
]

/** The message that has something of everything. */
const hostile = () => letters.events.find((event) => event.kind === 'smtp.data.begin' && event.leg === 'client').n

/** Every state of the page that looks different. */
const states = {
  live: () => [mock, async (page) => page.locator('[data-index]').first().waitFor()],
  selected: () => [
    mock,
    async (page) => {
      await page.locator('.rows').press('Enter')
      await page.keyboard.press('Home')
      await page.keyboard.press('j')
      await page.locator('.hexrow').first().waitFor({ state: 'attached' })
    },
  ],
  help: () => [mock, async (page) => page.keyboard.press('?')],
  sessions: () => [
    mock,
    async (page) => {
      await page.locator('[data-index]').first().waitFor()
      await page.keyboard.press('l')
    },
  ],
  filtered: () => [mock, async (page) => page.locator('input').first().fill('from:nobody xyzzy')],
  compare: () => [
    mock,
    async (page) => {
      await page.getByRole('link', { name: /Comparer|Compare/ }).click()
      await page.locator('.pieces .piece').first().waitFor()
      await page.locator('summary').click()
    },
  ],
  diff: () => [
    mock,
    async (page) => {
      await page.evaluate(() => (location.hash = '#/diff?a=1&b=6'))
      await page.locator('.pair').first().waitFor()
    },
  ],
  states: () => [
    mock,
    async (page) => {
      await page.evaluate(() => (location.hash = '#/states?session=1&n=74'))
      await page.locator('.diagram .current').waitFor()
    },
  ],
  statesTLS: () => [
    mock,
    async (page) => {
      await page.evaluate(() => (location.hash = '#/states?session=3&machine=tls1.3'))
      await page.locator('.diagram .current').waitFor()
    },
  ],
  ladder: () => [
    mock,
    async (page) => {
      await page.evaluate(() => (location.hash = '#/ladder?session=1'))
      await page.locator('.row[data-index]').nth(3).click()
    },
  ],
  ladderSpread: () => [capture, async (page) => page.evaluate(() => (location.hash = '#/ladder?zoom=spread'))],
  tls: () => [
    mock,
    async (page) => {
      await page.getByRole('link', { name: 'TLS' }).click()
      await page.getByRole('combobox').selectOption('3')
      await page.locator('dl').first().waitFor()
    },
  ],
  palette: () => [
    mock,
    async (page) => {
      await page.locator('[data-index]').first().waitFor()
      await page.keyboard.press('Control+k')
      await page.keyboard.type('tls')
      await page.getByRole('option').first().waitFor()
    },
  ],
  completing: () => [
    mock,
    async (page) => {
      await page.locator('[data-index]').first().waitFor()
      await page.locator('search input').fill('co')
      await page.getByRole('option').first().waitFor()
      await page.keyboard.press('ArrowDown')
    },
  ],
  marked: () => [
    mock,
    async (page) => {
      await page.locator('.rows').press('Home')
      await page.keyboard.press('m')
      await page.locator('.mark textarea').fill('À montrer')
    },
  ],
  taking: () => [
    mock,
    async (page) => {
      await page.locator('.rows').press('Home')
      await page.getByRole('button', { name: /Emporter|Take away/ }).click()
      await page.locator('.take').waitFor()
    },
  ],
  present: () => [
    shared,
    async (page) => {
      await page.locator('[data-index]').first().waitFor()
      await page.evaluate(() => (location.hash = '#/present'))
      await page.locator('.code').waitFor()
    },
  ],
  unshared: () => [
    mock,
    async (page) => {
      await page.evaluate(() => (location.hash = '#/present'))
      await page.locator('.flag').waitFor()
    },
  ],
  message: () => [
    letters,
    async (page) => {
      await page.evaluate((n) => (location.hash = `#/message?mail=${n}`), hostile())
      await page.locator('.text p').first().waitFor({ state: 'attached' })
      await page.evaluate(() => document.querySelectorAll('details').forEach((one) => (one.open = true)))
    },
  ],
  messageHTML: () => [
    letters,
    async (page) => {
      await page.evaluate((n) => (location.hash = `#/message?mail=${n}&part=1.2&tab=html`), hostile())
      await page.locator('iframe').waitFor({ state: 'attached' })
      // axe asks every frame for an answer, and a document without scripts gives none
      await page.evaluate(() => document.querySelector('iframe').remove())
      await page.evaluate(() => document.querySelectorAll('details').forEach((one) => (one.open = true)))
    },
  ],
  messageSource: () => [
    letters,
    async (page) => {
      await page.evaluate((n) => (location.hash = `#/message?mail=${n}&tab=source`), hostile())
      await page.locator('.source p').first().waitFor({ state: 'attached' })
    },
  ],
  messageNone: () => [empty, async (page) => page.evaluate(() => (location.hash = '#/message'))],
  bytes: () => [
    mock,
    async (page) => {
      await page.evaluate(() => (location.hash = '#/bytes?session=1&n=8&span=0-4'))
      await page.locator('.hexrow .chosen').first().waitFor()
    },
  ],
  bytesTLS: () => [
    mock,
    async (page) => {
      await page.evaluate(() => (location.hash = '#/bytes?session=3&layer=tls&from=client'))
      await page.locator('.hexrow').first().waitFor()
    },
  ],
  bytesNone: () => [empty, async (page) => page.evaluate(() => (location.hash = '#/bytes'))],
  empty: () => [empty, async (page) => page.getByRole('heading', { level: 2 }).first().waitFor()],
  replay: () => [replay, async (page) => page.getByRole('slider').waitFor()],
}

for (const [name, state] of Object.entries(states)) {
  describe(name, () => {
    for (const { settings, width, height } of looks) {
      it(`${settings.lang} ${settings.theme}${settings.projector ? ' projector' : ''} ${width}×${height}`, async () => {
        const [server, prepare] = state()
        const { page, context, faults } = await visit(browser, server.url, { width, height, settings })
        await prepare(page)
        await page.waitForTimeout(150)
        const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze()
        const told = violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + ' // ' + node.failureSummary?.slice(0, 200)).join(' | ')}`)
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
        await context.close()
        assert.deepEqual(told, [])
        assert.equal(wide, 0, 'nothing sticks out sideways')
        assert.deepEqual(faults, [])
      })
    }
  })
}
