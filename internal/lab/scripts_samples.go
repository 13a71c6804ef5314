package lab

import (
	"bytes"
	"fmt"
	"strings"
)

// Played is what a sample recording is made of: a client's half, the server it needs, and what is done to it on the way.
type Played struct {
	Script Script
	// Dialogue is the server's half where the practice server does not speak what the script does; Service is its door.
	Dialogue *Dialogue
	Service  string
	TLS12    bool   // both legs at most TLS 1.2
	Attack   string // of the proxy's, "" for none
	Stranger bool   // the client does not know the authority: the script ends with its refusal
}

// Samples are what the sample recordings are made of, by ID.
func Samples() []Played {
	var all []Played
	plain := func(scripts ...Script) {
		for _, s := range scripts {
			all = append(all, Played{Script: s})
		}
	}
	for _, sec := range securities {
		plain(sampleSMTP(sec), samplePOP3(sec), sampleIMAP(sec))
	}
	tls12 := sampleIMAP(securities[2])
	tls12.ID = "imap-tls12"
	stranger := sampleIMAP(securities[2])
	stranger.ID = "certificate-refused"
	wrongName := samplePOP3(securities[2])
	wrongName.ID = "certificate-wrong-name"
	all = append(all, Played{Script: tls12, TLS12: true}, Played{Script: stranger, Stranger: true},
		Played{Script: wrongName, Stranger: true, Attack: "wrong-name"},
		Played{Script: fellBack(), Attack: "strip-starttls"}, Played{Script: heldFirm(), Attack: "strip-starttls"})
	plain(pop3Keep(), pop3Delete(), pop3Cut(), twoDevices(), onlyTheUseful(), envelope(), refusals(), pipelined(),
		attachment(), forwarded(), sampleCompress(), sampleScram())
	return append(all, oauthIMAP(), oauthSMTP(), sieveDialogue(), lmtpDialogue())
}

// sample is a script whose words for people are with the sample recording.
func sample(id string, steps ...[]Step) Script { return Script{ID: id, Steps: join(steps...)} }

func ehloSteps(c string, sec security) []Step {
	ehlo := say(c, "EHLO laptop.exemple.test\r\n", "250 ")
	steps := []Step{open(c, sec.service[SMTP], "220 "), ehlo}
	if sec.upgrade {
		steps = append(steps, say(c, "STARTTLS\r\n", "220 "), startTLS(c), ehlo)
	}
	return steps
}

// transaction sends one message.
func transaction(c string, from, to *Account, message string) []Step {
	return []Step{
		say(c, mailFrom(from, message), "250 "), say(c, rcptTo(to), "250 "),
		say(c, "DATA\r\n", "354 "), say(c, message+".\r\n", "250 "),
		say(c, "QUIT\r\n", "221 "), hangUp(c),
	}
}

func sampleSMTP(sec security) Script {
	const c = "alice"
	return sample("smtp-"+sec.id, ehloSteps(c, sec), []Step{say(c, "AUTH PLAIN "+plain(alice())+"\r\n", "235 ")}, transaction(c, alice(), bob(), letter))
}

func samplePOP3(sec security) Script {
	const c = "bob"
	begin := []Step{open(c, sec.service[POP3], "+OK"), list(c, "CAPA\r\n")}
	if sec.upgrade {
		begin = append(begin, say(c, "STLS\r\n", "+OK"), startTLS(c))
	}
	return sample("pop3-"+sec.id, begin, []Step{
		say(c, "USER bob\r\n", "+OK"), say(c, "PASS "+bob().Password+"\r\n", "+OK"),
		say(c, "STAT\r\n", "+OK"), list(c, "LIST\r\n"), list(c, "UIDL\r\n"), list(c, "RETR $last\r\n"),
		say(c, "QUIT\r\n", "+OK"), hangUp(c),
	})
}

