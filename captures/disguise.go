package captures

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// What is looked for, at least: less would be found by chance in text that has nothing to do with it.
const (
	minEcho = 4 // octets of a secret
	// minEchoDigits for secrets of digits only, which would be found in sizes, dates and numbers.
	minEchoDigits = 7
	minDisguise   = 6 // characters of an encoded form
	// maxEcho is the longest secret looked for: bearer tokens have one to four kilobytes.
	maxEcho = 8 << 10
	// maxWords bounds the words of one search; a capture has as many secrets as people.
	maxWords = 1 << 16
)

// form is one way to write a word, and what is written in its place.
type form struct {
	text, with string
	word       int // index of the word
	// In base64 the characters before and after text carry octets of the word and of its neighbours: masks of the six
	// bits that are the word's, and the replacement's bits there.
	headMask, headBits, tailMask, tailBits byte
}

// alphabets of base64 (RFC 4648 §4, §5).
const (
	base64Std = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	base64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// disguises gives the forms in which word may stand in octets, with those of repl, as long, in its place: as it is, in
// base64 at each of the three alignments and in both alphabets, in hex, UTF-16, percent encoding and quoted-printable.
func disguises(word, repl string, n int) []form {
	var out []form
	seen := map[string]bool{}
	add := func(f form, least int) {
		if len(f.text) >= least && !seen[f.text] && len(f.text) == len(f.with) {
			seen[f.text] = true
			f.word = n
			out = append(out, f)
		}
	}
	add(form{text: word, with: repl}, 1)
	add(form{text: quoteIMAP(word), with: sameEscapes(word, repl)}, 1)
	hexed, hexedRepl := hex.EncodeToString([]byte(word)), hex.EncodeToString([]byte(repl))
	add(form{text: hexed, with: hexedRepl}, minDisguise)
	add(form{text: strings.ToUpper(hexed), with: strings.ToUpper(hexedRepl)}, minDisguise)
	add(form{text: wide(word, 0), with: wide(repl, 0)}, minDisguise)
	add(form{text: wide(word, 1), with: wide(repl, 1)}, minDisguise)
	for _, sign := range []string{"%", "="} {
		text, with := escaped(word, repl, sign)
		add(form{text: text, with: with}, minDisguise)
	}
	for shift := range 3 {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			add(inBase64(enc, word, repl, shift), minDisguise)
		}
	}
	return out
}

// inBase64 gives the characters that are wholly the word's when shift octets precede it in its group of three.
func inBase64(enc *base64.Encoding, word, repl string, shift int) form {
	// zero octets before and after: what they leave in the characters at the edges is the word's own bits
	pad := (3 - (shift+len(word))%3) % 3
	code := func(s string) string {
		return enc.EncodeToString([]byte(strings.Repeat("\x00", shift) + s + strings.Repeat("\x00", pad)))
	}
	text, with := code(word), code(repl)
	bit := func(from, to int) byte { return byte(1<<to-1) &^ byte(1<<from-1) } // bits [from, to) of six
	f := form{}
	from, to := 0, len(text)
	switch shift { // the first octet of the word begins within a character
	case 1:
		from, f.headMask = 2, bit(0, 4)
	case 2:
		from, f.headMask = 3, bit(0, 2)
	}
	switch (shift + len(word)) % 3 { // the last one ends within a character
	case 1:
		to, f.tailMask = len(text)-3, bit(4, 6)
	case 2:
		to, f.tailMask = len(text)-2, bit(2, 6)
	}
	if from >= to {
		return form{}
	}
	if f.headMask != 0 {
		f.headBits = sixBits(with[from-1]) & f.headMask
	}
	if f.tailMask != 0 {
		f.tailBits = sixBits(with[to]) & f.tailMask
	}
	f.text, f.with = text[from:to], with[from:to]
	return f
}

// sixBits gives the value of a character of either base64 alphabet; 0xff for any other octet.
func sixBits(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c - 'A'
	case c >= 'a' && c <= 'z':
		return c - 'a' + 26
	case c >= '0' && c <= '9':
		return c - '0' + 52
	case c == '+' || c == '-':
		return 62
	case c == '/' || c == '_':
		return 63
	}
	return 0xff
}

// patch sets the bits under mask of the base64 character c.
func patch(c, mask, bits byte) byte {
	v := sixBits(c)
	if v == 0xff || mask == 0 {
		return c
	}
	v = v&^mask | bits
	if c == '-' || c == '_' {
		return base64URL[v]
	}
	return base64Std[v]
}

// wide is a word in UTF-16: least significant octet first, or last.
func wide(s string, first int) string {
	b := make([]byte, 0, 2*len(s))
	for i := 0; i < len(s); i++ {
		if first == 0 {
			b = append(b, s[i], 0)
		} else {
			b = append(b, 0, s[i])
		}
	}
	return string(b)
}

// quoteIMAP escapes as RFC 9051 §4.3 has it.
func quoteIMAP(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}

// sameEscapes writes repl with an octet more wherever quoting word adds one.
func sameEscapes(word, repl string) string {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		b.WriteByte(repl[i])
		if word[i] == '\\' || word[i] == '"' {
			b.WriteByte(repl[i])
		}
	}
	return b.String()
}

// escaped writes what is not a letter or digit as sign and two hex digits, in word and at the same places in repl.
func escaped(word, repl, sign string) (text, with string) {
	const digits = "0123456789ABCDEF"
	var a, b strings.Builder
	for i := 0; i < len(word); i++ {
		if c := word[i]; c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("-_.", c) >= 0 {
			a.WriteByte(c)
			b.WriteByte(repl[i])
			continue
		}
		a.WriteString(sign + string([]byte{digits[word[i]>>4], digits[word[i]&15]}))
		b.WriteString(sign + string([]byte{digits[repl[i]>>4], digits[repl[i]&15]}))
	}
	return a.String(), b.String()
}

// searchable reports whether a secret is long enough to be looked for elsewhere, and is not a mask already.
func searchable(s string) bool {
	if len(s) < minEcho || len(s) > maxEcho || starred(s) {
		return false
	}
	return len(s) >= minEchoDigits || strings.Trim(s, "0123456789") != ""
}

// starred reports whether a value is a mask: stars, or base64 of them.
func starred(s string) bool {
	if strings.Trim(s, "*") == "" {
		return true
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		raw, err = base64.RawStdEncoding.DecodeString(s)
	}
	return err == nil && strings.Trim(string(raw), "*") == ""
}
