/** The palette: one field that finds screens, actions, sessions and words of the glossary. */
import type { IconName } from '../parts/Icon.svelte'

export type ChoiceGroup = 'screens' | 'actions' | 'marks' | 'sessions' | 'glossary'

export interface Choice {
  id: string
  group: ChoiceGroup
  icon: IconName
  title: string
  /** More words it is found by. */
  also?: string
  /** What is told of it once it is chosen among the results. */
  more?: string
  keys?: string
  run: () => void
}

/** Without accents or case, so that « séance » is found by seance. */
export const plainly = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

/** How well one word of the question is met: 3 a word begins with it, 2 it is inside, 1 its letters come in order in the title, 0 not at all. */
function meets(word: string, title: string, also: string): number {
  const begins = (text: string) => text.split(/[^\p{L}\p{N}]+/u).some((part) => part.startsWith(word)) || text.startsWith(word)
  if (begins(title)) return 3
  if (title.includes(word) || begins(also)) return 2
  if (also.includes(word)) return 1
  let at = 0
  for (const letter of title) if (letter === word[at]) at++
  return word.length > 1 && at === word.length ? 0.5 : 0
}

/** The choices that meet every word of the question, the best first; an exact title before all. */
export function rank(question: string, choices: readonly Choice[], most: number): Choice[] {
  const words = plainly(question).split(/\s+/).filter(Boolean)
  if (words.length === 0) return choices.filter((choice) => choice.group !== 'glossary').slice(0, most)
  const whole = words.join(' ')
  const found: { choice: Choice; score: number; at: number }[] = []
  choices.forEach((choice, at) => {
    const title = plainly(choice.title)
    const also = plainly(choice.also ?? '')
    let score = title === whole ? 100 : title.startsWith(whole) ? 10 : 0
    for (const word of words) {
      const met = meets(word, title, also)
      if (met === 0) return
      score += met
    }
    found.push({ choice, score: score - title.length / 1000, at })
  })
  return found
    .sort((a, b) => b.score - a.score || a.at - b.at)
    .slice(0, most)
    .map((one) => one.choice)
}
