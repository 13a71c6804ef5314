package notes

import (
	"unicode/utf8"
)

// Visible makes a text harmless on a terminal, in a browser and in an editor, whatever mail and servers say: what these
// obey instead of showing it is written so that it can be seen. Control characters become their pictures (␀ …), octets
// that are no UTF-8 become \xNN, and the rest ‹U+NNNN›.
func Visible(s string) string {
	i := harmless(s)
	if i == len(s) {
		return s
	}
	return string(appendVisible(make([]byte, 0, len(s)+16), s, i))
}

// AppendVisible appends s, made harmless as by [Visible].
func AppendVisible(dst []byte, s string) []byte {
	if i := harmless(s); i < len(s) {
		return appendVisible(dst, s, i)
	}
	return append(dst, s...)
}

// harmless gives the length of the beginning of s that may stand as it is.
func harmless(s string) int {
	for i := 0; i < len(s); {
		if len(s)-i >= 8 && printable8(s[i:i+8]) {
			i += 8
			continue
		}
		if c := s[i]; c < utf8.RuneSelf {
			if c < ' ' || c == 0x7f {
				return i
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if n == 1 || hidden(r) {
			return i
		}
		i += n
	}
	return len(s)
}

// printable8 reports whether eight octets are printable ASCII, looking at them together.
func printable8(s string) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	_ = s[7]
	v := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	// an octet above 127, below ' ', or DEL
	return (v|(v-' '*ones)|(v+ones))&high == 0
}

// appendVisible appends s, of which the first i octets are harmless.
func appendVisible(dst []byte, s string, i int) []byte {
	dst = append(dst, s[:i]...)
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, '\\', 'x', digits[s[i]>>4]|0x20, digits[s[i]&15]|0x20)
		case r < ' ':
			dst = utf8.AppendRune(dst, 0x2400+r)
		case r == 0x7f:
			dst = utf8.AppendRune(dst, 0x2421)
		case hidden(r):
			dst = append(dst, "‹U+"...)
			dst = append(dst, digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
			dst = append(dst, "›"...)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}

const digits = "0123456789ABCDEF"

// hidden tells the characters beyond ASCII that are obeyed instead of shown: C1 controls, those that change the direction
// of the text (Unicode's Bidi_Control), line and paragraph separators, and the byte order mark. All are in the basic plane.
func hidden(r rune) bool {
	switch {
	case r < 0xa0:
		return r >= 0x80
	case r < 0x2000:
		return r == 0x61c
	case r > 0x206f:
		return r == 0xfeff
	}
	return r == 0x200e || r == 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
