/** What a reader does, on the mock: its sessions are known, so the tests can name lines, numbers and octets. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, visit } from './browser.mjs'
import { startMock } from './mock/server.mjs'

let browser
before(async () => (browser = await launch()))
after(() => browser.close())

const row = (page, text) => page.locator('[role=row][data-index]', { hasText: text }).first()
const first = async (page) => {
  await page.locator('.rows').press('Enter')
  await page.keyboard.press('Home')
  await page.locator('[data-index="0"]').waitFor()
}

/** Runs a test on a mock of its own and holds the console clean. */
async function on(options, test, look = {}) {
  const mock = await startMock(options)
  const { page, context, faults } = await visit(browser, mock.url, { settings: { lang: 'fr', theme: 'light' }, ...look })
  try {
    await test(page, mock, faults)
    assert.deepEqual(faults, [], 'nothing on the console')
  } finally {
    await context.close()
    await mock.close().catch(() => {})
  }
}

describe('the transcript', () => {
  it('tells the story with notes, in the chosen language, and keeps its place when that changes', () =>
    on({}, async (page) => {
      await first(page)
      await row(page, 'EHLO [192.0.2.7]').click()
      await page.getByText('Le client se présente').first().waitFor()
      const before = await page.locator('[aria-selected=true]').getAttribute('data-index')
      await page.getByRole('radio', { name: 'English' }).click()
      await page.getByText('The client introduces itself').first().waitFor()
      assert.equal(await page.locator('[aria-selected=true]').getAttribute('data-index'), before)
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'en')
      assert.equal(await row(page, 'EHLO').locator('.line').getAttribute('lang'), 'en')
    }))

  it('speaks as facteur was started, with its notes, whatever the browser speaks', () =>
    on(
      {},
      async (page) => {
        await first(page)
        await row(page, 'EHLO [192.0.2.7]').click()
        await page.getByText('Le client se présente').first().waitFor()
        assert.equal(await page.evaluate(() => document.documentElement.lang), 'fr')
      },
      { settings: {}, media: { locale: 'en-GB' } },
    ))

  it('hides opened TLS records until they are asked for', () =>
    on({}, async (page) => {
      await first(page)
      const rows = async () => Number(await page.getByRole('grid').getAttribute('aria-rowcount'))
      const story = await rows()
      await page.keyboard.press('w')
      await page.waitForFunction((count) => Number(document.querySelector('[role=grid]').ariaRowCount ?? document.querySelector('[role=grid]').getAttribute('aria-rowcount')) > count, story)
    }))

  it('shows octets of the event, and on the wire the records that carried them', () =>
    on({}, async (page) => {
      await page.getByRole('combobox', { name: 'Filtrer' }).fill('cmd:MAIL')
      await row(page, 'MAIL FROM').click()
      await page.getByText('MAIL FROM:<alice').first().waitFor()
      const hex = page.locator('.hexrow').first()
      await hex.filter({ hasText: '4D 41 49 4C' }).waitFor()
      await page.getByRole('radio', { name: 'Sur le câble' }).click()
      await page.locator('.hexrow', { hasText: '17 03 03' }).first().waitFor()
    }))

  it('lights a field in line, table and octets together', () =>
    on({}, async (page) => {
      await first(page)
      await row(page, 'EHLO [192.0.2.7]').click()
      await page.getByRole('button', { name: 'verb', exact: true }).focus()
      await page.locator('.hexrow .lit', { hasText: '45 48 4C 4F' }).waitFor()
      await page.locator('.sent .lit', { hasText: 'EHLO' }).waitFor()
    }))

  it('is worked by keyboard, and never from within a field', () =>
    on({}, async (page) => {
      await first(page)
      await page.keyboard.press('j')
      await page.keyboard.press('ArrowDown')
      assert.equal(await page.locator('[aria-selected=true]').getAttribute('data-index'), '2')
      await page.keyboard.press('k')
      assert.equal(await page.locator('[aria-selected=true]').getAttribute('data-index'), '1')
      await page.keyboard.press('Enter')
      await page.getByText('épinglée').waitFor()
      await page.keyboard.press('Escape')
      await page.keyboard.press('/')
      await page.keyboard.type('jso?')
      assert.equal(await page.getByRole('combobox', { name: 'Filtrer' }).inputValue(), 'jso?')
      await page.keyboard.press('Escape')
      await page.keyboard.press('Escape')
      await page.keyboard.press('?')
      await page.getByRole('dialog', { name: 'Aide' }).waitFor()
      await page.keyboard.press('Escape')
      await page.keyboard.press('g')
      await page.keyboard.type('14')
      await page.keyboard.press('Enter')
      await page.getByText('N° 14').waitFor()
    }))

  it('shows text of strangers as text', () =>
    on({}, async (page) => {
      await page.getByRole('combobox', { name: 'Filtrer' }).fill('onerror')
      await row(page, '<img src=x onerror=alert(1)>').waitFor()
      await row(page, '‹U+202E›').waitFor()
      await row(page, '␀').waitFor()
      assert.equal(await page.locator('[role=grid] img').count(), 0)
    }))

  it('hatches secrets', () =>
    on({}, async (page) => {
      await page.getByRole('combobox', { name: 'Filtrer' }).fill('secret cmd:PASS')
      await row(page, 'PASS').locator('.secret', { hasText: '********' }).waitFor()
      await row(page, 'PASS').click()
      await page.locator('.hexrow .secret', { hasText: '2A 2A' }).first().waitFor()
    }))

  it('folds a reply and a body', () =>
    on({}, async (page, mock) => {
      await first(page)
      await row(page, '250-STARTTLS').waitFor()
      await row(page, '250-mail').click()
      await page.keyboard.press('ArrowLeft')
      await row(page, '250-STARTTLS').waitFor({ state: 'detached' })
      await page.keyboard.press('ArrowRight')
      await row(page, '250-STARTTLS').waitFor()
      await page.keyboard.press('g')
      await page.keyboard.type(String(mock.events.find((event) => event.kind === 'smtp.data.begin' && event.leg === 'client').n))
      await page.keyboard.press('Enter')
      const body = row(page, 'Corps du message')
      await body.waitFor()
      assert.equal(await row(page, 'Subject:').count(), 0)
      await body.getByRole('button', { name: /Déplier/ }).click()
      await row(page, 'Subject:').waitFor()
    }))
})

