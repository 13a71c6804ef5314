package captures

import (
	"bytes"
	"strings"

	"facteur/decode"
)

const (
	// maxLoose is how many octets of a message in chunks wait to be understood: as many as the longest header field that
	// decode takes apart.
	maxLoose = 64 << 10
	// maxLooseBoundary is the longest line that may be a boundary: "--", 70 octets (RFC 2046 §5.1.1), "--", and padding.
	maxLooseBoundary = 256
)

// loose are octets of a message in chunks (BDAT, RFC 3030) of which only a later chunk tells what they are: the beginning
// of a header field or of a boundary, behind which a chunk ends.
type loose struct {
	pieces []decode.Span // where they stand; the commands of the chunks are between them
	text   []byte
	bol    bool // they begin a line
}

func (l *loose) add(span decode.Span, octets []byte) {
	l.pieces, l.text = append(l.pieces, span), append(l.text, octets...)
}

// each visits the pieces of text[:n].
func (l *loose) each(n int, visit func(span decode.Span, from, to int)) {
	from := 0
	for _, p := range l.pieces {
		to := min(n, from+int(p.Len()))
		if from >= to {
			return
		}
		visit(decode.Span{From: p.From, To: p.From + int64(to-from)}, from, to)
		from = to
	}
}

// drop forgets text[:n].
func (l *loose) drop(n int) {
	if n == 0 {
		return
	}
	l.bol = l.text[n-1] == '\n'
	l.text = append(l.text[:0], l.text[n:]...)
	for i := range l.pieces {
		p := &l.pieces[i]
		if k := int64(n); k < p.Len() {
			p.From += k
			l.pieces = append(l.pieces[:0], l.pieces[i:]...)
			return
		}
		n -= int(p.Len())
	}
	l.pieces = l.pieces[:0]
}

// chunked treats an event of a message in chunks. It reports whether nothing is left to do for it.
func (a *anonymity) chunked(at place, s *reading, e *decode.Event, octets []byte) bool {
	switch all := len(s.loose.text); {
	case strings.HasSuffix(e.Kind, ".data.data"):
		a.piece(at, s, e.Span, octets)
		return true
	case e.Kind == "message.header" && !whole(e, "name"):
		s.loose.add(e.Span, octets)
		s.field = e.Field("name")
		a.looseChanged(at, s, a.header(e, s.loose.text, true))
		return true
	case e.Kind == "message.boundary" && !whole(e, "boundary"):
		a.settle(at, s, bytes.LastIndexByte(s.loose.text, '\n')+1)
		s.loose.drop(len(s.loose.text)) // the boundary's beginning, which stays
	case strings.EqualFold(e.Field("verb"), "BDAT"), strings.HasSuffix(e.Kind, ".data.begin"), strings.HasSuffix(e.Kind, ".data.end") && !s.last:
		return true // what is loose stays so, and numbers name nobody
	default:
		a.settle(at, s, all)
	}
	return false
}

// whole reports whether a field of an event was read from the event's own octets.
func whole(e *decode.Event, name string) bool {
	for i := range e.Fields {
		if e.Fields[i].Name == name {
			return e.Fields[i].Span.Len() > 0
		}
	}
	return false
}

// piece takes octets that are neither a header field nor a boundary, as far as their chunk tells.
func (a *anonymity) piece(at place, s *reading, span decode.Span, octets []byte) {
	l := &s.loose
	if int64(len(octets)) < span.Len() { // the capture missed some: they go on with nothing
		a.settle(at, s, len(l.text))
		a.prose(at, s, span, octets)
		return
	}
	if n := len(l.text); n > 0 && l.text[n-1] == '\n' && !blank(octets[0]) { // the end of one field, the beginning of another
		a.settle(at, s, n)
	}
	l.add(span, octets)
	n := len(l.text)
	if s.part == nil && n <= maxLoose {
		return
	}
	last := bytes.LastIndexByte(l.text, '\n') + 1
	if line := l.text[last:]; s.part == nil || last == 0 && !l.bol || len(line) > maxLooseBoundary ||
		!bytes.HasPrefix(line, []byte("--")) && string(line) != "-" {
		last = n
	}
	a.settle(at, s, last)
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// settle treats the first n octets of what is loose as what they are if nothing else is said of them: body, or the folded
// rest of a header field.
func (a *anonymity) settle(at place, s *reading, n int) {
	if n == 0 {
		return
	}
	if s.part == nil && blank(s.loose.text[0]) {
		with := a.folded(s.field, s.loose.text[:n])
		a.looseChanged(at, s, with)
		return
	}
	s.loose.each(n, func(span decode.Span, from, to int) { a.prose(at, s, span, s.loose.text[from:to]) })
	s.loose.drop(n)
}

// looseChanged puts with in the place of the first octets of what is loose.
func (a *anonymity) looseChanged(at place, s *reading, with []byte) {
	s.loose.each(len(with), func(span decode.Span, from, to int) {
		a.changed(at, span, s.loose.text[from:to], with[from:to])
	})
	s.loose.drop(len(with))
}
