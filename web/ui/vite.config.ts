import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { weighed } from './tools/weight.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** What the page carries of others' work; their licences travel with the built page. */
const carried = ['svelte', 'virtua', '@fontsource-variable/inter', '@fontsource/ibm-plex-mono']

function licences(): Plugin {
  const file = (name: string) => {
    for (const end of ['LICENSE', 'LICENSE.md']) {
      try {
        return readFileSync(here(`./node_modules/${name}/${end}`), 'utf8').trim()
      } catch {
        continue
      }
    }
    throw new Error(`no licence file in node_modules/${name}; the page may not be built without it`)
  }
  return {
    name: 'facteur-licences',
    apply: 'build',
    generateBundle() {
      const source = carried.map((name) => `${name}\n${'='.repeat(name.length)}\n\n${file(name)}\n`).join('\n\n')
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source })
    },
  }
}

/** Where `npm run dev` finds the API: a running facteur, or the mock of e2e/mock. */
const backend = process.env.FACTEUR_BACKEND ?? 'http://127.0.0.1:8599'

export default defineConfig({
  base: './',
  plugins: [svelte(), licences(), weighed()],
  build: {
    outDir: here('../dist'),
    emptyOutDir: true,
    target: 'es2022',
    cssCodeSplit: false, // one sheet weighs less than two, and nothing flashes when a screen comes
    assetsInlineLimit: 0, // a data: font or style would need a wider content security policy
    modulePreload: false, // everything that a page needs first is in one file
    reportCompressedSize: true,
    rolldownOptions: {
      output: { chunkFileNames: ({ facadeModuleId }) => (facadeModuleId?.includes('/i18n/words/') ? 'assets/words-[name]-[hash].js' : 'assets/[name]-[hash].js') },
    },
  },
  server: { proxy: { '/api': { target: backend, ws: true } } },
  resolve: process.env.VITEST ? { conditions: ['browser'] } : {},
  test: { environment: 'happy-dom', include: ['test/**/*.test.ts'] },
})
