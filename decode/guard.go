package decode

import "bytes"

// guard masks what client lines hold of passwords where the protocol's grammar does not say so: commands mistyped or
// meant for another protocol, responses sent although AUTH was refused, lines cut because they are over every limit.
// Showing too little of a line that nobody understands costs nothing; showing a password cannot be taken back.
//
// It is idempotent, as every mask: where the stars begin is told by octets that are never masked.
type guard struct {
	asked bool // the last command signs in: what is no command behind it is a response, whatever the server said
	more  bool // the line was cut inside a secret: what follows is the rest of it
	http  bool // the client speaks HTTP: its lines are not hidden for being unknown

	literals bool // a {n} at the end announces a literal, which never came: it is no secret, and says how long to wait
}

// line gives a copy of a command line with what may be secret masked, or the line itself. known says that the protocol
// has a command of that name, early that nobody has signed in yet and that a protocol without sign-in is of no use.
func (g *guard) line(l *leg, layer Layer, raw []byte, at int64, verb string, known, early bool) []byte {
	body := chomp(raw)
	from := -1
	switch {
	case g.more:
		from = 0
	case known:
		from = g.command(body, verb)
	case len(bytes.TrimSpace(body)) == 0:
	case g.asked:
		from = 0
	default:
		g.http = g.http || isHTTP(body)
		if from = suspect(body); early && !g.http {
			if _, start, end, arg := verbOf(body); !plausible(body[start:end]) {
				from = start
			} else if arg < len(body) && (from < 0 || from > arg) {
				from = starsBefore(body, arg)
			}
		}
		g.asked = from >= 0 || verb == "USER"
	}
	to := len(body)
	if _, marker := literalAtEnd(body); marker && g.literals {
		to = bytes.LastIndexByte(body, '{')
	}
	if from >= 0 && from < to {
		if !l.s.o.ShowSecrets {
			l.heardLine(body[from:to])
		}
		raw = l.hide(Client, layer, raw, from, at, stars(to-from))
	}
	secret := from >= 0 || verb == "AUTH" || verb == "PASS" || verb == "APOP" || verb == "AUTHENTICATE"
	g.more = raw[len(raw)-1] != '\n' && (secret || raw[len(raw)-1] == '*')
	return raw
}

// command gives where the line of a known command may hold a password that is not in its grammar, -1 for nowhere.
func (g *guard) command(body []byte, verb string) int {
	switch verb {
	case "AUTH", "AUTHENTICATE", "PASS", "APOP":
		g.asked = true
		return -1
	case "USER":
		g.asked = true
		_, _, _, arg := verbOf(body)
		if i := bytes.IndexAny(body[arg:], " \t\r\x00"); i >= 0 && len(bytes.TrimSpace(body[arg+i:])) > 0 {
			return arg + bytes.IndexAny(body[arg:], " \t\r\x00:") + 1
		}
		return -1
	}
	g.asked = false
	switch verb {
	case "PUTSCRIPT", "CHECKSCRIPT":
		return -1
	case "EHLO", "HELO", "LHLO":
		if _, _, _, arg := verbOf(body); !bytes.ContainsAny(body[arg:], " \t\r\x00") {
			return -1
		}
	case "MAIL", "RCPT", "XCLIENT", "XFORWARD", "BURL", "RETR", "DELE", "LIST", "UIDL", "TOP", "BDAT":
		if bytes.IndexByte(body, '\r') < 0 && bytes.IndexByte(body, 0) < 0 { // a second line in the first
			return -1
		}
	default:
		if len(body) <= len(verb) {
			return -1
		}
	}
	end := len(body) - len(bytes.TrimLeft(body, " \t")) + len(verb)
	if from := suspect(body[end:]); from >= 0 {
		return end + from
	}
	return -1
}

// isHTTP reports whether a line begins a request of HTTP/1 (RFC 9112 §3).
func isHTTP(line []byte) bool {
	i := bytes.LastIndexByte(line, ' ')
	return i > 0 && bytes.HasPrefix(line[i+1:], []byte("HTTP/1."))
}

// plausible reports whether a word may well be a command: letters, and in private ones digits. Stars at its end are of
// what is masked already.
func plausible(word []byte) bool {
	if word = bytes.TrimRight(word, "*"); len(word) == 0 {
		return false
	}
	for _, c := range word {
		private := (word[0] == 'X' || word[0] == 'x') && (digit(c) || c == '_')
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || private) {
			return false
		}
	}
	return len(word) <= maxMechanism
}

// verbOf gives the verb of a command line in upper case, where it lies and where its argument begins. Blanks before the
// verb and tabs are out of rule, and no reason to show what follows.
func verbOf(body []byte) (verb string, at, end, arg int) {
	blank := func(i int) bool { return body[i] == ' ' || body[i] == '\t' }
	for at < len(body) && blank(at) {
		at++
	}
	for end = at; end < len(body) && !blank(end); end++ {
	}
	for arg = end; arg < len(body) && blank(arg); arg++ {
	}
	return upper(body[at:end]), at, end, arg
}
