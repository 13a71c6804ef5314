package samples

var mailboxStories = []Sample{
	{
		ID: "pop3-keep", Theme: "mailbox", Tags: []string{"pop3", "retr", "keep"}, Protocols: []string{"pop3"}, Security: "implicit", TLS: "1.3", Lesson: "L05",
		Title: Text{"POP3\u202f: relever et laisser", "POP3: fetch and keep"},
		Story: Text{
			"Bob relève un message et ne dit rien de plus. Sans DELE, le serveur garde tout\u202f: le QUIT ne supprime que ce qui a été marqué. " +
				"Un second appareil pourra relever le même message. Le logiciel, lui, retient l’UIDL pour ne pas le prendre deux fois.",
			"Bob fetches a message and says no more. Without DELE the server keeps everything: QUIT removes only what was marked. " +
				"A second device can fetch the same message. The program remembers the UIDL so as not to take it twice.",
		},
		Points: []Point{
			{"cmd:RETR", Text{"RETR\u202f: une copie part chez Bob.", "RETR: a copy goes to Bob."}},
			{"cmd:QUIT", Text{"QUIT\u202f: rien n’était marqué, rien ne disparaît.", "QUIT: nothing was marked, nothing disappears."}},
		},
	},
	{
		ID: "pop3-delete", Theme: "mailbox", Tags: []string{"pop3", "dele", "quit"}, Protocols: []string{"pop3"}, Security: "implicit", TLS: "1.3", Lesson: "L05",
		Title: Text{"POP3\u202f: relever et supprimer", "POP3: fetch and delete"},
		Story: Text{
			"Le même début, puis DELE. Le serveur répond «\u202fmarqué\u202f», et rien d’autre n’a lieu\u202f: le message est encore là. " +
				"C’est au QUIT que la séance entre dans l’état UPDATE et que le message disparaît (RFC 1939 §6). " +
				"Comparez avec la coupure\u202f: mêmes commandes, mais sans QUIT.",
			"The same beginning, then DELE. The server answers “marked”, and nothing else takes place: the message is still there. " +
				"It is at QUIT that the session enters the UPDATE state and the message disappears (RFC 1939 §6). Compare with the cut: the same commands, but no QUIT.",
		},
		Points: []Point{
			{"cmd:DELE", Text{"DELE ne fait que marquer.", "DELE only marks."}},
			{"cmd:QUIT", Text{"QUIT\u202f: la suppression a lieu ici.", "QUIT: the removal takes place here."}},
		},
	},
	{
		ID: "pop3-cut", Theme: "mailbox", Tags: []string{"pop3", "dele", "reset"}, Protocols: []string{"pop3"}, Security: "implicit", TLS: "1.3", Lesson: "L05",
		Title: Text{"POP3\u202f: la coupure avant QUIT", "POP3: cut off before QUIT"},
		Story: Text{
			"RETR, DELE, puis le réseau tombe\u202f: la connexion est rompue par un RST, sans QUIT ni adieu de TLS. " +
				"Le serveur n’entre jamais dans l’état UPDATE, et le message marqué reste dans la boîte. " +
				"Mieux vaut le relever deux fois que le perdre\u202f: c’est voulu ainsi. Regardez la fin de séance, qui dit comment chaque côté a disparu.",
			"RETR, DELE, then the network fails: the connection is broken by an RST, without QUIT or TLS’s farewell. " +
				"The server never enters the UPDATE state, and the message that was marked stays in the mailbox. " +
				"Better to fetch it twice than to lose it: this is by design. Look at the end of the session, which tells how each side went away.",
		},
		Points: []Point{
			{"cmd:DELE", Text{"DELE\u202f: marqué seulement.", "DELE: marked only."}},
			{"note:session.end.reset", Text{"Le RST\u202f: personne n’a dit QUIT.", "The RST: nobody said QUIT."}},
		},
	},
	{
		ID: "two-devices", Theme: "mailbox", Tags: []string{"imap", "idle", "move", "two-sessions"}, Protocols: []string{"imap", "smtp"}, Security: "implicit", TLS: "1.3", Lesson: "L06",
		Title: Text{"IMAP\u202f: deux appareils, une boîte", "IMAP: two devices, one mailbox"},
		Story: Text{
			"Trois séances s’entrelacent. Le téléphone de Bob dit IDLE et se tait. " +
				"Sur l’ordinateur, STORE met une étoile\u202f: le téléphone reçoit aussitôt un FETCH que personne n’a demandé. " +
				"Alice envoie un message par SMTP\u202f: EXISTS arrive au téléphone, tandis que l’ordinateur ne l’apprend qu’à son NOOP. " +
				"Enfin MOVE vers la corbeille\u202f: EXPUNGE sur le téléphone. DONE clôt l’attente.",
			"Three sessions interleave. Bob’s telephone says IDLE and falls silent. " +
				"On the computer STORE adds a star: at once the telephone gets a FETCH that nobody asked for. " +
				"Alice sends a message by SMTP: EXISTS reaches the telephone, while the computer hears of it only at its NOOP. " +
				"Last comes MOVE to the bin: EXPUNGE on the telephone. DONE ends the wait.",
		},
		Points: []Point{
			{"cmd:IDLE", Text{"IDLE\u202f: le téléphone attend.", "IDLE: the telephone waits."}},
			{"cmd:STORE session:2", Text{"STORE sur l’ordinateur…", "STORE on the computer …"}},
			{"kind:imap.response session:1 FETCH", Text{"… et le FETCH non sollicité sur le téléphone.", "… and the unsolicited FETCH on the telephone."}},
			{"kind:imap.response session:1 EXISTS", Text{"EXISTS\u202f: un message est arrivé.", "EXISTS: a message has arrived."}},
			{"cmd:NOOP session:2", Text{"NOOP\u202f: sans IDLE, il faut demander.", "NOOP: without IDLE one has to ask."}},
			{"kind:imap.response session:1 EXPUNGE", Text{"EXPUNGE\u202f: parti d’ici aussi.", "EXPUNGE: gone from here as well."}},
		},
	},
	{
		ID: "fetch-useful", Theme: "mailbox", Tags: []string{"imap", "fetch", "bodystructure", "literal", "partial"}, Protocols: []string{"imap"}, Security: "implicit", TLS: "1.3", Lesson: "L07",
		Title: Text{"IMAP\u202f: ne prendre que l’utile", "IMAP: take only what you need"},
		Story: Text{
			"IMAP laisse choisir. a3 demande trois champs d’en-tête de chaque message, a4 la structure d’un seul. a5 prend le texte sans l’image, a6 deux cents octets de l’image, a7 le tout. " +
				"Comparez les littéraux {n} annoncés par le serveur\u202f: de quelques dizaines d’octets à plusieurs milliers. POP3 n’aurait su faire que a7.",
			"IMAP lets one choose. a3 asks for three header fields of every message, a4 for the structure of a single one. a5 takes the text without the picture, a6 two hundred octets of the picture, a7 everything. " +
				"Compare the literals {n} that the server announces: from some dozens of octets to several thousands. POP3 could only have done a7.",
		},
		Points: []Point{
			{"tag:a3", Text{"a3\u202f: trois champs par message.", "a3: three fields of each message."}},
			{"tag:a4", Text{"a4\u202f: de quoi le message est fait.", "a4: what the message is made of."}},
			{"tag:a6", Text{"a6\u202f: un morceau d’image, <0.200>.", "a6: a piece of the picture, <0.200>."}},
			{"tag:a7", Text{"a7\u202f: tout.", "a7: everything."}},
		},
	},
}
