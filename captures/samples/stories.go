package samples

import "slices"

// themes in the order of All.
var themes = []Theme{
	{"security", Text{"Le même échange, en clair puis chiffré", "The same exchange, in clear and then encrypted"}},
	{"attacks", Text{"Attaques et certificats", "Attacks and certificates"}},
	{"mailbox", Text{"La boîte aux lettres", "The mailbox"}},
	{"message", Text{"Le message et son enveloppe", "The message and its envelope"}},
	{"login", Text{"S’identifier", "Logging in"}},
	{"protocol", Text{"Finesses des protocoles", "Finer points of the protocols"}},
}

var all = slices.Concat(securityStories, attacksStories, mailboxStories, messageStories, loginStories, protocolStories)

// pairs are what is best looked at side by side.
var pairs = []Pair{
	{"smtp-security", Text{"SMTP\u202f: en clair, avec STARTTLS, en TLS implicite", "SMTP: in clear, with STARTTLS, in implicit TLS"}, []string{"smtp-clear", "smtp-starttls", "smtp-implicit"}},
	{"pop3-security", Text{"POP3\u202f: en clair, avec STLS, en TLS implicite", "POP3: in clear, with STLS, in implicit TLS"}, []string{"pop3-clear", "pop3-starttls", "pop3-implicit"}},
	{"imap-security", Text{"IMAP\u202f: en clair, avec STARTTLS, en TLS implicite", "IMAP: in clear, with STARTTLS, in implicit TLS"}, []string{"imap-clear", "imap-starttls", "imap-implicit"}},
	{"tls-versions", Text{"TLS 1.2 et TLS 1.3", "TLS 1.2 and TLS 1.3"}, []string{"imap-tls12", "imap-implicit"}},
	{"stripped", Text{"STARTTLS arraché\u202f: céder ou tenir bon", "STARTTLS stripped: giving in or holding firm"}, []string{"starttls-stripped", "starttls-required"}},
	{"stripped-or-not", Text{"STARTTLS\u202f: arraché ou non", "STARTTLS: stripped or not"}, []string{"smtp-starttls", "starttls-stripped"}},
	{"certificates", Text{"Deux certificats refusés", "Two certificates refused"}, []string{"certificate-refused", "certificate-wrong-name"}},
	{"pop3-dele", Text{"POP3\u202f: laisser, supprimer, être coupé", "POP3: keep, delete, be cut off"}, []string{"pop3-keep", "pop3-delete", "pop3-cut"}},
	{"oauth2", Text{"OAuth 2.0 en IMAP et en SMTP", "OAuth 2.0 in IMAP and in SMTP"}, []string{"imap-oauth2", "smtp-oauthbearer"}},
	{"delivery", Text{"SMTP en rafale et LMTP", "SMTP in one go, and LMTP"}, []string{"smtp-pipelined", "lmtp-delivery"}},
}
