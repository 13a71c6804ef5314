package decode

import (
	"bytes"
	"strconv"
	"strings"
)

// server reads the server's side: a status line, and what follows it by the command it answers.
func (p *pop3) server(f *frame) bool {
	switch {
	case p.text:
		data, n := f.buf, len(p.l.s.evs)
		p.lints.text.ahead(data, f.at)
		p.message.clean = p.lints.text.clean
		progress, ended := p.message.dotted(f)
		p.l.s.lintText(&p.lints.text, &p.l.sides[Server], f, data, n)
		if ended {
			p.endText(f)
		}
		return progress
	case p.listing != "":
		return p.item(f)
	}
	raw, ok := f.line()
	if !ok {
		return false
	}
	raw = p.l.unechoLines(f.layer, raw, statusEnd(raw), f.at)
	line := chomp(raw)
	status := popStatus(line)
	if status == "" {
		e := p.l.emit(Server, f, f.take(len(raw)), "session.violation")
		e.add("rule", "not_a_response", Span{})
		e.add("line", string(line), e.Span)
		e.note("session.violation.not_a_response")
		return true
	}
	p.response(f, raw, p.l.s.room.text(line), status)
	return true
}

// statusEnd gives where the status indicator ends that a response begins with, 0 if it begins with none.
func statusEnd(raw []byte) int {
	if popStatus(chomp(raw)) == "" {
		return 0
	}
	if i := bytes.IndexByte(raw, ' '); i >= 0 {
		return i + 1
	}
	return len(raw)
}

// popStatus gives the status indicator of a response: +OK, -ERR, or + for a challenge (RFC 1939 §3, RFC 5034 §4). The
// RFC wants upper case; servers that send lower case mean it all the same.
func popStatus(line []byte) string {
	word := line
	if i := bytes.IndexByte(line, ' '); i >= 0 {
		word = line[:i]
	}
	switch {
	case bytes.EqualFold(word, []byte("+OK")):
		return "+OK"
	case bytes.EqualFold(word, []byte("-ERR")):
		return "-ERR"
	case len(line) >= 1 && line[0] == '+' && len(word) == 1:
		return "+"
	}
	return ""
}

func (p *pop3) response(f *frame, raw []byte, line, status string) {
	at := f.at
	var cmd popCommand
	// the first response greets, even where the client spoke first; unless it says itself that it answers CAPA
	begins := at == 0 && f.layer == Wire && !p.l.s.o.Midstream && !(p.pending.len() > 0 && p.pending.first().verb == "CAPA" && strings.Contains(strings.ToLower(line), "capability"))
	switch {
	case !p.greeted && (begins || p.pending.len() == 0) && status != "+":
		cmd = popCommand{verb: "greeting"}
		p.greeted = true
	case p.pending.len() > 0:
		p.greeted = true
		cmd = *p.pending.first()
		if status != "+" {
			p.pending.pop()
		}
	}
	e := p.l.emit(Server, f, f.take(len(raw)), "pop3.response")
	word, text, _ := strings.Cut(line, " ")
	textAt := at + int64(len(line)-len(text))
	e.add("status", word, Span{at, at + int64(len(word))})
	e.add("text", text, Span{textAt, at + int64(len(line))})
	e.add("line", line, Span{at, at + int64(len(line))})
	e.Re = cmd.seq
	p.explain(e, status, text, textAt, cmd)
	if p.l.behindUpgrade(Server) {
		e.note("lint.starttls_plaintext")
	}
	p.l.lintLine(e, raw, len(raw), maxPOP3Response, false)
	p.act(e, f, status, text, cmd)
}

// explain notes what a response says.
func (p *pop3) explain(e *Event, status, text string, textAt int64, cmd popCommand) {
	switch status {
	case "+":
		e.note("pop3.response.continue")
	case "+OK":
		e.note(strings.TrimSuffix(idOf(popOKIDs, "pop3.response.ok.", cmd.verb), "."))
	default:
		e.note(strings.TrimSuffix(idOf(popErrIDs, "pop3.response.err.", cmd.verb), "."))
	}
	if cmd.verb == "" && !p.l.lint.holes && !p.l.s.o.Midstream {
		e.note("lint.unexpected_reply")
	}
	if strings.HasPrefix(text, "[") { // RFC 2449 §8
		if i := strings.IndexByte(text, ']'); i > 0 {
			e.add("code", text[1:i], Span{textAt, textAt + int64(i) + 1})
			e.noteAt("pop3.code."+strings.ToUpper(text[1:i]), Span{textAt, textAt + int64(i) + 1})
		}
	}
	if a, b, ok := strings.Cut(text, " "); ok && status == "+OK" {
		b, _, _ = strings.Cut(b, " ")
		spanA := Span{textAt, textAt + int64(len(a))}
		spanB := Span{spanA.To + 1, spanA.To + 1 + int64(len(b))}
		switch {
		case cmd.bare:
		case cmd.verb == "LIST" && digits(a) && digits(b):
			e.add("number", a, spanA)
			e.add("octets", b, spanB)
		case cmd.verb == "UIDL" && digits(a):
			e.add("number", a, spanA)
			e.add("uid", b, spanB)
		case cmd.verb == "LANG":
			e.add("language", a, spanA)
		}
		switch cmd.verb {
		case "STAT":
			e.add("messages", a, spanA)
			e.add("octets", b, spanB)
		case "RETR":
			if _, err := strconv.Atoi(a); err == nil {
				e.add("octets", a, spanA)
			}
		}
	}
}

