/** The bytes screen: octets, fields and lines answer to each other, by mouse, by key and by address. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, visit } from './browser.mjs'
import { startMock } from './mock/server.mjs'

let browser
let mock
before(async () => {
  browser = await launch()
  mock = await startMock()
})
after(async () => {
  await browser.close()
  await mock.close()
})

const mail = () => mock.events.find((event) => event.leg === 'client' && event.fields?.verb === 'MAIL')

async function on(hash, test, look = {}) {
  const { page, context, faults } = await visit(browser, `${mock.url}${hash}`, { settings: { lang: 'fr', theme: 'light' }, width: 1920, height: 1080, ...look })
  try {
    await page.locator('.hexrow').first().waitFor()
    await test(page)
    assert.deepEqual(faults, [], 'nothing on the console')
  } finally {
    await context.close()
  }
}
const of = (event, more = '') => `#/bytes?session=${event.session}&n=${event.n}${more}`
const chosen = async (page) => (await page.locator('.hex .chosen, .hex .caret').allTextContents()).join(' ')

describe('octets', () => {
  it('stand in their stream, and a field of the tree chooses its own', () =>
    on(of(mail()), async (page) => {
      await page.locator('.hex .here').first().waitFor()
      await page.getByRole('treeitem', { name: /^verb MAIL/ }).click()
      assert.equal(await chosen(page), '4D 41 49 4C')
      assert.match(page.url(), new RegExp(`span=${mail().span[0]}-${mail().span[0] + 4}`))
      await page.getByText('MAIL', { exact: true }).first().waitFor()
    }))

  it('light with the field under the pointer or focus, in line, tree, hexadecimal and ASCII', () =>
    on(of(mail()), async (page) => {
      await page.getByRole('treeitem', { name: /^verb/ }).focus()
      await page.locator('.hex .lit', { hasText: '4D 41 49 4C' }).waitFor()
      await page.locator('.ascii .lit', { hasText: 'MAIL' }).waitFor()
      await page.locator('.line .lit', { hasText: 'MAIL' }).waitFor()
      await page.locator('.line span', { hasText: /^MAIL$/ }).hover()
      await page.locator('[role=treeitem].lit', { hasText: 'verb' }).waitFor()
    }))

  it('show the record that carries a line, and the line again', () =>
    on(of(mail(), '&layer=plain'), async (page) => {
      await page.getByRole('radio', { name: 'Sur le câble' }).click()
      await page.locator('.hex .here', { hasText: '17 03 03' }).first().waitFor()
      await page.getByRole('radio', { name: 'En clair' }).click()
      await page.locator('.ascii .here', { hasText: 'MAIL' }).first().waitFor()
      assert.match(await page.locator('[role=treeitem]').first().textContent(), /tls\.record/)
    }))

  it('are chosen by key, read and copied', () =>
    on(of(mail()), async (page) => {
      const view = page.locator('.hexview')
      await view.focus()
      await page.keyboard.press('ArrowRight')
      for (let i = 0; i < 3; i++) await page.keyboard.press('Shift+ArrowRight')
      assert.equal(await chosen(page), '4D 41 49 4C')
      await page.getByText('4 octets').waitFor()
      await page.getByText('1296124236 (0x4D41494C)').waitFor()
      await page.keyboard.press('Escape')
      assert.equal(await page.locator('.hex .chosen').count(), 0)
    }))

  it('are chosen by dragging', () =>
    on(of(mail()), async (page) => {
      const box = await page.locator('.hex .here').first().boundingBox()
      await page.mouse.move(box.x + 3, box.y + 5)
      await page.mouse.down()
      await page.mouse.move(box.x + 60, box.y + 5, { steps: 5 })
      await page.mouse.up()
      assert.match(await chosen(page), /^4D 41 49/)
    }))

  it('of an address are shown at once', () =>
    on(of(mail(), `&layer=plain&span=${mail().span[0]}-${mail().span[0] + 9}`), async (page) => {
      assert.equal(await chosen(page), '4D 41 49 4C 20 46 52 4F 4D')
    }))

  it('that are masked are hatched and said to be', () => {
    const auth = mock.events.find((event) => event.leg === 'client' && event.fields?.verb === 'AUTH')
    return on(of(auth), async (page) => {
      await page.locator('.hex .secret').first().waitFor()
      await page.getByText('secret masqué par facteur').waitFor()
    })
  })

  it('go on to the event before and after, by button and key', () =>
    on(of(mail()), async (page) => {
      const at = () => page.locator('.line .no').textContent()
      const before = await at()
      await page.getByRole('button', { name: 'Suivant' }).click()
      assert.notEqual(await at(), before)
      await page.getByRole('button', { name: 'Événement précédent' }).click()
      assert.equal(await at(), before)
    }))

  it('have 32, 16 or 8 in a row by the width', async () => {
    for (const [width, height, octets] of [[1920, 1080, 32], [1280, 800, 16], [390, 844, 8]]) {
      await on(of(mail()), async (page) => {
        await page.waitForFunction((count) => document.querySelector('.hexrow .hex')?.textContent.trim().split(' ').length === count, octets)
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0)
      }, { width, height })
    }
  })

  it('are opened from the transcript’s pane', () =>
    on(of(mail()), async (page) => {
      await page.evaluate((n) => (location.hash = `#/live?session=1&n=${n}`), mail().n)
      await page.locator('.bytes').getByRole('button', { name: 'Octets' }).click()
      await page.locator('.hexview').waitFor()
      assert.match(page.url(), /#\/bytes/)
    }))
})

describe('a long stream', () => {
  it('of 100,000 lines is drawn by what is in view, and gone through at once', async () => {
    const flood = await startMock({ events: 100_000 })
    const { page, context } = await visit(browser, `${flood.url}#/bytes?session=1&n=99998`, { width: 1280, height: 800, settings: { lang: 'fr' } })
    try {
      await page.locator('.hexrow').first().waitFor({ timeout: 20_000 })
      await page.locator('.hex .here').first().waitFor()
      assert.ok((await page.locator('.hexrow').count()) < 120)
      const view = page.locator('.hexview')
      await view.focus()
      const began = Date.now()
      await page.keyboard.press('Control+Home')
      await page.locator('.hexrow .at', { hasText: /^0+$/ }).waitFor()
      console.log(`shown after ${Date.now() - began} ms`)
    } finally {
      await context.close()
      await flood.close()
    }
  })
})
