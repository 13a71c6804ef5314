/**
 * npm run shots -- FOLDER [NAME…]: pictures of every scene in its sizes, languages and themes, or of those named: a name
 * stands for all pictures that begin with it (compare-phone), and * for anything (*-en-dark). The run's own screens are those
 * of the real demo when FACTEUR_BIN or FACTEUR_URL is given; make shots makes those of the README so. It fails when a page
 * complains in its console, sticks out sideways, or moves by itself.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { launch, moved, real, rest, visit, watchShifts } from './browser.mjs'
import { address, enter, scenes, servers, Servers } from './scenes.mjs'

const [folder, ...names] = process.argv.slice(2)
if (!folder) {
  console.error('usage: npm run shots -- FOLDER [NAME…]')
  process.exit(2)
}
mkdirSync(folder, { recursive: true })

/** Pages at a time: more only wait for each other. */
const atOnce = 2

/** zoom is a laptop's window at 200 %. */
const sizes = {
  wide: { width: 1920, height: 1080 },
  laptop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844 },
  small: { width: 320, height: 640 },
  projector: { width: 1920, height: 1080, settings: { projector: true } },
  zoom: { width: 640, height: 400, media: { deviceScaleFactor: 2 } },
}
/** Which sizes are pictured in which languages and themes. */
const all = { fr: ['light', 'dark'], en: ['light', 'dark'] }
const whole = { wide: all, laptop: all, phone: all, small: { fr: ['light'], en: ['dark'] }, projector: { fr: ['dark'], en: ['light'] }, zoom: { fr: ['light'] } }
const few = { wide: { fr: ['light'] }, laptop: { fr: ['light'], en: ['dark'] }, phone: { fr: ['light'], en: ['dark'] }, small: { fr: ['light'] } }

const patterns = names.map((name) => new RegExp(`^${name.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}(-|$)`))
const asked = (name) => patterns.length === 0 || patterns.some((pattern) => pattern.test(name))

/** One page each, which shows its themes one after the other. */
const jobs = Object.entries(scenes).flatMap(([name, scene]) =>
  Object.entries(scene.few ? few : whole).flatMap(([size, langs]) =>
    Object.entries(langs).map(([lang, themes]) => ({ name, scene, size, lang, themes: themes.filter((theme) => asked(`${name}-${size}-${lang}-${theme}`)) })),
  ),
).filter((job) => job.themes.length > 0)

async function picture({ name, scene, size, lang, themes }) {
  const server = scene.own ? await servers[scene.server]() : await running.get(scene.server)
  const { settings = {}, ...window } = sizes[size]
  const theme = settings.projector && themes[0] === 'light' ? 'light' : 'auto'
  const { context, page, faults } = await visit(browser, address(scene, server), { ...window, settings: { lang, theme, ...settings }, prepare: watchShifts })
  try {
    page.setDefaultTimeout(15_000)
    await page.emulateMedia({ colorScheme: themes[0], reducedMotion: 'reduce' })
    let shift = 0
    await enter(page, scene, server, async () => {
      await rest(page)
      shift = await moved(page)
    })
    await rest(page)
    for (const look of themes) {
      await page.emulateMedia({ colorScheme: look, reducedMotion: 'reduce' })
      await page.waitForTimeout(60)
      await page.screenshot({ path: join(folder, `${name}-${size}-${lang}-${look}.png`) })
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    const found = scene.breaks ? [] : [...faults]
    if (wide > 0) found.push(`${wide} px stick out sideways`)
    if (shift >= 0.001) found.push(`moved by itself: ${shift.toFixed(3)}`)
    return found
  } finally {
    await context.close()
    if (scene.own) await server.close()
  }
}

/** Until the demo has nothing more to tell: its pictures are the same each time. */
async function over(demo) {
  const { page, context } = await visit(browser, demo.url)
  const last = () => page.evaluate(async () => (await (await fetch('api/v1/state')).json()).last)
  for (let before = -1, now = await last(); now !== before || now === 0; ) {
    await page.waitForTimeout(2500)
    before = now
    now = await last()
  }
  await context.close()
}

const started = Date.now()
const browser = await launch()
const demo = jobs.some((job) => job.scene.server === 'run') ? await real(['--share=127.0.0.1:0']) : null
if (demo) await over(demo)
const running = new Servers(demo ? { run: demo } : {})
const faults = []
let done = 0
let next = 0
async function work() {
  while (next < jobs.length) {
    const job = jobs[next++]
    const told = `${job.name}-${job.size}-${job.lang}`
    try {
      for (const fault of await picture(job)) faults.push(`${told}: ${fault}`)
    } catch (problem) {
      faults.push(`${told}: ${String(problem).split('\n')[0]}`)
    }
    done += job.themes.length
    if (process.stdout.isTTY) process.stdout.write(`\r${done} pictures`)
  }
}
await Promise.all(Array.from({ length: atOnce }, work))
await browser.close()
await running.close()
await demo?.close()
console.log(`\r${done} pictures in ${folder} in ${Math.round((Date.now() - started) / 1000)} s`)
if (faults.length || done === 0) {
  console.error(done === 0 ? `nothing is called ${names.join(' ')}` : faults.join('\n'))
  process.exit(1)
}
