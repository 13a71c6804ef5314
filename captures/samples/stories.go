package samples

// themes in the order of All.
var themes = []Theme{
	{"security", Text{"Le même échange, en clair puis chiffré", "The same exchange, in clear and then encrypted"}},
	{"attacks", Text{"Attaques et certificats", "Attacks and certificates"}},
	{"mailbox", Text{"La boîte aux lettres", "The mailbox"}},
	{"message", Text{"Le message et son enveloppe", "The message and its envelope"}},
	{"login", Text{"S’identifier", "Logging in"}},
	{"protocol", Text{"Finesses des protocoles", "Finer points of the protocols"}},
}

var all = join(securityStories)

// pairs are what is best looked at side by side.
var pairs = []Pair{
	{"smtp-security", Text{"SMTP\u202f: en clair, avec STARTTLS, en TLS implicite", "SMTP: in clear, with STARTTLS, in implicit TLS"}, []string{"smtp-clear", "smtp-starttls", "smtp-implicit"}},
}

func join(parts ...[]Sample) []Sample {
	var list []Sample
	for _, p := range parts {
		list = append(list, p...)
	}
	return list
}
