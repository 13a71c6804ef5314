package decode

import "strings"

// lintCommand looks at a command whose arguments begin at position arg of its text; raw is its last line with its end.
func (p *imap) lintCommand(e *Event, name string, raw []byte, arg int) {
	l, open := p.l, len(raw)
	l.lintBehind(e, p.build.t.segments[0].off, p.held)
	switch name {
	case "CAPABILITY":
		l.lint.asked = true
	case "ENABLE":
		words := strings.ToUpper(e.Field("capabilities")) // RFC 6855 §3, RFC 9051 §6.3.1
		l.lint.utf8 = l.lint.utf8 || strings.Contains(words, "UTF8=") || strings.Contains(words, "IMAP4REV2")
	case "SELECT", "EXAMINE":
		l.lintUse(e)
	case "LOGIN", "AUTHENTICATE":
		if open = 0; len(p.build.t.segments) == 1 { // what follows is a secret
			open = arg
		}
		l.lintUse(e)
		l.lintMechanism(e, strings.ToUpper(e.Field("mechanism")))
	}
	if name == "LOGIN" {
		if p.known.loginDisabled {
			e.note("lint.logindisabled_ignored")
		}
		if e.Layer == Wire {
			e.note("lint.password_in_clear")
		}
	}
	last := p.build.t.segments[len(p.build.t.segments)-1].at
	for _, secret := range p.build.secrets {
		if secret.to > last {
			open = min(open, max(0, secret.from-last))
		}
	}
	if s := p.state.state; name == "STARTTLS" && (s == "authenticated" || s == "selected") {
		e.note("lint.preauth")
	}
	l.lintLine(e, raw, open, maxIMAPCommand, !l.lint.utf8)
	p.lintCount(e, &p.units[Client])
}

// lintResponse looks at a response; raw is its last line with its end.
func (p *imap) lintResponse(e *Event, raw []byte) {
	if p.l.behindUpgrade(Server) {
		e.note("lint.starttls_plaintext")
	}
	p.l.lintLine(e, raw, len(raw), maxLine, false)
	p.lintCount(e, &p.units[Server])
}

// lintCount warns of octets behind a literal that do not go on as a line does: its number is wrong.
func (p *imap) lintCount(e *Event, u *imapUnit) {
	if u.odd {
		e.noteAt("lint.bad_count", octetAt(u.oddAt, 0))
	}
}

// capabilities explains a capability list and remembers what the lints ask for.
func (p *imap) capabilities(b *imapEvent, from, to int) {
	w := &p.l.lint
	w.asked, w.strong = true, ""
	p.known = imapKnown{layer: b.layer}
	c := b.t.cursor(from, to)
	for v := c.token(); v.kind != imapEnd; v = c.token() {
		switch len(v.text) {
		case len("STARTTLS"):
			p.known.startTLS = p.known.startTLS || strings.EqualFold(v.text, "STARTTLS")
		case len("LOGINDISABLED"):
			p.known.loginDisabled = p.known.loginDisabled || strings.EqualFold(v.text, "LOGINDISABLED")
		}
		keyword, value, _ := strings.Cut(v.text, "=")
		w.offers(keyword, value, b.layer)
		b.noteCapability(&v)
	}
}
