package replay

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"facteur/decode"
)

// rule replaces what only the moment knows by a word for it.
type rule struct {
	what *regexp.Regexp
	with string
	as   string // what it is, for those who show it
}

// moment are the rules for what any server or message may hold.
var moment = []rule{
	// RFC 5322 §3.3, and the date-time of IMAP (RFC 9051 §9)
	{regexp.MustCompile(`(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d(?::\d\d)? ?(?:[+-]\d{4}|[A-Z]{2,4})?`), "<date>", "date"},
	{regexp.MustCompile(`[ \d]\d-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{4} \d\d:\d\d:\d\d [+-]\d{4}`), "<date>", "date"},
	// message ids: in header fields, in envelopes
	{regexp.MustCompile(`(?im)^((?:Message-ID|In-Reply-To|References|Content-ID):)(?:[ \t]*(?:\r?\n[ \t]+)?<[^<>]*>)+`), "$1 <id>", "id"},
	{regexp.MustCompile(`"<[^<>"]+@[^<>"]+>"`), `"<id>"`, "id"},
	// queue ids: "queued as X", "id=X", "with ESMTPSA id X"; how TLS was used stands beside them
	{regexp.MustCompile(`(?i)queued as [^\s,;]+`), "queued as <queue id>", "queue_id"},
	{regexp.MustCompile(`\bid=[^\s,;]+`), "id=<queue id>", "queue_id"},
	{regexp.MustCompile(`(?i)\bwith (?:UTF8)?(E?SMTP|LMTP)S?A? id [^\s;]+`), "with $1 id <queue id>", "queue_id"},
	{regexp.MustCompile(`\r?\n?[ \t]*\(using TLS[^)]*\)`), "", "tls"},
	// IMAP: RFC 9051 §2.3.1.1, RFC 4315, RFC 7162
	{regexp.MustCompile(`\b(UIDVALIDITY|APPENDUID|COPYUID|HIGHESTMODSEQ)( \(?)\d+`), "$1$2<n>", "number"},
	{regexp.MustCompile(`\bMODSEQ \(\d+\)`), "MODSEQ (<n>)", "number"},
	{regexp.MustCompile(`\{\d+\}\r\n`), "{n}\r\n", "size"},
	// ports behind addresses and names
	{regexp.MustCompile(`(\]|\d|[a-z]):\d{4,5}\b`), "$1:<port>", "port"},
}

// nonce is APOP's, in the greeting (RFC 1939 §7).
var nonce = regexp.MustCompile(`<[^<>\s]+@[^<>\s]+>`)

// uidl is a line of UIDL: unique ids differ from server to server (RFC 1939 §7).
var uidl = regexp.MustCompile(`(?m)^(\d+|\+OK \d+) [!-~]+\r?$`)

// normalAnswer is what a step's answers say, apart from the moment. Of a log-in it is the outcome.
func normalAnswer(protocol string, s *Step) string {
	var all []byte
	turns := s.Turns
	if s.key == logIn && len(turns) > 0 {
		turns = turns[len(turns)-1:]
	}
	for _, t := range turns {
		for _, a := range t.Server {
			octets := a.Octets
			if a.Tagged {
				octets = withoutTagOctets(protocol, octets)
			}
			all = append(all, octets...)
		}
	}
	switch {
	case protocol == decode.POP3 && s.Kind == StepGreeting:
		all = nonce.ReplaceAll(all, []byte("<nonce>"))
	case protocol == decode.POP3 && s.Verb == "UIDL":
		all = uidl.ReplaceAll(all, []byte("$1 <uid>"))
	}
	all = withoutUpgrade(protocol, s, all)
	for _, r := range moment {
		all = r.what.ReplaceAll(all, []byte(r.with))
	}
	return string(all)
}

// upgradeWords stand in a list of capabilities as the connection is: without TLS, or in it.
var upgradeWords = []string{"STARTTLS", "STLS", "LOGINDISABLED"}

// withoutUpgrade leaves out of a list of capabilities what only says whether TLS runs.
func withoutUpgrade(protocol string, s *Step, octets []byte) []byte {
	switch verb := s.Verb; {
	case protocol == decode.IMAP:
		if !bytes.Contains(octets, []byte("CAPABILITY ")) {
			return octets
		}
		for _, w := range upgradeWords {
			octets = bytes.ReplaceAll(octets, []byte(" "+w), nil)
		}
		return octets
	case verb == "EHLO", verb == "LHLO", verb == "CAPA", verb == "CAPABILITY", protocol == decode.Sieve && s.Kind == StepGreeting:
		var out []string
		for _, line := range strings.Split(string(octets), "\n") {
			line = strings.TrimRight(line, "\r")
			if verb == "EHLO" || verb == "LHLO" {
				line = line[min(4, len(line)):] // the sign behind the code depends on the place
			}
			if word := strings.Trim(line, `"`); !slices.Contains(upgradeWords, word) {
				out = append(out, line)
			}
		}
		return []byte(strings.Join(out, "\n"))
	}
	return octets
}
