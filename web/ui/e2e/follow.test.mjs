/**
 * A presenter and three followers on the real program: `facteur demo --share`. What the presenter shows is what they
 * see; who wanders off is not pulled back and finds the way home; nothing they do reaches anyone else.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, real, visit } from './browser.mjs'

const given = process.env.FACTEUR_BIN
if (!given && process.env.CI) throw new Error('FACTEUR_BIN must be set in CI')

describe('a presenter and three followers', { skip: given ? false : 'set FACTEUR_BIN=path to look at the real program' }, () => {
  let demo
  let browser
  let presenter
  let share
  const followers = []
  before(async () => {
    browser = await launch()
    demo = await real(['--share=127.0.0.1:0'])
    presenter = await visit(browser, demo.url, { settings: { lang: 'fr', theme: 'light' } })
    share = await presenter.page.evaluate(() => fetch('api/v1/share').then((answer) => answer.json()))
    assert.match(share.code, /^[2-9A-Z]{6}$/)
    for (const look of [{}, { width: 390, height: 844 }, { width: 1920, height: 1080 }]) {
      followers.push(await visit(browser, share.addresses[0], { settings: { lang: 'en', theme: 'dark' }, ...look }))
    }
  })
  after(async () => {
    await browser?.close()
    await demo?.close()
  })
  const told = (page) => page.waitForFunction(() => Number(document.querySelector('[role=grid]')?.getAttribute('aria-rowcount')) > 60, null, { timeout: 30_000 })
  const row = (page, text) => page.locator('[role=row][data-index]', { hasText: text }).first()
  const selected = (page) => page.locator('[role=row][aria-selected=true]').first()
  /** A line of the first session's beginning: the list shows the end until told otherwise. */
  const choose = async (page, text) => {
    await page.locator('.rows').press('Home')
    await row(page, text).click()
  }
  const at = (screen) => `${new URL('/', demo.url)}#/${screen}`

  it('lets them in with the code, however it is typed, and says when it is wrong', async () => {
    const [first, ...rest] = followers
    await first.page.getByLabel('Code', { exact: true }).fill('zzzzz')
    await first.page.getByRole('button', { name: 'Follow' }).click()
    await first.page.getByText('This is not the code').waitFor()
    for (const { page } of [first, ...rest]) {
      await page.getByLabel('Code', { exact: true }).fill(`${share.code.slice(0, 2).toLowerCase()} ${share.code.slice(2)}`)
      await page.getByRole('button', { name: 'Follow' }).click()
      await told(page)
      await page.getByText('You are following the presenter').waitFor()
    }
    await presenter.page.getByText('3 suiveurs').waitFor()
    // the browser writes down what was refused before the code was right
    for (const { faults } of followers) faults.length = 0
  })

  it('shows them what the presenter looks at: line, filter and screen', async () => {
    const { page } = presenter
    await told(page)
    await choose(page, 'EHLO')
    for (const { page: theirs } of followers) await selected(theirs).getByText('EHLO').waitFor()
    await page.locator('search input').fill('cmd:STARTTLS')
    for (const { page: theirs } of followers) await theirs.waitForFunction(() => document.querySelector('search input')?.value === 'cmd:STARTTLS')
    await page.locator('search input').fill('')
    for (const screen of ['compare', 'live']) {
      await page.goto(at(screen))
      for (const { page: theirs } of followers) await theirs.waitForFunction((to) => location.hash.startsWith(`#/${to}`), screen)
    }
  })

  it('leaves alone who explores, and takes them back', async () => {
    const { page } = followers[0]
    await choose(page, '220')
    await page.getByText('You are exploring').waitFor()
    await choose(presenter.page, 'EHLO')
    await selected(followers[1].page).getByText('EHLO').waitFor()
    assert.match(await selected(page).innerText(), /220/)
    await page.getByRole('button', { name: /Back to the presenter/ }).click()
    await selected(page).getByText('EHLO').waitFor()
  })

  it('blanks, freezes and puts a spotlight', async () => {
    const { page } = presenter
    await page.keyboard.press('b')
    for (const { page: theirs } of followers) await theirs.getByText('Look at the presenter.').waitFor()
    await page.keyboard.press('b')
    for (const { page: theirs } of followers) await theirs.getByText('Look at the presenter.').waitFor({ state: 'detached' })
    const own = await presenter.context.newPage()
    await own.goto(at('present'))
    await own.getByRole('button', { name: /Figer/ }).click()
    await page.getByText('La classe est figée').waitFor()
    await choose(page, 'STARTTLS')
    await selected(page).getByText('STARTTLS').waitFor()
    await selected(followers[1].page).getByText('EHLO').waitFor()
    await own.getByRole('button', { name: /Projecteur/ }).click()
    await followers[1].page.locator('.row.dim').first().waitFor()
    await own.getByRole('button', { name: /Projecteur/ }).click()
    await page.getByRole('button', { name: 'Dégeler' }).click()
    await selected(followers[1].page).getByText('STARTTLS').waitFor()
    await own.close()
  })

  it('puts the laser on the same octet everywhere, drawn small or large', async () => {
    const { page } = presenter
    await choose(page, 'EHLO')
    await page.keyboard.press('x')
    await page.getByText('Laser allumé').waitFor()
    const octets = page.locator('.bytes .hex [data-at]')
    await octets.first().waitFor()
    const box = await octets.first().boundingBox()
    await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2)
    /** Octets, as they are written in hexadecimal, under the middles of the dots. */
    const pointed = (where) =>
      where.evaluate(() =>
        [...document.querySelectorAll('i.laser')].flatMap((dot) => {
          const { left, top, width, height } = dot.getBoundingClientRect()
          const run = document.elementFromPoint(left + width / 2, top + height / 2)?.closest('[data-at]')
          if (!run) return []
          const share = (left + width / 2 - run.getBoundingClientRect().left) / run.getBoundingClientRect().width
          const unit = Number(run.parentElement.dataset.unit ?? 1)
          return [Number(run.dataset.at) + Math.floor((share * run.textContent.length) / unit)]
        }),
      )
    await page.locator('i.laser').first().waitFor()
    const [mine] = await pointed(page)
    assert.ok(mine > 0)
    for (const { page: theirs } of followers) {
      await theirs.locator('i.laser').first().waitFor()
      const dots = await pointed(theirs)
      assert.ok(dots.length > 0)
      for (const octet of dots) assert.equal(octet, mine)
      assert.equal(await theirs.getByText('You are following the presenter').count(), 1)
    }
    const line = await selected(page).locator('.line').boundingBox()
    await page.mouse.move(line.x + 3, line.y + line.height / 2)
    const moved = mine
    await followers[1].page.waitForFunction((was) => {
      const dot = document.querySelector('i.laser')?.getBoundingClientRect()
      const run = dot && document.elementFromPoint(dot.left + dot.width / 2, dot.top + dot.height / 2)?.closest('[data-at]')
      return run && Number(run.dataset.at) <= was && dot.left + dot.width / 2 - run.getBoundingClientRect().left < 20
    }, moved)
    await page.keyboard.press('Escape')
    for (const { page: theirs } of followers) await theirs.locator('i.laser').first().waitFor({ state: 'detached' })
    assert.equal(await page.locator('i.laser').count(), 0)
  })

  it('takes them along into a recording and back', async () => {
    const { page } = presenter
    const id = await page.evaluate(() => fetch('api/v1/samples').then((answer) => answer.json()).then(({ samples }) => samples[0].id))
    await page.goto(`${new URL('/', demo.url)}#/live?tape=sample:${id}`)
    for (const { page: theirs } of followers) await theirs.waitForFunction(() => /tape=[a-z0-9]{10}/.test(location.hash) && document.querySelectorAll('[role=row][data-index]').length > 3)
    await page.goto(at('live'))
    for (const { page: theirs } of followers) await theirs.waitForFunction(() => !location.hash.includes('tape='))
  })

  it('gives followers nothing to give orders with', async () => {
    const { page } = followers[0]
    assert.equal(await page.getByRole('link', { name: 'Present' }).count(), 0)
    const { recording, ca, connect } = await page.evaluate(() => fetch('api/v1/state').then((answer) => answer.json()))
    assert.deepEqual([recording.dir, ca.path, connect], ['', '', []])
    for (const { faults } of [presenter, ...followers]) assert.deepEqual(faults, [])
    const answers = await page.evaluate(() =>
      Promise.all(
        ['stage', 'player'].map((path) =>
          fetch(`api/v1/${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', Facteur: '1' }, body: '{"blank":true}' }).then((answer) => answer.status),
        ),
      ),
    )
    assert.deepEqual(answers, [403, 403])
  })
})
