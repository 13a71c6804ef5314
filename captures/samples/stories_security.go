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
	{
		ID: "pop3-clear", Theme: "security", Tags: []string{"pop3", "clear", "password"}, Protocols: []string{"pop3"}, Security: "clear", Lesson: "L04",
		Title: Text{"Relever son courrier en POP3, sans chiffrement", "Fetching mail by POP3, without encryption"},
		Story: Text{
			"Bob relève son courrier par le port 110. USER puis PASS\u202f: le mot de passe voyage tel quel, facteur l’a masqué avant de l’écrire. " +
				"STAT, LIST et UIDL disent combien de messages attendent, leur taille et leur nom durable. " +
				"RETR rapporte le dernier en entier, terminé par un point seul. Rien de tout cela n’est protégé, ni la réponse ni la question.",
			"Bob fetches his mail through port 110. USER, then PASS: the password travels as it is, and facteur masked it before writing it down. " +
				"STAT, LIST and UIDL tell how many messages wait, their sizes and their lasting names. RETR brings the last one whole, ended by a dot alone. " +
				"None of it is protected, neither question nor answer.",
		},
		Points: []Point{
			{"cmd:PASS", Text{"PASS\u202f: le mot de passe en clair, ici remplacé par des étoiles.", "PASS: the password in clear, here replaced by stars."}},
			{"cmd:UIDL", Text{"UIDL\u202f: des noms durables, pour ne pas relever deux fois.", "UIDL: lasting names, so as not to fetch twice."}},
			{"cmd:RETR", Text{"RETR\u202f: le message entier, en-têtes compris.", "RETR: the whole message, header included."}},
		},
	},
	{
		ID: "pop3-starttls", Theme: "security", Tags: []string{"pop3", "stls", "tls", "password"}, Protocols: []string{"pop3"}, Security: "starttls", TLS: "1.3", Lesson: "L08",
		Title: Text{"Relever son courrier en POP3, avec STLS", "Fetching mail by POP3, with STLS"},
		Story: Text{
			"La même relève par le port 110, mais CAPA annonce STLS et le logiciel le demande. " +
				"Le +OK qui suit est le dernier mot en clair\u202f; la poignée de main TLS vient juste après. " +
				"USER et PASS ne partent qu’ensuite, dans des enregistrements chiffrés. " +
				"STLS est le STARTTLS de POP3 (RFC 2595)\u202f: même idée, même faiblesse si le client ne l’exige pas.",
			"The same mail, through port 110, but CAPA announces STLS and the program asks for it. " +
				"The +OK that follows is the last word in clear; the TLS handshake comes right behind. USER and PASS leave only then, inside encrypted records. " +
				"STLS is the STARTTLS of POP3 (RFC 2595): the same idea, and the same weakness if the client does not insist.",
		},
		Points: []Point{
			{"cmd:CAPA", Text{"CAPA\u202f: STLS est au menu.", "CAPA: STLS is on the list."}},
			{"cmd:STLS", Text{"STLS\u202f: la demande de passer à TLS.", "STLS: the request to change to TLS."}},
			{"kind:session.upgrade", Text{"La bascule.", "The change."}},
			{"cmd:PASS", Text{"PASS, à l’abri.", "PASS, sheltered."}},
		},
	},
	{
		ID: "pop3-implicit", Theme: "security", Tags: []string{"pop3", "tls", "password"}, Protocols: []string{"pop3"}, Security: "implicit", TLS: "1.3", Lesson: "L08",
		Title: Text{"Relever son courrier en POP3, en TLS implicite", "Fetching mail by POP3, in implicit TLS"},
		Story: Text{
			"Port 995\u202f: la poignée de main TLS précède le +OK du serveur. Le dialogue est exactement celui du port 110, mot pour mot. " +
				"Un espion compte des octets\u202f: il devine qu’un message a été relevé, et sa taille à peu près, mais ni de qui ni quoi. " +
				"Comparez les trois séances POP3 pas à pas.",
			"Port 995: the TLS handshake comes before the server’s +OK. The dialogue is exactly that of port 110, word for word. " +
				"An eavesdropper counts octets: that a message was fetched can be guessed, and its size more or less, but neither from whom nor what. " +
				"Compare the three POP3 sessions step by step.",
		},
		Points: []Point{
			{"kind:tls.server_hello", Text{"ServerHello\u202f: version et suite de chiffrement choisies.", "ServerHello: version and cipher suite chosen."}},
			{"cmd:RETR", Text{"RETR\u202f: la réponse fait grossir les enregistrements TLS.", "RETR: its response makes the TLS records grow."}},
		},
	},
	{
		ID: "imap-clear", Theme: "security", Tags: []string{"imap", "clear", "password"}, Protocols: []string{"imap"}, Security: "clear", Lesson: "L08",
		Title: Text{"Lire sa boîte en IMAP, sans chiffrement", "Reading a mailbox by IMAP, without encryption"},
		Story: Text{
			"Bob ouvre sa boîte par le port 143. " +
				"Chaque commande porte une étiquette (a1, a2…) que la réponse répète, et le serveur glisse entre les deux des réponses non étiquetées (*). " +
				"LOGIN porte le mot de passe en clair. " +
				"SELECT donne l’état de la boîte, FETCH rapporte d’abord l’enveloppe, puis le message entier comme un littéral {n}\u202f: n octets, tels quels. " +
				"STORE marque enfin le message, et tous les appareils de Bob le sauront.",
			"Bob opens his mailbox through port 143. " +
				"Every command has a tag (a1, a2 …) that the response repeats, and between the two the server puts untagged responses (*). " +
				"LOGIN carries the password in clear. " +
				"SELECT gives the mailbox’s state, FETCH brings the envelope first and then the whole message as a literal {n}: n octets, as they are. " +
				"STORE finally marks the message, and all of Bob’s devices will know.",
		},
		Points: []Point{
			{"cmd:LOGIN", Text{"LOGIN\u202f: le mot de passe en clair.", "LOGIN: the password in clear."}},
			{"cmd:SELECT", Text{"SELECT\u202f: combien de messages, lesquels sont nouveaux.", "SELECT: how many messages, which are new."}},
			{"tag:a7", Text{"a7\u202f: le message entier, en littéral.", "a7: the whole message, as a literal."}},
			{"cmd:STORE", Text{"STORE\u202f: le drapeau reste au serveur.", "STORE: the flag stays on the server."}},
		},
	},
	{
		ID: "imap-starttls", Theme: "security", Tags: []string{"imap", "starttls", "tls", "password"}, Protocols: []string{"imap"}, Security: "starttls", TLS: "1.3", Lesson: "L08",
		Title: Text{"Lire sa boîte en IMAP, avec STARTTLS", "Reading a mailbox by IMAP, with STARTTLS"},
		Story: Text{
			"Port 143 encore, mais a2 STARTTLS vient avant LOGIN. " +
				"Ce qui a été dit en clair se réduit à la bannière et à CAPABILITY\u202f: une liste de savoir-faire, pas de secret. " +
				"Après le «\u202fa2 OK\u202f» et la poignée de main, les mêmes commandes que sans chiffrement. " +
				"Le client doit oublier les capacités apprises en clair\u202f: elles pouvaient être fausses (RFC 9051 §6.2.1).",
			"Port 143 again, but a2 STARTTLS comes before LOGIN. What was said in clear comes down to the greeting and CAPABILITY: a list of abilities, no secret. " +
				"After “a2 OK” and the handshake come the same commands as without encryption. " +
				"The client must forget the capabilities learned in clear: they could have been false (RFC 9051 §6.2.1).",
		},
		Points: []Point{
			{"cmd:STARTTLS leg:client", Text{"a2 STARTTLS, avant tout secret.", "a2 STARTTLS, before any secret."}},
			{"kind:session.upgrade", Text{"La bascule vers TLS.", "The change to TLS."}},
			{"cmd:LOGIN", Text{"LOGIN, dans TLS.", "LOGIN, inside TLS."}},
		},
	},
	{
		ID: "imap-implicit", Theme: "security", Tags: []string{"imap", "tls", "tls1.3", "password"}, Protocols: []string{"imap"}, Security: "implicit", TLS: "1.3", Lesson: "L10",
		Title: Text{"Lire sa boîte en IMAP, en TLS 1.3 dès le premier octet", "Reading a mailbox by IMAP, in TLS 1.3 from the first octet"},
		Story: Text{
			"Port 993, TLS 1.3. Regardez la poignée de main\u202f: après ServerHello, tout est déjà chiffré, certificat compris. " +
				"Un seul aller-retour suffit avant la première commande. " +
				"Mettez à côté la même séance en TLS 1.2 pour voir ce que l’espion perd\u202f: le certificat du serveur, et donc son nom complet. " +
				"Le SNI du ClientHello, lui, reste lisible dans les deux.",
			"Port 993, TLS 1.3. Look at the handshake: after ServerHello all is encrypted already, the certificate included. " +
				"One round trip is enough before the first command. " +
				"Put the same session in TLS 1.2 beside it to see what the eavesdropper loses: the server’s certificate, and with it all its names. " +
				"The SNI of the ClientHello can be read in both.",
		},
		Points: []Point{
			{"kind:tls.client_hello", Text{"ClientHello\u202f: le SNI nomme le serveur en clair.", "ClientHello: the SNI names the server in clear."}},
			{"kind:tls.encrypted_extensions", Text{"À partir d’ici, chiffré\u202f: propre à TLS 1.3.", "Encrypted from here on: TLS 1.3’s own."}},
			{"kind:tls.certificate", Text{"Le certificat, invisible de l’extérieur.", "The certificate, invisible from outside."}},
			{"cmd:LOGIN", Text{"LOGIN, dans TLS.", "LOGIN, inside TLS."}},
		},
	},
	{
		ID: "imap-tls12", Theme: "security", Tags: []string{"imap", "tls", "tls1.2", "password"}, Protocols: []string{"imap"}, Security: "implicit", TLS: "1.2", Lesson: "L10",
		Title: Text{"La même séance IMAP en TLS 1.2", "The same IMAP session in TLS 1.2"},
		Story: Text{
			"Le même script que la séance TLS 1.3, mais les deux côtés s’en tiennent à TLS 1.2. " +
				"Le certificat passe ici en clair\u202f: qui écoute apprend tous les noms du serveur et qui les certifie. " +
				"L’échange de clés prend deux allers-retours (ServerKeyExchange, ClientKeyExchange). Les données sont chiffrées aussi bien, mais plus a été dit avant.",
			"The same script as the TLS 1.3 session, but both sides keep to TLS 1.2. " +
				"Here the certificate passes in clear: whoever listens learns all names of the server and who certifies them. " +
				"The exchange of keys takes two round trips (ServerKeyExchange, ClientKeyExchange). The data are encrypted just as well, but more was said before.",
		},
		Points: []Point{
			{"kind:tls.server_hello tls:1.2", Text{"ServerHello\u202f: TLS 1.2 est choisi.", "ServerHello: TLS 1.2 is chosen."}},
			{"kind:tls.certificate", Text{"Le certificat, en clair.", "The certificate, in clear."}},
			{"kind:tls.server_key_exchange", Text{"ServerKeyExchange\u202f: disparu en TLS 1.3.", "ServerKeyExchange: gone in TLS 1.3."}},
			{"cmd:LOGIN", Text{"LOGIN, chiffré comme en 1.3.", "LOGIN, encrypted as in 1.3."}},
		},
	},
}
