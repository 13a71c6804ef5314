import type { Lang } from '../../lib/api'
import { grouped } from '../../lib/template'

interface Texts {
  label: string
  empty: string
  noSessions: string
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

const fr = (count: number, one: string, many: string) => `${grouped(count, 'fr')} ${count < 2 ? one : many}`
const en = (count: number, one: string, many: string) => `${grouped(count, 'en')} ${count === 1 ? one : many}`

export const texts: Record<Lang, Texts> = {
  fr: {
    label: 'Chronologie de la séance',
    empty: 'Rien n’a encore été dit dans cette séance.',
    noSessions: 'Aucune séance : connectez un client, son échange se dessinera ici.',
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
    steps: (count) => `échange de ${fr(count, 'étape', 'étapes')}`,
    waiting: 'sans réponse jusqu’ici',
    body: (octets) => (octets ? `Message, ${fr(octets, 'octet', 'octets')}` : 'Message'),
    literal: (octets) => (octets ? `Littéral, ${fr(octets, 'octet', 'octets')}` : 'Littéral'),
    items: (count) => fr(count, 'ligne de liste', 'lignes de liste'),
    lines: (count) => fr(count, 'ligne', 'lignes'),
    sealed: (octets) => `Fermé, ${fr(octets, 'octet', 'octets')}`,
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
    fresh: (count) => fr(count, 'nouvelle flèche', 'nouvelles flèches'),
    printed: (shown, all) => `Les ${grouped(shown, 'fr')} premières flèches sur ${grouped(all, 'fr')}.`,
  },
  en: {
    label: 'Ladder of the session',
    empty: 'Nothing has been said in this session yet.',
    noSessions: 'No session: connect a client, and its exchange is drawn here.',
    zoom: 'Spacing',
    compact: 'Compact',
    normal: 'Normal',
    spread: 'Detailed',
    print: 'Print',
    number: 'No.',
    time: 'Gap',
    way: 'Way',
    words: 'Content',
    protection: 'Protection',
    exchange: 'Exchange',
    client: 'Client',
    server: 'Server',
    between: 'facteur',
    ways: {
      'client facteur': 'from client to facteur',
      'facteur client': 'from facteur to client',
      'facteur server': 'from facteur to server',
      'server facteur': 'from server to facteur',
      'client server': 'from client to server',
      'server client': 'from server to client',
    },
    relayed: 'relayed unchanged by facteur',
    inTLS: (version) => `inside ${version}`,
    handshake: (version) => `${version} handshake`,
    clear: 'in clear',
    steps: (count) => `exchange of ${en(count, 'step', 'steps')}`,
    waiting: 'unanswered so far',
    body: (octets) => (octets ? `Message, ${en(octets, 'octet', 'octets')}` : 'Message'),
    literal: (octets) => (octets ? `Literal, ${en(octets, 'octet', 'octets')}` : 'Literal'),
    items: (count) => en(count, 'list line', 'list lines'),
    lines: (count) => en(count, 'line', 'lines'),
    sealed: (octets) => `Sealed, ${en(octets, 'octet', 'octets')}`,
    pause: 'pause',
    connects: 'TCP connection',
    fin: 'FIN',
    rst: 'RST',
    tcp: {
      retransmission: 'Segment retransmitted',
      out_of_order: 'Segment out of order',
      overlap_conflict: 'Segments that contradict each other',
      keepalive: 'Keep-alive',
      after_end: 'Octets after the end',
      midstream: 'The capture begins midway',
    },
    gap: 'Octets missing',
    fresh: (count) => en(count, 'new arrow', 'new arrows'),
    printed: (shown, all) => `The first ${grouped(shown, 'en')} of ${grouped(all, 'en')} arrows.`,
  },
}
