package decode

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// decodeWords decodes the encoded words of a header value (RFC 2047, with RFC 2231's language). Words in a character set
// that nobody knows, or out of form, stay as they are. Blanks between two encoded words are left out. Neighbours in one
// character set are read together: many programs cut a character in two, though RFC 2047 §5 forbids it.
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
		text, n, ok := encodedWords(s[i:])
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

// encodedWords decodes the encoded word that s begins with, together with those neighbours of its character set without
// which it is none; n is their length.
func encodedWords(s string) (text string, n int, ok bool) {
	raw, charset, n, ok := encodedWord(s)
	if !ok {
		return "", 0, false
	}
	for {
		if text, ok := toUTF8(raw, charset); ok {
			return text, n, true
		}
		rest := strings.TrimLeft(s[n:], " \t")
		if !strings.HasPrefix(rest, "=?") {
			return "", 0, false
		}
		more, other, length, ok := encodedWord(rest)
		if !ok || !strings.EqualFold(other, charset) {
			return "", 0, false
		}
		raw, n = append(raw, more...), len(s)-len(rest)+length
	}
}

// encodedWord takes the =?charset?encoding?text?= that s begins with apart; n is its length.
func encodedWord(s string) (raw []byte, charset string, n int, ok bool) {
	charset, rest, ok := strings.Cut(s[2:], "?")
	if !ok || len(rest) < 3 || rest[1] != '?' {
		return nil, "", 0, false
	}
	body, _, ok := strings.Cut(rest[2:], "?=")
	if !ok || strings.ContainsAny(body, " \t?") {
		return nil, "", 0, false
	}
	switch rest[0] {
	case 'B', 'b':
		var enc *base64.Encoding
		if raw, enc = decodeBase64([]byte(body)); enc == nil && body != "" {
			return nil, "", 0, false
		}
	case 'Q', 'q':
		raw = quotedWord(body)
	default:
		return nil, "", 0, false
	}
	charset, _, _ = strings.Cut(charset, "*")
	return raw, charset, 2 + len(s[2:]) - len(rest) + 2 + len(body) + 2, true
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

// toUTF8 reads octets in a character set of the IANA registry, or under a name that mail programs use for one. What is
// not valid in that set is not read at all.
func toUTF8(raw []byte, charset string) (string, bool) {
	charset = strings.ToLower(charset)
	switch charset {
	case "utf-8", "utf8":
		return string(raw), utf8.Valid(raw)
	case "latin9": // ianaindex and htmlindex know it as Latin-9 and l9
		charset = "iso-8859-15"
	case "us-ascii", "ascii":
		return string(raw), !slices.ContainsFunc(raw, func(c byte) bool { return c >= utf8.RuneSelf })
	}
	set, err := ianaindex.MIME.Encoding(charset)
	if err != nil || set == nil {
		if set, err = htmlindex.Get(charset); err != nil { // cp1252, latin9 and other names in use
			return "", false
		}
	}
	text, err := set.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return "", false
	}
	return string(text), true
}
