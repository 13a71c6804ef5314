package decode

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of what is taken apart; the octets themselves are told whatever their number.
const (
	// maxLiteralSize is the largest size a literal is believed to have: {99999999999} is kept as said, a number that
	// int64 cannot hold is this.
	maxLiteralSize = 1 << 62
	// maxLiterals is how many literals of one command or response are told apart.
	maxLiterals = 1000
	// maxDepth is how deep parenthesised lists may lie in one another; a BODYSTRUCTURE of forwarded forwards has ten.
	maxDepth = 64
)

// imapText is one command or response as sent, literals' octets left out: their {n} stays and a LF stands for the CRLF
// and the octets behind it.
type imapText struct {
	s        string
	segments []imapSegment
	literals []imapLiteral
	line     bool  // it is a single line,
	base     int64 // which begins here in the stream
}

// imapSegment says that s[at:] stands at offset off of the stream, up to the next segment.
type imapSegment struct {
	at  int
	off int64
}

// imapLiteral is a {n} in the text and what it announces.
type imapLiteral struct {
	from, to int    // the marker in the text, with its ~ if it has one
	size     int64  // octets announced
	off      int64  // where they stand in the stream
	text     string // the octets, if they were small enough to keep
	held     bool   // text is set
}

// announces reports whether a literal is announced between two positions.
func (t *imapText) announces(from, to int) bool {
	for i := range t.literals {
		if l := &t.literals[i]; l.from >= from && l.from < to {
			return true
		}
	}
	return false
}

// offset gives the place in the stream of position p of the text; to says that p ends a range.
func (t *imapText) offset(p int, to bool) int64 {
	for i := len(t.segments) - 1; i >= 0; i-- {
		if g := t.segments[i]; g.at < p || g.at == p && (!to || i == 0) {
			return g.off + int64(p-g.at)
		}
	}
	return 0
}

// span gives the octets that [from, to) of the text stand for. It is small enough to be inlined.
func (t *imapText) span(from, to int) Span {
	if t.line {
		return Span{t.base + int64(from), t.base + int64(to)}
	}
	return t.spanOver(from, to)
}

// spanOver is span where the text is more than a line.
func (t *imapText) spanOver(from, to int) Span {
	if from >= to {
		return Span{}
	}
	return Span{t.offset(from, false), t.offset(to, true)}
}

// literalMarker reads a {n}, {n+}, ~{n} or ~{n+} (RFC 9051 §4.3, RFC 7888, RFC 3516) at the end of a line whose CRLF is
// taken off. at is where it begins.
func literalMarker(line []byte) (at int, size int64, sync, ok bool) {
	n := len(line)
	if n < 3 || line[n-1] != '}' {
		return
	}
	i, sync := n-2, true
	if line[i] == '+' {
		sync = false
		i--
	}
	last := i
	for i >= 0 && line[i] >= '0' && line[i] <= '9' {
		i--
	}
	if i == last || i < 0 || line[i] != '{' {
		return
	}
	for _, c := range line[i+1 : last+1] {
		if size = size*10 + int64(c-'0'); size > maxLiteralSize/16 {
			size = maxLiteralSize
			break
		}
	}
	if i > 0 && line[i-1] == '~' {
		i--
	}
	return i, size, sync, true
}

// The kinds of imapValue.
const (
	imapEnd     = 0
	imapAtom    = 'a'
	imapQuoted  = 'q'
	imapLit     = 'l'
	imapOpen    = '('
	imapClose   = ')'
	imapListing = 'L' // a parenthesised list as a whole
)

// imapValue is one token, or a list.
type imapValue struct {
	kind     byte
	from, to int    // in the text, with quotes and parentheses
	text     string // quotes and escapes taken off; of a list, its inside as sent
	literal  *imapLiteral
}

// isNil reports whether the value is NIL (RFC 9051 §4.6).
func (v *imapValue) isNil() bool {
	return v.kind == imapAtom && len(v.text) == 3 && strings.EqualFold(v.text, "NIL")
}

// imapCursor reads values one behind the other. It never fails: what is out of syntax is an atom.
type imapCursor struct {
	t   *imapText
	p   int
	end int
	l   int // next literal
}

func (t *imapText) cursor(from, to int) imapCursor { return imapCursor{t: t, p: from, end: to} }

// imapStops are the octets that end an atom.
var imapStops = [256]bool{' ': true, '\n': true, '(': true, ')': true, '"': true}

