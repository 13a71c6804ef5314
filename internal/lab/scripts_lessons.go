package lab

// lessonScripts are the stories that lessons play.
func lessonScripts() []Script {
	return []Script{firstLesson(), twoDevices(), pop3Keep(), pop3Delete(), pop3Cut(), onlyTheUseful(), envelope(), refusals(), pipelined()}
}

// logInIMAP opens an IMAPS connection with INBOX selected.
func logInIMAP(c string, a *Account) []Step {
	return []Step{
		open(c, IMAPS, "* OK"),
		say(c, "a1 LOGIN "+a.User+" "+a.Password+"\r\n", "a1 OK"),
		say(c, "a2 SELECT INBOX\r\n", "a2 OK"),
	}
}

// sendQuickly sends one message in implicit TLS.
func sendQuickly(c string, from, to *Account, message string) []Step {
	return []Step{
		open(c, SMTPS, "220 "),
		say(c, "EHLO laptop.exemple.test\r\n", "250 "),
		say(c, "AUTH PLAIN "+plain(from)+"\r\n", "235 "),
		say(c, mailFrom(from, message), "250 "),
		say(c, rcptTo(to), "250 "),
		say(c, "DATA\r\n", "354 "),
		say(c, message+".\r\n", "250 "),
		say(c, "QUIT\r\n", "221 "),
		hangUp(c),
	}
}

// twoDevices is L06: what one device does, the other is told of at once.
func twoDevices() Script {
	const phone, desk = "telephone", "ordinateur"
	return titled("two-devices", "IMAP\u202f: deux appareils, une boîte", "IMAP: two devices, one mailbox",
		logInIMAP(phone, bob()),
		[]Step{say(phone, "a3 IDLE\r\n", "+").told("Le téléphone attend, sans rien demander.", "The telephone waits and asks for nothing.")},
		logInIMAP(desk, bob()),
		[]Step{
			say(desk, "a3 STORE $last +FLAGS (\\Flagged)\r\n", "a3 OK").told("Sur l’ordinateur, Bob met une étoile au dernier message.", "On the computer, Bob stars the last message."),
			wait(phone, "* $last FETCH").told("Le téléphone l’apprend du serveur, par une réponse sans étiquette.", "The telephone hears of it from the server, in an untagged response."),
		},
		sendQuickly("alice", alice(), bob(), letter),
		[]Step{
			wait(phone, "* $n EXISTS").told("Un message arrive\u202f: le téléphone le sait tout de suite.", "A message arrives: the telephone knows at once."),
			say(desk, "a4 NOOP\r\n", "a4 OK").told("L’ordinateur, qui n’était pas en IDLE, l’apprend à sa commande suivante.", "The computer, which was not in IDLE, hears of it at its next command."),
			say(desk, "a5 MOVE $last Corbeille\r\n", "a5 OK").told("Bob met ce message à la corbeille.", "Bob moves that message to the bin."),
			wait(phone, "* $last EXPUNGE").told("Il disparaît aussi du téléphone.", "It disappears from the telephone as well."),
			say(phone, "DONE\r\n", "a3 OK"),
			say(phone, "a4 LOGOUT\r\n", "a4 OK"), hangUp(phone),
			say(desk, "a6 LOGOUT\r\n", "a6 OK"), hangUp(desk),
		})
}

// logInPOP3 opens a POP3 connection in TLS.
func logInPOP3(c string) []Step {
	return []Step{
		open(c, POP3S, "+OK"),
		say(c, "USER bob\r\n", "+OK"),
		say(c, "PASS "+bob().Password+"\r\n", "+OK"),
		say(c, "STAT\r\n", "+OK"),
		list(c, "RETR $last\r\n"),
	}
}

// pop3Keep, pop3Delete and pop3Cut are L05: nothing goes before QUIT.
func pop3Keep() Script {
	return titled("pop3-keep", "POP3\u202f: relever et laisser", "POP3: fetch and keep", logInPOP3("bob"),
		[]Step{say("bob", "QUIT\r\n", "+OK").told("Rien n’a été marqué\u202f: tout reste sur le serveur.", "Nothing was marked: everything stays on the server."), hangUp("bob")})
}

func pop3Delete() Script {
	return titled("pop3-delete", "POP3\u202f: relever et supprimer", "POP3: fetch and delete", logInPOP3("bob"),
		[]Step{
			say("bob", "DELE $last\r\n", "+OK").told("DELE ne fait que marquer.", "DELE only marks."),
			say("bob", "QUIT\r\n", "+OK").told("C’est au QUIT que le message disparaît.", "It is at QUIT that the message disappears."),
			hangUp("bob"),
		})
}

func pop3Cut() Script {
	return titled("pop3-cut", "POP3\u202f: la coupure avant QUIT", "POP3: cut off before QUIT", logInPOP3("bob"),
		[]Step{
			say("bob", "DELE $last\r\n", "+OK").told("DELE ne fait que marquer.", "DELE only marks."),
			Step{Op: OpCut, Conn: "bob"}.told("Le réseau coupe avant QUIT\u202f: le message est toujours là.", "The network fails before QUIT: the message is still there."),
		})
}

