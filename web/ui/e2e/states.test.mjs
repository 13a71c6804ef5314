/** The state machines: drawn so that everything can be read, and the reader's place in them. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, rest, visit } from './browser.mjs'
import { startMock } from './mock/server.mjs'

let browser
before(async () => (browser = await launch()))
after(() => browser.close())

async function on(hash, test, look = {}, options = {}) {
  const mock = await startMock(options)
  const { page, context, faults } = await visit(browser, `${mock.url}${hash}`, { settings: { lang: 'fr', theme: 'light' }, ...look })
  try {
    await page.locator('.diagram').waitFor()
    await test(page, mock)
    assert.deepEqual(faults, [], 'nothing on the console')
  } finally {
    await context.close()
    await mock.close().catch(() => {})
  }
}

const current = (page) => page.locator('.diagram [aria-current=step] b').innerText()

describe('states', () => {
  it('is reached from the rail and lights the state at the end of the session', () =>
    on('#/states', async (page) => {
      await page.getByRole('link', { name: 'En direct' }).click()
      await page.getByRole('link', { name: 'États' }).click()
      await page.getByRole('combobox', { name: 'Séance' }).selectOption('1')
      await page.locator('.diagram .current', { hasText: 'Fermeture' }).waitFor()
    }))

  it('steps by keys: the state moves, the way grows and its counts with it, the address follows', () =>
    on('#/states?session=1', async (page) => {
      await page.keyboard.press('Home')
      await page.locator('.diagram .current', { hasText: 'Connecté' }).waitFor()
      await page.getByText('étape 0 sur').waitFor()
      await page.keyboard.press('j')
      assert.equal(await current(page), 'Salué')
      await page.keyboard.press('j')
      assert.equal(await current(page), 'Prêt')
      await page.keyboard.press('j')
      assert.equal(await current(page), 'Salué')
      assert.equal(await page.locator('.box', { has: page.locator('b', { hasText: /^Salué$/ }) }).locator('.count').innerText(), '×2\n2 fois')
      assert.deepEqual(await page.locator('.way .mono').allInnerTexts(), ['accueil 2xx', 'EHLO 2xx', 'STARTTLS 2xx'])
      assert.equal(await page.locator('.label.fresh').innerText(), 'STARTTLS 2xx')
      assert.match(await page.evaluate(() => location.hash), /n=1\d/)
      await page.keyboard.press('k')
      assert.equal(await current(page), 'Prêt')
    }))

  it('stands where the selected event stands, and tells what may follow with its explanation', () =>
    on('#/states?session=1&n=70', async (page) => {
      assert.equal(await current(page), 'Enveloppe')
      await page.getByText('elle a un expéditeur').waitFor()
      const choices = await page.locator('.choices .verb').allInnerTexts()
      assert.equal(choices[0], 'RCPT')
      assert.ok(choices.includes('QUIT') && !choices.includes('DATA'))
      await page.locator('.choices', { hasText: 'Le client ajoute un destinataire' }).waitFor()
    }))

  it('draws the handshake of the session too, and any other machine', () =>
    on('#/states?session=3', async (page) => {
      await page.getByRole('radio', { name: 'TLS 1.3' }).click()
      assert.equal(await current(page), 'Établi')
      assert.match(await page.evaluate(() => location.hash), /machine=tls1\.3/)
      await page.getByRole('combobox', { name: 'Machine à montrer' }).selectOption('pop3')
      assert.equal(await current(page), 'Connecté')
      await page.getByText('Rien n’a encore bougé').waitFor()
    }))

  it('opens the event of a move', () =>
    on('#/states?session=2', async (page) => {
      await page.locator('.way button', { hasText: 'PASS' }).click()
      await page.getByText('Le client donne le mot de passe').or(page.getByText('+OK 1 message')).first().waitFor()
      assert.match(await page.evaluate(() => location.hash), /^#\/live/)
    }))

  for (const [lang, theme, projector, width, height] of [
    ['fr', 'light', false, 1280, 800],
    ['en', 'dark', false, 1920, 1080],
    ['fr', 'dark', true, 1920, 1080],
  ]) {
    it(`overlaps nothing and cuts no word (${lang}, ${width}${projector ? ', projector' : ''})`, () =>
      on(
        '#/states?session=1',
        async (page) => {
          for (const machine of ['smtp', 'lmtp', 'pop3', 'imap', 'sieve', 'tls1.2', 'tls1.3']) {
            await page.getByRole('combobox', { name: /Machine/ }).selectOption(machine)
            const look = () => page.evaluate(() => {
              const all = [...document.querySelectorAll('.sheet .box, .sheet .label')]
              const found = all.flatMap((one) => {
                const box = one.getBoundingClientRect()
                const words = one.matches('.label') ? [...one.children] : [...one.querySelectorAll('b, .inner')]
                return words.filter((word) => { const at = word.getBoundingClientRect(); return at.left < box.left || at.right > box.right || at.top < box.top || at.bottom > box.bottom }).map((word) => `cut: ${word.innerText}`)
              })
              const boxes = all.map((one) => one.getBoundingClientRect())
              boxes.forEach((a, i) => boxes.forEach((b, j) => i < j && a.left < b.right - 0.5 && b.left < a.right - 0.5 && a.top < b.bottom - 0.5 && b.top < a.bottom - 0.5 && found.push(`over: ${all[i].innerText} ${all[j].innerText}`)))
              return found
            })
            await rest(page)
            assert.deepEqual(await look(), [], machine)
            const beyond = await page.locator('.diagram .frame').evaluate((frame) => [frame.scrollWidth - frame.clientWidth, frame.scrollHeight - frame.clientHeight])
            assert.deepEqual(beyond, [0, 0], `${machine} is seen whole`)
          }
        },
        { width, height, settings: { lang, theme, projector } },
      ))
  }

  it('moves with motion only where that is welcome', () =>
    on(
      '#/states?session=1',
      async (page) => {
        const time = () => page.locator('.ring').evaluate((ring) => parseFloat(getComputedStyle(ring).transitionDuration))
        assert.ok((await time()) < 0.001)
        await page.emulateMedia({ reducedMotion: 'no-preference' })
        assert.ok((await time()) > 0.1)
      },
    ))

  it('is a list on a phone, with the same counts', () =>
    on(
      '#/states?session=1',
      async (page) => {
        await page.locator('.list > .current', { hasText: 'Fermeture' }).waitFor()
        assert.equal(await page.locator('.sheet').count(), 0)
        assert.equal(await page.locator('.list > li', { hasText: 'Prêt' }).first().locator('.count').innerText(), '×2')
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390)
      },
      { width: 390, height: 844 },
    ))

  it('says when the machines cannot be read, and tries again', async () => {
    const mock = await startMock()
    const { page, context } = await visit(browser, 'about:blank', { settings: { lang: 'fr' } })
    let refuse = true
    await page.route('**/api/v1/states', (route) => (refuse ? route.fulfill({ status: 503, body: '{}' }) : route.continue()))
    await page.goto(`${mock.url}#/states?session=1`)
    await page.getByText('n’ont pas pu être lues').waitFor()
    refuse = false
    await page.getByRole('button', { name: 'Réessayer' }).click()
    await page.locator('.diagram .current').waitFor()
    await context.close()
    await mock.close()
  })
})
