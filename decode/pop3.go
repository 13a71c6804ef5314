package decode

import (
	"bytes"
	"strings"
)

// pop3 decodes POP3 (RFC 1939) with CAPA and response codes (RFC 2449), STLS (RFC 2595), AUTH (RFC 5034), UTF8 and
// LANG (RFC 6856).
type pop3 struct {
	l       *leg
	greeted bool
	pending queue[popCommand]
	await   string // AUTH or STLS: the verb whose response decides what the client's next octets are
	sasl    dialogue
	answer  bool  // the client's next line answers a challenge
	held    int64 // client octets below this were sent before the upgrade was agreed on
	listing string
	text    bool // a message is on its way from the server
	listCmd int  // Seq of the command that a multi-line response answers
	items   int
	message message
	state   machine
	lints   popLints
	guard   guard
}

type popCommand struct {
	seq  int
	verb string
	bare bool // without an argument
}

func newPOP3(l *leg) *pop3 { return &pop3{l: l, state: newMachine(pop3Arrows)} }

func (p *pop3) step(from Side, f *frame) bool {
	switch {
	case len(f.buf) == 0:
		return false
	case from == Server:
		return p.server(f)
	case p.await != "":
		if _, whole := f.line(); f.held() || !whole {
			return false
		}
		if p.await == "AUTH" {
			line, _ := f.line()
			p.answer = notCommand(chomp(line), popCommandIDs)
		} else if looksTLS(f.buf, Client, true) == yes {
			p.l.upgrade("STLS", 0)
		}
		p.await = ""
		return p.l.step(from)
	case p.answer:
		return p.saslLine(f)
	}
	return p.command(f)
}

func (p *pop3) idle(from Side) bool {
	if from == Server {
		return p.listing == "" && !p.text
	}
	return p.await == "" && !p.answer
}

// command reads a command line (RFC 1939 §3).
func (p *pop3) command(f *frame) bool {
	raw, ok := f.line()
	if !ok {
		return false
	}
	at := f.at
	verb, _, _, _ := verbOf(chomp(raw))
	_, known := popCommandIDs[verb]
	early := p.state.state == "connected" || p.state.state == "authorization"
	raw = p.guard.line(p.l, f.layer, raw, at, verb, known, early)
	body := chomp(raw)
	verb, verbAt, verbEnd, argAt := verbOf(body)
	shown, parts, secretAt := p.secrets(verb, body, argAt, at, f.layer)
	rule := noVerb(body)
	kind := "pop3.command"
	if rule != "" {
		kind = "session.violation"
	}
	e := p.l.emit(Client, f, f.take(len(raw)), kind)
	line := p.l.s.room.text(shown)
	e.add("verb", verb, Span{at + int64(verbAt), at + int64(verbEnd)})
	arg := Field{Name: "argument", Value: line[argAt:], Span: Span{at + int64(argAt), at + int64(len(body))}, Secret: verb == "PASS"}
	e.Fields = append(e.Fields, arg)
	e.add("line", line, Span{at, at + int64(len(body))})
	if rule != "" {
		e.add("rule", rule, Span{})
		e.note("session.violation."+rule, Field{Name: "verb", Value: verb})
	}
	if verb != "" {
		e.note(idOf(popCommandIDs, "pop3.command.", verb))
	}
	p.arguments(e, verb, line, argAt, at)
	addParts(e, parts, at+int64(secretAt))
	if f.layer == Wire && (verb == "PASS" || verb == "AUTH" && len(parts) > 0) {
		e.note("lint.password_in_clear")
	}
	p.l.lintBehind(e, at, p.held)
	p.lintCommand(e, verb, raw, argAt)
	bare := argAt == len(body)
	p.pending.push(popCommand{e.Seq, verb, bare})
	if verb == "STLS" || verb == "AUTH" && !bare {
		p.await = verb
	}
	return true
}

// secrets masks what a command line must not show: the password of PASS, the digest of APOP, the response of AUTH.
func (p *pop3) secrets(verb string, body []byte, argAt int, at int64, layer Layer) (shown []byte, parts []Field, partsAt int) {
	arg := body[argAt:]
	switch verb {
	case "PASS":
		return p.l.hide(Client, layer, body, argAt, at, stars(len(arg))), nil, 0
	case "APOP":
		if i := bytes.IndexAny(arg, " \t"); i >= 0 {
			from := argAt + i + 1
			return p.l.hide(Client, layer, body, from, at, stars(len(body)-from)), nil, 0
		}
	case "AUTH":
		a := p.sasl.begin(p.l, layer, body, argAt, at)
		return a.shown, a.parts, a.at
	}
	return body, nil, 0
}

func stars(n int) []byte { return bytes.Repeat([]byte{'*'}, n) }

// arguments takes the arguments of the commands we know apart.
func (p *pop3) arguments(e *Event, verb, line string, argAt int, at int64) {
	span := func(from, to int) Span { return Span{at + int64(from), at + int64(to)} }
	arg := line[argAt:]
	first, rest, two := arg, "", false
	if i := strings.IndexAny(arg, " \t"); i >= 0 {
		first, rest, two = arg[:i], arg[i+1:], true
	}
	switch verb {
	case "USER":
		e.add("user", arg, span(argAt, len(line)))
	case "PASS":
		e.addSecret("password", arg, span(argAt, len(line)))
	case "APOP":
		e.add("user", first, span(argAt, argAt+len(first)))
		if two {
			e.addSecret("digest", rest, span(len(line)-len(rest), len(line)))
		}
	case "AUTH":
		if first != "" {
			e.add("mechanism", p.sasl.x.mechanism, span(argAt, argAt+len(first)))
			e.note(saslID(p.sasl.x.mechanism, ".client"))
		}
	case "RETR", "DELE", "LIST", "UIDL", "TOP":
		if first != "" {
			e.add("number", first, span(argAt, argAt+len(first)))
		}
	case "LANG": // RFC 6856 §3
		if first != "" {
			e.add("language", first, span(argAt, argAt+len(first)))
		}
	}
	if verb == "TOP" && two {
		e.add("lines", rest, span(len(line)-len(rest), len(line)))
	}
}

// saslLine reads the client's next line of an exchange (RFC 5034 §4).
func (p *pop3) saslLine(f *frame) bool {
	if p.sasl.line(p.l, f, POP3) == nil {
		return false
	}
	p.answer, p.await = false, "AUTH"
	return true
}

func (p *pop3) gap(from Side, n int64) {
	if from == Client {
		p.await, p.answer = "", false
		return
	}
	p.listing = ""
	p.lints.text.gap()
	p.message.gap(n)
}

func (p *pop3) flush(from Side) {
	if from == Server {
		n := len(p.l.s.evs)
		p.message.flush()
		p.noteText(n)
	}
}

// secured forgets commands that an honest server has thrown away (RFC 2595 §4).
func (p *pop3) secured() {
	p.await = ""
	p.pending.empty()
	if p.l.sides[Server].agreed {
		p.greeted = true
	}
}
