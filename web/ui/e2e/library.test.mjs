/** Recordings beside the live session, Sessions, Compare's pairs, Connect and Settings, on the real program (FACTEUR_BIN). */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import AxeBuilder from '@axe-core/playwright'
import { launch, real, visit } from './browser.mjs'

const samples = fileURLToPath(new URL('../../../captures/samples/files/', import.meta.url))
const missing = !process.env.FACTEUR_BIN && 'FACTEUR_BIN names no built facteur'
if (missing && process.env.CI) throw new Error(missing)

let browser
let demo
before(async () => {
  if (missing) return
  browser = await launch()
  demo = await real()
})
after(async () => {
  await browser?.close()
  await demo?.close()
})

/** A page at an address of the running demo. */
async function at(hash, over = {}) {
  const seen = await visit(browser, demo.url, { settings: { lang: 'en', theme: 'light', projector: false }, ...over })
  await seen.page.evaluate((to) => (location.hash = to), hash)
  return seen
}
const axe = async (page) => (await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze()).violations.map((one) => `${one.id}: ${one.nodes[0]?.html.slice(0, 200)}`)

describe('recordings', { skip: missing }, () => {
  it('are imported, tagged, noted, searched, opened beside the live session, and left again', async () => {
    const { page, context, faults } = await at('#/library')
    await page.locator('input[type=file]').setInputFiles([`${samples}smtp-clear.pcapng`, `${samples}smtp-starttls.pcapng`])
    await page.getByText('Imported: smtp-clear.pcapng, smtp-starttls.pcapng').waitFor()
    await page.getByRole('row', { name: /smtp-clear/ }).getByRole('button').click()
    await page.getByLabel('Add a tag').fill('keep')
    await page.getByLabel('Add a tag').press('Enter')
    await page.getByTitle('Remove the tag keep').waitFor()
    await page.getByLabel('Add a note').fill('<b>here</b>')
    await page.getByLabel('Add a note').press('Enter')
    await page.getByText('<b>here</b>').waitFor()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      (async () => {
        await page.locator('summary', { hasText: 'Download' }).click()
        await page.getByRole('link', { name: /HTML page/ }).click()
      })(),
    ])
    assert.equal(download.suggestedFilename(), 'smtp-clear.html')
    assert.deepEqual(await axe(page), [])
    await page.getByRole('button', { name: 'Open', exact: true }).click()
    await page.getByRole('button', { name: 'Back to live' }).waitFor()
    await page.getByText('AUTH PLAIN').first().waitFor()
    assert.match(page.url(), /#\/live\?tape=library%3Asmtp-clear\.pcapng/)
    await page.reload()
    await page.getByText('AUTH PLAIN').first().waitFor()
    await page.getByTitle('Play', { exact: true }).click()
    await page.getByText('220 mail.exemple.test').first().waitFor()
    await page.getByRole('button', { name: 'Back to live' }).click()
    await page.getByRole('button', { name: 'Back to live' }).waitFor({ state: 'detached' })
    await page.goBack()
    await page.getByRole('button', { name: 'Back to live' }).waitFor()
    assert.deepEqual(faults, [])
    await context.close()
  })
  it('are found by the filter of the page, which says what it does not understand', async () => {
    const { page, context } = await at('#/library?q=cmd%3ARCPT')
    await page.getByText(/events found/).waitFor()
    await page.getByLabel('Search everything that is recorded').fill('from:nobody')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').filter({ hasText: 'client or server' }).waitFor()
    await context.close()
  })
  it('that are no captures are refused in words', async () => {
    const { page, context } = await at('#/library')
    await page.locator('input[type=file]').setInputFiles({ name: 'x.pcap', mimeType: 'application/octet-stream', buffer: Buffer.from('no capture') })
    await page.getByRole('alert').filter({ hasText: 'not a capture' }).waitFor()
    await page.locator('input[type=file]').setInputFiles({ name: 'photo.png', mimeType: 'image/png', buffer: Buffer.from('x') })
    await page.getByRole('alert').filter({ hasText: 'photo.png' }).waitFor()
    await context.close()
  })
  it('ten thousand of them are a list of a few dozen rows', async () => {
    const { page, context, faults } = await at('#/live')
    const one = { title: '', began: '2026-11-23T08:00:00Z', sessions: 1, events: 9, size: 900, secrets: 'masked', fault: null, indexed: true, old: true, tags: [], protocols: ['imap'], tls: ['TLS1.3'], security: ['tls'], client: 'c', server: 's', lints: 1, errors: 0, marks: 0 }
    await page.route('**/api/v1/library', (route) => route.fulfill({ json: { dir: '', indexing: false, retention: 30, old: 10_000, recordings: Array.from({ length: 10_000 }, (_, i) => ({ ...one, name: `r${i}.pcapng` })) } }))
    await page.evaluate(() => (location.hash = '#/library'))
    await page.getByText('r0.pcapng').waitFor()
    assert.ok((await page.getByRole('row').count()) < 80)
    await page.locator('.recordings').focus()
    await page.locator('.recordings').evaluate((list) => (list.scrollTop = list.scrollHeight))
    await page.getByText('r9999.pcapng').waitFor()
    await page.getByText('10,000 recordings are older than 30 days').waitFor()
    // rows that were scrolled away leave a little later, and must not be looked at while they do
    for (let last = -1, now = 0; now !== last; await page.waitForTimeout(400)) {
      last = now
      now = await page.getByRole('row').count()
    }
    assert.deepEqual(await axe(page), [])
    assert.deepEqual(faults, [])
    await context.close()
  })
})

