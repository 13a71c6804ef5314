package lab

import "fmt"

// security is how a script protects its connection.
type security struct {
	id, fr, en string
	service    map[string]string // by protocol
	upgrade    bool
}

var securities = []security{
	{"clear", "en clair", "in clear", map[string]string{SMTP: Submission, POP3: POP3, IMAP: IMAP}, false},
	{"starttls", "avec STARTTLS", "with STARTTLS", map[string]string{SMTP: Submission, POP3: POP3, IMAP: IMAP}, true},
	{"implicit", "en TLS implicite", "in implicit TLS", map[string]string{SMTP: SMTPS, POP3: POP3S, IMAP: IMAPS}, false},
}

// method is a way to log in: its commands after the greeting and TLS.
type method struct {
	id, name string
	steps    []Step
}

// matrixScripts are all protocols in all securities with all ways to log in, each with the syntax that is hard to
// decode: literals, BDAT, and bodies that look like commands, like tagged responses and like TLS.
func matrixScripts() []Script {
	var all []Script
	for _, sec := range securities {
		for _, m := range smtpMethods() {
			all = append(all, smtpScript(sec, m))
		}
		for _, m := range pop3Methods() {
			all = append(all, pop3Script(sec, m))
		}
		for _, m := range imapMethods() {
			all = append(all, imapScript(sec, m))
		}
	}
	return all
}

func matrixTitle(protocol string, sec security, m method, steps ...[]Step) Script {
	return titled(fmt.Sprintf("%s-%s-%s", protocol, sec.id, m.id),
		fmt.Sprintf("%s %s, %s", names[protocol], sec.fr, m.name),
		fmt.Sprintf("%s %s, %s", names[protocol], sec.en, m.name), steps...)
}

var names = map[string]string{SMTP: "SMTP", POP3: "POP3", IMAP: "IMAP"}

// only is the one connection's name in these scripts.
const only = "client"

// trap is a body that a careless reader of the stream takes for something else. It has no NUL, which RFC 3501, section
// 4.3.1 forbids, and so cannot be a whole ClientHello.
const trap = "Subject: a trap\r\n\r\n\x16\x03\x01\x01\x2c\x01\x01\x01\x28\x03\x03\r\nSTARTTLS\r\nA1 OK\r\na4 OK done\r\n* BYE\r\n+OK\r\n220 2.0.0 Ready to start TLS\r\n)\r\n{5+}\r\n..\r\n"

func smtpMethods() []method {
	return []method{
		{"plain-ir", "AUTH PLAIN (RFC 4954)", []Step{say(only, "AUTH PLAIN "+plain(alice())+"\r\n", "235 ")}},
		{"plain", "AUTH PLAIN, 334", []Step{say(only, "AUTH PLAIN\r\n", "334"), say(only, plain(alice())+"\r\n", "235 ")}},
		{"login", "AUTH LOGIN", []Step{
			say(only, "AUTH LOGIN\r\n", "334 VXNlcm5hbWU6"), say(only, b64(alice().User)+"\r\n", "334 UGFzc3dvcmQ6"), say(only, b64(alice().Password)+"\r\n", "235 "),
		}},
	}
}

func smtpScript(sec security, m method) Script {
	ehlo := say(only, "EHLO laptop.exemple.test\r\n", "250 ")
	begin := []Step{open(only, sec.service[SMTP], "220 "), ehlo}
	if sec.upgrade {
		begin = append(begin, say(only, "STARTTLS\r\n", "220 "), startTLS(only), ehlo)
	}
	half := len(trap) / 2
	return matrixTitle(SMTP, sec, m, begin, m.steps, []Step{
		say(only, mailFrom(alice(), letter), "250 "),
		say(only, rcptTo(bob()), "250 "),
		say(only, "DATA\r\n", "354 "),
		say(only, letter+".\r\n", "250 "),
		say(only, mailFrom(alice(), trap), "250 "),
		say(only, rcptTo(bob()), "250 "),
		say(only, fmt.Sprintf("BDAT %d\r\n%s", half, trap[:half]), "250 "),
		say(only, fmt.Sprintf("BDAT %d LAST\r\n%s", len(trap)-half, trap[half:]), "250 "),
		say(only, "RSET\r\n", "250 "),
		say(only, "VRFY bob\r\n", "252 "),
		say(only, "NOOP\r\n", "250 "),
		say(only, "QUIT\r\n", "221 "),
		hangUp(only),
	})
}

