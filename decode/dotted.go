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
	if i := indexTerminator(f.buf); i >= 0 {
		m.take(f, i+2)
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

// indexTerminator is bytes.Index of the terminator. It looks for the dot: every line has a CRLF, few octets are dots.
func indexTerminator(b []byte) int {
	for at := 2; at < len(b); at++ {
		i := bytes.IndexByte(b[at:], '.')
		if i < 0 || at+i+2 >= len(b) {
			return -1
		}
		at += i
		if b[at-1] == '\n' && b[at+1] == '\r' && b[at-2] == '\r' && b[at+2] == '\n' {
			return at - 2
		}
	}
	return -1
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
