package notes

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The template language, as the page's renderer has it too (testdata/render.json tests both):
//
//	{name}            the value of name
//	{name|one|many}   a number, in the language's own way of writing, and the noun that agrees with it
//	{name?text}       text, itself a template, if name has a value
//	{{ and }}         a brace
//
// A word without a value is dropped together with the space before it; a pair of quotation marks or parentheses left
// empty goes too. What is not well formed is text. A value is shown on one line, without control characters, cut to
// maxValue characters: it comes from the network and may be anything.

// maxValue is the length, in characters, at which a value is cut: a line has 90 for everything.
const maxValue = 60

// maxNesting bounds templates within templates; ours use two levels.
const maxNesting = 8

// hole stands for a dropped word until the text around it is complete. It is a private-use character that no value can
// hold.
const hole = '\uE000'

// part is literal text, or a word.
type part struct {
	text      string // literal, if name is ""
	name      string
	one, many string   // {name|one|many}
	body      template // {name?body}
	form      byte     // 0, '|' or '?'
}

type template []part

// parse never fails: what is not a word is text.
func parse(s string) template { return parseLevel(s, 0) }

func parseLevel(s string, level int) template {
	var t template
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			t = append(t, part{text: lit.String()})
			lit.Reset()
		}
	}
	for i := 0; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], "{{"), strings.HasPrefix(s[i:], "}}"):
			lit.WriteByte(s[i])
			i += 2
		case s[i] == '{':
			p, n := parseWord(s[i:], level)
			if n == 0 {
				lit.WriteByte('{')
				i++
				continue
			}
			flush()
			t = append(t, p)
			i += n
		default:
			lit.WriteByte(s[i])
			i++
		}
	}
	flush()
	return t
}

// parseWord reads the word s starts with and gives its length, 0 if it is not one.
func parseWord(s string, level int) (part, int) {
	i := 1
	for i < len(s) && isNameByte(s[i]) {
		i++
	}
	if i == 1 || i == len(s) {
		return part{}, 0
	}
	p := part{name: s[1:i], form: s[i]}
	switch s[i] {
	case '}':
		p.form = 0
		return p, i + 1
	case '|':
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			return part{}, 0
		}
		one, many, ok := strings.Cut(s[i+1:i+end], "|")
		if !ok || strings.ContainsAny(one+many, "{|") {
			return part{}, 0
		}
		p.one, p.many = one, many
		return p, i + end + 1
	case '?':
		end := matchingBrace(s[i+1:])
		if end < 0 || level == maxNesting {
			return part{}, 0
		}
		p.body = parseLevel(s[i+1:i+1+end], level+1)
		return p, i + 1 + end + 1
	}
	return part{}, 0
}

// matchingBrace finds the } that closes a body, -1 if there is none. Escaped braces inside a body are a pair and so
// cancel out.
func matchingBrace(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

func isNameByte(b byte) bool {
	return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '_'
}

// render fills the template. v may not be nil.
func (t template) render(lang Lang, v Values) string {
	if len(t) == 1 && t[0].name == "" {
		return t[0].text
	}
	return string(t.append(nil, lang, v, clean))
}

// append fills the template and appends it. fit makes a value fit to stand in it; v may not be nil.
func (t template) append(dst []byte, lang Lang, v Values, fit func(string) string) []byte {
	from := len(dst)
	dst, holes := t.write(dst, lang, v, fit)
	if holes {
		dst = dst[:from+len(closeHoles(dst[from:]))]
	}
	return dst
}

// write fills the template, leaving a hole for every dropped word, and reports whether there are any.
func (t template) write(dst []byte, lang Lang, v Values, fit func(string) string) (out []byte, holes bool) {
	for i := range t {
		p := &t[i]
		if p.name == "" {
			dst = append(dst, p.text...)
			continue
		}
		value, _ := v(p.name)
		value = fit(value)
		switch {
		case value == "":
			dst, holes = utf8.AppendRune(dst, hole), true
		case p.form == '?':
			inner := false
			dst, inner = p.body.write(dst, lang, v, fit)
			holes = holes || inner
		case p.form == '|':
			dst = counted(dst, lang, value, p.one, p.many)
		default:
			dst = append(dst, value...)
		}
	}
	return dst, holes
}

// Spelt writes the versions of TLS in a field, which are one word there ("TLS1.3, TLS1.2"), as people do. Anything else
// stays.
func Spelt(s string) string {
	if !strings.HasPrefix(s, "TLS1.") {
		return s
	}
	return strings.ReplaceAll(s, "TLS1.", "TLS 1.")
}

// clean makes a value fit to stand in a sentence.
func clean(s string) string {
	s = Spelt(s)
	if isClean(s) {
		return s
	}
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		switch {
		case unicode.IsControl(r) || r == ' ' || r == '\u2028' || r == '\u2029':
			space = n > 0
			continue
		case '\u202A' <= r && r <= '\u202E', '\u2066' <= r && r <= '\u2069', r == hole:
			continue // would reorder the sentence, or forge a hole
		}
		if space {
			b.WriteByte(' ')
			n++
			space = false
		}
		b.WriteRune(r) // an invalid octet was read as U+FFFD
		n++
		if n > maxValue {
			return cut(b.String(), maxValue-1) + "…"
		}
	}
	return b.String()
}

