package decode

import "bytes"

const (
	// minEcho is the shortest secret looked for anywhere in what a server says: shorter ones are found in ordinary words,
	// and stars in their place would tell more than they hide.
	minEcho = 6
	// minEchoWord is the shortest secret looked for as a word of its own in the text of a status. One or two octets are
	// half of all words there are.
	minEchoWord = 3
	// maxEcho and maxEchoes bound what is remembered of a session's secrets: the latest, none longer than a SASL line.
	maxEcho, maxEchoes = 12288, 16
	// maxHeardWords is how many words of one masked line are remembered each for itself.
	maxHeardWords = 8
)

// echo is a secret as the client sent it, and what stands for it. Servers repeat lines that they do not understand, an
// IMAP server as the tag of its answer, and so would show what was masked on its way to them.
type echo struct{ sent, with []byte }

// heard remembers a secret of the client's, of which the copy with the stars is as long.
func (l *leg) heard(sent, with []byte) {
	if len(sent) < minEchoWord || len(sent) > maxEcho || len(sent) != len(with) || bytes.Equal(sent, with) {
		return
	}
	if len(bytes.Trim(sent, "* ")) == 0 { // masked already
		return
	}
	for i := range l.echoes {
		if bytes.Equal(l.echoes[i].sent, sent) {
			return
		}
	}
	if len(l.echoes) == maxEchoes {
		l.echoes = l.echoes[:copy(l.echoes, l.echoes[1:])]
	}
	l.echoes = append(l.echoes, echo{bytes.Clone(sent), bytes.Clone(with)})
	if l.echoPairs == nil {
		l.echoPairs = new(pairSet)
	}
	*l.echoPairs = pairSet{}
	for i := range l.echoes {
		for _, at := range [2]int{0, 1} { // one of them stands at an even place, wherever the secret does
			l.echoPairs.add(l.echoes[i].sent[at], l.echoes[i].sent[at+1])
		}
	}
}

// pairSet is a set of pairs of octets that may hold a few more than were added: letters of either case are one.
type pairSet [64]uint64

func pairBit(a, b byte) uint { return (uint(a|0x20)<<6 ^ uint(b|0x20)) % (64 * 64) }

func (p *pairSet) add(a, b byte) { n := pairBit(a, b); p[n/64] |= 1 << (n % 64) }

// mayEcho reports whether one of the secrets can be in what a server says. Nearly everything is none, and this is told by
// looking at every other pair of octets once, however many secrets there are.
func (l *leg) mayEcho(said []byte) bool {
	pairs := l.echoPairs
	if pairs == nil {
		return false
	}
	for i := 0; i+1 < len(said); i += 2 {
		if n := pairBit(said[i], said[i+1]); pairs[n/64]&(1<<(n%64)) != 0 && l.echoesAt(said, i) {
			return true
		}
	}
	return false
}

// echoStart is how many octets of a secret are compared before it is looked for in earnest: enough that an ordinary word
// which begins like it does not pass for it, and few whatever the secret's length is.
const echoStart = 8

// echoesAt reports whether one of the secrets can begin at i, or at the octet before.
func (l *leg) echoesAt(said []byte, i int) bool {
	for k := range l.echoes {
		sent := l.echoes[k].sent
		sent = sent[:min(len(sent), echoStart)]
		for from := max(i-1, 0); from <= i && from+len(sent) <= len(said); from++ {
			n := 0
			for n < len(sent) && lowerOctet(said[from+n]) == lowerOctet(sent[n]) {
				n++
			}
			if n == len(sent) {
				return true
			}
		}
	}
	return false
}

// heardSecret remembers a secret that was sent in another form: inside base64.
func (l *leg) heardSecret(secret []byte) {
	if !l.s.o.ShowSecrets {
		l.heard(secret, stars(len(secret)))
	}
}

// heardLine remembers a line that nobody understood, and its words: of a password among them the server may repeat no
// more than that, or what their base64 says.
func (l *leg) heardLine(line []byte) {
	words := bytes.FieldsFunc(line, func(r rune) bool { return r <= ' ' || r == '"' || r == '(' || r == ')' })
	for i, w := range words {
		if i == maxHeardWords {
			break
		}
		l.heardSecret(w)
		if raw, enc := decodeBase64(w); enc != nil {
			for _, part := range bytes.FieldsFunc(raw, func(r rune) bool { return r < ' ' }) {
				if printable(part) {
					l.heardSecret(part)
				}
			}
		}
	}
	l.heardSecret(line)
}

// unecho gives a copy of data of a server's, at an offset of its stream, with secrets that it repeats masked, or the data
// itself.
func (l *leg) unecho(layer Layer, line []byte, at int64) []byte {
	if !l.mayEcho(line) {
		return line
	}
	for _, e := range l.echoes {
		if len(e.sent) < minEcho {
			continue
		}
		for from := 0; ; {
			i := bytes.Index(line[from:], e.sent)
			if i < 0 {
				break
			}
			line = l.hide(Server, layer, line, from+i, at, e.with)
			from += i + len(e.sent)
		}
	}
	return line
}

// unechoText is unecho for the text [from, to) of a status: in either case, and short secrets too where they are words.
func (l *leg) unechoText(layer Layer, line []byte, from, to int, at int64) []byte {
	for _, e := range l.echoes {
		for p := from; p+len(e.sent) <= to; {
			i := indexFold(line[p:to], e.sent)
			if i < 0 {
				break
			}
			p += i
			if n := p + len(e.sent); len(e.sent) >= minEcho || !within(line, p-1) && !within(line, n) {
				line = l.hide(Server, layer, line, p, at, e.with)
				p = n
			} else {
				p++
			}
		}
	}
	return line
}

// unechoLines is unechoText for each line of a reply, of which the first skip octets are its code.
func (l *leg) unechoLines(layer Layer, raw []byte, skip int, at int64) []byte {
	if !l.mayEcho(raw) {
		return raw
	}
	for from := 0; from < len(raw); {
		end := len(raw)
		if i := bytes.IndexByte(raw[from:], '\n'); i >= 0 {
			end = from + i + 1
		}
		raw = l.unechoText(layer, raw, min(from+skip, end), from+len(chomp(raw[from:end])), at)
		from = end
	}
	return raw
}

// within reports whether the octet at i belongs to a word.
func within(line []byte, i int) bool { return i >= 0 && i < len(line) && inWord(line[i]) }

// indexFold is bytes.Index, letters of ASCII in either case.
func indexFold(b, word []byte) int {
	first := lowerOctet(word[0])
	for i := 0; i+len(word) <= len(b); i++ {
		if lowerOctet(b[i]) != first {
			continue
		}
		n := 1
		for n < len(word) && lowerOctet(b[i+n]) == lowerOctet(word[n]) {
			n++
		}
		if n == len(word) {
			return i
		}
	}
	return -1
}

func lowerOctet(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