func pop3Methods() []method {
	return []method{
		{"user", "USER, PASS", []Step{say(only, "USER bob\r\n", "+OK"), say(only, "PASS "+bob().Password+"\r\n", "+OK")}},
		{"apop", "APOP", []Step{say(only, "APOP bob $digest\r\n", "+OK")}},
		{"plain-ir", "AUTH PLAIN (RFC 5034)", []Step{say(only, "AUTH PLAIN "+plain(bob())+"\r\n", "+OK")}},
		{"plain", "AUTH PLAIN, +", []Step{say(only, "AUTH PLAIN\r\n", "+ "), say(only, plain(bob())+"\r\n", "+OK")}},
		{"login", "AUTH LOGIN", []Step{
			say(only, "AUTH LOGIN\r\n", "+ "), say(only, b64(bob().User)+"\r\n", "+ "), say(only, b64(bob().Password)+"\r\n", "+OK"),
		}},
	}
}

func pop3Script(sec security, m method) Script {
	begin := []Step{open(only, sec.service[POP3], "+OK"), list(only, "CAPA\r\n")}
	if sec.upgrade {
		begin = append(begin, say(only, "STLS\r\n", "+OK"), startTLS(only), list(only, "CAPA\r\n"))
	}
	return matrixTitle(POP3, sec, m, begin, m.steps, []Step{
		say(only, "STAT\r\n", "+OK"),
		list(only, "LIST\r\n"),
		say(only, "LIST 1\r\n", "+OK 1 "),
		list(only, "UIDL\r\n"),
		list(only, "TOP $last 0\r\n"),
		list(only, "RETR $last\r\n"),
		list(only, "RETR 3\r\n"),
		say(only, "RETR 9999\r\n", "-ERR"),
		say(only, "DELE 1\r\n", "+OK"),
		say(only, "RSET\r\n", "+OK"),
		say(only, "NOOP\r\n", "+OK"),
		say(only, "QUIT\r\n", "+OK"),
		hangUp(only),
	})
}

func imapMethods() []method {
	user, password := bob().User, bob().Password
	return []method{
		{"quoted", `LOGIN "…" "…"`, []Step{say(only, fmt.Sprintf("a2 LOGIN %q %q\r\n", user, password), "a2 OK")}},
		{"literal", "LOGIN {n}", []Step{
			say(only, fmt.Sprintf("a2 LOGIN {%d}\r\n", len(user)), "+"), say(only, fmt.Sprintf("%s {%d}\r\n", user, len(password)), "+"), say(only, password+"\r\n", "a2 OK"),
		}},
		{"literal-plus", "LOGIN {n+}", []Step{say(only, fmt.Sprintf("a2 LOGIN {%d+}\r\n%s {%d+}\r\n%s\r\n", len(user), user, len(password), password), "a2 OK")}},
		{"plain", "AUTHENTICATE PLAIN, +", []Step{say(only, "a2 AUTHENTICATE PLAIN\r\n", "+"), say(only, plain(bob())+"\r\n", "a2 OK")}},
		{"plain-ir", "AUTHENTICATE PLAIN (SASL-IR)", []Step{say(only, "a2 AUTHENTICATE PLAIN "+plain(bob())+"\r\n", "a2 OK")}},
		{"login", "AUTHENTICATE LOGIN", []Step{
			say(only, "a2 AUTHENTICATE LOGIN\r\n", "+"), say(only, b64(user)+"\r\n", "+"), say(only, b64(password)+"\r\n", "a2 OK"),
		}},
	}
}

