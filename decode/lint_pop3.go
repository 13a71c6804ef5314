package decode

// popLints is what POP3's own lints remember.
type popLints struct {
	text textLint
	uids uidSet // of the listing under way
}

// noteText notes what was found in a message's text on the events from the nth on.
func (p *pop3) noteText(n int) {
	p.l.s.noteText(&p.lints.text, &p.l.sides[Server], p.message.run.layer, n)
}

// lintCommand looks at a command line, of which the argument begins at argAt.
func (p *pop3) lintCommand(e *Event, verb string, raw []byte, argAt int) {
	open, limit := len(raw), maxPOP3Command
	switch verb {
	case "CAPA":
		p.l.lint.asked = true
	case "UTF8":
		p.l.lint.utf8 = true // RFC 6856 §2
	case "USER":
		p.l.lintUse(e)
	case "APOP", "PASS", "AUTH":
		open = argAt
		if verb == "AUTH" {
			limit = maxSASLLine
			if e.Field("mechanism") == "" { // asks what there is
				break
			}
		}
		p.l.lintUse(e)
		if verb != "APOP" {
			p.l.lintMechanism(e, e.Field("mechanism"))
		}
	}
	p.l.lintLine(e, raw, open, limit, !p.l.lint.utf8)
}

// lintItem looks at a line of a listing: name and value are its words.
func (p *pop3) lintItem(e *Event, raw []byte, name, value string) {
	p.l.lintLine(e, raw, len(raw), maxPOP3Response, false)
	switch p.listing {
	case "AUTH":
		p.l.lint.offers("SASL", name, e.Layer)
	case "CAPA":
		if p.items == 1 {
			p.l.lint.strong = ""
		}
		p.l.lint.offers(name, value, e.Layer)
	case "UIDL":
		if value == "" {
			return
		}
		if first, twice := p.lints.uids.seen(value, name); twice {
			e.note("lint.uidl_reuse", Field{Name: "first", Value: first})
		}
	}
}

// unanswered gives the verbs that wait for their response; a connection may end without the answer to QUIT.
func (p *pop3) unanswered() (verbs []string) {
	for _, c := range p.pending.all() {
		if c.verb != "QUIT" && c.verb != "" {
			verbs = append(verbs, c.verb)
		}
	}
	return verbs
}
