package samples

var attacksStories = []Sample{
	{
		ID: "certificate-refused", Theme: "attacks", Tags: []string{"imap", "tls", "certificate", "alert"}, Protocols: []string{"imap"}, Security: "implicit", TLS: "1.3", Lesson: "L11",
		Title: Text{"Le certificat refusé", "The certificate refused"},
		Story: Text{
			"Le client de Bob ne connaît pas l’autorité de facteur. " +
				"Il reçoit le certificat, ne trouve personne de confiance qui l’ait signé, envoie une alerte fatale (bad_certificate) et raccroche. Qui coupe\u202f? " +
				"Le client. Aucune commande IMAP n’est partie\u202f: ni LOGIN ni mot de passe. C’est exactement ce qui protège Bob d’un inconnu placé sur le chemin.",
			"Bob’s client does not know facteur’s authority. " +
				"It gets the certificate, finds nobody it trusts who signed it, sends a fatal alert (bad_certificate) and hangs up. Who cuts the connection? The client. " +
				"No IMAP command has left: neither LOGIN nor a password. This is exactly what protects Bob from a stranger on the way.",
		},
		Points: []Point{
			{"kind:tls.certificate leg:client", Text{"Le certificat présenté au client.", "The certificate shown to the client."}},
			{"kind:tls.alert leg:client", Text{"L’alerte fatale du client.", "The client’s fatal alert."}},
			{"kind:session.error", Text{"La séance s’arrête, avant tout secret.", "The session stops, before any secret."}},
		},
	},
	{
		ID: "certificate-wrong-name", Theme: "attacks", Tags: []string{"pop3", "tls", "certificate", "attack", "lab"}, Protocols: []string{"pop3"}, Security: "implicit", TLS: "1.3", Lesson: "L11",
		Title: Text{"Le certificat d’un autre", "Somebody else’s certificate"},
		Story: Text{
			"Dans ce laboratoire, facteur présente à dessein un certificat au nom de wrong.exemple.test. " +
				"L’autorité est connue et la signature juste, mais le nom n’est pas celui que le client voulait joindre (SNI\u202f: mail.exemple.test). " +
				"Le client compare, refuse, et part sans s’être identifié. Le verdict de facteur\u202f: le client a tenu bon. " +
				"Un logiciel qui accepterait ici accepterait n’importe quel serveur certifié au monde.",
			"In this laboratory facteur shows, on purpose, a certificate in the name of wrong.exemple.test. " +
				"The authority is known and the signature right, but the name is not the one the client wanted to reach (SNI: mail.exemple.test). " +
				"The client compares, refuses, and leaves without logging in. The verdict of facteur: the client held firm. " +
				"A program that accepted here would accept any certified server in the world.",
		},
		Points: []Point{
			{"kind:session.attack", Text{"L’attaque, annoncée.", "The attack, announced."}},
			{"kind:tls.certificate leg:client", Text{"Le certificat\u202f: un autre nom que le SNI.", "The certificate: another name than the SNI."}},
			{"kind:session.verdict", Text{"Le verdict\u202f: refusé.", "The verdict: refused."}},
		},
	},
	{
		ID: "starttls-stripped", Theme: "attacks", Tags: []string{"smtp", "starttls", "attack", "lab", "downgrade"}, Protocols: []string{"smtp"}, Security: "clear", Lesson: "L09",
		Title: Text{"STARTTLS arraché\u202f: le client cède", "STARTTLS stripped: the client gives in"},
		Story: Text{
			"Le serveur annonce STARTTLS, mais quelqu’un sur le chemin (ici facteur, au laboratoire) ôte cette ligne de la réponse à EHLO. " +
				"Le logiciel d’Alice est réglé sur «\u202fTLS si disponible\u202f»\u202f: il n’en voit pas, et continue en clair. AUTH PLAIN livre le mot de passe, puis le message. " +
				"Comparez les deux côtés\u202f: la ligne 250-STARTTLS existe côté serveur, pas côté client. Le verdict\u202f: repli en clair. " +
				"Un seul réglage protège\u202f: exiger TLS.",
			"The server announces STARTTLS, but somebody on the way (here facteur, in the laboratory) takes that line out of the reply to EHLO. " +
				"Alice’s program is set to “TLS if available”: it sees none, and goes on in clear. AUTH PLAIN hands over the password, then comes the message. " +
				"Compare both sides: the line 250-STARTTLS exists on the server’s side, not on the client’s. The verdict: fell back to clear. " +
				"One setting protects: require TLS.",
		},
		Points: []Point{
			{"kind:session.rewrite", Text{"La ligne ôtée, avant et après.", "The line taken out, before and after."}},
			{"kind:smtp.reply STARTTLS leg:server", Text{"Côté serveur, STARTTLS est annoncé.", "On the server’s side STARTTLS is announced."}},
			{"cmd:AUTH leg:client", Text{"AUTH PLAIN en clair\u202f: le mot de passe est perdu.", "AUTH PLAIN in clear: the password is lost."}},
			{"kind:session.verdict", Text{"Le verdict.", "The verdict."}},
		},
	},
	{
		ID: "starttls-required", Theme: "attacks", Tags: []string{"smtp", "starttls", "attack", "lab", "downgrade"}, Protocols: []string{"smtp"}, Security: "clear", Lesson: "L09",
		Title: Text{"STARTTLS arraché\u202f: le client tient bon", "STARTTLS stripped: the client holds firm"},
		Story: Text{
			"La même attaque, mais ce logiciel-ci exige TLS. Il demande STARTTLS bien qu’on ne le lui propose plus, reçoit 454, et s’en va par QUIT. " +
				"Ni identité, ni enveloppe, ni message n’ont quitté l’ordinateur d’Alice. " +
				"L’envoi échoue, et c’est la bonne nouvelle\u202f: mieux vaut un message en retard qu’un mot de passe volé.",
			"The same attack, but this program requires TLS. It asks for STARTTLS although it is not offered any more, gets 454, and leaves with QUIT. " +
				"Neither identity nor envelope nor message has left Alice’s computer. " +
				"The sending fails, and that is the good news: better a late message than a stolen password.",
		},
		Points: []Point{
			{"cmd:STARTTLS leg:client", Text{"STARTTLS, demandé malgré tout.", "STARTTLS, asked for all the same."}},
			{"code:454 leg:client", Text{"454\u202f: refusé (par l’attaquant).", "454: refused (by the attacker)."}},
			{"cmd:QUIT leg:client", Text{"QUIT\u202f: rien n’a été livré.", "QUIT: nothing was given away."}},
			{"kind:session.verdict", Text{"Le verdict\u202f: le client n’a pas cédé.", "The verdict: the client did not give in."}},
		},
	},
}
