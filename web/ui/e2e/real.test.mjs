/**
 * The page on the real program: `facteur demo` with its played lesson. FACTEUR_BIN names the program to start, or
 * FACTEUR_URL one that runs already.
 */
import AxeBuilder from '@axe-core/playwright'
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, real, visit } from './browser.mjs'

const given = process.env.FACTEUR_BIN || process.env.FACTEUR_URL
if (!given && process.env.CI) throw new Error('FACTEUR_BIN or FACTEUR_URL must be set in CI')

describe('the demo', { skip: given ? false : 'set FACTEUR_BIN=path or FACTEUR_URL=address to look at the real program' }, () => {
  let demo
  let browser
  before(async () => {
    browser = await launch()
    demo = await real()
  })
  after(async () => {
    await browser?.close()
    await demo?.close()
  })

  /** A visitor of the played lesson, whole. */
  async function on(test, look = {}) {
    const { page, context, faults } = await visit(browser, demo.url, { settings: { lang: 'fr', theme: 'light' }, ...look })
    try {
      await page.waitForFunction(() => Number(document.querySelector('[role=grid]')?.getAttribute('aria-rowcount')) > 60, null, { timeout: 30_000 })
      await test(page)
      assert.deepEqual(faults, [], 'nothing on the console')
    } finally {
      await context.close()
    }
  }
  const filter = (page, text) => page.locator('search input').fill(text)
  const row = (page, text) => page.locator('[role=row][data-index]', { hasText: text }).first()

  it('plays a lesson of three sessions, told in both languages', () =>
    on(async (page) => {
      await filter(page, 'cmd:EHLO')
      await row(page, 'EHLO').click()
      await page.getByText('Le client se présente').first().waitFor()
      await page.getByRole('radio', { name: 'English' }).click()
      await page.getByText('The client introduces itself').first().waitFor()
      await page.keyboard.press('l')
      for (const protocol of ['SMTP', 'POP3', 'IMAP']) await page.getByRole('button', { name: new RegExp(protocol) }).first().waitFor()
    }))

  it('leaves no event of the played lesson without a note', () =>
    on(async (page) => {
      await filter(page, 'n:1-')
      await page.keyboard.press('Escape')
      const bare = await page.evaluate(async () => {
        const [{ events }, catalogue] = await Promise.all([fetch('api/v1/events?after=0&limit=5000').then((got) => got.json()), fetch('api/v1/catalogue/fr').then((got) => got.json())])
        const known = (id) => {
          for (let key = id; key.includes('.'); key = key.slice(0, key.lastIndexOf('.'))) if (catalogue.notes[key]) return true
          return false
        }
        return [...new Set(events.filter((event) => !event.notes?.length || !event.notes.every((note) => known(note.id))).map((event) => event.kind))]
      })
      assert.deepEqual(bare, [])
    }))

  it('shows the octets of a command, plain and as they travelled', () =>
    on(async (page) => {
      await filter(page, 'cmd:RCPT')
      await row(page, 'RCPT TO').click()
      await page.locator('.hexrow', { hasText: '52 43 50 54' }).first().waitFor()
      await page.getByRole('radio', { name: 'Sur le câble' }).click()
      await page.locator('.hexrow', { hasText: '17 03 03' }).first().waitFor()
    }))

  it('shows no password', () =>
    on(async (page) => {
      await filter(page, 'secret')
      await row(page, /AUTH|PASS|LOGIN/).waitFor()
      const text = await page.evaluate(async () => {
        const { events } = await (await fetch('api/v1/events?after=0&limit=5000')).json()
        return JSON.stringify(events)
      })
      assert.doesNotMatch(text, /timbre-rose|colis-bleu/)
    }))

  it('compares what leaked with what was said', () =>
    on(async (page) => {
      await page.getByRole('link', { name: 'Comparer' }).click()
      await page.locator('.piece .sealed').first().waitFor()
      await page.getByText(/L’espion a lu \d+ informations sur \d+/).waitFor()
      await page.getByRole('link', { name: 'TLS' }).click()
      await page.getByText('Certificat fabriqué par facteur').waitFor()
    }))

  for (const [lang, theme, width, height] of [
    ['fr', 'light', 1280, 800],
    ['en', 'dark', 390, 844],
  ]) {
    it(`has no fault that axe finds (${lang} ${theme})`, () =>
      on(
        async (page) => {
          await page.locator('.rows').press('Enter')
          await page.waitForTimeout(300)
          const { violations } = await new AxeBuilder({ page }).analyze()
          assert.deepEqual(
            violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 200)}`),
            [],
          )
        },
        { width, height, settings: { lang, theme } },
      ))
  }

  it('tells a visitor without the token what to do', async () => {
    const { page, context } = await visit(browser, new URL('/', demo.url).href)
    await page.waitForFunction(() => document.body.innerText.length > 20) // a sentence, not a blank page
    await context.close()
  })
})
