package samples

var securityStories = []Sample{
	{
		ID: "smtp-clear", Theme: "security", Tags: []string{"smtp", "clear", "auth"}, Protocols: []string{"smtp"}, Security: "clear", Lesson: "L08",
		Title: Text{"Envoyer un message, sans chiffrement", "Sending a message, without encryption"},
		Story: Text{
			"Alice envoie un message à Bob par le port 587, sans demander TLS. Le serveur parle le premier (220), puis répond à chaque commande par un code à trois chiffres. " +
				"AUTH PLAIN n’est que du base64\u202f: le mot de passe a traversé le réseau, facteur l’a remplacé par des étoiles de même longueur. L’enveloppe (MAIL FROM, RCPT TO) et le message entier se lisent aussi. " +
				"Comparez avec la même séance sous STARTTLS\u202f: les commandes sont les mêmes, l’espion n’en voit plus rien.",
			"Alice sends Bob a message through port 587 without asking for TLS. The server speaks first (220), then answers each command with a three-digit code. " +
				"AUTH PLAIN is only base64: the password crossed the network, and facteur put as many stars in its place. The envelope (MAIL FROM, RCPT TO) and the whole message can be read as well. " +
				"Compare the same session under STARTTLS: the commands are the same, and an eavesdropper sees none of them.",
		},
		Points: []Point{
			{"kind:smtp.reply code:220", Text{"220\u202f: le serveur parle le premier.", "220: the server speaks first."}},
			{"cmd:EHLO", Text{"EHLO\u202f: le client se présente et demande ce que le serveur sait faire.", "EHLO: the client introduces itself and asks what the server can do."}},
			{"cmd:AUTH", Text{"AUTH PLAIN\u202f: le mot de passe, en base64, sans protection.", "AUTH PLAIN: the password, in base64, unprotected."}},
			{"cmd:RCPT", Text{"RCPT TO\u202f: le destinataire de l’enveloppe, lisible de tous.", "RCPT TO: the envelope’s recipient, for all to read."}},
			{"kind:message.header", Text{"Les en-têtes du message, lisibles eux aussi.", "The message’s header fields, readable too."}},
		},
	},
	{
		ID: "smtp-starttls", Theme: "security", Tags: []string{"smtp", "starttls", "tls", "auth"}, Protocols: []string{"smtp"}, Security: "starttls", TLS: "1.3", Lesson: "L08",
		Title: Text{"Envoyer un message, avec STARTTLS", "Sending a message, with STARTTLS"},
		Story: Text{
			"La même Alice, le même port 587, mais son logiciel demande STARTTLS. Tout ce qui précède le 220 «\u202fReady to start TLS\u202f» se lit en clair\u202f: la bannière, le premier EHLO, la liste des capacités. " +
				"Vient la poignée de main TLS, dont le ClientHello nomme le serveur (SNI) sans chiffrement. Puis le client recommence par EHLO, car ce qui fut dit en clair ne compte plus (RFC 3207), et c’est là seulement qu’il s’identifie. " +
				"Le cadenas apparaît au milieu de la séance\u202f: c’est ce qu’un attaquant peut arracher.",
			"The same Alice, the same port 587, but her program asks for STARTTLS. All that precedes the 220 “Ready to start TLS” can be read: the greeting, the first EHLO, the list of capabilities. " +
				"Then comes the TLS handshake, whose ClientHello names the server (SNI) unencrypted. The client then begins again with EHLO, because what was said in clear no longer counts (RFC 3207), and only there does it log in. " +
				"The padlock appears in mid-session: that is what an attacker can tear off.",
		},
		Points: []Point{
			{"cmd:STARTTLS leg:client", Text{"STARTTLS\u202f: la dernière commande en clair.", "STARTTLS: the last command in clear."}},
			{"kind:session.upgrade", Text{"La bascule de texte clair à TLS.", "The change from clear text to TLS."}},
			{"kind:tls.client_hello", Text{"ClientHello\u202f: le nom du serveur se lit encore.", "ClientHello: the server’s name can still be read."}},
			{"cmd:AUTH", Text{"AUTH PLAIN, cette fois dans TLS.", "AUTH PLAIN, this time inside TLS."}},
		},
	},
	{
		ID: "smtp-implicit", Theme: "security", Tags: []string{"smtp", "tls", "auth"}, Protocols: []string{"smtp"}, Security: "implicit", TLS: "1.3", Lesson: "L08",
		Title: Text{"Envoyer un message, en TLS implicite", "Sending a message, in implicit TLS"},
		Story: Text{
			"Port 465\u202f: TLS commence au premier octet, et c’est ici le client qui parle d’abord, par son ClientHello. La bannière 220 n’arrive qu’après la poignée de main, chiffrée comme tout le reste. " +
				"Il n’y a ni STARTTLS ni première liste de capacités, donc rien à arracher\u202f: c’est ce que recommande la RFC 8314. " +
				"De l’extérieur restent visibles les adresses, le nom du serveur (SNI), les tailles et les heures.",
			"Port 465: TLS begins with the first octet, and here it is the client that speaks first, with its ClientHello. The 220 greeting comes only after the handshake, encrypted like all the rest. " +
				"There is no STARTTLS and no first list of capabilities, hence nothing to tear off: this is what RFC 8314 recommends. " +
				"What can be seen from outside are the addresses, the server’s name (SNI), the sizes and the times.",
		},
		Points: []Point{
			{"kind:tls.client_hello", Text{"Le premier octet du client est 0x16\u202f: une poignée de main TLS.", "The client’s first octet is 0x16: a TLS handshake."}},
			{"kind:smtp.reply code:220", Text{"La bannière, déjà chiffrée.", "The greeting, encrypted already."}},
			{"cmd:AUTH", Text{"AUTH PLAIN\u202f: rien n’en est visible de l’extérieur.", "AUTH PLAIN: nothing of it shows from outside."}},
		},
	},
}
