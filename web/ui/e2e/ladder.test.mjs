/** The ladder: what a reader sees and does on it, on the mock. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, visit } from './browser.mjs'
import { startMock } from './mock/server.mjs'

let browser
before(async () => (browser = await launch()))
after(() => browser.close())

async function on(options, hash, test, look = {}) {
  const mock = await startMock(options)
  const { page, context, faults } = await visit(browser, `${mock.url}${hash}`, { settings: { lang: 'fr', theme: 'light' }, ...look })
  try {
    await page.locator('.row[data-index]').first().waitFor()
    await test(page, mock)
    assert.deepEqual(faults, [], 'nothing on the console')
  } finally {
    await context.close()
    await mock.close().catch(() => {})
  }
}

const rung = (page, text) => page.locator('.row[data-index]', { hasText: text }).first()

describe('the ladder', () => {
  it('is reached from the rail and tells every arrow in words', () =>
    on({}, '', async (page) => {
      await page.getByRole('link', { name: 'Chronologie' }).click()
      await page.getByRole('combobox').selectOption('1')
      const row = page.getByRole('row', { name: /EHLO \[192\.0\.2\.7\]/ }).first()
      await row.waitFor()
      assert.match((await row.evaluate((one) => one.textContent)).replace(/\s+/g, ' '), /du client au serveur, relayé tel quel par facteur.*EHLO.*en clair.*échange de 2 étapes/)
      await page.getByRole('row', { name: /ClientHello/ }).first().waitFor()
    }))

  it('joins a command to its reply: the bracket begins and ends at their arrows', () =>
    on({}, '#/ladder?session=1', async (page) => {
      const tie = async (text, part) => rung(page, text).locator(`.tie.${part}`).evaluate((line) => line.getBoundingClientRect())
      const start = await tie('EHLO', 'start')
      const end = await tie('250-mail', 'end')
      assert.equal(start.left, end.left, 'one line')
      assert.ok(Math.abs(start.bottom - end.top) < 1, 'without a hole')
    }))

  it('is worked by keyboard, opens the explanation and keeps both in the address', () =>
    on({}, '#/ladder?session=1', async (page) => {
      await page.keyboard.press('j')
      await page.keyboard.press('j')
      await page.keyboard.press('j')
      await page.getByText('Le client se présente').first().waitFor()
      assert.match(await page.evaluate(() => location.hash), /n=4/)
      assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-selected')), 'true')
      await page.keyboard.press('k')
      await page.getByText('Le serveur parle le premier').first().waitFor()
      await page.keyboard.press('End')
      await rung(page, 'La connexion se ferme').waitFor()
      await page.keyboard.press('Enter')
      await page.getByText('épinglée').waitFor()
    }))

  it('shows an event that a link names, folded or relayed', () =>
    on({}, '#/ladder?session=1&n=7', async (page) => {
      await page.getByText('Le serveur salue').first().waitFor()
      assert.equal(await page.locator('[aria-selected=true]').count(), 1)
      assert.match(await page.locator('[aria-selected=true]').innerText(), /250-mail/)
    }))

  it('spreads relayed words over both legs, with their notes', () =>
    on({}, '#/ladder?session=1', async (page) => {
      const count = async () => Number(await page.getByRole('grid').getAttribute('aria-rowcount'))
      const folded = await count()
      await page.getByRole('radio', { name: 'Détaillé' }).click()
      await page.locator('.row.spread .note').first().waitFor()
      assert.ok((await count()) > folded + 20)
      assert.match(await page.evaluate(() => location.hash), /zoom=spread/)
      await page.getByRole('radio', { name: 'Serré' }).click()
      await page.locator('.row.compact').first().waitFor()
    }))

  it('puts TLS in a tube whose beginning says its version', () =>
    on({}, '#/ladder?session=1', async (page) => {
      const tubes = page.locator('.tube.begins.open')
      await tubes.first().waitFor()
      assert.equal((await tubes.first().innerText()).trim(), 'TLS 1.3')
      assert.equal(await page.locator('.row', { hasText: 'STARTTLS' }).first().locator('.tube').count(), 0)
    }))

  it('marks what TCP did, what is missing, pauses and the reset', () =>
    on({ events: 'capture' }, '#/ladder', async (page) => {
      for (const text of ['Segment retransmis', 'Segment hors d’ordre', 'Octets manquants', 'RST']) await rung(page, text).waitFor()
      await page.locator('.pause', { hasText: '21,0 s' }).waitFor()
      const heights = await page.locator('.row[data-index]').evaluateAll((rows) => rows.map((row) => [row.innerText.includes('RCPT') ? 'long' : row.innerText.includes('MAIL') ? 'short' : '', row.getBoundingClientRect().height]))
      const of = (which) => heights.find(([name]) => name === which)[1]
      assert.ok(of('long') > of('short'), 'a longer pause takes more room')
      assert.ok((await page.locator('.lane.broken').count()) > 0, 'beyond the cap the lanes break')
    }))

  it('stays at the end of an open session until the reader looks elsewhere, and then counts', () =>
    on({ first: 260 }, '#/ladder?session=3', async (page, mock) => {
      mock.happen(20)
      await rung(page, 'A3 UID FETCH').waitFor()
      await page.keyboard.press('Home')
      mock.happen(60)
      await page.getByRole('button', { name: /nouvelles? flèches?/ }).click()
      await rung(page, '+ idling').waitFor()
    }))

  it('holds ten thousand arrows, of which only those in sight are drawn, and jumps to the last', () =>
    on({ events: 10_000 }, '#/ladder', async (page) => {
      await page.waitForFunction(() => Number(document.querySelector('[role=grid]').getAttribute('aria-rowcount')) > 9_990)
      assert.ok((await page.locator('.row[data-index]').count()) < 120)
      await page.keyboard.press('j')
      // the best of several: what the page needs, not what the machine does beside it
      const took = await page.evaluate(async () => {
        const times = []
        const last = Number(document.querySelector('[role=grid]').getAttribute('aria-rowcount')) - 2
        for (const [key, index] of Array.from({ length: 8 }, (_, i) => (i % 2 ? ['Home', 0] : ['End', last]))) {
          const begin = performance.now()
          document.querySelector('[aria-selected=true]').dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
          while (document.activeElement?.getAttribute('data-index') !== String(index) && performance.now() - begin < 5000) await new Promise(requestAnimationFrame)
          times.push(performance.now() - begin)
        }
        return Math.min(...times)
      })
      console.log(`a jump among ten thousand arrows: ${took.toFixed(0)} ms`)
    }))

  it('is a list with arrows on a phone, the explanation below', () =>
    on(
      {},
      '#/ladder?session=1',
      async (page) => {
        assert.equal(await page.locator('.lane').first().isVisible(), false)
        await rung(page, 'EHLO').locator('.glyph').waitFor()
        await rung(page, 'EHLO').click()
        await page.locator('.side.sheet', { hasText: 'Le client se présente' }).waitFor()
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390)
      },
      { width: 390, height: 844 },
    ))

  it('is laid out whole for paper', () =>
    on({ events: 300 }, '#/ladder', async (page) => {
      const screen = await page.locator('.row[data-index]').count()
      const pdf = await page.pdf({ format: 'A4' })
      assert.ok(pdf.length > 10_000)
      await page.evaluate(() => dispatchEvent(new Event('beforeprint')))
      assert.equal(await page.locator('.row[data-index]').count(), 301)
      await page.emulateMedia({ media: 'print' })
      assert.equal(await page.locator('.rail').isVisible(), false)
      await page.emulateMedia({ media: 'screen' })
      await page.evaluate(() => dispatchEvent(new Event('afterprint')))
      assert.ok((await page.locator('.row[data-index]').count()) <= screen + 40)
    }))

  it('says that there is nothing yet', async () => {
    const mock = await startMock({ events: 'none' })
    const { page, context } = await visit(browser, `${mock.url}#/ladder`, { settings: { lang: 'en' } })
    await page.getByRole('heading', { name: 'No session yet' }).waitFor()
    await context.close()
    await mock.close()
  })
})
