package captures

import (
	"bytes"
	"strings"
)

// structural parameters of Content-Type and Content-Disposition: the message hangs on them, and they name nobody.
var structuralParameters = setOf("boundary charset type format protocol micalg size delsp access-type creation-date modification-date read-date number total")

// parameters rewrites what the parameters of a header field name (RFC 2045 §5.1): files, mostly. What stands before them
// and what the structure of the message hangs on stays.
func (a *anonymity) parameters(inner []byte) []byte {
	out := bytes.Clone(inner)
	for i := bytes.IndexByte(inner, ';'); i >= 0 && i < len(inner); {
		i++
		end := i + parameterEnd(inner[i:])
		equals := bytes.IndexByte(inner[i:end], '=')
		if equals < 0 {
			copy(out[i:end], a.n.text(string(inner[i:end])))
			i = end
			continue
		}
		key, extended := strings.ToLower(string(bytes.TrimSpace(inner[i:i+equals]))), false
		if star := strings.IndexByte(key, '*'); star > 0 { // RFC 2231 §3, §4
			key, extended = key[:star], strings.HasSuffix(key, "*")
		}
		if !structuralParameters[key] {
			from := i + equals + 1
			copy(out[from:end], a.parameterValue(inner[from:end], extended))
		}
		i = end
	}
	return out
}

// parameterEnd gives where the semicolon behind a parameter stands, or the end.
func parameterEnd(s []byte) int {
	for i, in := 0, false; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			in = !in
		case c == '\\' && in:
			i++
		case c == ';' && !in:
			return i
		}
	}
	return len(s)
}

// parameterValue rewrites a parameter's value: a quoted string, a token, or percent-encoded text behind a character set
// and a language (RFC 2231 §4).
func (a *anonymity) parameterValue(value []byte, extended bool) []byte {
	if bytes.IndexByte(value, '"') >= 0 {
		return quoted([]byte(a.n.text(string(value))), func(_ int, s []byte) []byte { return a.fileName(s) })
	}
	return valueOf(value, 0, func(inner []byte) []byte {
		if !extended {
			return a.fileName(inner)
		}
		out := bytes.Clone(inner)
		text := bytes.LastIndexByte(out, '\'') + 1
		copy(out[text:], a.fileName(out[text:]))
		for i := text; i+2 < len(inner); i++ {
			if inner[i] == '%' {
				i += copy(out[i:], "%6F") - 1
			}
		}
		return out
	})
}

// fileName replaces a file's name; its ending says what it is and stays.
func (a *anonymity) fileName(s []byte) []byte {
	if encodedWords.Match(s) {
		return free(s)
	}
	dot := bytes.LastIndexByte(s, '.')
	if dot < 0 || len(s)-dot > maxEnding {
		dot = len(s)
	}
	return append([]byte(a.n.p.words(string(s[:dot]))), s[dot:]...)
}

// maxEnding is the longest ending of a file's name, its dot counted: .xhtml has six, and what is longer is a name.
const maxEnding = 6
