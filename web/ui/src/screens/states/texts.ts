import type { Lang } from '../../lib/api'

interface Texts {
  label: string
  loading: string
  failed: string
  again: string
  noSessions: string
  noMachine: string
  machine: string
  table: string
  ofSession: string
  previous: string
  next: string
  /** Where the reader is among the moves. */
  at: (step: number, all: number) => string
  current: string
  way: string
  wayNone: string
  choices: string
  choicesNone: string
  leads: string
  times: (count: number) => string
  fromAny: string
  fromAnyMore: string
  stays: string
  legend: string
  open: string
  greeting: string
  end: string
  any: string
  /** The machines by id, the states by id. */
  machines: Record<string, string>
  names: Record<string, string>
}

const shared = { smtp: 'SMTP', lmtp: 'LMTP', pop3: 'POP3', imap: 'IMAP', sieve: 'ManageSieve', 'tls1.2': 'TLS 1.2', 'tls1.3': 'TLS 1.3' }

export const texts: Record<Lang, Texts> = {
  fr: {
    label: 'Machine à états',
    loading: 'Lecture des machines à états…',
    failed: 'Les machines à états n’ont pas pu être lues : facteur ne répond pas.',
    again: 'Réessayer',
    noSessions: 'Aucune séance : la machine montre son premier état.',
    noMachine: 'Le protocole de cette séance n’a pas de machine à états.',
    machine: 'Machine',
    table: 'Machine à montrer',
    ofSession: 'de la séance',
    previous: 'Étape précédente',
    next: 'Étape suivante',
    at: (step, all) => `étape ${step} sur ${all}`,
    current: 'État courant',
    way: 'Chemin parcouru',
    wayNone: 'Rien n’a encore bougé.',
    choices: 'Ce qui peut suivre',
    choicesNone: 'Plus rien : la connexion se ferme.',
    leads: 'mène à',
    times: (count) => `${count} fois`,
    fromAny: 'de partout',
    fromAnyMore: 'Cette commande est acceptée dans tout état.',
    stays: 'sans changer d’état',
    legend: '∗ accepté dans tout état ; la flèche montre le cours normal.',
    open: 'Voir l’événement',
    greeting: 'accueil',
    end: 'fin du message',
    any: 'toute commande',
    machines: shared,
    names: {
      connected: 'Connecté',
      greeted: 'Salué',
      ready: 'Prêt',
      authenticated: 'Authentifié',
      'not authenticated': 'Non authentifié',
      envelope: 'Enveloppe',
      recipients: 'Destinataires',
      message: 'Message',
      chunks: 'Blocs',
      delivered: 'Remis',
      refused: 'Refusé',
      closing: 'Fermeture',
      authorization: 'Autorisation',
      transaction: 'Transaction',
      update: 'Mise à jour',
      selected: 'Boîte choisie',
      logout: 'Sortie',
      start: 'Début',
      offered: 'Proposé',
      'offered again': 'Proposé encore',
      'asked again': 'Redemandé',
      chosen: 'Choisi',
      enciphered: 'Chiffré',
      parameters: 'Paramètres',
      certificate: 'Certificat',
      'certificate asked': 'Certificat demandé',
      'server key': 'Clé du serveur',
      'server proved': 'Serveur prouvé',
      'server finished': 'Serveur a fini',
      "client's turn": 'Au client',
      'client certificate': 'Certificat client',
      'client proved': 'Client prouvé',
      'keys exchanged': 'Clés échangées',
      'client enciphers': 'Client chiffre',
      'client finished': 'Client a fini',
      'server enciphers': 'Serveur chiffre',
      'resumed, server enciphers': 'Reprise : serveur chiffre',
      'resumed, server finished': 'Reprise : serveur a fini',
      'resumed, client enciphers': 'Reprise : client chiffre',
      'early data ended': 'Données anticipées finies',
      established: 'Établi',
      'asked later': 'Demandé après coup',
      'certificate later': 'Certificat après coup',
      'proved later': 'Prouvé après coup',
    },
  },
  en: {
    label: 'State machine',
    loading: 'Reading the state machines…',
    failed: 'The state machines could not be read: facteur does not answer.',
    again: 'Try again',
    noSessions: 'No session: the machine shows its first state.',
    noMachine: 'The protocol of this session has no state machine.',
    machine: 'Machine',
    table: 'Machine to show',
    ofSession: 'of the session',
    previous: 'Previous step',
    next: 'Next step',
    at: (step, all) => `step ${step} of ${all}`,
    current: 'Current state',
    way: 'Way so far',
    wayNone: 'Nothing has moved yet.',
    choices: 'What may follow',
    choicesNone: 'Nothing more: the connection closes.',
    leads: 'leads to',
    times: (count) => (count === 1 ? 'once' : `${count} times`),
    fromAny: 'from anywhere',
    fromAnyMore: 'This command is accepted in any state.',
    stays: 'without a change of state',
    legend: '∗ accepted in any state; the arrow shows the normal course.',
    open: 'Show the event',
    greeting: 'greeting',
    end: 'end of message',
    any: 'any command',
    machines: shared,
    names: {
      connected: 'Connected',
      greeted: 'Greeted',
      ready: 'Ready',
      authenticated: 'Authenticated',
      'not authenticated': 'Not authenticated',
      envelope: 'Envelope',
      recipients: 'Recipients',
      message: 'Message',
      chunks: 'Chunks',
      delivered: 'Delivered',
      refused: 'Refused',
      closing: 'Closing',
      authorization: 'Authorization',
      transaction: 'Transaction',
      update: 'Update',
      selected: 'Selected',
      logout: 'Logout',
      start: 'Start',
      offered: 'Offered',
      'offered again': 'Offered again',
      'asked again': 'Asked again',
      chosen: 'Chosen',
      enciphered: 'Encrypted',
      parameters: 'Parameters',
      certificate: 'Certificate',
      'certificate asked': 'Certificate asked',
      'server key': 'Server’s key',
      'server proved': 'Server proved',
      'server finished': 'Server finished',
      "client's turn": 'Client’s turn',
      'client certificate': 'Client’s certificate',
      'client proved': 'Client proved',
      'keys exchanged': 'Keys exchanged',
      'client enciphers': 'Client encrypts',
      'client finished': 'Client finished',
      'server enciphers': 'Server encrypts',
      'resumed, server enciphers': 'Resumed: server encrypts',
      'resumed, server finished': 'Resumed: server finished',
      'resumed, client enciphers': 'Resumed: client encrypts',
      'early data ended': 'Early data ended',
      established: 'Established',
      'asked later': 'Asked later',
      'certificate later': 'Certificate later',
      'proved later': 'Proved later',
    },
  },
}