// isClean reports whether s is short and made of ASCII words with single spaces between them, as nearly every value is.
func isClean(s string) bool {
	if len(s) > maxValue {
		return false
	}
	space := true // at the start, too, a space is one too many
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f || s[i] == ' ' && space {
			return false
		}
		space = s[i] == ' '
	}
	return !space || s == ""
}

// cut keeps the first n characters of s, without a space at their end.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return strings.TrimRight(s[:i], " ")
		}
		n--
	}
	return s
}

// counted appends a number and its noun: 0 and 1 are singular in French, only 1 is in English.
func counted(dst []byte, lang Lang, value, one, many string) []byte {
	for i := 0; i < len(value); i++ {
		if value[i] < '0' || value[i] > '9' {
			return append(append(append(dst, value...), ' '), many...)
		}
	}
	digits := strings.TrimLeft(value, "0")
	if digits == "" {
		digits = "0"
	}
	noun := many
	if digits == "1" || digits == "0" && lang == French {
		noun = one
	}
	return append(append(grouped(dst, lang, digits), ' '), noun...)
}

// grouped separates thousands: 2 310 with a narrow no-break space in French, 2,310 in English.
func grouped(dst []byte, lang Lang, digits string) []byte {
	sep := ","
	if lang == French {
		sep = "\u202F"
	}
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			dst = append(dst, sep...)
		}
		dst = append(dst, digits[i])
	}
	return dst
}

const (
	spaces  = " \u00A0\u202F"
	opening = "«“("
	// after is what may not be preceded by the space that a dropped word leaves.
	after = spaces + ".,;:!?)]»”…"
)

var closing = map[rune]rune{'«': '»', '“': '”', '(': ')'}

// closeHoles takes the holes out in place, from left to right, each with the space and the empty marks it leaves.
func closeHoles(s []byte) []byte {
	for {
		at := bytes.IndexRune(s, hole)
		if at < 0 {
			return s
		}
		left, right := closeHole(s[:at], s[at+utf8.RuneLen(hole):])
		s = append(left, right...)
	}
}

func closeHole(left, right []byte) ([]byte, []byte) {
	for {
		l, r := trimRight(left), trimLeft(right)
		open, n := utf8.DecodeLastRune(l)
		shut, m := utf8.DecodeRune(r)
		if n == 0 || m == 0 || closing[open] != shut {
			break
		}
		left, right = l[:len(l)-n], r[m:]
	}
	first, n := utf8.DecodeRune(right)
	if n == 0 || strings.ContainsRune(after, first) {
		left = trimRight(left)
	}
	last, n := utf8.DecodeLastRune(left)
	if n == 0 || strings.ContainsRune(opening+spaces, last) {
		right = trimLeft(right)
	}
	return left, right
}

// trimRight takes spaces off the end, trimLeft off the beginning.
func trimRight(b []byte) []byte {
	for len(b) > 0 {
		r, n := rune(b[len(b)-1]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeLastRune(b)
		}
		if !isSpace(r) {
			break
		}
		b = b[:len(b)-n]
	}
	return b
}

func trimLeft(b []byte) []byte {
	for len(b) > 0 {
		r, n := rune(b[0]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(b)
		}
		if !isSpace(r) {
			break
		}
		b = b[n:]
	}
	return b
}

// isSpace tells the spaces of spaces.
func isSpace(r rune) bool { return r == ' ' || r == '\u00A0' || r == '\u202F' }