describe('samples', { skip: missing }, () => {
  it('tell their story, open, and lead to what is worth a look', async () => {
    const { page, context, faults } = await at('#/library?shelf=samples')
    const card = page.locator('.card', { hasText: 'Sending a message, with STARTTLS' })
    await card.locator('summary').click()
    await card.getByRole('button', { name: /cmd:STARTTLS/ }).click()
    await page.waitForFunction(() => location.href.includes('tape=sample%3Asmtp-starttls'))
    await page.getByText('STARTTLS').first().waitFor()
    assert.deepEqual(faults, [])
    await context.close()
  })
  it('lie side by side, aligned on commands, each with what the eavesdropper read', async () => {
    const { page, context, faults } = await at('#/compare?pair=pair%3Asmtp-security')
    await page.getByText('the eavesdropper read 11 facts of 11').waitFor()
    await page.getByText('the eavesdropper read 7 facts of 14').waitFor()
    const login = page.locator('.rows > li', { has: page.getByRole('heading', { name: 'AUTH' }) })
    assert.equal(await login.locator('.cell').nth(0).getByText('AUTH PLAIN').count(), 1)
    assert.equal(await login.locator('.cell').nth(1).getByText('AUTH PLAIN').count(), 0)
    assert.ok((await login.locator('.cell').nth(1).locator('.cipher').count()) > 0)
    await page.getByLabel('Right').last().selectOption({ index: 2 })
    await page.locator('.heads').getByText('implicit TLS').last().waitFor()
    assert.match(page.url(), /pair=pair%3Asmtp-security\+sample%3Asmtp-clear\+sample%3Asmtp-implicit/)
    assert.deepEqual(await axe(page), [])
    assert.deepEqual(faults, [])
    await context.close()
  })
})

describe('connect and settings', { skip: missing }, () => {
  it('show the values of this run, and lights for the newest session', async () => {
    const { page, context, faults } = await at('#/setup')
    await page.getByText('Connection security').waitFor()
    await page.locator('.lights .ok').nth(4).waitFor({ timeout: 30_000 }) // the demo's lesson has logged in
    await page.getByRole('radio', { name: 'mbsync' }).click()
    await page.getByText('IMAPAccount facteur').waitFor()
    assert.deepEqual(await axe(page), [])
    assert.deepEqual(faults, [])
    await context.close()
  })
  it('keep what is chosen, and forget it', async () => {
    const { page, context, faults } = await at('#/settings')
    await page.getByLabel('Large').check()
    assert.equal(await page.evaluate(() => document.documentElement.dataset.size), 'large')
    await page.getByRole('group', { name: 'Language' }).getByLabel('Français').last().check()
    await page.getByRole('heading', { name: 'Réglages' }).waitFor()
    await page.getByRole('button', { name: /Tout effacer/ }).click()
    assert.equal(await page.evaluate(() => document.documentElement.dataset.size), 'normal')
    assert.deepEqual(faults, [])
    await context.close()
  })
})
