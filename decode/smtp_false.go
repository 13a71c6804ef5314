package decode

import (
	"bytes"
	"strconv"
)

// A dot alone between two line ends that are not both CRLF ends no message (RFC 5321 §4.1.1.4), but there are servers to
// which it does; what follows is commands to them, and that is how messages are smuggled. Which of the two it is, only
// the server's answer tells: behind such a dot the client's octets wait for it.
//
// Where the true end has come as well, one answer may be for either. More answers than the true reading has room for mean
// that the server took the dot for the end; the client's going on behind the first answer, that it did not.

// falseEnd is the false end under way.
type falseEnd struct {
	on      bool
	size    int // of the dot with its line end, with which the client's frame begins
	shape   string
	replied int64 // where the client's octets ended when the first answer was complete; 0 for none yet
	count   int   // false ends of this message
	passed  int64 // dots below this offset end nothing
	tail    [2]byte
}

// begin starts over with a text at offset at, behind a CRLF.
func (d *falseEnd) begin(at int64) { *d = falseEnd{passed: at, tail: [2]byte{'\r', '\n'}} }

// took keeps the last octets of what was taken.
func (d *falseEnd) took(b []byte) {
	switch n := len(b); {
	case n > 1:
		d.tail = [2]byte{b[n-2], b[n-1]}
	case n == 1:
		d.tail = [2]byte{d.tail[1], b[0]}
	}
}

// ending is what a dot in a message may be.
type ending uint8

const (
	endNone  ending = iota // none of them ends it
	endTrue                // the dot of the terminator
	endFalse               // one that may be a false end
)

// find gives the place of the first dot in b, which begins at offset at, that is the true end or may be a false one, and
// a false end's size with its line end; the size is 0 where more octets are needed to tell. Clean lines are passed over.
func (d *falseEnd) find(b []byte, at int64, clean *cleanLines) (dot, size int, what ending) {
	if d.count >= maxFalseEnds {
		if i := IndexTextEnd(b); i >= 0 {
			return i + len(cr) + len(lf), 0, endTrue
		}
		return 0, 0, endNone
	}
	from := max(0, int(min(d.passed-at, int64(len(b)))))
	for i := from; i < len(b); i++ {
		var to int
		i, to = clean.skip(b, at, i)
		k := bytes.IndexByte(b[i:to], '.')
		if k < 0 {
			i = to - 1
			continue
		}
		i += k
		before := d.lineEnd(b, i)
		if before < 0 {
			continue
		}
		rest := b[i+1:]
		switch {
		case len(rest) == 0, len(rest) == 1 && rest[0] == '\r':
			return i, 0, endFalse
		case rest[0] == '\n':
			d.shape = lineEnd(before).String() + "." + endLF.String()
			return i, 2, endFalse
		case rest[0] != '\r':
		case rest[1] != '\n':
			d.shape = lineEnd(before).String() + "." + endCR.String()
			return i, 2, endFalse
		case lineEnd(before) == endCRLF:
			return i, 0, endTrue
		default:
			d.shape = lineEnd(before).String() + "." + endCRLF.String()
			return i, 3, endFalse
		}
	}
	return 0, 0, endNone
}

// lineEnd gives what line end stands before b[i], -1 for none.
func (d *falseEnd) lineEnd(b []byte, i int) int {
	octet := func(i int) byte {
		if i < 0 {
			return d.tail[2+i]
		}
		return b[i]
	}
	switch octet(i - 1) {
	case '\r':
		return int(endCR)
	case '\n':
		if octet(i-2) == '\r' {
			return int(endCRLF)
		}
		return int(endLF)
	}
	return -1
}

// stop gives how many octets of the frame may be taken as text: those before a dot that ends it, which are all of it
// (end), or that may be a false end.
func (s *smtp) stop(f *frame) (stop int, end bool) {
	dot, size, what := s.false.find(f.buf, f.at, &s.text.clean)
	switch {
	case what == endTrue:
		return dot, true
	case what == endNone || size == 0 && f.ended:
		return len(f.buf), false
	case size > 0 && dot == 0:
		s.false.on, s.false.size = true, size
	}
	return dot, false
}

