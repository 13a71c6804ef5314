package decode

import "bytes"

// imapUnit is the command or response of a side that is being read: lines, joined by literals.
type imapUnit struct {
	next     int // of the frame's octets: read so far
	last     int // of them: where the last line begins
	raw      []byte
	segments []imapSegment
	literals []imapLiteral
	told     int     // of raw: shown by an imap.data.begin already
	shown    bool    // the last line is in raw, and its literal in literals
	inside   int64   // octets of literals kept
	tokens   []Field // of the URLs in it

	literal   bool  // a literal is next
	left      int64 // its octets still to come
	waiting   bool  // the client waits for the go-ahead (RFC 9051 §4.3)
	granted   bool  // it was given
	streaming bool  // the literal passes as data events
	secret    bool  // and is a secret
	began     int   // Seq of its imap.data.begin
	answered  bool  // the tagged response came before the end of the command
	broken    bool  // a line over every limit is under way
	odd       bool  // behind a literal, at oddAt, the line does not go on as it should
	oddAt     int64
	data      message
}

// unit reads a command or response: a line, and for every literal at its end the octets and one line more.
func (p *imap) unit(from Side, f *frame) bool {
	u := &p.units[from]
	for {
		if u.literal {
			switch ready, ok := p.inside(u, f); {
			case !ready:
				return false
			case !ok:
				// cut short by the end of the session: what came of a password is one
				if cut := len(f.buf); from == Client && cut > u.next && u.mayHoldPassword() {
					p.l.sides[from].mask(f.layer, Span{f.at + int64(u.next), f.at + int64(cut)}, nil)
				}
				u.last = len(f.buf) // its last octets are no line
				p.finish(from, f, len(f.buf))
				return true
			}
		}
		end, ok := f.lineFrom(u.next)
		if !ok {
			if f.ended && len(f.buf) > 0 {
				p.finish(from, f, len(f.buf))
				return true
			}
			return false
		}
		line := f.buf[u.next:end]
		whole := line[len(line)-1] == '\n'
		line = chomp(line)
		if from == Server && len(p.l.echoes) > 0 {
			line = p.unecho(f.layer, line, f.at+int64(u.next))
		}
		line, p.units[from].tokens = p.l.hideTokens(from, f.layer, line, f.at+int64(u.next), p.units[from].tokens)
		u.last = u.next
		at, size, sync, marked := literalMarker(line)
		if marked = marked && whole && u.admits(from, line); !marked && len(u.segments) == 0 {
			p.single(from, f, line, end) // by far the most: one line, nothing to join
			u.broken = !whole && !f.ended
			return true
		}
		if from == Client && marked && len(u.segments) == 0 {
			line = p.hideEarly(f.layer, line, f.at+int64(u.next), at)
		}
		u.shown = u.join(line, f.at+int64(u.next), f.at+int64(end), at, size, marked)
		u.next = end
		if !marked {
			p.finish(from, f, end)
			u.broken = !whole && !f.ended
			return true
		}
		u.literal, u.left, u.waiting, u.granted = true, size, from == Client && sync, false
		if p.passes(from, u, size) {
			p.begin(from, f)
			return true
		}
		u.inside += size
	}
}

// single emits a command or response of one line, the first n octets of the frame.
func (p *imap) single(from Side, f *frame, line []byte, n int) {
	b := &p.build
	if from == Server {
		p.settle(line)
		b.begin(from, f)
		b.t.one(p.l.s.room.text(line), f.at)
		p.response(f, n)
		return
	}
	b.begin(from, f)
	b.t.one(p.l.s.room.text(line), f.at)
	p.command(f, n)
}

// finish emits the command or response that the first n octets of the frame end.
func (p *imap) finish(from Side, f *frame, n int) {
	u := &p.units[from]
	if len(u.segments) == 0 {
		return
	}
	b := &p.build
	b.begin(from, f)
	b.t.join(u)
	if from == Server {
		p.response(f, n)
	} else {
		p.command(f, n)
	}
	u.reset()
}

// inside passes over a literal that stays in the event. ready is false if it takes more octets, ok if they will not come.
func (p *imap) inside(u *imapUnit, f *frame) (ready, ok bool) {
	if u.waiting && !u.granted {
		if f.held() {
			return false, false
		}
		if len(f.buf) == u.next {
			return f.ended, false
		}
	}
	if int64(len(f.buf)-u.next) < u.left {
		return f.ended, false
	}
	n := u.next + int(u.left)
	if last := len(u.literals) - 1; last >= 0 && u.shown {
		octets, from, at := f.buf[u.next:n], Client, f.at+int64(u.next)
		if u == &p.units[Server] {
			from = Server
			octets = p.l.unecho(f.layer, octets, at)
		}
		octets, p.units[from].tokens = p.l.hideTokens(from, f.layer, octets, at, p.units[from].tokens)
		u.literals[last].text, u.literals[last].held = string(octets), true
	}
	u.next, u.last, u.literal, u.waiting = n, n, false, false // a line may not come: the octets are none
	return true, true
}

