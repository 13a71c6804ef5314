import { machines } from './names'

export interface Texts {
  label: string
  loading: string
  failed: string
  again: string
  noSessions: string
  noMachine: string
  machine: string
  table: string
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

export const fr: Texts = {
  label: 'Machine à états',
  loading: 'Lecture des machines à états…',
  failed: 'Les machines à états n’ont pas pu être lues : facteur ne répond pas.',
  again: 'Réessayer',
  noSessions: 'Aucune séance : la machine montre son premier état.',
  noMachine: 'Le protocole de cette séance n’a pas de machine à états.',
  machine: 'Machine',
  table: 'Machine à montrer',
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
  stays: 'sans changer d’état',
  legend: '∗ accepté dans tout état ; la flèche montre le cours normal.',
  open: 'Voir l’événement',
  greeting: 'accueil',
  end: 'fin du message',
  any: 'toute commande',
  machines,
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
}
