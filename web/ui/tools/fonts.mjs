/**
 * Cuts the page's fonts down to what the page writes, from the packages that package.json names: `npm run fonts`.
 * The result is committed, and the same for the same packages. What it leaves out falls back to the reader's own fonts.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { convert } from 'fontverter'
import subset from 'subset-font'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

const span = (first, last) => String.fromCodePoint(...Array.from({ length: last - first + 1 }, (_, at) => first + at))
const ascii = span(0x20, 0x7e)
/** French, and the letters of the neighbours' names that mail of a French or English reader is full of. */
const letters = 'àâäæçéèêëîïôöœùûüÿÀÂÄÆÇÉÈÊËÎÏÔÖŒÙÛÜŸñÑßáíóúÁÍÓÚåÅøØ'
/** Typography, with the spaces that French puts before its double signs. */
const signs = '\u00a0\u202f\u2009\u2011‘’“”«»‹›–—…·•°§©±×−€'
const whole = ascii + letters + signs

/** What is bold in a fixed width is the protocol's own: verbs, codes, names of fields, the signs that stand for controls. */
const protocol = ascii + '‹›…'

/** No kerning pairs of a variable font are dropped: headings show their absence. Plex Mono has nothing to keep. */
const fonts = [
  { from: '@fontsource-variable/inter/files/inter-latin-wght-normal.woff2', to: 'inter.woff2', keepFeatures: ['kern', 'tnum'], variationAxes: { wght: { min: 400, max: 750 } } },
  { from: '@fontsource/ibm-plex-mono/files/ibm-plex-mono-latin-400-normal.woff2', to: 'post-mono-400.woff2', keepFeatures: [] },
  { from: '@fontsource/ibm-plex-mono/files/ibm-plex-mono-latin-600-normal.woff2', to: 'post-mono-600.woff2', keepFeatures: [], characters: protocol },
]

/** "Plex" is a reserved name, which a font that was changed may not bear: the file is called The Post Mono inside. */
function renamed(font) {
  const wide = (text) => Buffer.from(text, 'utf16le').swap16()
  for (const [old, fresh] of [['IBM Plex', 'The Post'], ['IBMPlex', 'ThePost']]) {
    for (const code of [wide, Buffer.from]) {
      for (let at = font.indexOf(code(old)); at >= 0; at = font.indexOf(code(old))) font.set(code(fresh), at)
    }
  }
  return font
}

for (const { from, to, characters = whole, ...options } of fonts) {
  const file = await readFile(here(`../node_modules/${from}`))
  const cut = await subset(file, characters, { ...options, targetFormat: 'truetype', noHinting: true })
  const small = await convert(renamed(Buffer.from(cut)), 'woff2')
  await writeFile(here(`../src/fonts/${to}`), small)
  console.log(`${to}: ${file.length} → ${small.length} octets`)
}
