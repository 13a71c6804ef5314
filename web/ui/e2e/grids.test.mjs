/**
 * A grid that draws only what is seen: whoever listens to it never meets a row without its cells. Every frame is looked
 * at while rows come by the thousand and while they are scrolled through, with and without motion.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, rest, visit } from './browser.mjs'
import { startMock } from './mock/server.mjs'

const many = 10_000

/** Notes, in every frame, the rows that are there for a screen reader while nothing in them is. */
const watch = () => {
  window.bare = []
  window.rows = 0
  const told = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest('[aria-hidden=true]')
  const look = () => {
    for (const row of document.querySelectorAll('[role=row]')) {
      if (!told(row)) continue
      window.rows++
      const cells = row.querySelectorAll('[role=gridcell], [role=cell], [role=columnheader], [role=rowheader]')
      if (![...cells].some(told)) window.bare.push(row.outerHTML.slice(0, 200))
    }
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}

const grids = {
  Live: { options: { events: many }, hash: '#/live', list: '.rows' },
  Ladder: { options: { events: many }, hash: '#/ladder?session=1', list: '.rungs' },
  Compare: { options: { events: many }, hash: '#/compare?session=1', list: '.pieces' },
  Diff: { options: {}, hash: '#/diff?a=1&b=2', list: '.pairs' },
  Library: { options: { library: many }, hash: '#/library', list: '.recordings' },
}

describe('no row without its cells', () => {
  let browser
  before(async () => (browser = await launch()))
  after(() => browser.close())

  for (const [name, { options, hash, list }] of Object.entries(grids)) {
    for (const reducedMotion of ['reduce', 'no-preference']) {
      it(`${name}, motion: ${reducedMotion}`, async () => {
        const mock = await startMock(options)
        const { page, context, faults } = await visit(browser, mock.url + hash, { prepare: watch, media: { reducedMotion } })
        try {
          await page.locator(`${list} [role=row]`).first().waitFor({ state: 'attached' })
          await rest(page)
          const all = page.locator(list)
          for (const part of [0, 0.5, 0.503, 0.51, 0.9, 1]) {
            await all.evaluate((one, part) => (one.scrollTop = part * one.scrollHeight), part)
            await rest(page)
          }
          assert.ok((await page.evaluate(() => window.rows)) > 0, 'rows were looked at')
          assert.deepEqual(await page.evaluate(() => window.bare.slice(0, 3)), [])
          assert.deepEqual(faults, [])
        } finally {
          await context.close()
          await mock.close()
        }
      })
    }
  }
})