describe('live', () => {
  it('follows until the reader looks elsewhere, then counts what is new and stays still', () =>
    on({ first: 120 }, async (page, mock) => {
      await page.locator('[data-index]').first().waitFor()
      const bottom = () => page.locator('.rows').evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight)
      mock.happen(30)
      await page.waitForTimeout(300)
      assert.ok((await bottom()) < 3, 'follows to the end')
      await page.locator('.rows').hover()
      await page.mouse.wheel(0, -600)
      await page.waitForTimeout(200)
      const top = await page.locator('.rows').evaluate((box) => box.scrollTop)
      mock.happen(60)
      await page.getByRole('button', { name: /nouveaux/ }).waitFor()
      assert.equal(await page.locator('.rows').evaluate((box) => box.scrollTop), top, 'does not move')
      await page.getByRole('button', { name: /nouveaux/ }).click()
      await page.waitForTimeout(300)
      assert.ok((await bottom()) < 3, 'back at the end')
    }))

  it('lets a new session begin without taking the reader there', () =>
    on({ first: 100 }, async (page, mock) => {
      await first(page)
      await row(page, 'EHLO').click()
      const title = await page.title()
      mock.happen(400)
      await page.waitForTimeout(300)
      assert.equal(await page.title(), title)
      await page.getByText('N° 4').waitFor()
    }))

  it('comes back after a loss without gap or duplicate', async () => {
    const mock = await startMock({ first: 100 })
    const { page, context } = await visit(browser, mock.url, { settings: { lang: 'fr' } })
    await page.locator('[data-index]').first().waitFor()
    mock.drop()
    await page.getByText('Connexion perdue, reprise au n°').waitFor()
    mock.happen(1000)
    await page.getByText('Connexion perdue').waitFor({ state: 'hidden' })
    await page.keyboard.press('w')
    await page.locator('.post').click()
    await page.getByRole('combobox', { name: 'Filtrer' }).fill('n:1-')
    await page.getByText(`${mock.total} événements trouvés`).waitFor()
    await context.close()
    await mock.close()
  })

  it('begins anew when facteur was restarted, and says so', async () => {
    const mock = await startMock({ first: 100 })
    const { page, context } = await visit(browser, mock.url, { settings: { lang: 'fr' } })
    await page.locator('[data-index]').first().waitFor()
    mock.renew()
    mock.drop()
    await page.getByText('facteur a redémarré').waitFor()
    await page.locator('[data-index]').first().waitFor()
    await context.close()
    await mock.close()
  })

  it('waits with the addresses to connect to, the failed ones told, and copies without a secure context', () =>
    on({ events: 'none' }, async (page) => {
      await page.getByRole('heading', { name: /En attente d’un client/ }).waitFor()
      await page.getByText('address already in use').waitFor()
      await page.evaluate(() => Object.defineProperty(window, 'isSecureContext', { value: false }))
      await page.getByRole('button', { name: 'Copier' }).first().click()
      await page.getByText('Copié').first().waitFor()
    }))
})

