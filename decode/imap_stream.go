package decode

import (
	"bytes"
	"strconv"
	"strings"
)

// passes reports whether the literal a unit has just announced passes as data events: messages always, anything else
// when it is large. Passwords stay inside as long as a line may be held.
func (p *imap) passes(from Side, u *imapUnit, size int64) bool {
	if u.what(from) != "" {
		return true
	}
	limit := int64(maxInside)
	if from == Client && u.mayHoldPassword() {
		limit = maxHeld
	}
	return size > limit-u.inside || !u.shown || len(u.raw) > maxLine
}

// mayHoldPassword reports whether the command's arguments may be secret: it signs in, or is none of IMAP's.
func (u *imapUnit) mayHoldPassword() bool {
	_, rest, _ := bytes.Cut(u.raw, []byte{' '})
	word, rest, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte{' '})
	name := upper(word)
	if name == "UID" {
		word, _, _ = bytes.Cut(rest, []byte{' '})
		name = upper(word)
	}
	return name == "LOGIN" || name == "AUTHENTICATE" || !knownCommand(name)
}

// what tells what of a message the literal at the end of the text is, "" for none: the section's name, or "message".
func (u *imapUnit) what(from Side) string {
	if len(u.literals) == 0 || !u.shown {
		return ""
	}
	before := u.raw[:u.literals[len(u.literals)-1].from]
	if from == Client {
		return clientMessage(before)
	}
	_, rest, _ := bytes.Cut(before, []byte{' '})
	number, rest, _ := bytes.Cut(rest, []byte{' '})
	word, _, _ := bytes.Cut(rest, []byte{' '})
	if len(number) == 0 || !digit(number[0]) || !bytes.EqualFold(word, []byte("FETCH")) && !bytes.EqualFold(word, []byte("UIDFETCH")) {
		return ""
	}
	return fetchedPart(before)
}

// clientMessage: APPEND's and REPLACE's arguments behind the mailbox, but for the URLs of CATENATE (RFC 4469).
func clientMessage(before []byte) string {
	_, rest, _ := bytes.Cut(before, []byte{' '})
	word, rest, _ := bytes.Cut(rest, []byte{' '})
	need := 1
	if bytes.EqualFold(word, []byte("UID")) {
		word, rest, _ = bytes.Cut(rest, []byte{' '})
	}
	switch {
	case bytes.EqualFold(word, []byte("APPEND")):
	case bytes.EqualFold(word, []byte("REPLACE")):
		need = 2
	default:
		return ""
	}
	if len(bytes.Fields(rest)) < need {
		return ""
	}
	before = bytes.TrimRight(before, " ")
	if n := len(before); n > 4 && bytes.EqualFold(before[n-4:], []byte(" URL")) || n > 4 && bytes.EqualFold(before[n-4:], []byte("(URL")) {
		return ""
	}
	if n := len(before); n > 5 && bytes.EqualFold(before[n-4:], []byte("TEXT")) {
		return "TEXT"
	}
	return "message"
}

// fetchedPart reads the item before a literal: BODY[…], BODY[…]<0>, BINARY[…], RFC822, RFC822.HEADER, RFC822.TEXT.
func fetchedPart(before []byte) string {
	before = bytes.TrimRight(before, " ~")
	n := len(before)
	if n == 0 {
		return ""
	}
	end := n
	if before[n-1] == '>' {
		if end = bytes.LastIndexByte(before, '<'); end < 0 {
			return ""
		}
	}
	start := end
	if end > 0 && before[end-1] == ']' {
		if start = bytes.LastIndexByte(before[:end], '['); start < 0 {
			return ""
		}
	}
	for start > 0 && before[start-1] != ' ' && before[start-1] != '(' && before[start-1] != '\n' {
		start--
	}
	item := strings.ToUpper(string(before[start:n]))
	switch {
	case strings.HasPrefix(item, "BODY[") || strings.HasPrefix(item, "BINARY["),
		item == "RFC822", item == "RFC822.HEADER", item == "RFC822.TEXT":
		return item
	}
	return ""
}

// formOf tells how the octets of an item are to be read.
func formOf(what string) messageForm {
	if i := strings.IndexByte(what, '<'); i >= 0 && what[i:] != "<0>" {
		return formOctets
	}
	what, _, _ = strings.Cut(what, "<")
	switch what {
	case "message", "RFC822", "BODY[]":
		return formMessage
	case "RFC822.HEADER":
		return formHeader
	}
	section := strings.TrimSuffix(strings.TrimPrefix(what, "BODY["), "]")
	if strings.HasPrefix(what, "BODY[") && (strings.Contains(section, "HEADER") || strings.HasSuffix(section, "MIME")) {
		return formHeader
	}
	return formOctets
}

// begin emits the line so far and lets the literal behind it pass.
func (p *imap) begin(from Side, f *frame) {
	u := &p.units[from]
	what := u.what(from)
	b := &p.build
	b.begin(from, f)
	b.t.tail(u)
	u.secret = from == Client && u.mayHoldPassword()
	if !u.secret {
		b.derive("tag", u.tagOf())
		b.add("line", b.t.s, 0, len(b.t.s))
	}
	u.told = len(u.raw)
	marker := len(b.t.s)
	if i := strings.LastIndexByte(b.t.s, '{'); i >= 0 && u.shown {
		marker = i
	}
	b.add("octets", strconv.FormatInt(u.left, 10), marker, len(b.t.s))
	if what == "" {
		what = "literal"
	}
	b.derive("what", what)
	b.note("imap.data.begin")
	if from == Server {
		b.re = p.reOfFetch()
	}
	e := b.emit(f, f.take(u.next), "imap.data.begin")
	u.began = e.Seq
	u.next, u.last, u.streaming = 0, 0, true
	u.data.begin(&p.l.sides[from], f, "imap.data.data", false, formOf(what))
	u.data.re = e.Seq
	if u.left == 0 && !u.waiting {
		p.end(from, f)
	}
}

// stream passes the octets of a literal.
func (p *imap) stream(from Side, f *frame) bool {
	u := &p.units[from]
	if u.waiting && !u.granted {
		if f.held() {
			return false
		}
		u.waiting = false
	}
	n := int(min(int64(len(f.buf)), u.left))
	if u.secret {
		p.l.sides[from].mask(f.layer, Span{f.at, f.at + int64(n)}, nil)
	}
	u.data.take(f, n)
	if u.left -= int64(n); u.left == 0 {
		p.end(from, f)
	}
	return true
}

// end ends the literal: the line goes on.
func (p *imap) end(from Side, f *frame) {
	u := &p.units[from]
	u.data.end()
	u.streaming, u.literal, u.waiting = false, false, false
	e := p.l.emit(from, f, Span{f.at, f.at}, "imap.data.end")
	e.add("octets", strconv.FormatInt(u.data.total, 10), Span{})
	u.data.addDecoded(e)
	e.note("imap.data.end")
	e.Re = u.began
}
