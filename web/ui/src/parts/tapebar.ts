import type { Lang } from '../lib/api'
import { grouped } from '../lib/template'

const fr = {
  label: 'Enregistrement ouvert',
  tape: 'Enregistrement',
  opening: 'Ouverture de l’enregistrement…',
  back: 'Revenir au direct',
  backTo: 'Revenir à la relecture',
  reading: 'Lecture du fichier',
  read: (percent: number) => `${percent}\u00a0% lus`,
  left: (n: number, lang: Lang) => `Capture longue\u202f: le début est montré, ${grouped(n, lang)} événements ne sont que comptés.`,
  unlisted: (n: number, lang: Lang) => `${grouped(n, lang)} séances ne sont pas listées.`,
  alone: (n: number) => `Ouvrir la séance ${n} en entier`,
  fault: 'La lecture s’est arrêtée\u202f:',
  trouble: {
    gone: 'Cet enregistrement n’est plus ouvert, ou n’existe plus.',
    unreadable: 'Cet enregistrement ne peut pas être lu.',
    refused: 'Le formateur regarde un enregistrement\u202f; ici, le direct continue.',
  },
}
const en: typeof fr = {
  label: 'Open recording',
  tape: 'Recording',
  opening: 'Opening the recording…',
  back: 'Back to live',
  backTo: 'Back to the replay',
  reading: 'Reading the file',
  read: (percent) => `${percent}% read`,
  left: (n, lang) => `A long capture: its beginning is shown, ${grouped(n, lang)} events are only counted.`,
  unlisted: (n, lang) => `${grouped(n, lang)} sessions are not listed.`,
  alone: (n) => `Open the whole of session ${n}`,
  fault: 'Reading stopped:',
  trouble: {
    gone: 'This recording is no longer open, or no longer exists.',
    unreadable: 'This recording cannot be read.',
    refused: 'The presenter is looking at a recording; here, the live session goes on.',
  },
}
export const texts = { fr, en }
