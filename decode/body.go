package decode

import "bytes"

// body is a message (or a literal) passing by: its octets become events without being kept.
type body struct {
	sd    *side
	run   octets
	total int64 // octets so far, as on the wire
}

// begin starts a message at the frame's position. family begins the kinds of its events; stuffed says that a leading
// dot of a line is doubled (RFC 5321 §4.5.2).
func (b *body) begin(sd *side, f *frame, family string, stuffed bool) {
	*b = body{sd: sd}
	b.run.begin(family+".data.data", f)
}

// take takes n octets of the message from the frame.
func (b *body) take(f *frame, n int) {
	b.total += int64(n)
	b.run.add(b.sd, f, n)
}

// gap says that n octets (n < 0: an unknown number) of the message were not captured.
func (b *body) gap(n int64) {
	if n > 0 {
		b.total += n
	}
}

// flush tells what is under way, at the end of a chunk, before a gap or when nothing more comes.
func (b *body) flush() {
	if b.sd != nil {
		b.run.flush(b.sd)
	}
}

// end ends the message.
func (b *body) end() { b.flush() }

// terminator ends a dot-stuffed text (RFC 5321 §4.1.1.4, RFC 1939 §3). Its first CRLF belongs to the text.
var terminator = []byte("\r\n.\r\n")

// dotted takes what is there of a dot-stuffed text. ended says that the ".CRLF" comes next in the frame; an octet that
// might begin the terminator stays there too.
func (b *body) dotted(f *frame) (progress, ended bool) {
	if b.total == 0 {
		// at the very start the CRLF before the dot is that of the line before
		switch lone := terminator[2:]; {
		case bytes.HasPrefix(f.buf, lone):
			return true, true
		case len(f.buf) < len(lone) && bytes.HasPrefix(lone, f.buf) && !f.ended:
			return false, false
		}
	}
	if i := bytes.Index(f.buf, terminator); i >= 0 {
		b.take(f, i+2)
		return true, true
	}
	n := len(f.buf)
	if !f.ended {
		n -= partial(f.buf, terminator)
	}
	if n == 0 {
		return false, false
	}
	b.take(f, n)
	return true, false
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
