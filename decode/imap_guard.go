package decode

import (
	"bytes"
	"math"
	"strings"
)

// wantsTag reports whether a tag is the name of a command that brings a password: typed by hand without a tag, or meant
// for another protocol. What follows it may be secret.
func wantsTag(tag string) bool {
	tag = tag[strings.LastIndexByte(tag, '\t')+1:]
	return strings.EqualFold(tag, "LOGIN") || strings.EqualFold(tag, "AUTHENTICATE") || strings.EqualFold(tag, "AUTH") || strings.EqualFold(tag, "PASS")
}

// imapBare are the commands without arguments, and those that have a method of their own.
var imapBare = wordSet(`AUTHENTICATE CAPABILITY CHECK CLOSE EXPUNGE IDLE LOGOUT NAMESPACE NOOP STARTTLS UNSELECT DONE`)

// knownCommand reports whether IMAP has a command of that name.
func knownCommand(name string) bool {
	if _, ok := imapGrammar[name]; ok || imapBare[name] {
		return true
	}
	name, uid := strings.CutPrefix(name, "UID ")
	_, ok := imapGrammar[name]
	return uid && ok
}

// untaggedSecret emits such a line, of which only the first word is shown.
func (p *imap) untaggedSecret(f *frame, span Span, tag string, at int) {
	b := &p.build
	s := b.t.s
	b.add("tag", tag, 0, len(tag))
	if len(b.t.literals) > 0 { // which stay announced
		b.hide(at)
		b.fields = append(b.fields, Field{Name: "name", Value: b.shown()[at:], Span: b.t.span(at, len(s)), Secret: true})
	} else {
		b.addSecret("name", &imapValue{kind: imapAtom, from: at, to: len(s), text: s[at:]})
		p.l.heardLine([]byte(s[at:]))
	}
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
	p.asked = true
}

// hides gives the position from which on a command has to be hidden although its grammar does not say so, -1 for none:
// it is none of IMAP's, or a second line hides in it. at is where its name stands, arg where its arguments do.
func (p *imap) hides(name string, at, arg int) int {
	s := p.build.t.s
	if knownCommand(name) {
		if strings.IndexByte(s, '\r') < 0 && strings.IndexByte(s, 0) < 0 && (!imapBare[name] || name == "AUTHENTICATE" || arg >= len(s)) {
			return -1
		}
		if strings.TrimPrefix(name, "UID ") == "LOGIN" { // which of the words is the password, stars do not say
			return arg
		}
		if from := suspect([]byte(s[arg:])); from >= 0 {
			return arg + from
		}
		return -1
	}
	if p.asked {
		return p.hidesAsked(s[:strings.IndexByte(s, ' ')], at)
	}
	from := suspect([]byte(s))
	p.http = p.http || isHTTP([]byte(s))
	if state := p.state.state; !p.http && (state == "connected" || state == "not authenticated") {
		if !plausible([]byte(s[at:wordEnd(s, at)])) {
			return at
		}
		if arg < len(s) && (from < 0 || from > arg) {
			from = starsBefore([]byte(s), arg)
		}
	}
	return from
}

// hidesAsked is hides for a line that no command begins, behind one that signs in: it may be a response, of which the first
// word is a part, unless it is the tag that the client would have used.
func (p *imap) hidesAsked(tag string, at int) int {
	if len(tag) < minEchoWord || tagStem(tag) == tagStem(p.tag) {
		return at
	}
	return 0
}

// hideEarly gives a client's line that announces the literal of a command, at offset off, with masked what the command
// will hide of it when it is whole: until then the server may answer, and repeat it. marker is where the {n} begins.
func (p *imap) hideEarly(layer Layer, line []byte, off int64, marker int) []byte {
	if p.l.s.o.ShowSecrets {
		return line
	}
	from := 0
	switch tag, name, at, _ := splitCommand(string(line)); {
	case name == "": // no tag has a literal (see lateResponse)
	case !p.asked || wantsTag(tag) || knownCommand(name):
		return line
	default:
		from = p.hidesAsked(tag, at)
	}
	if from >= marker {
		return line
	}
	p.l.heardLine(bytes.TrimSpace(line[from:marker]))
	p.build.from = Client
	whole := line
	p.build.forget(Span{off + int64(from), math.MaxInt64})
	for at := from; at < marker; {
		to := at
		for to < marker && line[to] != ' ' {
			to++
		}
		if to > at {
			line = p.l.hide(Client, layer, line, at, off, stars(to-at))
		}
		at = to + 1
	}
	if bytes.IndexByte(whole, ' ') < 0 { // a server may take all of it for the tag
		p.l.heard(whole, line)
	}
	return line
}

