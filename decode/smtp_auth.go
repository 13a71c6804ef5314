package decode

import (
	"bytes"
	"strconv"
)

// auth reads AUTH mechanism [initial-response] (RFC 4954 §4).
func (s *smtp) auth(f *frame, c *smtpLine, raw []byte) {
	arg := c.body[c.argAt:]
	mech, initial := arg, []byte(nil)
	initialAt := len(c.body)
	if i := bytes.IndexAny(arg, " \t"); i >= 0 {
		mech = arg[:i]
		initial = bytes.TrimLeft(arg[i:], " \t")
		initialAt = len(c.body) - len(initial)
	}
	s.sasl, s.steps = newExchange(string(mech), s.l.s.o.ShowSecrets), 0
	var parts []Field
	shown := c.body
	if len(initial) > 0 {
		var masked []byte
		parts, masked = s.sasl.client(initial)
		shown = s.l.hide(Client, f.layer, c.body, initialAt, c.at, masked)
	}
	e := s.begin(f, c, string(shown))
	e.add("mechanism", s.sasl.mechanism, c.spanOf(c.argAt, c.argAt+len(mech)))
	addParts(e, parts, c.at+int64(initialAt))
	saslNotes(e, s.sasl.mechanism, f.layer, len(initial) > 1) // "=" is an empty response
	s.lintCounted(e, c.verb)
	s.l.lintUse(e)
	s.l.lintMechanism(e, s.sasl.mechanism)
	s.l.lintLine(e, raw, initialAt, maxSASLLine, true)
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

// addParts adds the parts of a SASL message that begins at offset at.
func addParts(e *Event, parts []Field, at int64) {
	for _, p := range parts {
		if p.Span.To > p.Span.From {
			p.Span = Span{p.Span.From + at, p.Span.To + at}
		}
		e.Fields = append(e.Fields, p)
	}
}

// saslNotes explains a client's SASL message; without TLS, mechanisms that show the password itself get a warning.
func saslNotes(e *Event, mechanism string, layer Layer, sent bool) {
	e.note("sasl." + mechanism + ".client")
	if layer == Wire && sent {
		switch mechanism {
		case "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER":
			e.note("lint.password_in_clear")
		}
	}
}

// saslLine reads the client's next line of an exchange.
func (s *smtp) saslLine(f *frame) bool {
	raw, ok := f.line()
	if !ok {
		return false
	}
	body := chomp(raw)
	parts, masked := s.sasl.client(body)
	shown := string(s.l.hide(Client, f.layer, body, 0, f.at, masked))
	e := s.l.emit(Client, f, f.take(len(raw)), s.family+".auth")
	s.steps++
	e.add("mechanism", s.sasl.mechanism, Span{})
	e.add("step", strconv.Itoa(s.steps), Span{})
	e.add("line", shown, e.Span)
	addParts(e, parts, e.Span.From)
	if shown == "*" {
		e.note("sasl.cancel")
	} else {
		e.note("smtp.auth")
		saslNotes(e, s.sasl.mechanism, f.layer, true)
	}
	s.l.lintLine(e, raw, 0, maxSASLLine, true)
	s.expect = expectCommand
	s.await = "AUTH"
	s.push(smtpCommand{seq: e.Seq, verb: saslStep})
	return true
}

// saslReply reads the server's word in an exchange: 334 asks for another line, anything else ends it.
func (s *smtp) saslReply(e *Event, code string, cmd smtpCommand) {
	if s.await != "AUTH" || s.sasl == nil {
		return
	}
	s.await = ""
	if code != "334" {
		s.expect = expectCommand
		return
	}
	parts, _ := s.sasl.server([]byte(e.Field("text")))
	addParts(e, parts, e.Span.From+4)
	e.add("mechanism", s.sasl.mechanism, Span{})
	e.note("sasl." + s.sasl.mechanism + ".server")
	s.expect = expectSASL
}

// likeSASL tells whether a line reads like a client's part in an exchange rather than a command. It is asked only where
// the server's word is missing.
func likeSASL(line []byte) bool {
	for _, c := range line {
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '+' || c == '/' || c == '=' || c == '*') {
			return false
		}
	}
	_, verb := knownVerbs[string(line)]
	return !verb
}
