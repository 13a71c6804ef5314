package decode

import (
	"strconv"
)

// authenticate reads AUTHENTICATE mechanism [initial-response] (RFC 9051 §6.2.2).
func (p *imap) authenticate(b *imapEvent, c *imapCursor) {
	mechanism := c.value()
	// what is glued to the name is masked, and the copy has one word
	glued := mechanism.to < len(b.t.s) && b.t.s[mechanism.to] != ' ' && b.t.s[mechanism.to] != '\n'
	if mechanism.kind != imapEnd && (glued || !mechanismName([]byte(mechanism.text))) { // the response, its mechanism forgotten
		p.sasl = p.l.exchange("")
		c.p = mechanism.from
		p.l.heardLine([]byte(mechanism.text))
		b.excess(c.remainder())
		p.noteClient(b, true)
		return
	}
	b.addValue("mechanism", &mechanism)
	p.sasl = p.l.exchange(mechanism.text)
	initial := c.remainder()
	if initial.kind == imapEnd {
		b.note(saslID(p.sasl.mechanism, ".client"))
		return
	}
	text := initial.text
	if len(b.t.literals) > 0 && b.t.literals[0].held { // nobody should, some do
		text = b.t.literals[0].text
		p.secretResponse(b, b.t.literals[0].off, text, -1)
	} else {
		p.secretResponse(b, b.t.span(initial.from, initial.to).From, text, initial.from)
	}
	p.noteClient(b, true)
}

// secretResponse takes a client's SASL message apart that stands at offset off of the stream, and at position at of the
// text (-1: not in it), and masks its secrets.
func (p *imap) secretResponse(b *imapEvent, off int64, text string, at int) {
	parts, masked := p.sasl.client([]byte(text))
	for _, f := range parts {
		if f.Span.To > f.Span.From {
			f.Span = Span{f.Span.From + off, f.Span.To + off}
		}
		b.fields = append(b.fields, f)
	}
	if masked == nil {
		return
	}
	p.l.heard([]byte(text)[:len(masked)], masked)
	p.l.sides[Client].mask(b.layer, Span{off, off + int64(len(masked))}, masked)
	if at >= 0 {
		b.secrets = append(b.secrets, imapSecret{at, at + len(masked), string(masked)})
	}
}

// noteClient explains a client's SASL message; without TLS, mechanisms that show the password itself get a warning.
func (p *imap) noteClient(b *imapEvent, sent bool) {
	b.note(saslID(p.sasl.mechanism, ".client"))
	if b.layer == Wire && sent {
		switch p.sasl.mechanism {
		case "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER":
			b.note("lint.password_in_clear")
		}
	}
}

// saslResponse reads the client's next line of an exchange.
func (p *imap) saslResponse(f *frame) bool {
	raw, ok := f.line()
	if !ok {
		return false
	}
	b := &p.build
	b.begin(Client, f)
	line := chomp(raw)
	b.t.one(string(line), f.at)
	p.saslStep++
	b.derive("mechanism", p.sasl.mechanism)
	b.derive("step", strconv.Itoa(p.saslStep))
	if string(line) == "*" {
		b.note("sasl.cancel")
	} else {
		b.note("imap.auth")
		p.noteClient(b, len(line) > 0)
	}
	b.re = p.saslSeq
	p.secretResponse(b, f.at, b.t.s, 0)
	b.add("line", b.shown(), 0, len(line))
	b.emit(f, f.take(len(raw)), "imap.auth")
	p.saslLine, p.await = false, "AUTHENTICATE"
	return true
}

// challenge takes a server's continuation in an exchange apart; it begins at position at of the text.
func (p *imap) challenge(b *imapEvent, at int) {
	parts, masked := p.sasl.server([]byte(b.t.s[at:]))
	b.derive("mechanism", p.sasl.mechanism)
	off := b.t.segments[0].off + int64(at)
	for _, f := range parts {
		if f.Span.To > f.Span.From {
			f.Span = Span{f.Span.From + off, f.Span.To + off}
		}
		b.fields = append(b.fields, f)
	}
	if masked != nil {
		p.l.sides[Server].mask(b.layer, Span{off, off + int64(len(masked))}, masked)
		b.secrets = append(b.secrets, imapSecret{at, at + len(masked), string(masked)})
	}
	b.note(saslID(p.sasl.mechanism, ".server"))
}
