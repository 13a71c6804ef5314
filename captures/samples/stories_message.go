package samples

var messageStories = []Sample{
	{
		ID: "envelope", Theme: "message", Tags: []string{"smtp", "envelope", "bcc", "from"}, Protocols: []string{"smtp"}, Security: "implicit", TLS: "1.3", Lesson: "L03",
		Title: Text{"L’enveloppe et les en-têtes", "The envelope and the header"},
		Story: Text{
			"MAIL FROM dit «\u202falice\u202f», l’en-tête From dit «\u202fLa direction\u202f»\u202f: SMTP transporte l’enveloppe et ne lit pas la lettre. " +
				"Deux RCPT TO, mais l’en-tête To n’en nomme qu’un\u202f: le second est une copie cachée. Ni le serveur ni le protocole n’y voient de contradiction. " +
				"C’est pour relier les deux qu’existent SPF, DKIM et DMARC.",
			"MAIL FROM says “alice”, the From field says “La direction”: SMTP carries the envelope and does not read the letter. " +
				"There are two RCPT TO, but the To field names only one: the other is a blind copy. Neither server nor protocol sees a contradiction. " +
				"It is to tie the two together that SPF, DKIM and DMARC exist.",
		},
		Points: []Point{
			{"cmd:MAIL", Text{"MAIL FROM\u202f: l’expéditeur de l’enveloppe.", "MAIL FROM: the envelope’s sender."}},
			{"cmd:RCPT", Text{"Deux RCPT TO, dont une copie cachée.", "Two RCPT TO, one of them a blind copy."}},
			{"note:message.header.from", Text{"From\u202f: un autre nom que celui de l’enveloppe.", "From: another name than the envelope’s."}},
		},
	},
	{
		ID: "mime-attachment", Theme: "message", Tags: []string{"smtp", "imap", "mime", "attachment", "rfc2047", "bodystructure"}, Protocols: []string{"smtp", "imap"}, Security: "implicit", TLS: "1.3", Lesson: "L12",
		Title: Text{"Une image en pièce jointe", "A picture attached"},
		Story: Text{
			"Alice envoie une affiche\u202f: un texte en deux versions (multipart/alternative) et une image PNG. " +
				"Le sujet est écrit en =?UTF-8?Q?…?= (RFC 2047), le nom du fichier en filename*=UTF-8’’… (RFC 2231), le texte en quoted-printable et l’image en base64. " +
				"Suivez les frontières (boundary), qui s’emboîtent. Bob regarde ensuite la structure par IMAP et ne prend que la partie 1.1, puis la partie 2. " +
				"Les 113 octets de l’image en sont devenus 156.",
			"Alice sends a poster: a text in two versions (multipart/alternative) and a PNG picture. " +
				"The subject is written as =?UTF-8?Q?…?= (RFC 2047), the file’s name as filename*=UTF-8’’… (RFC 2231), the text as quoted-printable and the picture as base64. " +
				"Follow the boundaries, which nest. Bob then looks at the structure by IMAP and takes only part 1.1, and then part 2. " +
				"The 113 octets of the picture have become 156.",
		},
		Points: []Point{
			{"note:message.header.subject", Text{"Le sujet, codé puis décodé.", "The subject, encoded and decoded."}},
			{"kind:message.boundary", Text{"Les frontières, une par partie.", "The boundaries, one for each part."}},
			{"kind:message.part png", Text{"L’image\u202f: base64, et un nom avec un accent.", "The picture: base64, and a name with an accent."}},
			{"cmd:FETCH BODYSTRUCTURE", Text{"La structure, sans le contenu.", "The structure, without the contents."}},
			{"tag:a5", Text{"L’image seule, par son numéro de partie.", "The picture alone, by its part number."}},
		},
	},
	{
		ID: "forwarded-dkim", Theme: "message", Tags: []string{"smtp", "imap", "received", "dkim", "spf", "dmarc", "authentication-results"}, Protocols: []string{"smtp", "imap"}, Security: "mixed", TLS: "1.3", Lesson: "L14",
		Title: Text{"Le chemin d’un message transféré\u202f: Received, DKIM, SPF", "The way of a forwarded message: Received, DKIM, SPF"},
		Story: Text{
			"Un message de la bibliothèque arrive par le relais d’une association. " +
				"Lisez les champs Received de bas en haut\u202f: chaque serveur a ajouté le sien au-dessus. " +
				"Authentication-Results, écrit par le premier relais, dit spf=pass, dkim=pass, dmarc=pass. " +
				"Mais MAIL FROM nomme maintenant l’association\u202f: SPF porte sur elle, et n’est plus aligné avec From. " +
				"La signature DKIM, elle, a survécu au voyage, car rien de ce qu’elle couvre n’a changé. Le dernier FETCH montre à côté un message reçu directement.",
			"A message of the library arrives by way of an association’s relay. Read the Received fields from bottom to top: each server added its own above. " +
				"Authentication-Results, written by the first relay, says spf=pass, dkim=pass, dmarc=pass. " +
				"But MAIL FROM now names the association: SPF is about that domain and no longer aligned with From. " +
				"The DKIM signature survived the journey, since nothing that it covers has changed. The last FETCH shows a message that came directly, for comparison.",
		},
		Points: []Point{
			{"cmd:MAIL", Text{"MAIL FROM\u202f: l’adresse de retour du relais.", "MAIL FROM: the relay’s return address."}},
			{"kind:message.header note:message.header.received", Text{"Received\u202f: une ligne par serveur, de bas en haut.", "Received: one for each server, from bottom to top."}},
			{"kind:message.header DKIM-Signature", Text{"DKIM-Signature\u202f: d=bibliotheque.example, toujours valable.", "DKIM-Signature: d=bibliotheque.example, still valid."}},
			{"kind:message.header Authentication-Results", Text{"Authentication-Results\u202f: qui a vérifié quoi.", "Authentication-Results: who checked what."}},
		},
	},
}
