package samples

var loginStories = []Sample{
	{
		ID: "imap-oauth2", Theme: "login", Tags: []string{"imap", "oauth2", "xoauth2", "token"}, Protocols: []string{"imap"}, Security: "implicit", TLS: "1.3", Lesson: "L15",
		Title: Text{"OAuth 2.0 en IMAP\u202f: un jeton périmé, puis un frais", "OAuth 2.0 in IMAP: a stale token, then a fresh one"},
		Story: Text{
			"Pas de mot de passe\u202f: AUTHENTICATE XOAUTH2 porte un jeton (Bearer), en base64, masqué ici comme tout secret. " +
				"Le premier est périmé\u202f: le serveur répond par un «\u202f+\u202f» suivi d’un JSON qui dit invalid_token, et attend une ligne vide avant son NO. " +
				"Le logiciel demande alors un nouveau jeton à son fournisseur, hors de cette connexion, et recommence. Le second passe. " +
				"Qui vole un jeton entre sans second facteur, jusqu’à ce qu’il expire.",
			"No password: AUTHENTICATE XOAUTH2 carries a token (Bearer), in base64, masked here like every secret. " +
				"The first is stale: the server answers with a “+” and JSON that says invalid_token, and waits for an empty line before its NO. " +
				"The program then gets a new token from its provider, outside this connection, and tries again. The second is accepted. " +
				"Whoever steals a token gets in without a second factor, until it expires.",
		},
		Points: []Point{
			{"cmd:AUTHENTICATE tag:a1", Text{"Le jeton périmé.", "The stale token."}},
			{"tag:+", Text{"«\u202f+\u202f» et le JSON de l’erreur.", "“+” and the error’s JSON."}},
			{"code:NO", Text{"a1 NO\u202f: refusé.", "a1 NO: refused."}},
			{"cmd:AUTHENTICATE tag:a2", Text{"Le jeton frais.", "The fresh token."}},
		},
	},
	{
		ID: "smtp-oauthbearer", Theme: "login", Tags: []string{"smtp", "oauth2", "oauthbearer", "token", "starttls"}, Protocols: []string{"smtp"}, Security: "starttls", TLS: "1.3", Lesson: "L15",
		Title: Text{"OAuth 2.0 en SMTP\u202f: OAUTHBEARER refusé", "OAuth 2.0 in SMTP: OAUTHBEARER refused"},
		Story: Text{
			"Le serveur n’annonce AUTH qu’après STARTTLS\u202f: un jeton en clair serait aussitôt volé. " +
				"AUTH OAUTHBEARER (RFC 7628) porte l’identité, le serveur, le port et le jeton. " +
				"La réponse 334 contient une erreur en JSON\u202f; le client doit répondre AQ== (un octet 01) pour recevoir enfin le 535. " +
				"L’échec a donc deux temps, que les journaux confondent souvent.",
			"The server announces AUTH only after STARTTLS: a token in clear would be stolen at once. " +
				"AUTH OAUTHBEARER (RFC 7628) carries the identity, the server, the port and the token. " +
				"The 334 reply contains an error in JSON; the client must answer AQ== (one octet 01) to get the 535 at last. " +
				"The failure thus has two steps, which logs often confuse.",
		},
		Points: []Point{
			{"cmd:STARTTLS leg:client", Text{"STARTTLS d’abord.", "STARTTLS first."}},
			{"cmd:AUTH", Text{"AUTH OAUTHBEARER\u202f: le jeton, masqué.", "AUTH OAUTHBEARER: the token, masked."}},
			{"code:334", Text{"334\u202f: l’erreur, en JSON et base64.", "334: the error, in JSON and base64."}},
			{"code:535", Text{"535\u202f: le refus proprement dit.", "535: the refusal itself."}},
		},
	},
	{
		ID: "imap-scram", Theme: "login", Tags: []string{"imap", "scram", "password", "challenge"}, Protocols: []string{"imap"}, Security: "clear", Lesson: "L15",
		Title: Text{"SCRAM\u202f: prouver sans montrer", "SCRAM: proving without showing"},
		Story: Text{
			"La séance est en clair, exprès. " +
				"AUTHENTICATE SCRAM-SHA-256 n’envoie jamais le mot de passe\u202f: le client et le serveur échangent des nombres tirés au hasard, puis le client envoie une preuve (p=…) et le serveur sa signature (v=…). " +
				"Qui écoute voit l’identité et la preuve, mais ne peut pas rejouer celle-ci\u202f: le hasard change à chaque fois. " +
				"Il peut seulement essayer des mots de passe chez lui, et le reste de la séance n’est pas chiffré. SCRAM ne remplace donc pas TLS.",
			"The session is in clear, on purpose. " +
				"AUTHENTICATE SCRAM-SHA-256 never sends the password: client and server exchange random numbers, then the client sends a proof (p=…) and the server its signature (v=…). " +
				"Whoever listens sees the identity and the proof, but cannot replay it: the numbers change each time. " +
				"What remains is to try passwords at home, and the rest of the session is not encrypted. So SCRAM does not replace TLS.",
		},
		Points: []Point{
			{"cmd:AUTHENTICATE", Text{"Le premier message\u202f: l’identité et un nombre.", "The first message: identity and a number."}},
			{"tag:+", Text{"Le défi du serveur\u202f: sel et nombre d’itérations.", "The server’s challenge: salt and iterations."}},
			{"secret from:client", Text{"La preuve du client, masquée.", "The client’s proof, masked."}},
			{"code:OK tag:a1", Text{"a1 OK\u202f: convaincu.", "a1 OK: convinced."}},
		},
	},
	{
		ID: "refusals", Theme: "login", Tags: []string{"smtp", "535", "550", "530", "554", "codes"}, Protocols: []string{"smtp"}, Security: "starttls", TLS: "1.3", Lesson: "L13",
		Title: Text{"Lire un refus\u202f: 530, 535, 550, 554", "Reading a refusal: 530, 535, 550, 554"},
		Story: Text{
			"Alice se trompe de toutes les façons. Sans s’identifier\u202f: 530. Avec un mauvais mot de passe\u202f: 535. " +
				"Vers une adresse inconnue\u202f: 550 5.1.1\u202f; vers un autre domaine, que ce serveur ne relaie pas\u202f: 550 5.7.1. DATA sans destinataire valable\u202f: 554. " +
				"Le premier chiffre dit si c’est définitif (5) ou s’il faut réessayer (4)\u202f; le code étendu dit pourquoi.",
			"Alice goes wrong in every way. Without logging in: 530. With a wrong password: 535. " +
				"To an unknown address: 550 5.1.1; to another domain, for which this server does not relay: 550 5.7.1. DATA without a valid recipient: 554. " +
				"The first digit tells whether it is final (5) or worth another try (4); the enhanced code tells why.",
		},
		Points: []Point{
			{"code:530", Text{"530\u202f: s’identifier d’abord.", "530: log in first."}},
			{"code:535", Text{"535\u202f: mauvais mot de passe.", "535: wrong password."}},
			{"code:5.1.1", Text{"550 5.1.1\u202f: destinataire inconnu.", "550 5.1.1: unknown recipient."}},
			{"code:5.7.1", Text{"550 5.7.1\u202f: relais refusé.", "550 5.7.1: relaying refused."}},
			{"code:554", Text{"554\u202f: plus personne à qui écrire.", "554: nobody left to write to."}},
		},
	},
}
