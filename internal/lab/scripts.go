package lab

import (
	"encoding/base64"
	"fmt"
	"slices"
)

// Scripts gives the scripts that any practice server plays: the lessons' own first, then one for each protocol, security
// and way to log in.
func Scripts() []Script {
	return append(lessonScripts(), matrixScripts()...)
}

// OptionalScripts gives those that need Options.Compress, or Options.Mechanisms with the SCRAM ones. Those with -PLUS must
// fail through a proxy that ends TLS: that is what channel binding is for.
func OptionalScripts() []Script {
	var all []Script
	for _, sec := range securities {
		all = append(all, compressScript(sec))
		for _, m := range scramMethods(sec) {
			all = append(all, smtpScript(sec, m.smtp), pop3Script(sec, m.pop3), imapScript(sec, m.imap))
		}
	}
	return all
}

// FindScript gives the script of an ID, optional ones included.
func FindScript(id string) (Script, bool) {
	all := append(Scripts(), OptionalScripts()...)
	i := slices.IndexFunc(all, func(s Script) bool { return s.ID == id })
	if i < 0 {
		return Script{}, false
	}
	return all[i], true
}

// titled makes a script.
func titled(id, fr, en string, steps ...[]Step) Script {
	return Script{ID: id, Title: map[string]string{"fr": fr, "en": en}, Steps: join(steps...)}
}

// plain is the SASL PLAIN response of an account, in base64 (RFC 4616).
func plain(a *Account) string { return b64("\x00" + a.User + "\x00" + a.Password) }

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func alice() *Account { return &Accounts[0] }
func bob() *Account   { return &Accounts[1] }

// sizeSlack is what $date and $unique may add to a message's length: SIZE is an estimate (RFC 1870, section 6).
const sizeSlack = 64

// mailFrom is the MAIL command of a mail client that knows its message.
func mailFrom(a *Account, message string) string {
	return fmt.Sprintf("MAIL FROM:<%s> BODY=8BITMIME SIZE=%d\r\n", a.Address, len(message)+sizeSlack)
}

func rcptTo(a *Account) string { return "RCPT TO:<" + a.Address + ">\r\n" }

// letter is a message as it is sent by DATA: with the line that begins with a dot doubled already.
const letter = "Date: $date\r\n" +
	"From: Alice Martin <alice@exemple.test>\r\n" +
	"To: =?UTF-8?Q?Bob_Lef=C3=A8vre?= <bob@exemple.test>\r\n" +
	"Subject: =?UTF-8?Q?Caf=C3=A9_demain_=3F?=\r\n" +
	"Message-ID: <$unique@laptop.exemple.test>\r\n" +
	"MIME-Version: 1.0\r\n" +
	"Content-Type: text/plain; charset=UTF-8\r\n" +
	"Content-Transfer-Encoding: 8bit\r\n" +
	"\r\n" +
	"Bonjour Bob,\r\n" +
	"\r\n" +
	"Un café demain à dix heures\u202f?\r\n" +
	"..\r\n" +
	"(Cette ligne ne contenait qu’un point\u202f: regarde comme il voyage.)\r\n" +
	"\r\n" +
	"Alice\r\n"

// firstLesson is the journey of one message: sent by SMTP with STARTTLS, fetched by POP3 in clear, read by IMAP in TLS.
func firstLesson() Script {
	return titled("first", "Le trajet d’un message", "A message’s journey", sendFirst("alice"), fetchFirst("bob-pop3"), readFirst("bob-imap"))
}

