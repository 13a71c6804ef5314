package tlswire

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// reader reads the presentation language of TLS (RFC 9846 section 3) and keeps the offsets within the message. It never
// goes beyond its end: what is missing reads as zero and sets short.
type reader struct {
	raw      []byte // the whole message
	off, end int
	short    bool
}

func newReader(raw []byte, off int) *reader {
	return &reader{raw: raw, off: min(off, len(raw)), end: len(raw)}
}

func (r *reader) left() int { return r.end - r.off }

func (r *reader) bytes(n int) []byte {
	if n > r.left() {
		r.short = true
		n = r.left()
	}
	b := r.raw[r.off : r.off+n : r.off+n]
	r.off += n
	return b
}

func (r *reader) u8() int {
	if b := r.bytes(1); len(b) == 1 {
		return int(b[0])
	}
	return 0
}

func (r *reader) u16() int {
	if b := r.bytes(2); len(b) == 2 {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) u24() int {
	if b := r.bytes(3); len(b) == 3 {
		return int(b[0])<<16 | int(b[1])<<8 | int(b[2])
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.bytes(4); len(b) == 4 {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// sub reads a vector whose length has n octets (1 to 3) and gives a reader of its contents.
func (r *reader) sub(n int) *reader {
	length := 0
	switch n {
	case 1:
		length = r.u8()
	case 2:
		length = r.u16()
	case 3:
		length = r.u24()
	}
	from := r.off
	r.bytes(length)
	return &reader{raw: r.raw, off: from, end: r.off, short: r.short}
}

// rest takes what is left.
func (r *reader) rest() []byte { return r.bytes(r.left()) }

// builder collects what a message says.
type builder struct {
	limit  int // octets of the message: what lies behind it was not there
	fields []Field
	notes  []Note
}

// add appends a field with its octets; values that would be empty, or of which no octet was there, are left out.
func (b *builder) add(name, value string, from, to int) {
	if value == "" || len(b.fields) >= maxFields || to > from && from >= b.limit {
		return
	}
	b.fields = append(b.fields, Field{Name: name, Value: value, From: max(from, 0), To: min(to, b.limit)})
}

func (b *builder) hex(name string, v []byte, from int) {
	b.add(name, hexOf(v), from, from+len(v))
}

func (b *builder) note(id string, from, to int, args ...Field) {
	if len(b.notes) < maxFields && (to == from || from < b.limit) {
		b.notes = append(b.notes, Note{ID: id, Args: args, From: max(from, 0), To: min(to, b.limit)})
	}
}

const (
	// maxFields limits fields and notes of a message. The largest real ClientHello has about 60.
	maxFields = 512
	// maxHex limits the octets shown of an opaque value: a 2 KiB key share is cut, its octets are in the message anyway.
	maxHex = 64
	// maxList limits the items of one list value (suites, groups, names). IANA has about 380 suites.
	maxList = 512
	// maxText limits the octets of a name taken from the wire.
	maxText = 1024
)

// hexOf writes opaque octets in hex, cut at maxHex.
func hexOf(v []byte) string {
	if len(v) > maxHex {
		return hex.EncodeToString(v[:maxHex]) + "… (" + strconv.Itoa(len(v)) + ")"
	}
	return hex.EncodeToString(v)
}

// text makes a name from the wire printable: control octets and what is not ASCII become \xNN, so that nothing can
// break a line or hide.
func text(v []byte) string {
	if len(v) > maxText {
		v = v[:maxText]
	}
	out := make([]byte, 0, len(v))
	for _, c := range v {
		if c < 0x20 || c > 0x7e || c == '\\' {
			out = append(out, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			continue
		}
		out = append(out, c)
	}
	return string(out)
}

const hexDigits = "0123456789abcdef"