// tagStem is what a client's tags have in common: all but the number at the end.
func tagStem(tag string) string { return strings.TrimRight(tag, "0123456789") }

// tagLike reports whether a word may be a tag: letters, then digits. What no keyboard makes is no password either.
func tagLike(word []byte) bool {
	rest := bytes.TrimRight(word, "0123456789")
	return len(word) < minEchoWord || plausible(rest) || len(rest) == 0 || !printable(word) || bytes.IndexByte(word, '\t') >= 0
}

// hidden emits a command of which all is hidden from position from on, its name among it.
func (p *imap) hidden(f *frame, span Span, tag string, at, from int) {
	b := &p.build
	b.hide(from)
	shown := b.shown()
	tag = shown[:len(tag)]
	b.add("tag", tag, 0, len(tag))
	b.fields = append(b.fields, Field{Name: "arguments", Value: shown[at:], Span: b.t.span(at, len(shown)), Secret: true})
	b.derive("rule", "hidden")
	b.add("line", shown, 0, len(shown))
	b.note("session.violation.hidden")
	e := b.emit(f, span, "imap.command")
	p.push(imapCommand{tag: tag, name: shown[at:wordEnd(shown, at)], seq: e.Seq, layer: e.Layer})
	p.asked, p.spoken, p.secretLine = true, true, true
}

// hide masks the text from a position on word by word, and the octets of its literals, but for the announcements of
// literals, which say how the octets are to be read.
func (b *imapEvent) hide(from int) {
	if b.p.l.s.o.ShowSecrets {
		return
	}
	s := b.t.s
	b.hear(from)
	b.forget(Span{b.t.offset(from, false), math.MaxInt64})
	literals := b.t.literals
	for at := from; at < len(s); {
		for len(literals) > 0 && literals[0].to <= at {
			literals = literals[1:]
		}
		if s[at] == ' ' || s[at] == '\n' {
			at++
			continue
		}
		if len(literals) > 0 && literals[0].from <= at {
			at = literals[0].to
			continue
		}
		to := wordEnd(s, at)
		if len(literals) > 0 {
			to = min(to, literals[0].from)
		}
		b.p.l.sides[b.from].mask(b.layer, b.t.span(at, to), nil)
		b.secrets = append(b.secrets, imapSecret{at, to, string(stars(to - at))})
		at = to
	}
	for i := range b.t.literals {
		if l := &b.t.literals[i]; l.held && l.from >= from {
			b.p.l.heardLine([]byte(l.text))
			b.p.l.sides[b.from].mask(b.layer, Span{l.off, l.off + l.size}, nil)
		}
	}
}

// hear remembers the text from a position on but for the announcements of literals, which are not masked: where the
// server repeats them they stay too.
func (b *imapEvent) hear(from int) {
	for i := range b.t.literals {
		if l := &b.t.literals[i]; l.from >= from {
			b.p.l.heardLine([]byte(strings.TrimSpace(b.t.s[from:l.from])))
			from = l.to
		}
	}
	b.p.l.heardLine([]byte(strings.TrimPrefix(b.t.s[from:], "\n")))
}

