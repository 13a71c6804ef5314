package decode

import "bytes"

// guard masks what client lines hold of passwords where the protocol's grammar does not say so: commands mistyped or
// meant for another protocol, responses sent although AUTH was refused, lines cut because they are over every limit.
// Showing too little of a line that nobody understands costs nothing; showing a password cannot be taken back.
//
// It is idempotent, as every mask: where the stars begin is told by octets that are never masked.
type guard struct {
	asked bool // AUTH was the last command: a line of base64 behind it is a response, whatever the server said
	more  bool // the line was cut inside a secret: what follows is the rest of it
}

// passwordWords announce a password in one of the mail protocols.
var passwordWords = [][]byte{[]byte("AUTHENTICATE"), []byte("AUTH"), []byte("LOGIN"), []byte("PASSWORD"), []byte("PASS")}

// behindPasswordWord gives the offset behind the first of passwordWords and the separators that follow it; -1 if
// nothing follows one.
func behindPasswordWord(line []byte) int {
	for i := range line {
		if i > 0 && !separates(line[i-1]) {
			continue
		}
		for _, word := range passwordWords {
			n := i + len(word)
			if n >= len(line) || !separates(line[n]) || !bytes.EqualFold(line[i:n], word) {
				continue
			}
			for n < len(line) && separates(line[n]) {
				n++
			}
			if n < len(line) {
				return n
			}
		}
	}
	return -1
}

func separates(c byte) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0 || c == ':' || c == '=' || c == '"'
}

// line gives a copy of a command line with what may be secret masked, or the line itself. known says that the protocol
// has a command of that name; of USER the argument is looked at all the same.
func (g *guard) line(l *leg, layer Layer, raw []byte, at int64, verb string, known bool) []byte {
	body := chomp(raw)
	from := -1
	switch {
	case g.more:
		from = 0
	case verb == "AUTH":
		g.asked = true
	case known && verb != "USER":
		g.asked = false
	case g.asked && likeSASL(body):
		from = 0
	default:
		from = behindPasswordWord(body)
	}
	if from >= 0 {
		raw = l.hide(Client, layer, raw, from, at, stars(len(body)-from))
	}
	secret := from >= 0 || verb == "AUTH" || verb == "PASS" || verb == "APOP"
	g.more = secret && raw[len(raw)-1] != '\n'
	return raw
}

// verbOf gives the verb of a command line in upper case, where it lies and where its argument begins. Blanks before the
// verb and tabs are out of rule, and no reason to show what follows.
func verbOf(body []byte) (verb string, at, end, arg int) {
	at = len(body) - len(bytes.TrimLeft(body, " \t"))
	word := body[at:]
	if i := bytes.IndexAny(word, " \t"); i >= 0 {
		word = word[:i]
	}
	end = at + len(word)
	for arg = end; arg < len(body) && (body[arg] == ' ' || body[arg] == '\t'); arg++ {
	}
	return upper(word), at, end, arg
}