func sampleIMAP(sec security) Script {
	const c = "bob"
	begin := []Step{open(c, sec.service[IMAP], "* OK"), say(c, "a1 CAPABILITY\r\n", "a1 OK")}
	if sec.upgrade {
		begin = append(begin, say(c, "a2 STARTTLS\r\n", "a2 OK"), startTLS(c))
	}
	return sample("imap-"+sec.id, begin, []Step{
		say(c, "a3 LOGIN bob \""+bob().Password+"\"\r\n", "a3 OK"),
		say(c, "a4 LIST \"\" \"*\"\r\n", "a4 OK"),
		say(c, "a5 SELECT INBOX\r\n", "a5 OK"),
		say(c, "a6 FETCH $last (UID FLAGS ENVELOPE)\r\n", "a6 OK"),
		say(c, "a7 FETCH $last BODY[]\r\n", "a7 OK"),
		say(c, "a8 STORE $last +FLAGS (\\Answered)\r\n", "a8 OK"),
		say(c, "a9 LOGOUT\r\n", "a9 OK"), hangUp(c),
	})
}

// fellBack is a client set to "TLS if available": robbed of STARTTLS, it goes on in clear.
func fellBack() Script {
	const c = "alice"
	return sample("starttls-stripped", ehloSteps(c, securities[0]), []Step{say(c, "AUTH PLAIN "+plain(alice())+"\r\n", "235 ")}, transaction(c, alice(), bob(), letter))
}

// heldFirm is a client that requires TLS: it asks although STARTTLS is not offered, and leaves.
func heldFirm() Script {
	const c = "alice"
	return sample("starttls-required", ehloSteps(c, securities[0]), []Step{say(c, "STARTTLS\r\n", "454 "), say(c, "QUIT\r\n", "221 "), hangUp(c)})
}

// picture is a PNG of 16 by 11 dots, an envelope, as base64 writes it into a message.
const picture = "iVBORw0KGgoAAAANSUhEUgAAABAAAAALAQMAAABMLJ96AAAABlBMVEWKHBz/9tjR5TTlAAAAJklE\r\nQVR42mNgYGCw/8MQ/4sh/xtD8TmG2n0MVXEM5e9AXKA4AwMAuawLU+QQxOsAAAAASUVORK5CYII=\r\n"

// attached is a message with two versions of its text and a picture, its words in the encodings of RFC 2045, 2047 and 2231.
const attached = "Date: $date\r\n" +
	"From: Alice Martin <alice@exemple.test>\r\n" +
	"To: =?UTF-8?B?Qm9iIExlZsOodnJl?= <bob@exemple.test>\r\n" +
	"Subject: =?UTF-8?Q?L=E2=80=99affiche_de_la_f=C3=AAte?= =?UTF-8?Q?_=E2=98=95?=\r\n" +
	"Message-ID: <$unique@laptop.exemple.test>\r\n" +
	"MIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=\"=_enveloppe\"\r\n" +
	"\r\n" +
	"--=_enveloppe\r\n" +
	"Content-Type: multipart/alternative; boundary=\"=_versions\"\r\n" +
	"\r\n" +
	"--=_versions\r\n" +
	"Content-Type: text/plain; charset=UTF-8\r\n" +
	"Content-Transfer-Encoding: quoted-printable\r\n" +
	"\r\n" +
	"Voil=C3=A0 l=E2=80=99affiche, en tr=C3=A8s petit=C2=A0: une enveloppe.\r\n" +
	"\r\n" +
	"--=_versions\r\n" +
	"Content-Type: text/html; charset=UTF-8\r\n" +
	"Content-Transfer-Encoding: quoted-printable\r\n" +
	"\r\n" +
	"<p>Voil=C3=A0 l=E2=80=99affiche, en <b>tr=C3=A8s petit</b>=C2=A0: une enve=\r\n" +
	"loppe.</p>\r\n" +
	"\r\n" +
	"--=_versions--\r\n" +
	"\r\n" +
	"--=_enveloppe\r\n" +
	"Content-Type: image/png\r\n" +
	"Content-Transfer-Encoding: base64\r\n" +
	"Content-Disposition: attachment;\r\n" +
	" filename*=UTF-8''enveloppe%20de%20f%C3%AAte.png\r\n" +
	"\r\n" + picture +
	"\r\n" +
	"--=_enveloppe--\r\n"