describe('replay', () => {
  it('plays, steps and seeks', () =>
    on({ mode: 'replay' }, async (page) => {
      const slider = page.getByRole('slider', { name: 'Position' })
      await slider.waitFor()
      const text = () => slider.getAttribute('aria-valuetext')
      const start = await text()
      assert.match(start, /événement 40/)
      await page.keyboard.press('.')
      await page.waitForFunction((was) => document.querySelector('input[type=range]').getAttribute('aria-valuetext') !== was, start)
      await page.getByRole('button', { name: 'Lecture', exact: true }).click()
      await page.getByRole('button', { name: 'Pause' }).waitFor()
      await page.getByRole('button', { name: 'Pause' }).click()
      await page.getByRole('button', { name: 'Revenir au début' }).click()
      await page.getByRole('combobox', { name: 'Vitesse' }).selectOption('16')
    }))
})

describe('places', () => {
  it('can be linked to, and the back button returns', () =>
    on({}, async (page, mock) => {
      await page.locator('[data-index]').first().waitFor()
      await page.goto(`${mock.url}#/live?session=2&n=156`)
      await page.reload()
      await page.getByText('N° 156').waitFor()
      assert.match(await page.title(), /POP3 2/)
      await page.keyboard.press('l')
      await page.getByRole('button', { name: /IMAP/ }).first().click()
      await page.waitForFunction(() => location.hash.includes('session=4') || location.hash.includes('session=3'))
      await page.goBack()
      await page.waitForFunction(() => location.hash.includes('session=2'))
    }))
})

describe('a hundred thousand events', () => {
  it('are shown at once, jumped through and streamed into', async () => {
    const mock = await startMock({ events: 106_000, first: 100_000 })
    const { page, context, faults } = await visit(browser, mock.url, { settings: { lang: 'fr' } })
    await page.locator('[data-index]').first().waitFor()
    await page.waitForFunction(() => Number(document.querySelector('[role=grid]')?.getAttribute('aria-rowcount')) > 99_000, null, { timeout: 90_000 })
    const painted = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity)
    await first(page)
    const jump = await page.evaluate(async () => {
      const box = document.querySelector('.rows')
      const begin = performance.now()
      box.scrollTop = box.scrollHeight / 2
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
      while (![...document.querySelectorAll('[data-index]')].some((one) => one.getBoundingClientRect().top > 100 && getComputedStyle(one.parentElement).visibility === 'visible')) {
        await new Promise(requestAnimationFrame)
      }
      return performance.now() - begin
    })
    const frames = page.evaluate(
      () =>
        new Promise((done) => {
          let count = 0
          const begin = performance.now()
          const step = () => (performance.now() - begin < 3000 ? (count++, requestAnimationFrame(step)) : done(count / 3))
          requestAnimationFrame(step)
        }),
    )
    for (let i = 0; i < 30; i++) {
      mock.happen(200)
      await page.waitForTimeout(100)
    }
    const rate = await frames
    await page.waitForFunction(() => Number(document.querySelector('[role=grid]')?.getAttribute('aria-rowcount')) > 105_000)
    const session = await context.newCDPSession(page)
    await session.send('HeapProfiler.collectGarbage')
    const { usedSize } = await session.send('Runtime.getHeapUsage')
    const drawn = await page.locator('[data-index]').count()
    console.log(`first paint ${painted.toFixed(0)} ms, jump ${jump.toFixed(0)} ms, ${rate.toFixed(0)} frames/s, heap ${(usedSize / 1e6).toFixed(0)} MB, ${drawn} rows drawn`)
    assert.deepEqual(faults, [])
    assert.ok(drawn < 120, 'few rows are drawn')
    assert.ok(usedSize < 250e6, 'the tab stays under 250 MB')
    await context.close()
    await mock.close()
  })
})
