import type { Lang } from '../lib/api'

const fr = {
  title: 'Aller, faire, trouver un mot',
  hint: 'Un écran, une action, une séance, un mot du courriel',
  nothing: 'Rien ne répond à ces mots.',
  found: (n: number) => `${n} ${n < 2 ? 'réponse' : 'réponses'}`,
  groups: { screens: 'Écran', actions: 'Action', marks: 'Marque', sessions: 'Séance', glossary: 'Glossaire' },
  look: 'Chercher ce mot dans la transcription',
  move: 'choisir',
  run: 'aller',
  open: 'Palette',
}
const en: typeof fr = {
  title: 'Go, do, find a word',
  hint: 'A screen, an action, a session, a word of mail',
  nothing: 'Nothing answers to these words.',
  found: (n) => `${n} ${n === 1 ? 'answer' : 'answers'}`,
  groups: { screens: 'Screen', actions: 'Action', marks: 'Mark', sessions: 'Session', glossary: 'Glossary' },
  look: 'Look for this word in the transcript',
  move: 'choose',
  run: 'go',
  open: 'Palette',
}
export const texts: Record<Lang, typeof fr> = { fr, en }
