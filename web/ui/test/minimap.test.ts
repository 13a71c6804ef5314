import { describe, expect, it } from 'vitest'
import { gather, levels, nearest } from '../src/lib/minimap'

describe('the minimap', () => {
  it('lets the gravest of each pixel win', () => {
    const level = [levels.hit, levels.error, levels.lint, levels.none]
    expect([...gather(4, 8, 4, (i) => i, (i) => level[i]!)]).toEqual([levels.error, levels.lint, 0, 0])
  })
  it('keeps the last place inside, and shows nothing of nothing', () => {
    expect([...gather(1, 3, 3, () => 3, () => levels.mark)]).toEqual([0, 0, levels.mark])
    expect([...gather(0, 0, 2, () => 0, () => 1)]).toEqual([0, 0])
  })
  it('finds what is nearest to a place', () => {
    const at = [2, 5, 9]
    const near = (place: number) => nearest(3, place, (i) => at[i]!)
    expect([near(0), near(3), near(4), near(8), near(99)]).toEqual([0, 0, 1, 2, 2])
    expect(nearest(0, 1, () => 0)).toBe(-1)
  })
})
