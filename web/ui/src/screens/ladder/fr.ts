import { grouped } from '../../lib/template'
import { french } from '../../i18n/count'

export interface Texts {
  label: string
  empty: string
  zoom: string
  compact: string
  normal: string
  spread: string
  print: string
  number: string
  time: string
  way: string
  words: string
  protection: string
  exchange: string
  client: string
  server: string
  between: string
  /** From one lane to another. */
  ways: Record<'client facteur' | 'facteur client' | 'facteur server' | 'server facteur' | 'client server' | 'server client', string>
  relayed: string
  inTLS: (version: string) => string
  handshake: (version: string) => string
  clear: string
  steps: (count: number) => string
  waiting: string
  body: (octets: number) => string
  literal: (octets: number) => string
  items: (count: number) => string
  lines: (count: number) => string
  sealed: (octets: number) => string
  pause: string
  connects: string
  fin: string
  rst: string
  tcp: Record<string, string>
  gap: string
  fresh: (count: number) => string
  printed: (shown: number, all: number) => string
}

export const fr: Texts = {
  label: 'Chronologie de la séance',
  empty: 'Rien n’a encore été dit dans cette séance.',
  zoom: 'Espacement',
  compact: 'Serré',
  normal: 'Normal',
  spread: 'Détaillé',
  print: 'Imprimer',
  number: 'N°',
  time: 'Écart',
  way: 'Trajet',
  words: 'Contenu',
  protection: 'Protection',
  exchange: 'Échange',
  client: 'Client',
  server: 'Serveur',
  between: 'facteur',
  ways: {
    'client facteur': 'du client à facteur',
    'facteur client': 'de facteur au client',
    'facteur server': 'de facteur au serveur',
    'server facteur': 'du serveur à facteur',
    'client server': 'du client au serveur',
    'server client': 'du serveur au client',
  },
  relayed: 'relayé tel quel par facteur',
  inTLS: (version) => `dans ${version}`,
  handshake: (version) => `négociation ${version}`,
  clear: 'en clair',
  steps: (count) => `échange de ${french(count, 'étape', 'étapes')}`,
  waiting: 'sans réponse jusqu’ici',
  body: (octets) => (octets ? `Message, ${french(octets, 'octet', 'octets')}` : 'Message'),
  literal: (octets) => (octets ? `Littéral, ${french(octets, 'octet', 'octets')}` : 'Littéral'),
  items: (count) => french(count, 'ligne de liste', 'lignes de liste'),
  lines: (count) => french(count, 'ligne', 'lignes'),
  sealed: (octets) => `Fermé, ${french(octets, 'octet', 'octets')}`,
  pause: 'attente',
  connects: 'Connexion TCP',
  fin: 'FIN',
  rst: 'RST',
  tcp: {
    retransmission: 'Segment retransmis',
    out_of_order: 'Segment hors d’ordre',
    overlap_conflict: 'Segments qui se contredisent',
    keepalive: 'Signe de vie (keep-alive)',
    after_end: 'Octets après la fin',
    midstream: 'La capture commence en cours de route',
  },
  gap: 'Octets manquants',
  fresh: (count) => french(count, 'nouvelle flèche', 'nouvelles flèches'),
  printed: (shown, all) => `Les ${grouped(shown, 'fr')} premières flèches sur ${grouped(all, 'fr')}.`,
}
