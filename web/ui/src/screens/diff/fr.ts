import type { As, Op } from '../../lib/diff'
import { grouped } from '../../lib/template'
import { french } from '../../i18n/count'

export interface Texts {
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

export const fr: Texts = {
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
    ({ same: french(count, 'pareille', 'pareilles'), changed: french(count, 'changée', 'changées'), only_a: `${grouped(count, 'fr')} à gauche seulement`, only_b: `${grouped(count, 'fr')} à droite seulement`, upgrade: `${grouped(count, 'fr')} pour passer en TLS` })[what],
  security: { clear: 'en clair', starttls: 'STARTTLS', tls: 'TLS implicite' },
  greeting: 'accueil du serveur',
  toTLS: (verb) => (verb === 'TLS' ? 'passage en TLS' : `passage en ${verb}`),
  nothing: 'rien de tel',
  open: 'Voir dans la transcription',
  lines: (count) => french(count, 'ligne de plus', 'lignes de plus'),
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
}
