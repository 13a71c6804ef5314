package samples

var protocolStories = []Sample{
	{
		ID: "smtp-pipelined", Theme: "protocol", Tags: []string{"smtp", "pipelining"}, Protocols: []string{"smtp"}, Security: "clear", Lesson: "L02",
		Title: Text{"SMTP en rafale (PIPELINING)", "SMTP in one go (PIPELINING)"},
		Story: Text{
			"EHLO annonce PIPELINING\u202f: le client envoie MAIL, deux RCPT et DATA d’un seul trait, sans attendre. " +
				"Les réponses reviennent dans l’ordre, et c’est leur seule attache aux commandes. " +
				"La troisième est un 550\u202f: un destinataire manque, mais le 354 vient quand même, car l’autre est bon. Le message et QUIT partent aussi ensemble. " +
				"Quatre allers-retours économisés (RFC 2920).",
			"EHLO announces PIPELINING: the client sends MAIL, two RCPT and DATA in one go, without waiting. " +
				"The replies come back in order, which is all that ties them to the commands. " +
				"The third is a 550: one recipient is missing, but 354 comes all the same, since the other is good. The message and QUIT leave together too. " +
				"Four round trips saved (RFC 2920).",
		},
		Points: []Point{
			{"cmd:DATA", Text{"DATA part avant toute réponse.", "DATA leaves before any reply."}},
			{"code:550", Text{"550\u202f: la réponse au deuxième RCPT.", "550: the reply to the second RCPT."}},
			{"code:354", Text{"354\u202f: un destinataire suffit.", "354: one recipient is enough."}},
		},
	},
	{
		ID: "imap-compress", Theme: "protocol", Tags: []string{"imap", "compress", "deflate", "tls"}, Protocols: []string{"imap"}, Security: "implicit", TLS: "1.3",
		Title: Text{"IMAP compressé dans TLS", "IMAP compressed inside TLS"},
		Story: Text{
			"Après LOGIN, a2 COMPRESS DEFLATE\u202f: tout ce qui suit est compressé, puis chiffré (RFC 4978). facteur ôte les deux couches, l’une après l’autre. " +
				"Comparez les octets de TLS et ceux du texte\u202f: les réponses de FETCH, pleines de répétitions, fondent de moitié ou plus. " +
				"L’ordre compte\u202f: compresser d’abord, car le chiffré ne se compresse plus. Et se souvenir qu’une taille compressée en dit un peu plus sur le contenu.",
			"After LOGIN, a2 COMPRESS DEFLATE: all that follows is compressed, then encrypted (RFC 4978). facteur takes both layers off, one after the other. " +
				"Compare the octets of TLS with those of the text: the responses to FETCH, full of repetitions, melt to half or less. " +
				"The order matters: compress first, for what is encrypted no longer compresses. " +
				"And remember that a compressed size says a little more about the contents.",
		},
		Points: []Point{
			{"cmd:COMPRESS", Text{"COMPRESS DEFLATE, demandé.", "COMPRESS DEFLATE, asked for."}},
			{"kind:session.upgrade", Text{"La couche de plus.", "The added layer."}},
			{"tag:a4", Text{"FETCH, rendu lisible.", "FETCH, made readable."}},
		},
	},
	{
		ID: "managesieve", Theme: "protocol", Tags: []string{"sieve", "managesieve", "starttls", "filter"}, Protocols: []string{"sieve"}, Security: "starttls", TLS: "1.3",
		Title: Text{"ManageSieve\u202f: déposer un filtre", "ManageSieve: uploading a filter"},
		Story: Text{
			"Le tri du courrier se règle par un autre protocole, ManageSieve (port 4190, RFC 5804). " +
				"Le serveur ouvre en énumérant ce qu’il sait faire, une ligne par capacité\u202f; après STARTTLS il recommence, car rien de ce qui fut dit en clair ne compte. " +
				"LISTSCRIPTS montre le filtre en place, PUTSCRIPT en dépose un nouveau comme littéral, que le serveur vérifie avant de répondre OK (WARNINGS). " +
				"SETACTIVE le met en service.",
			"The sorting of mail is set by another protocol, ManageSieve (port 4190, RFC 5804). " +
				"The server opens by listing what it can do, a line for each capability; after STARTTLS it does so again, for nothing that was said in clear counts. " +
				"LISTSCRIPTS shows the filter in place, PUTSCRIPT uploads a new one as a literal, which the server checks before it answers OK (WARNINGS). " +
				"SETACTIVE puts it to work.",
		},
		Points: []Point{
			{"cmd:STARTTLS leg:client", Text{"STARTTLS, avant l’identité.", "STARTTLS, before the identity."}},
			{"cmd:PUTSCRIPT", Text{"PUTSCRIPT\u202f: le filtre, en littéral {n+}.", "PUTSCRIPT: the filter, as a literal {n+}."}},
			{"cmd:SETACTIVE", Text{"SETACTIVE\u202f: en service.", "SETACTIVE: at work."}},
		},
	},
	{
		ID: "lmtp-delivery", Theme: "protocol", Tags: []string{"lmtp", "delivery", "pipelining"}, Protocols: []string{"lmtp"}, Security: "clear",
		Title: Text{"LMTP\u202f: une réponse par destinataire", "LMTP: a reply for each recipient"},
		Story: Text{
			"La dernière étape, du serveur de réception à la boîte, se fait souvent en LMTP (RFC 2033). LHLO remplace EHLO, le reste ressemble à SMTP. " +
				"La différence est à la fin\u202f: après le point, autant de réponses que de destinataires acceptés. " +
				"Bob reçoit (250), la boîte de Carol est pleine (452), Dave avait été refusé dès RCPT (550). SMTP n’aurait qu’une réponse pour tous.",
			"The last step, from the receiving server to the mailbox, is often taken in LMTP (RFC 2033). LHLO takes the place of EHLO, the rest looks like SMTP. " +
				"The difference comes at the end: after the dot, as many replies as there are accepted recipients. " +
				"Bob gets it (250), Carol’s mailbox is full (452), Dave was refused at RCPT already (550). SMTP would have one reply for all.",
		},
		Points: []Point{
			{"cmd:LHLO", Text{"LHLO, le bonjour de LMTP.", "LHLO, LMTP’s greeting."}},
			{"code:550", Text{"550\u202f: Dave est inconnu.", "550: Dave is unknown."}},
			{"code:452", Text{"452\u202f: la boîte de Carol est pleine, la copie de Bob est livrée.", "452: Carol’s mailbox is full, Bob’s copy is delivered."}},
		},
	},
}