// digits reports whether a word is a number.
func digits(s string) bool { return s != "" && allDigits(s) }

// act does what a response means for the octets behind it.
func (p *pop3) act(e *Event, f *frame, status, text string, cmd popCommand) {
	if to := p.state.move(cmd.verb, status); to != "" {
		e.add("state", to, Span{})
	}
	switch cmd.verb {
	case "STLS":
		if p.await == "STLS" {
			p.await = ""
			if status == "+OK" {
				c := p.l.sides[Client].app()
				p.held = c.at + int64(len(c.buf))
				p.l.upgrade("STLS", cmd.seq)
			}
		}
		return
	case "AUTH":
		if p.await == "AUTH" {
			p.await = ""
			if p.answer = status == "+"; p.answer {
				p.sasl.challenge(e, text, e.Span.From+int64(len(e.Field("line"))-len(text)))
			} else if status == "+OK" {
				p.l.mayLayer(p.sasl.x, cmd.seq)
			}
			return
		}
	}
	if status != "+OK" {
		return
	}
	switch cmd.verb {
	case "RETR", "TOP":
		p.text, p.listCmd = true, cmd.seq
		p.message.begin(&p.l.sides[Server], f, "pop3.data.data", true, formMessage)
		p.message.re = cmd.seq
		p.lints.text.begin(f.at, checkEnds|checkReturns|checkNul)
		b := p.l.emit(Server, f, Span{f.at, f.at}, "pop3.data.begin")
		b.Re = cmd.seq
		b.note("pop3.data.begin")
	case "CAPA":
		p.list(cmd)
	case "LIST", "UIDL", "AUTH", "LANG":
		if cmd.bare {
			p.list(cmd)
		}
	}
}

func (p *pop3) list(cmd popCommand) {
	p.listing, p.listCmd, p.items = cmd.verb, cmd.seq, 0
	p.lints.uids = uidSet{}
}

// item reads a line of a listing, or the dot that ends it.
func (p *pop3) item(f *frame) bool {
	raw, ok := f.line()
	if !ok {
		return false
	}
	line := p.l.s.room.text(chomp(raw))
	at := f.at
	if line == "." {
		e := p.l.emit(Server, f, f.take(len(raw)), "pop3.data.end")
		e.add("items", strconv.Itoa(p.items), Span{})
		e.add("line", line, e.Span)
		e.Re = p.listCmd
		e.note("pop3.data.end")
		p.listing, p.lints.uids = "", uidSet{}
		return true
	}
	p.items++
	e := p.l.emit(Server, f, f.take(len(raw)), "pop3.item")
	e.Re = p.listCmd
	e.add("line", line, Span{at, at + int64(len(line))})
	a, b, _ := strings.Cut(strings.TrimPrefix(line, "."), " ")
	spanA, spanB := Span{at, at + int64(len(a))}, Span{at + int64(len(a)) + 1, at + int64(len(line))}
	switch p.listing {
	case "LIST":
		e.add("number", a, spanA)
		e.add("octets", b, spanB)
	case "UIDL":
		e.add("number", a, spanA)
		e.add("uid", b, spanB)
	case "CAPA", "AUTH", "LANG":
		e.add("name", a, spanA)
		e.add("value", b, spanB)
	}
	if p.listing == "CAPA" {
		e.note("pop3.capability." + strings.ToUpper(a))
	} else {
		e.note(idOf(popItemIDs, "pop3.item.", p.listing))
	}
	p.lintItem(e, raw, a, b)
	return true
}

// endText takes the ".CRLF" behind a message.
func (p *pop3) endText(f *frame) {
	n := len(p.l.s.evs)
	p.message.end()
	p.noteText(n)
	e := p.l.emit(Server, f, f.take(len(terminator)-2), "pop3.data.end")
	e.add("octets", p.l.s.room.decimal(p.message.total), Span{})
	p.message.addDecoded(e)
	e.add("line", ".", e.Span)
	e.Re = p.listCmd
	e.note("pop3.data.end")
	p.text = false
}
