package decode

// auth reads AUTH mechanism [initial-response] (RFC 4954 §4).
func (s *smtp) auth(f *frame, c *smtpLine, raw []byte) {
	a := s.sasl.begin(s.l, f.layer, c.body, c.argAt, c.at)
	x := s.sasl.x
	e := s.begin(f, c, string(a.shown))
	e.add("mechanism", x.mechanism, c.spanOf(c.argAt, a.mechEnd))
	addParts(e, a.parts, c.at+int64(a.at))
	saslNotes(e, x.mechanism, f.layer, len(c.body)-a.at > 1) // "=" is an empty response
	s.lintCounted(e, c.verb)
	s.l.lintUse(e)
	s.l.lintMechanism(e, x.mechanism)
	s.l.lintLine(e, raw, a.at, maxSASLLine, true)
	s.await = "AUTH"
	s.push(smtpCommand{seq: e.Seq, verb: "AUTH"})
}

// hide gives line with what was masked from offset from on, and marks those octets as secret.
func (l *leg) hide(from Side, layer Layer, line []byte, at int, lineAt int64, masked []byte) []byte {
	if masked == nil || l.s.o.ShowSecrets {
		return line
	}
	if from == Client {
		l.heard(line[at:at+len(masked)], masked)
	}
	start := lineAt + int64(at)
	l.sides[from].mask(layer, Span{start, start + int64(len(masked))}, masked)
	shown := append([]byte(nil), line...)
	copy(shown[at:], masked)
	return shown
}

// saslLine reads the client's next line of an exchange.
func (s *smtp) saslLine(f *frame) bool {
	e := s.sasl.line(s.l, f, s.family)
	if e == nil {
		return false
	}
	s.expect = expectCommand
	s.await = "AUTH"
	s.push(smtpCommand{seq: e.Seq, verb: saslStep})
	return true
}

// saslReply reads the server's word in an exchange: 334 asks for another line, anything else ends it.
func (s *smtp) saslReply(e *Event, code string) {
	if s.await != "AUTH" {
		return
	}
	s.await = ""
	if code != "334" {
		s.expect = expectCommand
		if code[0] == '2' {
			s.l.mayLayer(s.sasl.x, e.Seq)
		}
		return
	}
	s.sasl.challenge(e, e.Field("text"), e.Span.From+4)
	s.expect = expectSASL
}
