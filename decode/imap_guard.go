package decode

import "strings"

// wantsTag reports whether a tag is the name of a command that brings a password: typed by hand without a tag, or meant
// for another protocol. What follows it may be secret.
func wantsTag(tag string) bool {
	tag = tag[strings.LastIndexByte(tag, '\t')+1:]
	return strings.EqualFold(tag, "LOGIN") || strings.EqualFold(tag, "AUTHENTICATE") || strings.EqualFold(tag, "AUTH") || strings.EqualFold(tag, "PASS")
}

// untaggedSecret emits such a line, of which only the first word is shown.
func (p *imap) untaggedSecret(f *frame, span Span, tag string, at int) {
	b := &p.build
	s := b.t.s
	b.add("tag", tag, 0, len(tag))
	b.addSecret("name", &imapValue{kind: imapAtom, from: at, to: len(s), text: s[at:]})
	for i := range b.t.literals {
		if l := &b.t.literals[i]; l.held {
			b.addSecret("arguments", &imapValue{kind: imapLit, from: l.from, to: l.to, text: l.text, literal: l})
		}
	}
	b.derive("rule", "no_tag")
	b.add("line", b.shown(), 0, len(s))
	b.note("session.violation.no_tag")
	e := b.emit(f, span, "imap.command")
	p.push(imapCommand{tag: tag, seq: e.Seq, layer: e.Layer})
}

// secretArguments masks what may hold a password beside the grammar: all of a LOGIN that is not a name and a password,
// and what stands behind the word of another protocol in a command that is none of IMAP. The cursor is then at the end.
func (p *imap) secretArguments(name, verb string, known bool, c *imapCursor) {
	b := &p.build
	from := -1
	switch save := *c; {
	case name == "LOGIN":
		user := c.value()
		odd := user.kind == imapListing || user.kind == imapAtom && strings.IndexByte(user.text, '\t') >= 0
		if user.kind != imapEnd && (odd || user.kind != imapLit && c.peek().kind == imapEnd) {
			from = user.from
		}
		*c = save
	case !known && verb != "AUTHENTICATE":
		from = behindPasswordWord([]byte(b.t.s))
	}
	if from >= 0 {
		c.p = max(c.p, from)
		b.excess(c.remainder())
	}
}

// lateResponse gives the tag of a line that is nothing else: masked, if it reads like a response to an AUTHENTICATE that
// has been refused already, or from the word on that announces a password.
func (p *imap) lateResponse(tag string) string {
	b := &p.build
	n, from := len(b.t.s), 0
	if !p.asked || !likeSASL([]byte(b.t.s)) {
		from = behindPasswordWord([]byte(b.t.s))
	}
	if from < 0 || p.l.s.o.ShowSecrets {
		return tag
	}
	p.l.heard([]byte(b.t.s[from:]), stars(n-from))
	p.l.sides[Client].mask(b.layer, b.t.span(from, n), nil)
	b.secrets = append(b.secrets, imapSecret{from, n, string(stars(n - from))})
	return b.shown()[:len(tag)]
}
