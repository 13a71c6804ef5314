/** The message screen: journeys on the mock, and on the real program what a hostile mail tries. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { launch, real, visit } from './browser.mjs'
import { hostileMail } from './mock/letter.mjs'
import { startMock } from './mock/server.mjs'

let browser
before(async () => (browser = await launch()))
after(() => browser.close())

async function on(options, test, look = {}) {
  const mock = await startMock({ events: 'letters', ...options })
  const { page, context, faults } = await visit(browser, `${mock.url}#/message`, { settings: { lang: 'fr', theme: 'light' }, width: 1920, height: 1080, ...look })
  try {
    await test(page, mock)
    assert.deepEqual(faults, [], 'nothing on the console')
  } finally {
    await context.close()
    await mock.close()
  }
}

describe('a message', () => {
  it('shows its envelope with each reply, and says where it differs from the header', () =>
    on({}, async (page) => {
      await page.getByText('rebond@liste.test', { exact: true }).waitFor()
      assert.equal(await page.locator('.reply.no').count(), 1)
      await page.getByText(/L’enveloppe part de rebond@liste\.test/).waitFor()
      await page.getByText(/Le nom affiché contient service@banque\.test/).waitFor()
      await page.getByText(/Refusé par le serveur\u202f: inconnu@exemple\.test/).waitFor()
    }))

  it('reads its parts from the tree, keeps the choice in the address, and goes back', () =>
    on({}, async (page) => {
      await page.getByText('Votre compte sera fermé.').waitFor()
      await page.locator('.tree button', { hasText: 'text/html' }).click()
      await page.locator('iframe').waitFor()
      assert.match(page.url(), /part=1\.2/)
      await page.getByRole('radio', { name: 'Source' }).click()
      await page.locator('.source', { hasText: 'multipart/alternative' }).waitFor()
      assert.ok((await page.locator('.source .end').allTextContents()).includes('CRLF'))
      await page.getByRole('radio', { name: 'Texte', exact: true }).click()
      await page.getByText('.un point au début').waitFor()
    }))

  it('shows header words decoded or as sent, and hides no direction sign', () =>
    on({}, async (page) => {
      await page.locator('dd', { hasText: 'Bob Lefèvre' }).waitFor()
      await page.locator('.letter .sign', { hasText: 'U+202E' }).waitFor()
      await page.getByRole('radio', { name: 'Bruts' }).click()
      await page.locator('dd', { hasText: '=?UTF-8?Q?Lef=C3=A8vre?=' }).waitFor()
    }))

  it('draws the route from the oldest hop, each with a padlock, and this session last', () =>
    on({}, async (page) => {
      const hops = page.locator('ol li')
      await hops.first().waitFor()
      assert.deepEqual(await hops.locator('.lock').allTextContents(), ['non dit', 'sans TLS', 'TLS', 'TLS'])
      await hops.nth(3).getByText('Cette séance').waitFor()
      await page.getByText('horloges décalées').first().waitFor()
    }))

  it('takes proofs apart and says what makes one weak', () =>
    on({}, async (page) => {
      await page.getByText('SHA-1 ne doit plus servir').waitFor()
      await page.getByText('ne signe que le début').waitFor()
      assert.ok((await page.locator('article dd.fail').count()) >= 2)
    }))

  it('opens the transcript where a field was told', () =>
    on({}, async (page) => {
      await page.locator('dt', { hasText: 'Message-ID' }).getByRole('button').click()
      await page.locator('[aria-selected=true]', { hasText: '1@banque-secure.test' }).waitFor()
    }))

  it('is saved as a file', () =>
    on({}, async (page) => {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Télécharger .eml' }).click()])
      assert.match(download.suggestedFilename(), /\.eml$/)
    }))

  it('is one of many: the list draws those in view, and a new one takes nothing from the chosen', () =>
    on({ many: 3000 }, async (page) => {
      await page.locator('.letter').first().waitFor()
      assert.ok((await page.locator('.letter').count()) < 60)
    }))

  it('stands in sections on a phone', () =>
    on({}, async (page) => {
      await page.locator('details', { hasText: 'Trajet' }).locator('summary').click()
      await page.locator('ol li').first().waitFor()
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0)
    }, { width: 390, height: 844 }))

  it('that has not come is awaited, in words', () =>
    on({ events: 'none' }, async (page) => {
      await page.getByRole('heading', { name: 'Aucune séance pour l’instant' }).waitFor()
    }))
})

/** Sends a mail through facteur's clear port. */
function send(port, mail) {
  const words = ['EHLO poste', 'MAIL FROM:<rebond@liste.test>', 'RCPT TO:<bob@exemple.test>', 'DATA', `${mail}.`, 'QUIT']
  return new Promise((sent, failed) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('data', (data) => /^\d{3} /m.test(data) && words.length && socket.write(`${words.shift()}\r\n`))
    socket.on('close', sent)
    socket.on('error', failed)
  })
}

describe('the real program', { skip: process.env.FACTEUR_BIN ? false : 'FACTEUR_BIN names no program' }, () => {
  it('lets nothing of a hostile mail run, load or lead away', async () => {
    const asked = []
    const canary = createServer((request, response) => {
      asked.push(request.url)
      response.end()
    })
    await new Promise((listening) => canary.listen(0, '127.0.0.1', listening))
    const address = `http://127.0.0.1:${canary.address().port}`
    const demo = await real(['--no-lesson'])
    const { page, context, faults } = await visit(browser, demo.url, { settings: { lang: 'fr', theme: 'light' }, width: 1920, height: 1080 })
    try {
      const port = await page.evaluate(async () => {
        const { routes } = await (await fetch('api/v1/state')).json()
        return Number(routes.map((route) => new URL(route.listen)).find(({ protocol }) => protocol === 'smtp:').port)
      })
      await send(port, hostileMail(address))
      await page.evaluate(() => (location.hash = '#/message?part=1.2&tab=html'))
      const frame = page.frameLocator('iframe')
      await frame.getByText('Banque Éternelle').waitFor()
      await page.getByText('3 images distantes bloquées').waitFor()
      await frame.locator('img').waitFor() // the image that the mail carries; it comes behind the text
      assert.equal(await frame.locator('img').count(), 1)
      await frame.getByText('www.banque.test').click()
      await frame.getByText('ici', { exact: true }).click()
      await page.waitForTimeout(1500)
      await frame.getByText('Banque Éternelle').waitFor()
      assert.deepEqual(asked, [], 'nobody was asked for anything')
      assert.match(await page.title(), /facteur/)
      assert.deepEqual(faults, [])

      // the same document by itself, as one who opens the frame in a tab would have it
      const alone = await context.newPage()
      const source = new URL(await page.locator('iframe').getAttribute('src'), page.url()).href
      const answer = await alone.goto(source)
      assert.match(answer.headers()['content-security-policy'], /^sandbox; default-src 'none'/)
      assert.equal(await alone.evaluate(() => self.origin), 'null')
      await alone.waitForTimeout(500)
      assert.deepEqual(asked, [])
    } finally {
      await context.close()
      await demo.close()
      await new Promise((closed) => canary.close(closed))
    }
  })
})
