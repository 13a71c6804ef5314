import { resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte'

/** A component's own class in three letters, by its path and so the same in every build; a clash stops the build. */
const root = fileURLToPath(new URL('.', import.meta.url))
const taken = new Map()
function cssHash({ hash, filename }) {
  const name = `_${hash(resolve(filename).replace(root, '').replaceAll(sep, '/')).slice(-3)}`
  const other = taken.get(name) ?? filename
  if (other !== filename) throw new Error(`${filename} and ${other} would share the class ${name}: take one letter more in svelte.config.js`)
  taken.set(name, filename)
  return name
}

export default {
  preprocess: vitePreprocess(),
  compilerOptions: { runes: true, cssHash },
  // virtua ships its own components; they are not held to runes
  vitePlugin: { dynamicCompileOptions: ({ filename }) => (filename.includes('node_modules') ? { runes: undefined } : undefined) },
}
