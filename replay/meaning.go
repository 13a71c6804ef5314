package replay

import (
	"bytes"
	"slices"
	"strings"

	"facteur/decode"
)

// meaning gives what a command asks for: equal for commands that mean the same, whatever their tag, case, quoting, the
// order of their parameters, and what only the moment knows (a client's own name, sizes, dates, credentials).
func meaning(protocol string, octets []byte) string {
	switch protocol {
	case decode.SMTP, decode.LMTP:
		return smtpMeaning(octets)
	case decode.POP3:
		return pop3Meaning(octets)
	case decode.Sieve:
		return sieveMeaning(octets)
	}
	return imapMeaning(octets)
}

// logIn is what every command means that proves who the client is.
const logIn = "log in"

// firstLine is a command's line without its end.
func firstLine(octets []byte) string {
	if i := bytes.IndexByte(octets, '\n'); i >= 0 {
		octets = octets[:i]
	}
	return string(bytes.TrimRight(octets, "\r\n"))
}

// verbOf takes a line's first word, in upper case.
func verbOf(line string) (verb, rest string) {
	verb, rest, _ = strings.Cut(strings.TrimLeft(line, " \t"), " ")
	return strings.ToUpper(strings.TrimSpace(verb)), strings.TrimSpace(rest)
}

// smtpMeaning: RFC 5321 §4.1.1. MAIL's and RCPT's parameters may come in any order; SIZE is an estimate (RFC 1870 §6).
func smtpMeaning(octets []byte) string {
	verb, rest := verbOf(firstLine(octets))
	switch verb {
	case "EHLO", "HELO", "LHLO", "NOOP", "DATA", "RSET", "QUIT", "STARTTLS":
		return verb
	case "AUTH":
		return logIn
	case "MAIL", "RCPT":
		return verb + " " + smtpPath(rest)
	case "BDAT":
		if words := strings.Fields(rest); len(words) > 1 {
			return "BDAT LAST"
		}
		return "BDAT"
	}
	return strings.TrimSpace(verb + " " + rest)
}

// smtpPath: "FROM:<local@domain> KEY=value …". Only the domain is the same in either case (RFC 5321 §2.4).
func smtpPath(rest string) string {
	_, path, ok := strings.Cut(rest, ":")
	if !ok {
		return strings.ToUpper(rest)
	}
	path = strings.TrimSpace(path)
	end := strings.IndexByte(path, ' ')
	if strings.HasPrefix(path, "<") {
		if i := pathEnd(path); i > 0 {
			end = i
			if i == len(path) {
				end = -1
			}
		}
	}
	params := ""
	if end >= 0 {
		path, params = path[:end], path[end:]
	}
	path = strings.TrimSuffix(strings.TrimPrefix(path, "<"), ">")
	if at := strings.LastIndexByte(path, '@'); at >= 0 {
		path = path[:at] + strings.ToLower(path[at:])
	}
	words := strings.Fields(strings.ToUpper(params))
	words = slices.DeleteFunc(words, func(w string) bool {
		// BODY=7BIT is the default (RFC 6152 §3); SIZE is an estimate
		return strings.HasPrefix(w, "SIZE=") || w == "BODY=7BIT" || w == "BODY=8BITMIME"
	})
	slices.Sort(words)
	return strings.Join(append([]string{"<" + path + ">"}, words...), " ")
}

// pathEnd is the offset behind the '>' that closes a path; a quoted local part may hold one.
func pathEnd(path string) int {
	quoted := false
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case '>':
			if !quoted {
				return i + 1
			}
		}
	}
	return -1
}

// pop3Meaning: RFC 1939 §3. Which user is asked for is the recording's business, not the client's.
func pop3Meaning(octets []byte) string {
	verb, rest := verbOf(firstLine(octets))
	switch verb {
	case "PASS", "APOP":
		return logIn
	case "AUTH":
		if rest != "" {
			return logIn
		}
	case "USER":
		return verb
	}
	words := strings.Fields(rest)
	for i, w := range words {
		if n := strings.TrimLeft(w, "0"); n != "" && strings.Trim(n, "0123456789") == "" {
			words[i] = n
		}
	}
	return strings.Join(append([]string{verb}, words...), " ")
}

// shownLine is a command as it may be told: credentials left out, short.
func shownLine(protocol string, octets []byte) string {
	line := firstLine(octets)
	tag := ""
	if protocol == decode.IMAP {
		var rest string
		if tag, rest, _ = strings.Cut(line, " "); rest != "" {
			line = rest
		}
		tag += " "
	}
	verb, rest := verbOf(line)
	switch verb {
	case "PASS", "LOGIN", "APOP", "AUTH", "AUTHENTICATE":
		if word, _, more := strings.Cut(rest, " "); verb != "PASS" && more {
			return tag + verb + " " + word + " …"
		} else if verb == "AUTH" || verb == "AUTHENTICATE" {
			return tag + verb + " " + word
		}
		return tag + verb + " …"
	}
	if len(line) > maxShown {
		line = line[:maxShown] + "…"
	}
	return tag + line
}

// maxShown is how much of a line is told: a terminal's width or two.
const maxShown = 240