func imapScript(sec security, m method) Script {
	begin := []Step{open(only, sec.service[IMAP], "* OK"), say(only, "a0 CAPABILITY\r\n", "a0 OK")}
	if sec.upgrade {
		begin = append(begin, say(only, "a1 STARTTLS\r\n", "a1 OK"), startTLS(only), say(only, "a1b CAPABILITY\r\n", "a1b OK"))
	}
	return matrixTitle(IMAP, sec, m, begin, m.steps, []Step{
		say(only, "a3 ID (\"name\" \"facteur script\")\r\n", "a3 OK"),
		say(only, fmt.Sprintf("a4 APPEND Archives (\\Seen) {%d}\r\n", len(trap)), "+"),
		say(only, trap+"\r\n", "a4 OK"),
		say(only, fmt.Sprintf("a5 APPEND Archives {%d+}\r\n%s\r\n", len(trap), trap), "a5 OK"),
		say(only, "a6 LIST \"\" \"*\" RETURN (STATUS (MESSAGES UNSEEN))\r\n", "a6 OK"),
		say(only, "a7 SELECT Archives\r\n", "a7 OK"),
		say(only, "a8 FETCH $last (UID FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[])\r\n", "a8 OK"),
		say(only, "a9 UID SEARCH SUBJECT {4+}\r\ntrap UNSEEN\r\n", "a9 OK"),
		say(only, "a10 STORE 1:$last +FLAGS.SILENT (\\Deleted)\r\n", "a10 OK"),
		say(only, "a11 EXPUNGE\r\n", "a11 OK"),
		say(only, "a12 IDLE\r\n", "+"),
		say(only, "DONE\r\n", "a12 OK"),
		say(only, "a13 NAMESPACE\r\n", "a13 OK"),
		say(only, "a14 LOGOUT\r\n", "a14 OK"),
		hangUp(only),
	})
}

// compressScript logs in, compresses, and works on.
func compressScript(sec security) Script {
	begin := []Step{open(only, sec.service[IMAP], "* OK")}
	if sec.upgrade {
		begin = append(begin, say(only, "a1 STARTTLS\r\n", "a1 OK"), startTLS(only))
	}
	return matrixTitle(IMAP, sec, method{id: "compress", name: "COMPRESS DEFLATE"}, begin, []Step{
		say(only, "a2 LOGIN bob "+bob().Password+"\r\n", "a2 OK"),
		say(only, "a3 COMPRESS DEFLATE\r\n", "a3 OK"),
		{Op: OpCompress, Conn: only},
		say(only, "a4 COMPRESS DEFLATE\r\n", "a4 NO [COMPRESSIONACTIVE]"),
		say(only, "a5 SELECT INBOX\r\n", "a5 OK"),
		say(only, "a6 FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)\r\n", "a6 OK"),
		say(only, "a7 FETCH 3 BODY.PEEK[]\r\n", "a7 OK"),
		say(only, fmt.Sprintf("a8 APPEND Archives {%d+}\r\n%s\r\n", len(trap), trap), "a8 OK"),
		say(only, "a9 IDLE\r\n", "+"),
		say(only, "DONE\r\n", "a9 OK"),
		say(only, "a10 LOGOUT\r\n", "a10 OK"),
		hangUp(only),
	})
}

// scramMethod is SCRAM in each protocol's syntax.
type scramMethod struct{ smtp, pop3, imap method }

// scramMethods are SCRAM-SHA-256, with an initial response and without, and with channel binding where there is TLS.
func scramMethods(sec security) []scramMethod {
	of := func(id, mechanism, first string, initial bool) scramMethod {
		exchange := func(command, ask, done string) method {
			steps := []Step{say(only, command+" "+first+"\r\n", ask)}
			if !initial {
				steps = []Step{say(only, command+"\r\n", ask), say(only, first+"\r\n", ask)}
			}
			return method{id, mechanism, append(steps, say(only, "$scram-final\r\n", ask), say(only, "\r\n", done))}
		}
		return scramMethod{exchange("AUTH "+mechanism, "334 ", "235 "), exchange("AUTH "+mechanism, "+ ", "+OK"), exchange("a2 AUTHENTICATE "+mechanism, "+ ", "a2 OK")}
	}
	all := []scramMethod{of("scram-ir", scramSHA256, "$scram-first", true), of("scram", scramSHA256, "$scram-first", false)}
	if sec.id != "clear" {
		all = append(all, of("scram-plus", scramSHA256Plus, "$scram-first-plus", true))
	}
	return all
}