// onlyTheUseful is L07: take what is needed.
func onlyTheUseful() Script {
	c := "bob"
	return titled("fetch-useful", "IMAP\u202f: ne prendre que l’utile", "IMAP: fetch only what you need", logInIMAP(c, bob()),
		[]Step{
			say(c, "a3 FETCH 1:* (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)])\r\n", "a3 OK").told("Trois champs d’en-tête par message\u202f: assez pour la liste.", "Three header fields of each message: enough for the list."),
			say(c, "a4 FETCH 3 BODYSTRUCTURE\r\n", "a4 OK").told("De quoi ce message est-il fait\u202f?", "What is this message made of?"),
			say(c, "a5 FETCH 3 BODY.PEEK[1]\r\n", "a5 OK").told("Le texte seul, sans l’image.", "The text alone, without the picture."),
			say(c, "a6 FETCH 3 BODY.PEEK[2]<0.200>\r\n", "a6 OK").told("Les deux cents premiers octets de l’image.", "The first two hundred octets of the picture."),
			say(c, "a7 FETCH 3 BODY[]\r\n", "a7 OK").told("Tout le message\u202f: c’est ce que POP3 aurait pris.", "The whole message: what POP3 would have taken."),
			say(c, "a8 UNSELECT\r\n", "a8 OK"),
			say(c, "a9 LOGOUT\r\n", "a9 OK"), hangUp(c),
		})
}

// envelope is L03: a blind copy, and a From that is not the sender's.
func envelope() Script {
	const message = "Date: $date\r\n" +
		"From: =?UTF-8?Q?La_direction?= <direction@exemple.test>\r\n" +
		"To: Bob <bob@exemple.test>\r\n" +
		"Subject: =?UTF-8?Q?R=C3=A9union_avanc=C3=A9e?=\r\n" +
		"Message-ID: <$unique@laptop.exemple.test>\r\n" +
		"\r\n" +
		"The meeting has been moved to nine o'clock.\r\n"
	c := "alice"
	return titled("envelope", "L’enveloppe et les en-têtes", "The envelope and the header", []Step{
		open(c, SMTPS, "220 "),
		say(c, "EHLO laptop.exemple.test\r\n", "250 "),
		say(c, "AUTH PLAIN "+plain(alice())+"\r\n", "235 "),
		say(c, mailFrom(alice(), message), "250 ").told("L’enveloppe dit «\u202falice\u202f»…", "The envelope says “alice” …"),
		say(c, rcptTo(bob()), "250 "),
		say(c, rcptTo(alice()), "250 ").told("Une copie cachée\u202f: un destinataire que l’en-tête ne nomme pas.", "A blind copy: a recipient that the header does not name."),
		say(c, "DATA\r\n", "354 "),
		say(c, message+".\r\n", "250 ").told("… et l’en-tête From dit «\u202fLa direction\u202f». Rien en SMTP ne l’empêche.", "… and the From field says “La direction”. Nothing in SMTP prevents it."),
		say(c, "QUIT\r\n", "221 "),
		hangUp(c),
	})
}

// refusals is L13's part that a server in good health gives: the codes to read a failure from.
func refusals() Script {
	c := "alice"
	return titled("refusals", "Lire un refus", "Reading a refusal", []Step{
		open(c, Submission, "220 "),
		say(c, "EHLO laptop.exemple.test\r\n", "250 "),
		say(c, "STARTTLS\r\n", "220 "),
		startTLS(c),
		say(c, "EHLO laptop.exemple.test\r\n", "250 "),
		say(c, "MAIL FROM:<alice@exemple.test>\r\n", "530 ").told("530\u202f: il faut d’abord s’identifier.", "530: log in first."),
		say(c, "AUTH PLAIN "+b64("\x00alice\x00oubli")+"\r\n", "535 ").told("535\u202f: mauvais mot de passe.", "535: wrong password."),
		say(c, "AUTH PLAIN "+plain(alice())+"\r\n", "235 "),
		say(c, "MAIL FROM:<alice@exemple.test>\r\n", "250 "),
		say(c, "RCPT TO:<personne@exemple.test>\r\n", "550 5.1.1").told("550 5.1.1\u202f: destinataire inconnu ici.", "550 5.1.1: no such recipient here."),
		say(c, "RCPT TO:<quelqu-un@ailleurs.example>\r\n", "550 5.7.1").told("550 5.7.1\u202f: ce serveur ne relaie pas vers d’autres domaines.", "550 5.7.1: this server does not relay to other domains."),
		say(c, "DATA\r\n", "554 ").told("554\u202f: plus aucun destinataire valable.", "554: no valid recipient is left."),
		say(c, "QUIT\r\n", "221 "),
		hangUp(c),
	})
}

// pipelined sends several commands in one go (RFC 2920).
func pipelined() Script {
	c := "alice"
	return titled("smtp-pipelined", "SMTP en rafale (PIPELINING)", "SMTP in one go (PIPELINING)", []Step{
		open(c, Submission, "220 "),
		say(c, "EHLO laptop.exemple.test\r\n", "250 "),
		say(c, "AUTH PLAIN "+plain(alice())+"\r\n", "235 "),
		octets(c, mailFrom(alice(), letter)+rcptTo(bob())+"RCPT TO:<personne@exemple.test>\r\nDATA\r\n").told("Quatre commandes sans attendre…", "Four commands without waiting …"),
		wait(c, "250 2.1.0"),
		wait(c, "250 2.1.5"),
		wait(c, "550 5.1.1").told("… et les réponses reviennent dans l’ordre.", "… and the replies come back in order."),
		wait(c, "354 "),
		octets(c, letter+".\r\nQUIT\r\n"),
		wait(c, "250 2.0.0"),
		wait(c, "221 "),
		hangUp(c),
	})
}
