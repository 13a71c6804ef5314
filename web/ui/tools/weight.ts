/** What the whole page may weigh for one reader, in octets as they travel. */
import { gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'

/** Whole page in less than 200 kB: text as gzip makes it at its best, fonts as they are. */
export const most = 200_000

export interface File {
  name: string
  content: string | Uint8Array
}

const text = /\.(js|css|html|svg)$/
const font = /\.woff2$/
/** The words of a language, of which a reader loads one. */
const spoken = /^assets\/words-[a-z]{2}-/

const weigh = (file: File) => (font.test(file.name) ? file.content.length : gzipSync(file.content, { level: 9 }).length)

/** The weight of all that one reader ever loads, every screen visited; of the languages, the heaviest. Licences are read by other people. */
export function weight(files: readonly File[]): number {
  const page = files.filter((file) => text.test(file.name) || font.test(file.name))
  const languages = page.filter((file) => spoken.test(file.name)).map(weigh)
  const rest = page.filter((file) => !spoken.test(file.name)).map(weigh)
  return Math.max(0, ...languages) + rest.reduce((sum, one) => sum + one, 0)
}

/** Says what the built page weighs, and stops the build when that is too much. */
export function weighed(): Plugin {
  return {
    name: 'facteur-weight',
    apply: 'build',
    enforce: 'post',
    writeBundle(_, bundle) {
      const files = Object.values(bundle).map((one) => ({ name: one.fileName, content: one.type === 'chunk' ? one.code : one.source }))
      const whole = weight(files)
      const figure = `the whole page weighs ${(whole / 1000).toFixed(1)} kB for a reader`
      if (whole > most) this.error(`${figure}: ${most / 1000} kB is the most it may`)
      this.info(figure)
    },
  }
}
