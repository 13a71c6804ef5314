import type { Lang } from '../../lib/api'
import type { As, Op } from '../../lib/diff'
import { grouped } from '../../lib/template'

interface Texts {
  label: string
  left: string
  right: string
  swap: string
  only: string
  again: string
  loading: string
  failed: string
  none: string
  one: string
  equal: string
  equalOnly: string
  ops: Record<Op, string>
  upgrade: string
  counts: (what: Op | 'upgrade', count: number) => string
  security: Record<'clear' | 'starttls' | 'tls', string>
  greeting: string
  toTLS: (verb: string) => string
  nothing: string
  open: string
  lines: (count: number) => string
  more: string
  less: string
  moment: string
  as: Record<As, string>
  changed: string
  cut: string
  missing: string
  running: string
}

const fr = (count: number, one: string, many: string) => `${grouped(count, 'fr')} ${count < 2 ? one : many}`
const en = (count: number, one: string, many: string) => `${grouped(count, 'en')} ${count === 1 ? one : many}`

export const texts: Record<Lang, Texts> = {
  fr: {
    label: 'Deux séances côte à côte',
    left: 'À gauche',
    right: 'À droite',
    swap: 'Échanger les côtés',
    only: 'Différences seulement',
    again: 'Comparer de nouveau',
    loading: 'Comparaison…',
    failed: 'La comparaison n’a pas pu être faite : facteur ne répond pas.',
    none: 'Deux séances d’un même protocole sont nécessaires ; connectez un client deux fois, ou choisissez ci-dessus.',
    one: 'Choisissez la seconde séance.',
    equal: 'Les deux séances disent la même chose.',
    equalOnly: 'Aucune différence à montrer.',
    ops: { same: 'pareil', changed: 'changé', only_a: 'à gauche seulement', only_b: 'à droite seulement' },
    upgrade: 'pour passer en TLS',
    counts: (what, count) =>
      ({ same: fr(count, 'pareille', 'pareilles'), changed: fr(count, 'changée', 'changées'), only_a: `${grouped(count, 'fr')} à gauche seulement`, only_b: `${grouped(count, 'fr')} à droite seulement`, upgrade: `${grouped(count, 'fr')} pour passer en TLS` })[what],
    security: { clear: 'en clair', starttls: 'STARTTLS', tls: 'TLS implicite' },
    greeting: 'accueil du serveur',
    toTLS: (verb) => (verb === 'TLS' ? 'passage en TLS' : `passage en ${verb}`),
    nothing: 'rien de tel',
    open: 'Voir dans la transcription',
    lines: (count) => fr(count, 'ligne de plus', 'lignes de plus'),
    more: 'Déplier',
    less: 'Replier',
    moment: 'diffère, mais ne compte pas',
    as: {
      tag: 'étiquette',
      date: 'date',
      id: 'identifiant',
      queue_id: 'numéro de file',
      number: 'numéro du serveur',
      size: 'taille',
      port: 'port',
      nonce: 'nonce',
      uid: 'identifiant unique',
      tls: 'mention de TLS',
      credentials: 'identité et secret',
    },
    changed: 'changé',
    cut: 'Seul le début de cette longue séance est comparé.',
    missing: 'Il manque des octets ou des clés : la comparaison est incomplète.',
    running: 'Séance encore ouverte.',
  },
  en: {
    label: 'Two sessions side by side',
    left: 'Left',
    right: 'Right',
    swap: 'Swap the sides',
    only: 'Only differences',
    again: 'Compare again',
    loading: 'Comparing…',
    failed: 'The comparison could not be made: facteur does not answer.',
    none: 'Two sessions of one protocol are needed; connect a client twice, or choose above.',
    one: 'Choose the second session.',
    equal: 'Both sessions say the same.',
    equalOnly: 'No difference to show.',
    ops: { same: 'same', changed: 'changed', only_a: 'only left', only_b: 'only right' },
    upgrade: 'to come into TLS',
    counts: (what, count) =>
      ({ same: `${grouped(count, 'en')} same`, changed: `${grouped(count, 'en')} changed`, only_a: `${grouped(count, 'en')} only left`, only_b: `${grouped(count, 'en')} only right`, upgrade: `${grouped(count, 'en')} to come into TLS` })[what],
    security: { clear: 'in clear', starttls: 'STARTTLS', tls: 'implicit TLS' },
    greeting: 'the server’s greeting',
    toTLS: (verb) => (verb === 'TLS' ? 'TLS begins' : `${verb} begins`),
    nothing: 'nothing of the kind',
    open: 'Show in the transcript',
    lines: (count) => en(count, 'more line', 'more lines'),
    more: 'Unfold',
    less: 'Fold',
    moment: 'differs, but does not count',
    as: {
      tag: 'tag',
      date: 'date',
      id: 'identifier',
      queue_id: 'queue id',
      number: 'the server’s number',
      size: 'size',
      port: 'port',
      nonce: 'nonce',
      uid: 'unique identifier',
      tls: 'mention of TLS',
      credentials: 'identity and secret',
    },
    changed: 'changed',
    cut: 'Only the beginning of this long session is compared.',
    missing: 'Octets or keys are missing: the comparison is incomplete.',
    running: 'Session still open.',
  },
}
