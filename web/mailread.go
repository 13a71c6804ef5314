package web

import (
	"io"

	"facteur/decode"
)

// mailReader gives the octets of a message as they were before they were put on the wire: dots unstuffed, chunks joined,
// nothing else touched. What the hub no longer keeps, or the capture never had, is missing from it and counted.
type mailReader struct {
	octets *octetStore
	mail   *mail

	// gap, if set, is told of every stretch that is missing: at is how many octets were given before it.
	gap     func(at, octets int64)
	at      int64
	missing int64
	bol     bool // the next octet begins a line
}

// read hands the octets of the message that lie in a span of its stream to w, until w has enough.
func (r *mailReader) read(span decode.Span, w func([]byte) bool) {
	r.bol = true
	for _, run := range r.mail.runs {
		part := decode.Span{From: max(run.From, span.From), To: min(run.To, span.To)}
		if part.Len() <= 0 {
			continue
		}
		if run.lost {
			r.miss(part.Len())
			continue
		}
		for part.From < part.To {
			pieces, given, ok := r.octets.get(r.mail.session, r.mail.which, part, maxSpan)
			if !ok {
				r.miss(part.Len())
				break
			}
			if given.From > part.From {
				r.miss(given.From - part.From)
			}
			for _, piece := range pieces {
				if !r.give(piece, w) {
					return
				}
			}
			part.From = given.To
		}
	}
}

func (r *mailReader) miss(n int64) {
	if r.gap != nil {
		r.gap(r.at, n)
	}
	r.missing += n
	r.bol = false
}

// give hands octets on without the stuffing.
func (r *mailReader) give(b []byte, w func([]byte) bool) bool {
	if !r.mail.stuffed {
		r.at += int64(len(b))
		return w(b)
	}
	from := 0
	for i, c := range b {
		if r.bol && c == '.' {
			if i > from {
				r.at += int64(i - from)
				if !w(b[from:i]) {
					return false
				}
			}
			from = i + 1
		}
		r.bol = c == '\n'
	}
	if from == len(b) {
		return true
	}
	r.at += int64(len(b) - from)
	return w(b[from:])
}

// whole is the span of everything.
func (m *mail) whole() decode.Span {
	if len(m.runs) == 0 {
		return decode.Span{}
	}
	return decode.Span{From: m.runs[0].From, To: m.runs[len(m.runs)-1].To}
}

// measure counts the octets of a message and tells what is missing of it.
func (m *mail) measure(o *octetStore) (octets int64, gaps [][2]int64) {
	r := mailReader{octets: o, mail: m, gap: func(at, n int64) { gaps = append(gaps, [2]int64{at, n}) }}
	r.read(m.whole(), func([]byte) bool { return true })
	return r.at, gaps
}

// copy writes the octets [from, to) of a message to w.
func (m *mail) copy(w io.Writer, o *octetStore, from, to int64) error {
	var err error
	at := int64(0)
	r := mailReader{octets: o, mail: m}
	r.read(m.whole(), func(b []byte) bool {
		begin := at
		at += int64(len(b))
		if at <= from {
			return true
		}
		_, err = w.Write(b[max(0, from-begin):min(int64(len(b)), to-begin)])
		return err == nil && at < to
	})
	return err
}

// body reads a part's content as it was sent, at most limit octets.
func (m *mail) body(o *octetStore, p *mailPart, limit int) (b []byte, missing int64, more bool) {
	r := mailReader{octets: o, mail: m}
	r.read(decode.Span{From: p.from, To: p.to}, func(piece []byte) bool {
		if room := limit - len(b); len(piece) > room {
			b, more = append(b, piece[:room]...), true
			return false
		}
		b = append(b, piece...)
		return true
	})
	if p.trim && !more {
		b = trimLineEnd(b)
	}
	return b, r.missing, more
}

func trimLineEnd(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		if b = b[:n-1]; n > 1 && b[n-2] == '\r' {
			b = b[:n-2]
		}
	}
	return b
}
