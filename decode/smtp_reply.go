package decode

import "strings"

// reply reads a reply, all its lines (RFC 5321 §4.2).
func (s *smtp) reply(f *frame) bool {
	for {
		end, ok := f.lineFrom(s.lines)
		if !ok {
			return false
		}
		line := f.buf[s.lines:end]
		if !isReplyLine(line) {
			if s.lines == 0 {
				s.notReply(f, end)
			} else {
				s.emitReply(f, s.lines) // a reply that breaks off
			}
			return true
		}
		if len(line) < 4 || line[3] != '-' || end >= maxReply || f.ended && end == len(f.buf) {
			s.emitReply(f, end)
			return true
		}
		s.lines = end
	}
}

// isReplyLine tells whether a line begins with a reply code.
func isReplyLine(line []byte) bool {
	line = chomp(line)
	return len(line) >= 3 && digit(line[0]) && digit(line[1]) && digit(line[2]) && (len(line) == 3 || line[3] == ' ' || line[3] == '-')
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// notReply tells of a line from the server that is no reply.
func (s *smtp) notReply(f *frame, end int) {
	raw, tokens := s.l.hideTokens(Server, f.layer, s.l.unechoLines(f.layer, f.buf[:end], 0, f.at), f.at, nil)
	line := string(chomp(raw))
	e := s.l.emit(Server, f, f.take(end), "session.violation")
	e.Fields = append(e.Fields, tokens...)
	e.add("rule", "not_a_reply", Span{})
	e.add("line", line, e.Span)
	e.note("session.violation.not_a_reply")
}

// emitReply emits the reply that the first n octets of the frame are, and lets it answer the oldest command.
func (s *smtp) emitReply(f *frame, n int) {
	s.lines = 0
	at := f.at
	raw := s.l.unechoLines(f.layer, f.buf[:n], len("250 "), at)
	raw, tokens := s.l.hideTokens(Server, f.layer, raw, at, nil)
	line, text := replyText(s.l.s.room, raw)
	code := line[:3]
	// the first reply greets, even where the client spoke first; midstream it may answer STARTTLS instead
	first := at == 0 && f.layer == Wire && (!s.l.s.o.Midstream || s.pending.len() > 0 && s.pending.first().verb != "STARTTLS") || s.pending.len() == 0
	cmd, answers := s.answers(code, first)
	e := s.l.emit(Server, f, f.take(n), s.kinds.reply)
	e.add("code", code, Span{at, at + 3})
	if enh := enhancedCode(text); enh != "" {
		e.add("enhanced", enh, Span{at + 4, at + 4 + int64(len(enh))})
	}
	e.add("text", text, Span{})
	e.add("line", line, Span{at, at + int64(n)})
	e.Fields = append(e.Fields, tokens...)
	e.Re = cmd.seq
	if cmd.verb == dataDone && cmd.to.rcpt != 0 {
		e.add("recipient", cmd.to.name, Span{})
		if !cmd.chunks {
			e.Re = cmd.to.rcpt
		}
	}
	s.explainReply(e, raw, at, code, cmd, answers)
	if s.l.behindUpgrade(Server) {
		e.note("lint.starttls_plaintext")
	}
	s.lintReply(e, raw, cmd)
	s.act(e, code, cmd)
}

// answers takes the command that a reply is about from the queue.
func (s *smtp) answers(code string, first bool) (cmd smtpCommand, ok bool) {
	if first && !s.greeted && (code == "220" || code == "554" || code == "421") {
		s.greeted = true
		return smtpCommand{verb: "greeting"}, true
	}
	s.greeted = true
	if s.pending.len() == 0 {
		return smtpCommand{}, false
	}
	s.answerAll()
	return s.pending.pop(), true
}

// replyText joins a reply's lines by \n: as sent, and without their codes.
func replyText(room *Room, raw []byte) (line, text string) {
	body := room.text(chomp(raw))
	if strings.IndexByte(body, '\n') < 0 {
		return body, body[min(4, len(body)):]
	}
	lines := strings.Split(strings.ReplaceAll(body, "\r\n", "\n"), "\n")
	line = strings.Join(lines, "\n")
	for i, l := range lines {
		lines[i] = l[min(4, len(l)):]
	}
	return line, strings.Join(lines, "\n")
}

// enhancedCode gives the enhanced status code that a reply's text begins with (RFC 2034, RFC 3463).
func enhancedCode(text string) string {
	if len(text) < len("2.0.0") || text[1] != '.' || strings.IndexByte("245", text[0]) < 0 {
		return ""
	}
	n := upToThree(text, 2)
	if n < 0 || n == len(text) || text[n] != '.' {
		return ""
	}
	if n = upToThree(text, n+1); n < 0 || n < len(text) && text[n] != ' ' && text[n] != '\n' {
		return ""
	}
	return text[:n]
}

// upToThree gives the end of a number of one to three digits at offset at, -1 if there is none.
func upToThree(s string, at int) int {
	n := at
	for n < len(s) && digit(s[n]) {
		n++
	}
	if n == at || n > at+3 {
		return -1
	}
	return n
}

// explainReply notes what a reply says.
func (s *smtp) explainReply(e *Event, raw []byte, at int64, code string, cmd smtpCommand, answers bool) {
	to := cmd.verb
	switch to {
	case saslStep:
		to = ""
	case dataDone:
		to = "data"
	}
	e.note(replyID(code, to))
	if enh := e.Field("enhanced"); enh != "" {
		e.note(idOf(smtpEnhancedIDs, "smtp.enhanced.", enh))
	}
	if !answers && code != "421" && !s.l.lint.holes && !s.l.s.o.Midstream { // RFC 5321 §3.8: 421 may come unasked
		e.note("lint.unexpected_reply")
	}
	if code[0] == '2' && (cmd.verb == "EHLO" || cmd.verb == "LHLO") {
		capabilityNotes(e, raw, at)
	}
}

// capabilityNotes explains each keyword of an EHLO reply where it stands (RFC 5321 §4.1.1.1).
func capabilityNotes(e *Event, raw []byte, at int64) {
	first := true
	for off := 0; off < len(raw); {
		end := off
		for end < len(raw) && raw[end] != '\n' {
			end++
		}
		line := chomp(raw[off:min(end+1, len(raw))])
		if !first && len(line) > 4 {
			word, rest, _ := strings.Cut(string(line[4:]), " ")
			if key, value, eq := strings.Cut(word, "="); eq { // AUTH=LOGIN, the old form
				word, rest = key, value
			}
			e.noteAt("smtp.capability."+strings.ToUpper(word), Span{at + int64(off), at + int64(off+len(line))}, Field{Name: "value", Value: rest})
		}
		first = false
		off = end + 1
	}
}

// move gives the state that a reply to a command leads to, "" if nothing changes.
func (s *smtp) move(cmd smtpCommand, code string) string {
	verb := cmd.verb
	switch {
	case code == "421":
		verb = "any"
	case verb == saslStep:
		verb = "AUTH"
	case cmd.last:
		verb = "BDAT LAST"
	}
	return s.state.move(verb, code)
}

// act does what a reply means for the client's next octets.
func (s *smtp) act(e *Event, code string, cmd smtpCommand) {
	ok := code[0] == '2'
	s.guard.asked = s.guard.asked || code == "334" // whoever asks for a response gets one
	if to := s.move(cmd, code); to != "" {
		e.add("state", to, Span{})
	}
	switch cmd.verb {
	case "DATA":
		if s.await == "DATA" {
			s.await = ""
			if code == "354" {
				s.beginData(s.l.sides[Client].app())
			}
		}
	case "AUTH", saslStep:
		s.saslReply(e, code)
	case "STARTTLS":
		if s.await == "STARTTLS" {
			s.await = ""
			if code == "220" {
				c := s.l.sides[Client].app()
				s.held = c.at + int64(len(c.buf))
				s.l.upgrade("STARTTLS", cmd.seq)
			}
		}
	case "MAIL":
		s.rcpts = s.rcpts[:0]
	case "RCPT":
		if ok && len(s.rcpts) < maxWaiting {
			s.rcpts = append(s.rcpts, cmd.to)
		}
	}
}
