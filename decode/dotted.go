package decode

import "bytes"

// terminator ends a dot-stuffed text (RFC 5321 §4.1.1.4, RFC 1939 §3). Its first CRLF belongs to the text.
var terminator = []byte("\r\n.\r\n")

// dotted takes what is there of a dot-stuffed text. ended says that the ".CRLF" comes next in the frame.
func (m *message) dotted(f *frame) (progress, ended bool) {
	if m.total == 0 {
		// at the very start the CRLF before the dot is that of the line before
		switch lone := terminator[2:]; {
		case bytes.HasPrefix(f.buf, lone):
			return true, true
		case len(f.buf) < len(lone) && bytes.HasPrefix(lone, f.buf) && !f.ended:
			return false, false
		}
	}
	from := 0
	if m.clean.To > f.at { // the terminator may begin with their last line end
		from = int(min(m.clean.To-f.at, int64(len(f.buf)))) - 2
	}
	if i := IndexTextEnd(f.buf[from:]); i >= 0 {
		m.take(f, from+i+2)
		return true, true
	}
	return m.undotted(f, len(f.buf)), false
}

// undotted takes what is there of a text in which no terminator is complete, but none of its octets from stop on, and
// reports whether there was any. An octet that might begin the terminator stays in the frame.
func (m *message) undotted(f *frame, stop int) bool {
	n := len(f.buf)
	if !f.ended {
		n -= partial(f.buf, terminator)
	}
	if n = min(n, stop); n == 0 {
		return false
	}
	m.take(f, n)
	return true
}

// IndexTextEnd gives where in b the CRLF.CRLF stands that ends a dot-stuffed text (RFC 5321 §4.1.1.4, RFC 1939 §3), -1 if it
// is not there. It looks for the dot, of which most texts have few; where there are more, it passes over clean lines first.
func IndexTextEnd(b []byte) int {
	for at, met := 2, 0; at < len(b); at++ {
		i := bytes.IndexByte(b[at:], '.')
		if i < 0 || at+i+2 >= len(b) {
			return -1
		}
		at += i
		if b[at-1] == '\n' && b[at+1] == '\r' && b[at-2] == '\r' && b[at+2] == '\n' {
			return at - 2
		}
		if met++; met == fewDots {
			if i := bytes.IndexByte(b[at:], '\n'); i >= 0 {
				c := findCleanLines(b[at+i+1:], int64(at+i+1))
				at = max(at, int(c.To)-1)
			}
		}
	}
	return -1
}

// cleanLines are whole lines of a text that follow one another, none of them over maxTextLine: each ends in CRLF and holds
// no other CR, and none begins with a dot that is not doubled. Nothing is to be said of their ends, and no dot in them is
// the end of the text, whoever reads it: whoever looks for one passes over them.
type cleanLines struct {
	Span
	last    int64 // where the last one begins
	lines   int
	dotless bool // none begins with a dot at all
}

// findCleanLines gives the clean lines that b begins with; b begins a line, at offset at.
func findCleanLines(b []byte, at int64) cleanLines {
	c := passLines(b, true)
	if bytes.Count(b[:c.To], lf) != c.lines { // a line that is as long as the one before is two
		c = passLines(b, false)
	}
	if bytes.Count(b[:c.To], cr) != c.lines {
		return cleanLines{}
	}
	c.From, c.To, c.last = at, at+c.To, at+c.last
	return c
}

// passLines is findCleanLines, but for CRs in the lines. The lines of a text are often all of one length: with alike, where
// a line end is in the place in which it was in the line before, no other is looked for in front of it.
func passLines(b []byte, alike bool) (c cleanLines) {
	n, last, size := 0, 0, 0
	c.dotless = true
	for n < len(b) {
		if b[n] == '.' {
			if n+1 == len(b) || b[n+1] != '.' {
				break
			}
			c.dotless = false
		}
		if end := n + size; !alike || size == 0 || end > len(b) || b[end-1] != '\n' || b[end-2] != '\r' {
			i := bytes.IndexByte(b[n:], '\n')
			if i < 1 || i >= maxTextLine || b[n+i-1] != '\r' {
				break
			}
			size = i + 1
		}
		last, n = n, n+size
		c.lines++
	}
	c.To, c.last = int64(n), int64(last)
	return c
}

// skip is for a search in b, which begins at offset at, that has come to i: it goes on there, or behind the clean lines if
// it has come to them, and only so far.
func (c *cleanLines) skip(b []byte, at int64, i int) (from, to int) {
	switch pos := at + int64(i); {
	case pos < c.From:
		return i, int(min(c.From-at, int64(len(b))))
	case pos < c.To:
		return int(min(c.To-at, int64(len(b)))), len(b)
	}
	return i, len(b)
}

// partial is the length of the longest end of b that is a beginning of pattern.
func partial(b, pattern []byte) int {
	for n := min(len(b), len(pattern)-1); n > 0; n-- {
		if bytes.HasPrefix(pattern, b[len(b)-n:]) {
			return n
		}
	}
	return 0
}
