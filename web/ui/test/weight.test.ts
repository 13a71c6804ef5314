import { describe, expect, it } from 'vitest'
import { weight } from '../tools/weight'

const noise = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 7919 + ((at * at) >> 3)) & 255)

describe('the weight of the page', () => {
  it('is that of its texts as they travel, and of its fonts as they are', () => {
    expect(weight([{ name: 'assets/page-1.js', content: 'a'.repeat(100_000) }])).toBeLessThan(200)
    expect(weight([{ name: 'assets/a.woff2', content: new Uint8Array(5000) }])).toBe(5000)
    expect(weight([{ name: 'licences.txt', content: noise(5000) }])).toBe(0)
  })
  it('counts one language, the heavier', () => {
    const fr = { name: 'assets/words-fr-abc.js', content: noise(3000) }
    const en = { name: 'assets/words-en-abc.js', content: noise(1000) }
    expect(weight([fr, en])).toBe(weight([fr]))
    expect(weight([fr, en, { name: 'assets/index-1.js', content: '1' }])).toBeGreaterThan(weight([fr]))
  })
})
