/** What helps the reader around: palette, completing filter, marks, paper, own keys; and the way in where websockets are broken. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, real, visit } from './browser.mjs'
import { startMock } from './mock/server.mjs'

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

async function on(test, look = {}) {
  const { page, context, faults } = await visit(browser, mock.url, { settings: { lang: 'fr', theme: 'light' }, ...look })
  try {
    await page.locator('[role=row][data-index]').first().waitFor()
    await test(page)
    assert.deepEqual(faults, [], 'nothing on the console')
  } finally {
    await context.close()
  }
}

describe('the palette', () => {
  it('opens by Ctrl K, even from a field, finds a screen and goes there', () =>
    on(async (page) => {
      await page.locator('search input').focus()
      await page.keyboard.press('Control+k')
      await page.keyboard.type('tls')
      await page.getByRole('option').first().waitFor()
      await page.keyboard.press('Enter')
      await page.waitForFunction(() => location.hash.startsWith('#/tls'))
    }))
  it('explains a word of the glossary', () =>
    on(async (page) => {
      await page.keyboard.press('Control+k')
      await page.keyboard.type('ehlo')
      await page.getByText('Glossaire').first().waitFor()
      assert.ok((await page.locator('.palette .term').innerText()).length > 30)
      await page.keyboard.press('Escape')
      await page.locator('.palette').waitFor({ state: 'hidden' })
    }))
})

describe('the filter', () => {
  it('offers its words and the values that occur, by keyboard', () =>
    on(async (page) => {
      await page.keyboard.press('/')
      await page.keyboard.type('cm')
      await page.getByRole('option', { name: /cmd:/ }).waitFor()
      await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Enter')
      await page.getByRole('option', { name: /cmd:EHLO/ }).waitFor()
      await page.keyboard.type('EH')
      await page.keyboard.press('Tab')
      assert.equal(await page.locator('search input').inputValue(), 'cmd:EHLO ')
      await page.getByText(/événements? trouvés?/).waitFor()
    }))
  it('says in plain words what a word wants', () =>
    on(async (page) => {
      await page.locator('search input').fill('from:nobody')
      await page.getByText('Après les deux-points').waitFor()
    }))
})

describe('marks', () => {
  it('are set by key, bear a note, are found again and outlive the page', () =>
    on(async (page) => {
      await page.locator('.rows').press('Home')
      await page.keyboard.press('j')
      await page.keyboard.press('m')
      await page.locator('.mark textarea').fill('À montrer lundi')
      await page.reload()
      await page.locator('[role=row][data-index]').first().waitFor()
      await page.keyboard.press('Control+k')
      await page.keyboard.type('lundi')
      await page.getByRole('option', { name: /lundi/ }).click()
      await page.locator('[role=row][aria-selected=true] .flag').waitFor()
      await page.keyboard.press('m')
      await page.locator('.mark textarea').waitFor({ state: 'detached' })
    }))
  it('are not taken back by what facteur could not keep before', async () => {
    const { page, context } = await visit(browser, mock.url, { settings: { lang: 'fr', theme: 'light' } })
    try {
      let failed
      const first = new Promise((then) => (failed = then))
      await context.route(/marks$/, async (route) => {
        if (route.request().method() !== 'POST') return route.continue()
        await new Promise((then) => setTimeout(then, 200)) // the note is written meanwhile
        await route.abort()
        failed()
      })
      await page.locator('[role=row][data-index]').first().waitFor()
      await page.locator('.rows').press('Home')
      await page.keyboard.press('m')
      await page.locator('.mark textarea').fill('À montrer lundi')
      await first
      await page.reload()
      await page.locator('[role=row][data-index]').first().waitFor()
      await page.keyboard.press('Control+k')
      await page.keyboard.type('lundi')
      await page.getByRole('option', { name: /lundi/ }).waitFor()
    } finally {
      await context.close()
    }
  })
})

describe('keys of one’s own', () => {
  it('take the place of the usual ones', () =>
    on(async (page) => {
      await page.keyboard.press('?')
      await page.getByRole('button', { name: /^comparer/ }).click()
      await page.keyboard.press('x')
      await page.keyboard.press('Escape')
      await page.keyboard.press('x')
      await page.waitForFunction(() => location.hash.startsWith('#/compare'))
    }))
})

describe('paper', () => {
  it('has every explanation and leaves the frame behind', () =>
    on(async (page) => {
      await page.emulateMedia({ media: 'print' })
      await page.evaluate(() => dispatchEvent(new Event('beforeprint')))
      const print = page.locator('.print')
      await print.waitFor()
      assert.equal(await page.locator('.page').isVisible(), false)
      const rows = await print.locator('article').count()
      assert.ok(rows > 20, `${rows} events on paper`)
      assert.ok((await print.locator('.note').count()) >= rows / 2)
      await page.evaluate(() => dispatchEvent(new Event('afterprint')))
      await print.waitFor({ state: 'detached' })
    }))
})

describe('where websockets are broken', { skip: process.env.FACTEUR_BIN ? false : 'set FACTEUR_BIN=path: the mock has no server-sent events' }, () => {
  it('the page hears everything by server-sent events', async () => {
    const demo = await real()
    const context = await browser.newContext()
    try {
      const page = await context.newPage()
      await page.routeWebSocket(/stream/, (socket) => socket.close())
      await page.goto(demo.url)
      await page.waitForFunction(() => Number(document.querySelector('[role=grid]')?.getAttribute('aria-rowcount')) > 60, null, { timeout: 30_000 })
      assert.equal(await page.locator('.banners.shown').count(), 0)
    } finally {
      await context.close()
      await demo.close()
    }
  })
})
