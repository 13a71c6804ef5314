package decode

import "strings"

// mailForm is what MAIL announced of the message and its envelope.
type mailForm struct {
	known  bool // a MAIL was seen
	eight  bool // BODY=8BITMIME or BINARYMIME: octets above 127 in the text (RFC 6152 §3)
	binary bool // BODY=BINARYMIME: no lines at all (RFC 3030 §3)
	utf8   bool // SMTPUTF8: octets above 127 in the envelope and the header (RFC 6531 §3.1)
}

// checks are what the message's text is looked through for.
func (m *mailForm) checks() textChecks {
	if m.known && !m.eight && !m.utf8 {
		return checkSMTPText | checkEight
	}
	return checkSMTPText
}

// chunkChecks are what chunks are looked through for: there is nothing to be taken for an end in them, and where MAIL was
// not seen they may be binary.
func (m *mailForm) chunkChecks() textChecks {
	if m.binary || !m.known {
		return 0
	}
	return m.checks()
}

// noteText notes what was found in the message's text on the events from the nth on.
func (s *smtp) noteText(n int) {
	s.l.s.noteText(&s.text, &s.l.sides[Client], s.message.run.layer, n)
}

// lintCommand looks at a command line and keeps what later lints ask for.
func (s *smtp) lintCommand(e *Event, c *smtpLine, raw []byte) {
	limit := maxSMTPCommand
	seven := true
	switch c.verb {
	case "MAIL":
		s.mail = mailOf(e)
		s.l.lintUse(e)
		limit, seven = limit+parameterOctets(e), !s.mail.utf8
	case "RCPT":
		limit, seven = limit+parameterOctets(e), s.mail.known && !s.mail.utf8
	case "VRFY", "EXPN":
		seven = !strings.HasSuffix(strings.ToUpper(e.Field("argument")), " SMTPUTF8") // RFC 6531 §3.7.4.2
	case "BDAT":
		if e.Field("size") == "" {
			e.note("lint.bad_count")
		}
	}
	s.lintCounted(e, c.verb)
	s.l.lintLine(e, raw, len(raw), limit, seven)
}

// mailOf reads what MAIL's parameters announce.
func mailOf(e *Event) mailForm {
	m := mailForm{known: true}
	for i := range e.Fields {
		switch f := &e.Fields[i]; f.Name {
		case "body":
			m.binary = strings.EqualFold(f.Value, "BINARYMIME")
			m.eight = m.binary || strings.EqualFold(f.Value, "8BITMIME")
		case "smtputf8":
			m.utf8 = true
		}
	}
	return m
}

// parameterOctets is how much a command's parameters raise its limit.
func parameterOctets(e *Event) (n int) {
	for i := range e.Notes {
		if strings.HasPrefix(e.Notes[i].ID, "smtp.parameter.") {
			n += 1 + int(min(e.Notes[i].Span.Len(), maxParameter))
		}
	}
	return n
}

// lintCounted warns when what follows a chunk is no command: the chunk was longer than BDAT said.
func (s *smtp) lintCounted(e *Event, verb string) {
	if s.counted {
		if _, known := knownVerbs[verb]; !known && !strings.HasPrefix(verb, "X") {
			e.note("lint.bad_count")
		}
		s.counted = false
	}
}

// lintReply looks at a reply and keeps what the server offers.
func (s *smtp) lintReply(e *Event, raw []byte, cmd smtpCommand) {
	s.l.lintLines(e, raw, maxSMTPReply)
	if cmd.verb != "EHLO" && cmd.verb != "LHLO" {
		return
	}
	s.l.lint.strong = ""
	for i := range e.Notes {
		if keyword, ok := strings.CutPrefix(e.Notes[i].ID, "smtp.capability."); ok && len(e.Notes[i].Args) > 0 {
			s.l.lint.offers(keyword, e.Notes[i].Args[0].Value, e.Layer)
		}
	}
}

// unanswered gives the verbs that wait for their reply; a connection may end without the answer to QUIT.
func (s *smtp) unanswered() (verbs []string) {
	for _, c := range s.pending.all() {
		switch c.verb {
		case "QUIT", "":
		case saslStep:
			verbs = append(verbs, "AUTH")
		default:
			verbs = append(verbs, c.verb)
		}
	}
	return verbs
}

// missing gives how much of a chunk has not come.
func (s *smtp) missing(from Side, f *frame) int64 {
	if from == Client && s.expect == expectChunk {
		return s.left - int64(len(f.buf))
	}
	return 0
}