// attachment is L12: a message with a picture, sent, and then taken part by part.
func attachment() Script {
	const c = "bob"
	return sample("mime-attachment", sendQuickly("alice", alice(), bob(), attached), logInIMAP(c, bob()), []Step{
		say(c, "a3 FETCH $last (ENVELOPE BODYSTRUCTURE)\r\n", "a3 OK"),
		say(c, "a4 FETCH $last BODY.PEEK[1.1]\r\n", "a4 OK"),
		say(c, "a5 FETCH $last BODY.PEEK[2]\r\n", "a5 OK"),
		say(c, "a6 LOGOUT\r\n", "a6 OK"), hangUp(c),
	})
}

// forwarded is L14: one server hands another a message that came by way of a third, and Bob reads its header. The signature
// of the library's domain is the embedded message's and verifies with DKIMRecord, since forwarding left body and signed
// fields alone.
func forwarded() Script {
	const mta, c = "relais", "bob"
	return sample("forwarded-dkim", []Step{
		open(mta, SMTP, "220 "),
		say(mta, "EHLO relais.association.example\r\n", "250 "),
		say(mta, "STARTTLS\r\n", "220 "), startTLS(mta),
		say(mta, "EHLO relais.association.example\r\n", "250 "),
		say(mta, "MAIL FROM:<bounces+bob=exemple.test@association.example>\r\n", "250 "),
		say(mta, rcptTo(bob()), "250 "),
		say(mta, "DATA\r\n", "354 "), say(mta, forwardedMessage()+".\r\n", "250 "),
		say(mta, "QUIT\r\n", "221 "), hangUp(mta),
	}, logInIMAP(c, bob()), []Step{
		say(c, "a3 FETCH $last BODY.PEEK[HEADER]\r\n", "a3 OK"),
		say(c, "a4 FETCH 4 BODY.PEEK[HEADER.FIELDS (Authentication-Results DKIM-Signature From)]\r\n", "a4 OK"),
		say(c, "a5 LOGOUT\r\n", "a5 OK"), hangUp(c),
	})
}

// forwardedMessage is the embedded signed message with the trace of two servers that it passed.
func forwardedMessage() string {
	raw, err := mailFiles.ReadFile("mail/04-reservations.eml")
	if err != nil {
		return "" // the script's test says so
	}
	raw = normalLines(raw)
	signed := raw[max(0, bytes.Index(raw, []byte("DKIM-Signature:"))):]
	return "Received: from mx.association.example (mx.association.example [203.0.113.8])\r\n" +
		"\tby relais.association.example with ESMTPS id 7Q2x9LmZ; $date\r\n" +
		"Authentication-Results: mx.association.example;\r\n" +
		" spf=pass smtp.mailfrom=retours@bibliotheque.example;\r\n" +
		" dkim=pass header.d=bibliotheque.example header.s=lettre2026;\r\n" +
		" dmarc=pass header.from=bibliotheque.example\r\n" +
		"Received: from sortie.bibliotheque.example (sortie.bibliotheque.example [198.51.100.25])\r\n" +
		"\tby mx.association.example with ESMTPS id 4B0rKw71; $date\r\n" + string(datePattern.ReplaceAll(signed, []byte("$$date"))) // Date is not signed
}

// sampleCompress is COMPRESS=DEFLATE inside TLS.
func sampleCompress() Script {
	const c = "bob"
	return sample("imap-compress", []Step{
		open(c, IMAPS, "* OK"),
		say(c, "a1 LOGIN bob "+bob().Password+"\r\n", "a1 OK"),
		say(c, "a2 COMPRESS DEFLATE\r\n", "a2 OK"), {Op: OpCompress, Conn: c},
		say(c, "a3 SELECT INBOX\r\n", "a3 OK"),
		say(c, "a4 FETCH 1:* (UID FLAGS ENVELOPE)\r\n", "a4 OK"),
		say(c, "a5 FETCH 2 BODY.PEEK[]\r\n", "a5 OK"),
		say(c, "a6 LOGOUT\r\n", "a6 OK"), hangUp(c),
	})
}

// sampleScram logs in without the password crossing, in clear on purpose.
func sampleScram() Script {
	const c = "bob"
	return sample("imap-scram", []Step{
		open(c, IMAP, "* OK"),
		say(c, "a1 AUTHENTICATE "+scramSHA256+" $scram-first\r\n", "+"),
		say(c, "$scram-final\r\n", "+"), say(c, "\r\n", "a1 OK"),
		say(c, "a2 SELECT INBOX\r\n", "a2 OK"), say(c, "a3 LOGOUT\r\n", "a3 OK"), hangUp(c),
	})
}

