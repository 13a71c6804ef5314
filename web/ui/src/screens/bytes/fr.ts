import type { Layer } from '../../lib/api'
import type { Reading, Writing } from '../../lib/decodeas'
import { grouped } from '../../lib/template'
import { french } from '../../i18n/count'

export const fr = {
  stream: 'Octets du flux',
  keys: 'Flèches\u202f: se déplacer. Maj avec les flèches\u202f: choisir. Entrée\u202f: choisir le champ. Échap\u202f: ne rien choisir.',
  pick: 'Choisissez une ligne de la transcription\u202f: ses octets s’affichent ici, à leur place dans le flux.',
  whole: 'Tout ce que ce côté a envoyé\u202f: choisissez un octet.',
  noOctets: 'Cet événement n’a pas d’octets à lui\u202f; ceux qui l’entourent sont là.',
  layer: 'Couche',
  layers: { wire: 'Sur le câble', tls: 'TLS', plain: 'En clair' } as Record<Layer, string>,
  layersMore: { wire: 'tel que le réseau le porte', tls: 'les messages de TLS, sortis de leurs enregistrements', plain: 'ce que dit le protocole, TLS ôté' } as Record<Layer, string>,
  from: { client: 'Du client', server: 'Du serveur' },
  direction: 'Sens',
  previous: 'Événement précédent',
  next: 'Suivant',
  nth: (at: number, of: number) => `${grouped(at, 'fr')} sur ${grouped(of, 'fr')}`,
  windowed: 'Flux très long\u202f: seule une fenêtre autour de l’endroit est affichée.',
  tree: 'Champs',
  derived: 'déduit par facteur, sans octets à lui',
  decode: 'Lire la sélection',
  selected: (n: number) => french(n, 'octet', 'octets'),
  readings: { text: 'Texte', base64: 'Base64', quoted: 'Quoted-printable', percent: 'Pourcents', utf7: 'UTF-7 modifié', words: 'Mots encodés (RFC 2047)', number: 'Nombre, gros-boutiste', packed: 'Compressé' } as Record<Reading, string>,
  packed: (what: string) => `Ces octets commencent comme du ${what}\u202f: compressés, ils ne se lisent pas tels quels.`,
  cut: 'Lu jusqu’à 64 Kio.',
  copy: 'Copier',
  writings: { hex: 'Hexadécimal', text: 'Texte', c: 'Tableau C', go: 'Go' } as Record<Writing, string>,
  link: 'Lien',
  unread: 'Lecture…',
  gone: 'non gardé',
  goneMore: 'Hachuré sans octets\u202f: non gardés ou absents de la capture.',
  masked: 'Hachuré\u202f: secret masqué par facteur avant de paraître ici.',
  failed: 'La lecture a échoué.',
  caret: (at: string, value: string, field: string) => `Octet ${at}\u202f: ${value}${field ? `, champ ${field}` : ''}`,
}

export type Texts = typeof fr
