package decode

import (
	"bytes"
	"strings"
)

// Kinds and note ids are put together from a few words. Those of the words that RFCs name are put together once, here,
// because a busy session makes thousands of them a second; what a peer invents is put together when it comes.

// joined gives prefix and word for each of words.
func joined(prefix, words string) map[string]string {
	m := map[string]string{}
	for _, w := range strings.Fields(words) {
		m[w] = prefix + w
	}
	return m
}

const (
	smtpVerbs = `EHLO HELO LHLO MAIL RCPT DATA BDAT RSET NOOP QUIT AUTH STARTTLS VRFY EXPN HELP ETRN TURN ATRN
		XCLIENT XFORWARD BURL`
	smtpCodes = `101 211 214 220 221 235 250 251 252 334 354 421 422 431 432 441 442 446 450 451 452 454 455 458 459
		500 501 502 503 504 510 511 512 515 517 521 523 530 534 535 538 541 550 551 552 553 554 555 556 571`
	smtpParameters = `SIZE BODY RET ENVID NOTIFY ORCPT AUTH SMTPUTF8 REQUIRETLS BY HOLDFOR HOLDUNTIL MT-PRIORITY MTRK
		TRANSID SUBMITTER RRVS CONPERM CONNEG`
	popVerbs = `USER PASS APOP AUTH STAT LIST RETR DELE NOOP RSET QUIT TOP UIDL CAPA STLS UTF8 LANG`
)

var (
	smtpCommandIDs   = joined("smtp.command.", smtpVerbs)
	smtpParameterIDs = joined("smtp.parameter.", smtpParameters)
	popCommandIDs    = joined("pop3.command.", popVerbs)
	popOKIDs         = joined("pop3.response.ok.", popVerbs+" greeting")
	popErrIDs        = joined("pop3.response.err.", popVerbs+" greeting")
	popItemIDs       = joined("pop3.item.", popVerbs)
	smtpReplyIDs     = func() map[string]string {
		m := map[string]string{}
		for _, code := range strings.Fields(smtpCodes) {
			m[code] = "smtp.reply." + code
			for _, verb := range strings.Fields(smtpVerbs + " greeting data") {
				m[code+"."+verb] = "smtp.reply." + code + "." + verb
			}
		}
		return m
	}()
	// RFC 3463 §3: class, subject, detail
	smtpEnhancedIDs = func() map[string]string {
		m := map[string]string{}
		for _, class := range "245" {
			for subject := range int64(8) {
				for detail := range int64(31) {
					code := string(class) + "." + decimal(subject) + "." + decimal(detail)
					m[code] = "smtp.enhanced." + code
				}
			}
		}
		return m
	}()
	lowerParameters = func() map[string]string {
		m := map[string]string{}
		for _, p := range strings.Fields(smtpParameters) {
			m[p] = strings.ToLower(p)
		}
		return m
	}()
)

// smtpKinds are the kinds of a family's events.
type smtpKinds struct{ command, reply, begin, data, end string }

var smtpKindsOf = func() map[string]smtpKinds {
	m := map[string]smtpKinds{}
	for _, f := range []string{SMTP, LMTP} {
		m[f] = smtpKinds{f + ".command", f + ".reply", f + ".data.begin", f + ".data.data", f + ".data.end"}
	}
	return m
}()

// idOf gives the id of a word: from ids, or put together.
func idOf(ids map[string]string, prefix, word string) string {
	if id, ok := ids[word]; ok {
		return id
	}
	return prefix + word
}

// noVerb gives the rule that a line of the client's breaks by not beginning with a verb, "" for none. Some servers look
// for the verb behind the spaces, so the line is understood all the same.
func noVerb(body []byte) string {
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return "empty_line"
	case body[0] == ' ':
		return "leading_space"
	}
	return ""
}

// replyID gives the note of a reply by its code and what it answers; "" for nothing known.
func replyID(code, to string) string {
	var room [32]byte
	key := append(room[:0], code...)
	if to != "" {
		key = append(append(key, '.'), to...)
	}
	if id, ok := smtpReplyIDs[string(key)]; ok {
		return id
	}
	return "smtp.reply." + string(key)
}

// upper gives a verb in upper case, without allocating for those we know.
func upper(word []byte) string {
	if len(word) <= len(verbRoom{}) {
		var room verbRoom
		for i, c := range word {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			room[i] = c
		}
		if v, ok := knownVerbs[string(room[:len(word)])]; ok {
			return v
		}
	}
	return strings.ToUpper(string(word))
}

type verbRoom [16]byte

var knownVerbs = func() map[string]string {
	m := map[string]string{}
	for _, v := range strings.Fields(smtpVerbs + " " + popVerbs + ` LAST CAPABILITY AUTHENTICATE LOGOUT PUTSCRIPT LISTSCRIPTS SETACTIVE GETSCRIPT DELETESCRIPT RENAMESCRIPT CHECKSCRIPT
		HAVESPACE UNAUTHENTICATE OK NO BYE`) {
		m[v] = v
	}
	return m
}()