// The tokens of the OAuth 2.0 samples. Nobody ever issued them.
const (
	StaleToken = "ticket-perime-2026-10"
	FreshToken = "ticket-frais-2026-11"
)

// xoauth2 and oauthBearer are a token's initial responses (Google's XOAUTH2; RFC 7628, section 3.1).
func xoauth2(token string) string {
	return b64("user=bob@exemple.test\x01auth=Bearer " + token + "\x01\x01")
}

func oauthBearer(token string) string {
	return b64("n,a=alice@exemple.test,\x01host=" + ServerName + "\x01port=587\x01auth=Bearer " + token + "\x01\x01")
}

// refusedToken is what a server answers to a token that has expired (RFC 7628, section 3.2.2).
var refusedToken = b64(`{"status":"invalid_token","scope":"mail","openid-configuration":"https://compte.exemple.test/.well-known/openid-configuration"}`)

func oauthIMAP() Played {
	const c = "bob"
	const ready = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER] mail.exemple.test ready.\r\n"
	return Played{Service: IMAPS, Script: sample("imap-oauth2", []Step{
		open(c, IMAPS, "* OK"),
		say(c, "a1 AUTHENTICATE XOAUTH2 "+xoauth2(StaleToken)+"\r\n", "+"),
		say(c, "\r\n", "a1 NO"),
		say(c, "a2 AUTHENTICATE XOAUTH2 "+xoauth2(FreshToken)+"\r\n", "a2 OK"),
		say(c, "a3 SELECT INBOX\r\n", "a3 OK"), say(c, "a4 LOGOUT\r\n", "a4 OK"), hangUp(c),
	}), Dialogue: &Dialogue{Implicit: true, Greeting: ready, Turns: []Turn{
		{Hear: "a1 AUTHENTICATE XOAUTH2", Say: "+ " + refusedToken + "\r\n"},
		{Say: "a1 NO [AUTHENTICATIONFAILED] The token has expired.\r\n"},
		{Hear: "a2 AUTHENTICATE XOAUTH2", Say: "a2 OK [CAPABILITY IMAP4rev1 IDLE MOVE UIDPLUS] Logged in.\r\n"},
		{Hear: "a3 SELECT", Say: "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* 6 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1772438400] UIDs valid\r\na3 OK [READ-WRITE] INBOX selected.\r\n"},
		{Hear: "a4 LOGOUT", Say: "* BYE Until next time.\r\na4 OK Logout completed.\r\n"},
	}}}
}

func oauthSMTP() Played {
	const c = "alice"
	ehlo := func(lines ...string) string {
		return "250-" + strings.Join(lines, "\r\n250-") + "\r\n250 ENHANCEDSTATUSCODES\r\n"
	}
	return Played{Service: Submission, Script: sample("smtp-oauthbearer", ehloSteps(c, securities[1]), []Step{
		say(c, "AUTH OAUTHBEARER "+oauthBearer(StaleToken)+"\r\n", "334 "),
		say(c, "AQ==\r\n", "535 "),
		say(c, "QUIT\r\n", "221 "), hangUp(c),
	}), Dialogue: &Dialogue{Greeting: "220 mail.exemple.test ESMTP\r\n", Turns: []Turn{
		{Hear: "EHLO", Say: ehlo(ServerName, "PIPELINING", "STARTTLS")},
		{Hear: "STARTTLS", Say: "220 2.0.0 Ready to start TLS\r\n", TLS: true},
		{Hear: "EHLO", Say: ehlo(ServerName, "PIPELINING", "AUTH OAUTHBEARER XOAUTH2")},
		{Hear: "AUTH OAUTHBEARER", Say: "334 " + refusedToken + "\r\n"},
		{Hear: "AQ==", Say: "535 5.7.8 Authentication credentials invalid\r\n"},
		{Hear: "QUIT", Say: "221 2.0.0 Bye\r\n"},
	}}}
}

// The doors that only dialogues open.
const (
	LMTP  = "lmtp"  // RFC 2033, port 24
	Sieve = "sieve" // ManageSieve, RFC 5804, port 4190
)