// secretArguments masks what may hold a password beside the grammar: all of a LOGIN that is not a name and a password,
// and all from position from on, if that is not negative. The cursor is then at the end.
func (p *imap) secretArguments(name string, from int, c *imapCursor) {
	b := &p.build
	if name == "LOGIN" && from < 0 {
		save := *c
		user := c.value()
		odd := user.kind == imapListing || user.kind == imapClose || user.kind == imapAtom && strings.IndexByte(user.text, '\t') >= 0
		odd = odd || b.t.announces(user.from+1, user.to)                                                 // what is masked of a list before it would read as a name
		if next := c.peek(); next.from == user.to && (next.kind == imapOpen || next.kind == imapClose) { // it would be masked, and part of the name
			odd = user.kind == imapAtom || odd
		}
		if user.kind != imapEnd && (odd || user.kind != imapLit && c.peek().kind == imapEnd) {
			from = user.from
		}
		*c = save
	}
	if from >= 0 {
		c.p = max(c.p, from)
		if rest := c.remainder(); rest.kind != imapEnd {
			p.l.heardLine([]byte(rest.text))
			b.excess(rest)
		}
	}
}

// lateResponse gives the tag of a line that is nothing else: masked, if a command that signs in came before it, or from
// the word on that announces a password.
func (p *imap) lateResponse(tag string) string {
	b := &p.build
	n, from := len(strings.TrimRight(b.t.s, " ")), 0 // blanks stay: they end the tag
	literal := len(b.t.literals) > 0                 // no tag has one
	if line := []byte(b.t.s[:n]); !literal && (!p.asked || bytes.EqualFold(line, []byte("DONE")) || len(line) == 1 && line[0] == '*') {
		if from = suspect(line); from < 0 && p.state.state == "not authenticated" && !tagLike(line) {
			from = 0
		}
	}
	if from < 0 || p.l.s.o.ShowSecrets {
		return tag
	}
	p.asked, p.secretLine = true, true
	if literal { // the copy has to wait for the server where the client did
		b.hide(0)
		return b.shown()[:len(tag)]
	}
	p.l.heardLine([]byte(b.t.s[from:n]))
	p.l.sides[Client].mask(b.layer, b.t.span(from, n), nil)
	b.forget(b.t.span(from, n))
	b.secrets = append(b.secrets, imapSecret{from, n, string(stars(n - from))})
	return b.shown()[:len(tag)]
}

// secretPairs reads pairs of names and values (RFC 2971 §3.3) of which a name says that its value is a secret. It reports
// false, having named nothing, if there is none.
func (b *imapEvent) secretPairs(list *imapValue) bool {
	found := false
	b.pairsOf(list, func(key, v *imapValue) { found = found || secretKey(key.text) })
	if found {
		b.pairsOf(list, func(key, v *imapValue) { b.identityPair(key, v) })
	}
	return found
}

// pairsOf gives each pair of a list to visit.
func (b *imapEvent) pairsOf(list *imapValue, visit func(key, v *imapValue)) {
	c := b.t.cursor(list.from, list.to)
	for {
		key := c.token()
		switch key.kind {
		case imapEnd:
			return
		case imapOpen, imapClose:
			continue
		}
		v := c.value()
		if v.kind == imapEnd || v.kind == imapClose {
			return
		}
		visit(&key, &v)
	}
}

// identityPair names a pair of ID (RFC 2971).
func (b *imapEvent) identityPair(key, v *imapValue) {
	name := "id_" + strings.ToLower(key.text)
	if secretKey(key.text) && !v.isNil() {
		b.addSecret(name, v)
	} else {
		b.addNil(name, v)
	}
}

// unecho gives a server's line with secrets masked that it repeats: as a part of anything, and short ones as words of the
// text of a status.
func (p *imap) unecho(layer Layer, line []byte, at int64) []byte {
	if !p.l.mayEcho(line) {
		p.echoed = false
		return line
	}
	tag, rest, _ := bytes.Cut(line, []byte{' '})
	word, _, _ := bytes.Cut(rest, []byte{' '})
	masked := p.l.unecho(layer, line, at)
	for _, e := range p.l.echoes { // a tag that is one
		if len(tag) < minEcho && bytes.Equal(tag, e.sent) {
			masked = p.l.hide(Server, layer, masked, 0, at, e.with)
		}
	}
	switch {
	case len(tag) == 1 && tag[0] == '+':
		masked = p.l.unechoText(layer, masked, min(2, len(line)), len(line), at)
	case isStatus(word):
		masked = p.l.unechoText(layer, masked, len(tag)+1+len(word), len(line), at)
	}
	p.echoed = len(line) > 0 && &masked[0] != &line[0]
	return masked
}
