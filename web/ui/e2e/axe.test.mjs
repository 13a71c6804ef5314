/** No accessibility fault that axe can find, in any scene (see scenes.mjs), language, theme and size; nothing sticks out sideways, or moves by itself. */
import AxeBuilder from '@axe-core/playwright'
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, moved, rest, visit, watchShifts } from './browser.mjs'
import { address, enter, scenes, servers, Servers } from './scenes.mjs'

/** AXE=compare,library looks at those whose names begin so. */
const asked = (process.env.AXE ?? '').split(',')

/** Language × theme in full; size and projector alternate with them, as neither colours nor names depend on those. */
const looks = [
  { settings: { lang: 'fr', theme: 'light', projector: false }, width: 1920, height: 1080 },
  { settings: { lang: 'en', theme: 'dark', projector: false }, width: 390, height: 844 },
  { settings: { lang: 'en', theme: 'light', projector: true }, width: 1280, height: 800 },
  { settings: { lang: 'fr', theme: 'dark', projector: true }, width: 1920, height: 1080 },
]
/** What must reflow rather than stick out: the narrowest phone, and a small window at 200 %. The explanations come last there: nothing makes room for them then. */
const late = /\/catalogue\//
const narrow = [
  { settings: { lang: 'fr', theme: 'light' }, width: 320, height: 640, late },
  { settings: { lang: 'en', theme: 'light', large: true }, width: 640, height: 400, late },
]
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

let browser
const running = new Servers()
before(async () => {
  browser = await launch()
})
after(async () => {
  await browser.close()
  await running.close()
})

/** Brings a page to a scene and has it looked at. */
async function at(scene, { settings, width, height, late }, look) {
  const server = scene.own ? await servers[scene.server]() : await running.get(scene.server)
  const { page, context, faults } = await visit(browser, address(scene, server), { width, height, settings, late, prepare: watchShifts })
  try {
    let shift = 0
    await enter(page, scene, server, async () => {
      await rest(page)
      shift = await moved(page)
    })
    await rest(page)
    await look(page)
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    assert.equal(wide, 0, 'nothing sticks out sideways')
    assert.ok(shift < 0.001, `nothing moves by itself while it comes: ${shift}`)
    if (!scene.breaks) assert.deepEqual(faults, [])
  } finally {
    await context.close()
    if (scene.own) await server.close()
  }
}

async function axe(page) {
  // axe asks every frame for an answer, and the document of a mail, without scripts, gives none
  await page.evaluate(() => document.querySelector('iframe')?.remove())
  const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze()
  assert.deepEqual(violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} // ${node.failureSummary?.slice(0, 200)}`).join(' | ')}`), [])
}

for (const [name, scene] of Object.entries(scenes)) {
  if (!asked.some((one) => name.startsWith(one))) continue
  describe(name, () => {
    for (const look of scene.few ? looks.slice(0, 2) : looks) {
      const { settings, width, height } = look
      it(`${settings.lang} ${settings.theme}${settings.projector ? ' projector' : ''} ${width}×${height}`, () => at(scene, look, axe))
    }
    for (const look of scene.few ? narrow.slice(0, 1) : narrow) it(`reflows at ${look.width} px`, () => at(scene, look, async () => {}))
  })
}
