/** Two sessions side by side, on the mock: what is shown of a difference, and how the reader finds it. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, visit } from './browser.mjs'
import { startMock } from './mock/server.mjs'

let browser
before(async () => (browser = await launch()))
after(() => browser.close())

async function on(hash, test, look = {}, options = {}) {
  const mock = await startMock(options)
  const { page, context, faults } = await visit(browser, `${mock.url}${hash}`, { settings: { lang: 'fr', theme: 'light' }, ...look })
  page.setDefaultTimeout(8000)
  try {
    await test(page, mock)
    assert.deepEqual(faults.filter((fault) => !look.expected?.test(fault)), [], 'nothing on the console')
  } finally {
    await context.close()
    await mock.close().catch(() => {})
  }
}

const pair = (page, text) => page.locator('.pair', { hasText: text }).first()

describe('differences', () => {
  it('is reached from the rail and compares the last two of a protocol', () =>
    on('', async (page) => {
      await page.getByRole('link', { name: 'Différences' }).click()
      await page.locator('.pair').first().waitFor()
      assert.equal(await page.getByLabel('À gauche').inputValue(), '1')
      assert.equal(await page.getByLabel('À droite').inputValue(), '5')
      for (const count of ['2 changées', '1 à droite seulement', '6 pareilles', '2 pour passer en TLS']) await page.getByText(count).waitFor()
    }))

  it('marks the words that changed, names what does not count, and says on which side something stands alone', () =>
    on('#/diff?a=1&b=5', async (page) => {
      await pair(page, 'inconnu').locator('mark').first().waitFor()
      assert.deepEqual(await pair(page, 'inconnu').locator('mark').allInnerTexts(), ['inconnu', '550 5.1.1 No such mailbox', 'zoe', '452 4.2.2 Mailbox full'])
      assert.equal(await pair(page, 'RCPT TO:<bob').locator('mark').count(), 0)
      await pair(page, 'DATA').getByRole('button', { name: /Déplier/ }).click()
      assert.equal(await pair(page, 'DATA').locator('.moment').first().getAttribute('title'), 'numéro de file, diffère, mais ne compte pas')
      await pair(page, 'RSET').getByText('rien de tel').waitFor()
      assert.match(await pair(page, 'RSET').locator('div.sign').innerText(), /à droite seulement/)
      assert.match(await pair(page, 'Ready to start TLS').locator('div.sign').innerText(), /à gauche seulement, pour passer en TLS/)
      assert.equal(await pair(page, 'AUTH PLAIN').locator('.secret').count(), 2)
    }))

  it('shows only the differences when asked, in the address too', () =>
    on('#/diff?a=1&b=5', async (page) => {
      await page.getByRole('button', { name: 'Différences seulement' }).click()
      await pair(page, 'bob@').waitFor({ state: 'detached' })
      assert.equal(await page.locator('.pair').count(), 3)
      assert.match(await page.evaluate(() => location.hash), /only=1/)
      await page.reload()
      await pair(page, 'RSET').waitFor()
      assert.equal(await page.locator('.pair').count(), 3)
    }))

  it('swaps the sides and takes others, and a link brings the same pair again', () =>
    on('#/diff?a=1&b=5', async (page) => {
      await page.locator('.pair').first().waitFor()
      await page.getByRole('button', { name: 'Échanger les côtés' }).click()
      await page.waitForFunction(() => /a=5&b=1/.test(location.hash))
      await page.getByLabel('À droite').selectOption('5')
      await page.getByText('Les deux séances disent la même chose').waitFor()
      assert.equal(await page.locator('mark').count(), 0)
      await page.goto(page.url().replace(/#.*/, '#/diff?a=1&b=3'))
      await page.waitForFunction(() => document.querySelector('.head:nth-child(2)')?.textContent.includes('3'))
    }))

  it('leads to the event in the transcript', () =>
    on('#/diff?a=1&b=5', async (page) => {
      await pair(page, 'inconnu').locator('.left').getByRole('button', { name: /Voir dans la transcription/ }).click()
      await page.waitForFunction(() => /^#\/live.*n=66/.test(location.hash))
    }))

  it('shows text of strangers as text', () =>
    on('#/diff?a=1&b=5', async (page) => {
      await pair(page, '<img src=x onerror=alert(1)>').waitFor()
      await pair(page, '‹U+202E›').waitFor()
      assert.equal(await page.locator('.pairs img').count(), 0)
    }))

  it('says why two cannot be compared, and what it needs', () =>
    on('#/diff?a=1&b=4', async (page) => {
      await page.getByText('n’a pas d’échange de courriel').waitFor()
      await page.getByLabel('À droite').selectOption('5')
      await page.locator('.pair').first().waitFor()
    }, { expected: /404/ })) // the browser itself reports the refused request

  it('says what it will show while there is no session', () => on('#/diff', async (page) => page.getByText('Deux séances côte à côte').waitFor(), {}, { events: 'none' }))

  it('lays the sides one under the other on a phone', () =>
    on(
      '#/diff?a=1&b=5',
      async (page) => {
        const [left, right] = [await pair(page, 'inconnu').locator('.left').boundingBox(), await pair(page, 'inconnu').locator('.right').boundingBox()]
        assert.ok(right.y >= left.y + left.height - 1)
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390)
      },
      { width: 390, height: 844 },
    ))
})
