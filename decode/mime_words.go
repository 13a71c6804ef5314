package decode

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// decodeWords decodes the encoded words of a header value (RFC 2047, with RFC 2231's language). Words in a character set
// that is not known here, or out of form, stay as they are. Blanks between two encoded words are left out.
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	var out strings.Builder
	after := false // the last thing written was an encoded word
	for {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		text, n, ok := encodedWord(s[i:])
		if !ok {
			out.WriteString(s[:i+2])
			s, after = s[i+2:], false
			continue
		}
		if between := s[:i]; !after || strings.Trim(between, " \t") != "" {
			out.WriteString(between)
		}
		out.WriteString(text)
		s, after = s[i+n:], true
	}
	out.WriteString(s)
	return out.String()
}

// encodedWord decodes the =?charset?encoding?text?= that s begins with; n is its length.
func encodedWord(s string) (text string, n int, ok bool) {
	charset, rest, ok := strings.Cut(s[2:], "?")
	if !ok || len(rest) < 3 || rest[1] != '?' {
		return "", 0, false
	}
	body, _, ok := strings.Cut(rest[2:], "?=")
	if !ok || strings.ContainsAny(body, " \t?") {
		return "", 0, false
	}
	var raw []byte
	switch rest[0] {
	case 'B', 'b':
		var enc *base64.Encoding
		if raw, enc = decodeBase64([]byte(body)); enc == nil && body != "" {
			return "", 0, false
		}
	case 'Q', 'q':
		raw = quotedWord(body)
	default:
		return "", 0, false
	}
	charset, _, _ = strings.Cut(charset, "*")
	text, ok = toUTF8(raw, charset)
	return text, 2 + len(s[2:]) - len(rest) + 2 + len(body) + 2, ok
}

// quotedWord decodes the Q encoding (RFC 2047 §4.2).
func quotedWord(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

func isHex(c byte) bool {
	return digit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case digit(c):
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}

// toUTF8 reads octets in a character set: UTF-8, US-ASCII, ISO-8859-1, ISO-8859-15, windows-1252.
func toUTF8(raw []byte, charset string) (string, bool) {
	switch strings.ToLower(charset) {
	case "utf-8", "utf8":
		return string(raw), utf8.Valid(raw)
	case "us-ascii", "ascii":
		for _, c := range raw {
			if c >= 0x80 {
				return "", false
			}
		}
		return string(raw), true
	case "iso-8859-1", "latin1":
		return fromLatin(raw, nil), true
	case "iso-8859-15", "latin9":
		return fromLatin(raw, latin9), true
	case "windows-1252", "cp1252":
		return fromLatin(raw, windows1252), true
	}
	return "", false
}

// fromLatin reads octets as ISO-8859-1 but for those in differs.
func fromLatin(raw []byte, differs map[byte]rune) string {
	var out strings.Builder
	for _, c := range raw {
		if r, ok := differs[c]; ok {
			out.WriteRune(r)
		} else {
			out.WriteRune(rune(c))
		}
	}
	return out.String()
}

// Where ISO-8859-15 and windows-1252 differ from ISO-8859-1.
var (
	latin9 = map[byte]rune{0xa4: '€', 0xa6: 'Š', 0xa8: 'š', 0xb4: 'Ž', 0xb8: 'ž', 0xbc: 'Œ', 0xbd: 'œ', 0xbe: 'Ÿ'}

	windows1252 = map[byte]rune{0x80: '€', 0x82: '‚', 0x83: 'ƒ', 0x84: '„', 0x85: '…', 0x86: '†', 0x87: '‡', 0x88: 'ˆ',
		0x89: '‰', 0x8a: 'Š', 0x8b: '‹', 0x8c: 'Œ', 0x8e: 'Ž', 0x91: '‘', 0x92: '’', 0x93: '“', 0x94: '”', 0x95: '•',
		0x96: '–', 0x97: '—', 0x98: '˜', 0x99: '™', 0x9a: 'š', 0x9b: '›', 0x9c: 'œ', 0x9e: 'ž', 0x9f: 'Ÿ'}
)
