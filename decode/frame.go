package decode

import "bytes"

// Limits on what is incomplete; what is complete is never limited.
const (
	// maxLine is the longest line kept whole. RFC 5321 §4.5.3.1 allows 512 octets to a command and 998 to a text line,
	// IMAP lines with long sets and BODYSTRUCTUREs go far beyond; what is longer is shown in pieces of this size.
	maxLine = 256 << 10
	// maxReply is the longest multi-line SMTP reply kept whole.
	maxReply = 64 << 10
	// maxHeld is how much of a side is held back until the other side's word decides what it is (a command behind
	// DATA, AUTH, STARTTLS or a synchronising literal). Clients wait for that word, so more than this means a capture
	// of one side only, and the usual answer is assumed.
	maxHeld = 64 << 10
	// dataBlock is the size of one data event in a message body or literal. Blocks are counted from the start of the
	// body, so that they do not depend on how the octets arrived.
	dataBlock = 64 << 10
)

// frame is the only buffer of the protocol decoders: the octets of one side on one layer that are not consumed yet.
// It has two modes and no others: the next line, and the next n octets.
type frame struct {
	buf     []byte // not consumed; borrowed from the chunk during Feed, from store in between
	store   []byte
	room    *Room // where store is from
	at      int64 // offset of buf[0]
	layer   Layer
	scanned int  // of buf: octets known to hold no LF behind the line start asked for last
	ended   bool // nothing more comes, or a gap is next: what is incomplete is taken as it is
	forced  bool // the other side's word will not come: assume the usual
}

// feed appends data, without copying it where nothing was left over.
func (f *frame) feed(data []byte) {
	if len(f.buf) == 0 {
		f.buf = data
		return
	}
	f.keep()
	f.store = append(f.store, data...)
	f.buf = f.store
}

// keep makes what is left over our own before the chunk's data ceases to be valid.
func (f *frame) keep() {
	if len(f.buf) == 0 {
		f.room.giveBack(f.store)
		f.buf, f.store = nil, nil
		return
	}
	if len(f.store) == len(f.buf) && &f.store[0] == &f.buf[0] {
		return
	}
	old := f.store
	if cap(f.store) < len(f.buf) {
		f.store = f.room.store(len(f.buf))
	}
	f.store = f.store[:len(f.buf)]
	copy(f.store, f.buf)
	f.buf = f.store
	if cap(old) < len(f.buf) {
		f.room.giveBack(old)
	}
}

// take consumes n octets and gives their span.
func (f *frame) take(n int) Span {
	sp := Span{f.at, f.at + int64(n)}
	f.at, f.buf, f.scanned = sp.To, f.buf[n:], 0
	return sp
}

// lineFrom finds the line that starts at offset start of buf and gives the offset behind its LF. Without an LF it
// gives what there is once the line is over maxLine or nothing more comes; ok is false if more octets are needed.
func (f *frame) lineFrom(start int) (end int, ok bool) {
	from := max(start, f.scanned)
	if from < len(f.buf) {
		if i := bytes.IndexByte(f.buf[from:], '\n'); i >= 0 {
			if n := from + i + 1; n-start <= maxLine {
				return n, true
			}
			return start + maxLine, true
		}
		f.scanned = len(f.buf)
	}
	if len(f.buf)-start >= maxLine {
		return start + maxLine, true
	}
	return len(f.buf), f.ended && len(f.buf) > start
}

// line is the next line with its terminator, not consumed.
func (f *frame) line() ([]byte, bool) {
	end, ok := f.lineFrom(0)
	if !ok {
		return nil, false
	}
	return f.buf[:end], true
}

// held reports whether the octets may not be interpreted yet: the word of the other side is awaited and may still come.
func (f *frame) held() bool { return !f.forced && !f.ended && len(f.buf) <= maxHeld }

// chomp takes CRLF or a bare LF off a line.
func chomp(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
		if n > 1 && line[n-2] == '\r' {
			line = line[:n-2]
		}
	}
	return line
}