// filing is the Sieve script (RFC 5228) that the sample puts on the server.
const filing = "require [\"fileinto\"];\r\n" +
	"if header :contains \"Subject\" \"affiche\" {\r\n" +
	"  fileinto \"Archives\";\r\n" +
	"}\r\n"

func sieveDialogue() Played {
	const c = "bob"
	const able = "\"IMPLEMENTATION\" \"exemple.test sieve\"\r\n\"SIEVE\" \"fileinto vacation envelope\"\r\n\"VERSION\" \"1.0\"\r\n"
	return Played{Service: Sieve, Script: sample("managesieve", []Step{
		open(c, Sieve, "OK"),
		say(c, "STARTTLS\r\n", "OK"), startTLS(c), wait(c, "OK"),
		say(c, "AUTHENTICATE \"PLAIN\" \""+plain(bob())+"\"\r\n", "OK"),
		say(c, "LISTSCRIPTS\r\n", "OK"),
		say(c, fmt.Sprintf("PUTSCRIPT \"affiches\" {%d+}\r\n%s\r\n", len(filing), filing), "OK"),
		say(c, "SETACTIVE \"affiches\"\r\n", "OK"),
		say(c, "LOGOUT\r\n", "OK"), hangUp(c),
	}), Dialogue: &Dialogue{Greeting: able + "\"STARTTLS\"\r\n\"SASL\" \"\"\r\nOK \"mail.exemple.test ManageSieve ready.\"\r\n", Turns: []Turn{
		{Hear: "STARTTLS", Say: "OK \"Begin TLS negotiation now.\"\r\n", TLS: true, Again: able + "\"SASL\" \"PLAIN\"\r\nOK \"TLS negotiation successful.\"\r\n"},
		{Hear: "AUTHENTICATE", Say: "OK \"Logged in.\"\r\n"},
		{Hear: "LISTSCRIPTS", Say: "\"vacances\" ACTIVE\r\nOK \"Listscripts completed.\"\r\n"},
		{Hear: "PUTSCRIPT", Say: "OK (WARNINGS) \"line 3: mailbox Archives exists, good\"\r\n"},
		{Hear: "SETACTIVE", Say: "OK \"Setactive completed.\"\r\n"},
		{Hear: "LOGOUT", Say: "OK \"Logout completed.\"\r\n"},
	}}}
}

func lmtpDialogue() Played {
	const c = "mta"
	return Played{Service: LMTP, Script: sample("lmtp-delivery", []Step{
		open(c, LMTP, "220 "),
		say(c, "LHLO mx.exemple.test\r\n", "250 "),
		octets(c, "MAIL FROM:<alice@exemple.test>\r\n"+rcptTo(bob())+"RCPT TO:<carol@exemple.test>\r\nRCPT TO:<dave@exemple.test>\r\nDATA\r\n"),
		wait(c, "250 2.1.0"), wait(c, "250 2.1.5"), wait(c, "250 2.1.5"), wait(c, "550 5.1.1"), wait(c, "354 "),
		octets(c, letter+".\r\n"),
		wait(c, "250 2.0.0"), wait(c, "452 4.2.2"),
		say(c, "QUIT\r\n", "221 "), hangUp(c),
	}), Dialogue: &Dialogue{Greeting: "220 mail.exemple.test LMTP ready\r\n", Turns: []Turn{
		{Hear: "LHLO", Say: "250-mail.exemple.test\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 PIPELINING\r\n"},
		{Hear: "MAIL FROM", Say: "250 2.1.0 OK\r\n"},
		{Hear: "RCPT TO:<bob", Say: "250 2.1.5 OK\r\n"},
		{Hear: "RCPT TO:<carol", Say: "250 2.1.5 OK\r\n"},
		{Hear: "RCPT TO:<dave", Say: "550 5.1.1 <dave@exemple.test> No such user here\r\n"},
		{Hear: "DATA", Say: "354 Start mail input; end with <CRLF>.<CRLF>\r\n"},
		{Dots: true, Say: "250 2.0.0 <bob@exemple.test> Saved\r\n452 4.2.2 <carol@exemple.test> Mailbox full\r\n"},
		{Hear: "QUIT", Say: "221 2.0.0 Bye\r\n"},
	}}}
}
