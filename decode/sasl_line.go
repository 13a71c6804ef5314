package decode

import (
	"bytes"
	"strconv"
)

// dialogue is a SASL exchange in lines, as SMTP and POP3 have it (RFC 4954 §4, RFC 5034 §4).
type dialogue struct {
	x     *exchange
	steps int
}

// authLine is AUTH mechanism [initial-response] taken apart: offsets into the line.
type authLine struct {
	shown       []byte // the line with its secrets masked
	mechEnd, at int    // where the mechanism ends and the initial response begins
	parts       []Field
}

// begin reads an AUTH line, of which the argument begins at argAt, from offset at of the stream.
func (d *dialogue) begin(l *leg, layer Layer, body []byte, argAt int, at int64) authLine {
	arg := body[argAt:]
	a := authLine{shown: body, mechEnd: len(body), at: len(body)}
	mech := arg
	if i := bytes.IndexAny(arg, " \t"); i >= 0 {
		mech = arg[:i]
		a.mechEnd, a.at = argAt+i, len(body)-len(bytes.TrimLeft(arg[i:], " \t"))
	}
	d.steps = 0
	if len(arg) > 0 && !mechanismName(mech) { // the response, its mechanism forgotten
		d.x = l.exchange("")
		l.heardLine(arg)
		a.shown = l.hide(Client, layer, body, argAt, at, stars(len(arg)))
		a.at = argAt
		a.parts = []Field{{Name: "response", Value: string(a.shown[argAt:]), Span: Span{0, int64(len(arg))}, Secret: true}}
		return a
	}
	d.x = l.exchange(string(mech))
	if a.at < len(body) {
		var masked []byte
		a.parts, masked = d.x.client(body[a.at:])
		a.shown = l.hide(Client, layer, body, a.at, at, masked)
	}
	return a
}

// line reads the client's next line and emits it as an event of the family; nil if the line is not complete.
func (d *dialogue) line(l *leg, f *frame, family string) *Event {
	raw, ok := f.line()
	if !ok {
		return nil
	}
	body := chomp(raw)
	if d.x == nil {
		d.x = l.exchange("")
	}
	parts, masked := d.x.client(body)
	shown := string(l.hide(Client, f.layer, body, 0, f.at, masked))
	e := l.emit(Client, f, f.take(len(raw)), family+".auth")
	d.steps++
	e.add("mechanism", d.x.mechanism, Span{})
	e.add("step", strconv.Itoa(d.steps), Span{})
	e.add("line", shown, e.Span)
	addParts(e, parts, e.Span.From)
	if shown == "*" {
		e.note("sasl.cancel")
	} else {
		if family == LMTP {
			family = SMTP
		}
		e.note(family + ".auth")
		saslNotes(e, d.x.mechanism, f.layer, true)
	}
	l.lintLine(e, raw, 0, maxSASLLine, true)
	return e
}

// challenge names the parts of the server's message that begins at offset at of the stream.
func (d *dialogue) challenge(e *Event, text string, at int64) {
	if d.x == nil {
		return
	}
	parts, _ := d.x.server([]byte(text))
	addParts(e, parts, at)
	e.add("mechanism", d.x.mechanism, Span{})
	e.note(saslID(d.x.mechanism, ".server"))
}

// saslID is the note of a mechanism's message; of one that was not named, that of SASL itself.
func saslID(mechanism, side string) string {
	if mechanism == "" {
		return "sasl.unnamed" + side
	}
	return "sasl." + mechanism + side
}

// saslNotes explains a client's SASL message; without TLS, mechanisms that show the password itself get a warning.
func saslNotes(e *Event, mechanism string, layer Layer, sent bool) {
	e.note(saslID(mechanism, ".client"))
	if layer == Wire && sent {
		switch mechanism {
		case "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER":
			e.note("lint.password_in_clear")
		}
	}
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

// notCommand reports whether a line behind AUTH is a response rather than a command. It is asked only where the server's
// word is missing.
func notCommand(line []byte, commands map[string]string) bool {
	verb, _, _, _ := verbOf(line)
	_, known := commands[verb]
	return !known
}
