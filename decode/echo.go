package decode

import "bytes"

const (
	// minEcho is the shortest secret looked for in what a server says: shorter ones are found in ordinary words, and
	// stars in their place would tell more than they hide.
	minEcho = 6
	// maxEcho and maxEchoes bound what is remembered of a session's secrets: the latest, none longer than a SASL line.
	maxEcho, maxEchoes = 12288, 8
)

// echo is a secret as the client sent it, and what stands for it. Servers repeat lines that they do not understand, an
// IMAP server as the tag of its answer, and so would show what was masked on its way to them.
type echo struct{ sent, with []byte }

// heard remembers a secret of the client's, of which the copy with the stars is as long.
func (l *leg) heard(sent, with []byte) {
	if len(sent) < minEcho || len(sent) > maxEcho || len(sent) != len(with) || bytes.Equal(sent, with) {
		return
	}
	if len(l.echoes) == maxEchoes {
		l.echoes = l.echoes[:copy(l.echoes, l.echoes[1:])]
	}
	l.echoes = append(l.echoes, echo{bytes.Clone(sent), bytes.Clone(with)})
}

// unecho gives a copy of a server's line, at an offset of its stream, with secrets that it repeats masked, or the line
// itself.
func (l *leg) unecho(layer Layer, line []byte, at int64) []byte {
	for _, e := range l.echoes {
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
