/** Links lead to a session, an event, octets and a pair; back and forward go through what was chosen. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, visit } from './browser.mjs'
import { startMock } from './mock/server.mjs'

describe('back and forward', () => {
  let browser
  let mock
  before(async () => {
    browser = await launch()
    mock = await startMock()
  })
  after(async () => {
    await browser?.close()
    await mock?.close()
  })
  const on = async (hash, run) => {
    const { page, context, faults } = await visit(browser, `${mock.url}${hash}`, { settings: { lang: 'fr', theme: 'light' } })
    await run(page)
    assert.deepEqual(faults, [])
    await context.close()
  }
  const hash = (page, pattern) => page.waitForFunction((wanted) => new RegExp(wanted).test(location.hash), pattern)
  /** Longer than a gesture: what comes next is a step of its own. */
  const pause = (page) => page.waitForTimeout(800)

  it('go through spans of octets, layers and events', () =>
    on('#/bytes?n=4&layer=wire&span=10-14', async (page) => {
      await page.locator('.chosen').first().waitFor()
      assert.match(await page.locator('.hex .chosen').first().innerText(), /^([0-9A-F]{2} ?){1,4}$/)
      await pause(page)
      await page.locator('[role=treeitem]').last().click()
      await hash(page, 'span=(?!10-14)')
      const there = await page.evaluate(() => location.hash)
      await pause(page)
      await page.getByRole('button', { name: /suivant/i }).first().click()
      await hash(page, 'n=(?!4&)')
      await page.goBack()
      await page.waitForFunction((was) => location.hash === was, there)
      await page.goBack()
      await hash(page, 'n=4&.*span=10-14')
      await page.locator('.chosen').first().waitFor()
      await page.goForward()
      await page.waitForFunction((was) => location.hash === was, there)
    }))

  it('go through zooms of the ladder and modes of Compare', () =>
    on('#/ladder?session=1', async (page) => {
      const radio = (at) => page.locator('main header [role=radio]').nth(at)
      await radio(0).waitFor()
      await radio(0).click()
      await hash(page, 'zoom=')
      await page.goBack()
      await hash(page, '^#/ladder(?!.*zoom)')
      await page.waitForFunction(() => document.querySelector('main header [role=radio]')?.getAttribute('aria-checked') === 'false')
      await page.goto(`${mock.url}#/compare?session=1`)
      await page.getByRole('radio', { name: /jambes|côtés/i }).first().click()
      await hash(page, 'mode=legs')
      await page.goBack()
      await hash(page, '^#/compare(?!.*mode)')
      await page.goForward()
      await hash(page, 'mode=legs')
    }))

  it('do not stop at every row, but at an event that was jumped to', () =>
    on('#/live?session=1', async (page) => {
      await page.locator('[data-index]').first().waitFor()
      await page.locator('.rows').press('Home')
      const steps = await page.evaluate(() => history.length)
      for (let i = 0; i < 3; i++) await page.locator('.rows').press('ArrowDown')
      await hash(page, 'n=')
      const before = await page.evaluate(() => location.hash)
      assert.equal(await page.evaluate(() => history.length), steps)
      await page.keyboard.press('g')
      await page.locator('dialog[open] input').fill('40')
      await page.keyboard.press('Enter')
      await hash(page, 'n=40')
      await page.goBack()
      await page.waitForFunction((was) => location.hash === was, before)
    }))
})