// doubtful goes on behind a false end if its meaning is clear now: false if it is not.
func (s *smtp) doubtful(f *frame) bool {
	d := &s.false
	if f.held() && (d.replied == 0 || f.at+int64(len(f.buf)) <= d.replied) {
		return false
	}
	s.goOn(f)
	return true
}

// goOn takes a false end for what it is by the RFC, text, and all behind it that is there: the server's answers come after
// that.
func (s *smtp) goOn(f *frame) {
	s.false.on = false
	s.false.count++
	s.false.passed = f.at + 1
	for !s.false.on && s.saidBefore(f) && s.step(Client, f) {
	}
}

// later gives the offset in b, which begins at offset at with the false end, behind the true end, or else behind the last
// false one; 0 if there is no other.
func (d *falseEnd) later(b []byte, at int64) (end int) {
	if i := IndexTextEnd(b[d.size-1:]); i >= 0 {
		return d.size - 1 + i + len(terminator)
	}
	next := *d
	for next.count++; ; next.count++ {
		next.passed = at + int64(max(d.size, end))
		dot, size, what := next.find(b, at, &cleanLines{})
		if what != endFalse || size == 0 {
			return end
		}
		end = dot + size
	}
}

// saidBefore reports whether the client's next unit was sent before the server's first answer. Text always was.
func (s *smtp) saidBefore(f *frame) bool {
	d := &s.false
	if d.replied == 0 || s.expect == expectData {
		return true
	}
	end, ok := f.lineFrom(0)
	return ok && f.at+int64(end) <= d.replied
}

// answered looks at the server's octets behind a false end: true if it is clear now what the server did.
func (s *smtp) answered(f *frame) bool {
	d := &s.false
	c := s.l.sides[Client].app()
	replies, first, last := countReplies(f.buf)
	switch {
	case replies == 0 && f.held():
		return false
	case replies == 0 || first == "421" || first[0] == '3':
		s.goOn(c)
		return true
	}
	if d.replied == 0 {
		d.replied = c.at + int64(len(c.buf))
	}
	sent := c.buf[:min(max(0, d.replied-c.at), int64(len(c.buf)))] // before the first answer
	if len(sent) < d.size {
		s.goOn(c)
		return true
	}
	room := 0 // for answers, were the dot no end
	if end := d.later(sent, c.at); end > 0 {
		room = 1
		if s.lmtp {
			room = len(s.rcpts)
		}
		room += bytes.Count(sent[end:], lf)
	}
	if replies > room {
		s.endFalse(c)
		return true
	}
	if f.held() && !c.forced && !c.ended && (replies < room || last != "221") {
		return false
	}
	s.goOn(c)
	return true
}

// countReplies gives how many replies are complete, and the codes of the first and the last.
func countReplies(b []byte) (n int, first, last string) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		line := b[:i+1]
		if b = b[i+1:]; isReplyLine(line) && line[3] != '-' {
			last = string(line[:3])
			if n++; n == 1 {
				first = last
			}
		}
	}
	return n, first, last
}

// endFalse ends the message where the server did.
func (s *smtp) endFalse(f *frame) {
	n := len(s.l.s.evs)
	s.message.end()
	s.noteText(n)
	d := &s.false
	e := s.l.emit(Client, f, f.take(d.size), s.kinds.end)
	e.add("octets", strconv.FormatInt(s.message.total, 10), Span{})
	s.message.addDecoded(e)
	e.add("line", ".", Span{e.Span.From, e.Span.From + 1})
	e.add("shape", d.shape, Span{})
	e.note("smtp.data.end.false")
	e.noteAt("lint.smuggling", e.Span, Field{Name: "shape", Value: d.shape})
	e.Re = s.dataCmd
	s.false.on = false
	s.expect = expectCommand
	s.complete()
}
