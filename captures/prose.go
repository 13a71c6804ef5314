package captures

import "encoding/base64"

// prose stands in for bodies. Its length is a multiple of three, so that its base64 may be repeated.
const prose = "Ce texte tient la place du message et en garde la longueur ; rien de ce que le message disait n'y est reste. " +
	"This text stands in for the message and keeps its length; nothing of what the message said is left in it. "

var proseBase64 = base64.StdEncoding.EncodeToString([]byte(prose[:len(prose)/3*3]))

// proseFill writes prose over a body, in the body's own transfer encoding (RFC 2045 §6): line ends stay, and so do the
// dot that begins a line, the padding of base64 and the signs of quoted-printable.
type proseFill struct {
	encoding string // "base64", "quoted-printable" or anything else
	next     int    // of the prose
	bol      bool
	hex      int  // quoted-printable: digits still to come behind =
	char     byte // and the character they are for
}

// newProse fills one body.
func newProse(encoding string) *proseFill { return &proseFill{encoding: encoding, bol: true} }

func (f *proseFill) over(data []byte) {
	for i, c := range data {
		if c == '\r' || c == '\n' {
			f.bol, f.hex = c == '\n', 0
			continue
		}
		switch {
		case f.bol && c == '.':
		case f.encoding == "base64":
			if c != '=' {
				data[i] = proseBase64[f.next%len(proseBase64)]
				f.next++
			}
		case f.encoding == "quoted-printable":
			data[i] = f.quoted(c)
		default:
			data[i] = f.letter()
		}
		f.bol = false
	}
}

func (f *proseFill) letter() byte {
	c := prose[f.next%len(prose)]
	f.next++
	if f.bol && (c == ' ' || c == '.') {
		c = 'o'
	}
	return c
}

// quoted writes =XX over =XX.
func (f *proseFill) quoted(c byte) byte {
	const digits = "0123456789ABCDEF"
	switch {
	case f.hex == 2 && hexDigit(c):
		f.hex, f.char = 1, f.letter()
		return digits[f.char>>4]
	case f.hex == 1:
		f.hex = 0
		return digits[f.char&15]
	case c == '=':
		f.hex = 2
		return c
	}
	f.hex = 0
	return f.letter()
}

func hexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// looksBase64 reports whether the beginning of a body of unknown encoding is base64: a long line of nothing else.
func looksBase64(data []byte) bool {
	n := 0
	for n < len(data) && (sixBits(data[n]) != 0xff || data[n] == '=') {
		n++
	}
	return n >= 60 && n%4 == 0 && (n == len(data) || data[n] == '\r' || data[n] == '\n')
}