func sendFirst(c string) []Step {
	return []Step{
		open(c, Submission, "220 ").told("Alice se connecte au serveur d’envoi\u202f; en SMTP, c’est le serveur qui parle le premier.", "Alice connects to the submission server; in SMTP the server speaks first."),
		say(c, "EHLO laptop.exemple.test\r\n", "250 ").told("Son logiciel se présente, le serveur énumère ce qu’il sait faire.", "Her program says who it is, the server lists what it can do."),
		say(c, "STARTTLS\r\n", "220 ").told("STARTTLS est au menu\u202f: le logiciel demande le chiffrement.", "STARTTLS is on the list: the program asks for encryption."),
		startTLS(c).told("La poignée de main TLS. Ce qui suit n’est plus lisible de l’extérieur.", "The TLS handshake. What follows can no longer be read from outside."),
		say(c, "EHLO laptop.exemple.test\r\n", "250 ").told("Tout ce qui a été dit en clair est oublié\u202f: il faut se présenter à nouveau.", "All that was said in clear is forgotten: it has to introduce itself again."),
		say(c, "AUTH PLAIN "+plain(alice())+"\r\n", "235 ").told("Alice s’identifie. PLAIN n’est qu’un codage en base64\u202f; c’est TLS qui protège.", "Alice logs in. PLAIN is only base64; it is TLS that protects it."),
		say(c, mailFrom(alice(), letter), "250 ").told("L’enveloppe\u202f: de qui.", "The envelope: from whom."),
		say(c, rcptTo(bob()), "250 ").told("L’enveloppe\u202f: à qui.", "The envelope: to whom."),
		say(c, "DATA\r\n", "354 ").told("354\u202f: «\u202fenvoyez le message\u202f».", "354: “send the message”."),
		say(c, letter+".\r\n", "250 ").told("Le message, puis un point seul sur sa ligne. Le point du texte a été doublé pour ne pas être pris pour la fin.", "The message, then a dot alone on its line. The dot in the text was doubled so as not to be taken for the end."),
		say(c, "QUIT\r\n", "221 ").told("Le serveur a pris le message en charge\u202f; on se quitte.", "The server has taken charge of the message; they part."),
		hangUp(c),
	}
}

func fetchFirst(c string) []Step {
	return []Step{
		open(c, POP3, "+OK").told("Bob relève son courrier par POP3, en clair.", "Bob fetches his mail by POP3, in clear."),
		list(c, "CAPA\r\n").told("Que sait faire ce serveur\u202f?", "What can this server do?"),
		say(c, "USER bob\r\n", "+OK"),
		say(c, "PASS "+bob().Password+"\r\n", "+OK").told("Le mot de passe passe tel quel sur le réseau.", "The password crosses the network as it is."),
		say(c, "STAT\r\n", "+OK").told("Combien de messages, combien d’octets\u202f?", "How many messages, how many octets?"),
		list(c, "LIST\r\n").told("La taille de chacun.", "The size of each."),
		list(c, "UIDL\r\n").told("Le nom durable de chacun\u202f: ainsi le logiciel sait lesquels il a déjà.", "The lasting name of each: thus the program knows which it has already."),
		list(c, "RETR $last\r\n").told("Le dernier arrivé\u202f: celui d’Alice, avec les en-têtes ajoutés en chemin.", "The latest: Alice’s, with the header fields added on the way."),
		say(c, "QUIT\r\n", "+OK"),
		hangUp(c),
	}
}

func readFirst(c string) []Step {
	return []Step{
		open(c, IMAPS, "* OK").told("Bob lit la même boîte par IMAP, dans TLS dès le premier octet.", "Bob reads the same mailbox by IMAP, in TLS from the first octet."),
		say(c, "a1 CAPABILITY\r\n", "a1 OK").told("Chaque commande porte une étiquette, que la réponse répète.", "Every command has a tag, which the response repeats."),
		say(c, `a2 LOGIN "bob" "`+bob().Password+"\"\r\n", "a2 OK"),
		say(c, "a3 LIST \"\" \"*\"\r\n", "a3 OK").told("Les dossiers\u202f; «\u202fEnvoy&AOk-s\u202f» est «\u202fEnvoyés\u202f», écrit en UTF-7 modifié.", "The folders; “Envoy&AOk-s” is “Envoyés” (sent), written in modified UTF-7."),
		say(c, "a4 SELECT INBOX\r\n", "a4 OK").told("On ouvre la boîte de réception.", "The inbox is opened."),
		say(c, "a5 FETCH $last (UID FLAGS ENVELOPE BODYSTRUCTURE)\r\n", "a5 OK").told("Qui, quand, quel sujet, quelle structure\u202f: sans encore prendre le texte.", "Who, when, what subject, what structure: without taking the text yet."),
		say(c, "a6 FETCH $last BODY.PEEK[]\r\n", "a6 OK").told("Le message entier. PEEK\u202f: le regarder sans le marquer comme lu.", "The whole message. PEEK: look at it without marking it as read."),
		say(c, "a7 STORE $last +FLAGS (\\Seen)\r\n", "a7 OK").told("Maintenant il est lu, et le serveur le retient pour tous les appareils.", "Now it is read, and the server remembers it for all devices."),
		say(c, "a8 IDLE\r\n", "+").told("«\u202fPréviens-moi s’il se passe quelque chose.\u202f»", "“Tell me if anything happens.”"),
		say(c, "DONE\r\n", "a8 OK"),
		say(c, "a9 LOGOUT\r\n", "a9 OK"),
		hangUp(c),
	}
}