// join adds the line at offset off of the stream to the text; at and size are those of the literal it ends in, if it
// does, whose octets begin at behind.
func (u *imapUnit) join(line []byte, off, behind int64, at int, size int64, marked bool) bool {
	if len(u.segments) > 0 {
		if len(line) > 0 && !u.odd && line[0] != ' ' && line[0] != ')' && line[0] != ']' {
			u.odd, u.oddAt = true, off
		}
		if len(u.raw) > maxLine || len(u.segments) > maxLiterals {
			return false // shown no further, but read to the end
		}
		u.raw = append(u.raw, '\n')
	}
	base := len(u.raw)
	u.segments = append(u.segments, imapSegment{base, off})
	u.raw = append(u.raw, line...)
	if marked {
		u.literals = append(u.literals, imapLiteral{from: base + at, to: len(u.raw), size: size, off: behind})
	}
	return true
}

// oddFrom notes that the line at offset off does not go on as it should.
func (u *imapUnit) oddFrom(off int64) {
	if !u.odd || off < u.oddAt {
		u.odd, u.oddAt = true, off
	}
}

// reset makes the unit ready for the next command or response.
func (u *imapUnit) reset() {
	if cap(u.raw) > maxLine {
		u.raw = nil
	}
	*u = imapUnit{raw: u.raw[:0], segments: u.segments[:0], literals: u.literals[:0], data: u.data}
}

// admits reports whether a {n} at the end of a line can be a literal: not in a quoted string, not in the text of a
// status response or of a continuation, which is free (RFC 9051 §7.1, resp-text).
func (u *imapUnit) admits(from Side, line []byte) bool {
	first := line
	if len(u.segments) > 0 {
		first = u.raw
	}
	if from == Server {
		tag, rest, _ := bytes.Cut(first, []byte{' '})
		word, _, _ := bytes.Cut(rest, []byte{' '})
		if len(tag) == 1 && tag[0] == '+' || isStatus(word) || numbersOnly(rest) {
			return false
		}
	}
	return !inQuotes(line)
}

// numbersOnly reports whether data has no place for a string, and so none for a literal.
func numbersOnly(data []byte) bool {
	word, rest, _ := bytes.Cut(data, []byte{' '})
	if len(word) > 0 && digit(word[0]) {
		word, _, _ = bytes.Cut(rest, []byte{' '})
	}
	switch upper(word) {
	case "CAPABILITY", "ENABLED", "FLAGS", "SEARCH", "SORT", "THREAD", "EXISTS", "RECENT", "EXPUNGE", "VANISHED":
		return true
	}
	return false
}

// isStatus reports whether a word begins a status response.
func isStatus(word []byte) bool {
	switch len(word) {
	case 2, 3, 7:
		return bytes.EqualFold(word, []byte("OK")) || bytes.EqualFold(word, []byte("NO")) || bytes.EqualFold(word, []byte("BAD")) ||
			bytes.EqualFold(word, []byte("BYE")) || bytes.EqualFold(word, []byte("PREAUTH"))
	}
	return false
}

// inQuotes reports whether a line ends inside a quoted string.
func inQuotes(line []byte) bool {
	in := false
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '"':
			in = !in
		case '\\':
			if in {
				i++
			}
		}
	}
	return in
}

// tagOf gives the tag of the command a side is sending.
func (u *imapUnit) tagOf() string {
	tag, _, _ := bytes.Cut(u.raw, []byte{' '})
	return string(tag)
}

// one makes the text of a single line, which is at offset off of the stream.
func (t *imapText) one(line string, off int64) {
	t.s, t.line, t.base = line, true, off
	t.segments = append(t.segments[:0], imapSegment{0, off})
	t.literals = t.literals[:0]
}

// join makes the text of a unit of several lines.
func (t *imapText) join(u *imapUnit) {
	t.s, t.line = string(u.raw), false
	t.segments = append(t.segments[:0], u.segments...)
	t.literals = append(t.literals[:0], u.literals...)
}

// tail makes the text of what a unit has read since its last imap.data.begin.
func (t *imapText) tail(u *imapUnit) {
	from := u.told
	if from > 0 && from < len(u.raw) {
		from++ // the \n that stands for the literal before
	}
	t.s, t.line = string(u.raw[from:]), false
	t.segments, t.literals = t.segments[:0], t.literals[:0]
	first := len(u.segments)
	for first > 0 && u.segments[first-1].at >= from {
		first--
	}
	for _, g := range u.segments[first:] {
		t.segments = append(t.segments, imapSegment{g.at - from, g.off})
	}
}
