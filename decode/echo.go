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
	for i := range l.echoes {
		if bytes.Equal(l.echoes[i].sent, sent) {
			return
		}
	}
	if len(l.echoes) == maxEchoes {
		l.echoes = l.echoes[:copy(l.echoes, l.echoes[1:])]
	}
	l.echoes = append(l.echoes, echo{bytes.Clone(sent), bytes.Clone(with)})
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
	if len(l.echoes) == 0 {
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