// token reads the next token.
func (c *imapCursor) token() imapValue {
	s := c.t.s
	for c.p < c.end && (s[c.p] == ' ' || s[c.p] == '\n') {
		c.p++
	}
	for c.l < len(c.t.literals) && c.t.literals[c.l].from < c.p {
		c.l++
	}
	if c.p >= c.end {
		return imapValue{from: c.end, to: c.end}
	}
	from := c.p
	switch s[from] {
	case '(', ')':
		c.p++
		return imapValue{kind: s[from], from: from, to: c.p, text: s[from:c.p]}
	case '"':
		return c.quoted()
	}
	if c.l < len(c.t.literals) && c.t.literals[c.l].from == from {
		l := &c.t.literals[c.l]
		c.p, c.l = min(l.to, c.end), c.l+1
		v := imapValue{kind: imapLit, from: from, to: c.p, text: l.text, literal: l}
		if !l.held {
			v.text = s[from:c.p]
		}
		return v
	}
	p := from
	for p < c.end && !imapStops[s[p]] {
		if s[p] != '[' {
			p++
			continue
		}
		c.p = p
		c.section()
		p = c.p
	}
	c.p = p
	return imapValue{kind: imapAtom, from: from, to: p, text: s[from:p]}
}

// section passes over the [section] of a FETCH item, in which blanks and lists may stand.
func (c *imapCursor) section() {
	s := c.t.s
	if i := strings.IndexByte(s[c.p:c.end], ']'); i >= 0 {
		c.p += i + 1
		return
	}
	c.p++
}

// quoted reads a quoted string, of which an unclosed one lasts to the end.
func (c *imapCursor) quoted() imapValue {
	s, from := c.t.s, c.p
	escaped := false
	for c.p++; c.p < c.end && s[c.p] != '"'; c.p++ {
		if s[c.p] == '\\' && c.p+1 < c.end {
			c.p++
			escaped = true
		}
	}
	v := imapValue{kind: imapQuoted, from: from, text: s[from+1 : c.p]}
	if c.p < c.end {
		c.p++
	}
	v.to = c.p
	if escaped {
		v.text = unescape(v.text)
	}
	return v
}

// unescape takes the backslashes off a quoted string (RFC 9051 §9, QUOTED-CHAR).
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// value reads the next token or, where a parenthesis opens, the list as a whole.
func (c *imapCursor) value() imapValue {
	v := c.token()
	if v.kind != imapOpen {
		return v
	}
	c.leave()
	v.kind, v.to = imapListing, c.p
	inside := c.t.s[v.from+1 : c.p]
	v.text = strings.TrimSuffix(inside, ")")
	return v
}

// leave passes over the rest of the list that the cursor is in. A {n} holds nothing that counts here.
func (c *imapCursor) leave() {
	s := c.t.s
	for depth := 1; c.p < c.end; c.p++ {
		switch s[c.p] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				c.p++
				return
			}
		case '"':
			for c.p++; c.p < c.end && s[c.p] != '"'; c.p++ {
				if s[c.p] == '\\' {
					c.p++
				}
			}
		}
	}
	c.p = c.end
}

// enter reads an opening parenthesis, or nothing.
func (c *imapCursor) enter() bool {
	save := *c
	if c.token().kind == imapOpen {
		return true
	}
	*c = save
	return false
}

// peek gives the next token without reading it.
func (c *imapCursor) peek() imapValue {
	save := *c
	v := c.token()
	*c = save
	return v
}

// remainder gives what is left, as sent.
func (c *imapCursor) remainder() imapValue {
	s := c.t.s
	for c.p < c.end && s[c.p] == ' ' {
		c.p++
	}
	v := imapValue{kind: imapAtom, from: c.p, to: c.end, text: s[c.p:c.end]}
	if v.from == v.to {
		v.kind = imapEnd
	}
	c.p = c.end
	return v
}

// mailboxName decodes the modified UTF-7 of IMAP4rev1's mailbox names (RFC 3501 §5.1.3). What is not well formed, and
// UTF-8 (IMAP4rev2), stays as it is.
func mailboxName(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		j := strings.IndexByte(s[i:], '-')
		if j < 0 {
			b.WriteString(s[i:])
			return b.String()
		}
		code := s[i+1 : i+j]
		if text, ok := utf7Run(code); ok {
			b.WriteString(text)
		} else {
			b.WriteString(s[i : i+j+1])
		}
		s = s[i+j+1:]
	}
}

// utf7Base64 is base64 with a comma for the slash and no padding.
var utf7Base64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// utf7Run decodes what stands between & and -.
func utf7Run(code string) (string, bool) {
	if code == "" {
		return "&", true
	}
	raw, err := utf7Base64.DecodeString(code)
	if err != nil || len(raw)%2 != 0 {
		return "", false
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
	}
	text := string(utf16.Decode(units))
	return text, utf8.ValidString(text) && !strings.ContainsRune(text, utf8.RuneError)
}
