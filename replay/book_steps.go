package replay

import (
	"slices"
	"strings"
	"time"

	"facteur/decode"
)

// writer puts a session's events together to steps.
type writer struct {
	p     *page
	d     *Dialogue
	of    map[int]int // step index by the Seq of an event that belongs to it
	began time.Time   // of the turn that is answered
	unit  bool        // IMAP: a response with literals is under way
	asks  int         // IMAP: step whose command is under way, its literals being sent; -1 for none
	body  int         // SMTP: step index whose message is under way; each chunk of one has its own

	pending []int // IMAP: step indices of commands without their tagged response
	held    []heldAnswer
}

// heldAnswer is an answer whose command is not known yet.
type heldAnswer struct {
	Answer
	at time.Time
}

// dialogue makes the steps of a session.
func (p *page) dialogue(id int) *Dialogue {
	d := &Dialogue{Session: id, Protocol: p.open["protocol"], Security: Clear, Client: p.open["client"], Server: p.open["server"]}
	if p.open["security"] == "tls" {
		d.Security = ImplicitTLS
	}
	w := &writer{p: p, d: d, of: map[int]int{}, asks: -1}
	for i := range p.events {
		w.event(&p.events[i])
	}
	w.finish()
	return d
}

// event gives an event its place.
func (w *writer) event(e *slim) {
	if w.d.Time.IsZero() {
		w.d.Time = e.time
	}
	family, _, _ := strings.Cut(e.kind, ".")
	switch {
	case e.kind == "session.open":
	case e.kind == "session.gap":
		w.missing(MissingOctets, e, e.lost)
	case e.sealed:
		w.missing(MissingKeys, e, e.span.Len())
	case e.kind == "session.opaque":
		w.missing(MissingProtocol, e, e.span.Len())
	case e.kind == "session.upgrade":
		w.upgrade(e)
	case e.kind == "session.violation" && e.line == "" && e.span.Len() == 0:
	case !isMail(family) && family != "message" && e.kind != "session.violation":
	default:
		if isMail(family) && !isMail(w.d.Protocol) {
			w.d.Protocol = family
		}
		w.spoken(e)
	}
}

// missing notes what the recording lacks, once per side and place.
func (w *writer) missing(what string, e *slim, n int64) {
	if m := w.d.Missing; len(m) > 0 {
		last := &m[len(m)-1]
		if last.What == what && last.From == e.from.String() && last.After == len(w.d.Steps) {
			last.Octets += n
			return
		}
	}
	w.d.Missing = append(w.d.Missing, Missing{What: what, From: e.from.String(), After: len(w.d.Steps), Octets: n})
}

func (w *writer) upgrade(e *slim) {
	if e.to == "tls" && w.d.Security == Clear && e.how != "" && !strings.EqualFold(e.how, "implicit") {
		w.d.Security = StartTLS
	}
	w.begin(e, StepUpgrade, strings.ToUpper(e.to))
	w.step().Line = e.how
}

// spoken places octets that one side said.
func (w *writer) spoken(e *slim) {
	data, ok := w.p.streams[e.from&1][map[bool]int{true: 1}[e.layer == decode.Plain]].octets(e.span)
	if !ok {
		w.missing(MissingOctets, e, e.span.Len())
	}
	if e.from == decode.Client {
		w.client(e, data)
	} else {
		w.server(e, data)
	}
}

// client places the client's octets: a new step, a new turn of one, or more of a turn.
func (w *writer) client(e *slim, data []byte) {
	i, known := w.of[e.re]
	known = known && e.re != 0
	_, what, _ := strings.Cut(e.kind, ".")
	switch {
	case w.asks >= 0: // the rest of a command with literals
		w.more(w.asks, e, data)
		if what == "command" {
			w.name(w.asks, e)
			w.asks = -1
		}
	case what == "data.begin" && w.d.Protocol == decode.IMAP:
		w.begin(e, StepCommand, e.verb)
		w.asks = len(w.d.Steps) - 1
		w.more(w.asks, e, data)
	case what == "auth":
		if !known {
			i = w.lastOf("AUTH", "AUTHENTICATE")
		}
		w.turn(i, e, data)
	case what == "done":
		if !known {
			i = w.lastOf("IDLE")
		}
		if i >= 0 {
			w.release(i)
		}
		w.turn(i, e, data)
	case what == "data.begin" && known:
		if w.body = i; w.d.Steps[i].Verb == "DATA" {
			w.turn(i, e, data)
		}
	case known && (what == "data.data" || strings.HasPrefix(e.kind, "message.")):
		w.more(w.body, e, data)
	case known:
		w.more(i, e, data)
	default:
		w.begin(e, StepCommand, e.verb)
		w.more(len(w.d.Steps)-1, e, data)
		w.name(len(w.d.Steps)-1, e)
	}
}

// begin adds a step.
func (w *writer) begin(e *slim, kind, verb string) {
	w.d.Steps = append(w.d.Steps, Step{N: len(w.d.Steps) + 1, Seq: e.seq, Kind: kind, Verb: verb, Line: e.line, Time: e.time,
		Secure: e.layer == decode.Plain && w.d.Security != Clear, Turns: []Turn{{}}})
	w.of[e.seq] = len(w.d.Steps) - 1
	w.began = e.time
	if kind == StepCommand && w.d.Protocol == decode.IMAP {
		w.pending = append(w.pending, len(w.d.Steps)-1)
	}
}

func (w *writer) step() *Step { return &w.d.Steps[len(w.d.Steps)-1] }

// name says what a command is, once it is whole.
func (w *writer) name(i int, e *slim) {
	s := &w.d.Steps[i]
	s.Verb, s.Line, s.tag = e.verb, e.line, e.tag
}

// more adds octets to what the client says in a step.
func (w *writer) more(i int, e *slim, data []byte) {
	s := &w.d.Steps[i]
	t := &s.Turns[len(s.Turns)-1]
	t.Client = append(t.Client, data...)
	w.of[e.seq] = i
}

// turn begins another turn of a step: a SASL line, a body, DONE.
func (w *writer) turn(i int, e *slim, data []byte) {
	if i < 0 { // its beginning is not in the recording
		w.begin(e, StepCommand, "")
		i = len(w.d.Steps) - 1
	} else {
		w.d.Steps[i].Turns = append(w.d.Steps[i].Turns, Turn{})
	}
	w.more(i, e, data)
	w.began = e.time
}

// lastOf is the last step with one of these verbs, -1 for none.
func (w *writer) lastOf(verbs ...string) int {
	for i := len(w.d.Steps) - 1; i >= 0; i-- {
		for _, v := range verbs {
			if w.d.Steps[i].Verb == v {
				return i
			}
		}
	}
	return -1
}

// server places what the server says in the step it answers.
func (w *writer) server(e *slim, data []byte) {
	_, what, _ := strings.Cut(e.kind, ".")
	i, known := w.of[e.re]
	known = known && e.re != 0
	if e.tag == "+" && (!known || i == w.asks) { // it asks for a literal; whoever speaks again does that in its own way
		return
	}
	if !known {
		i = w.unasked(e)
	}
	if s := &w.d.Steps[i]; w.d.Protocol == decode.LMTP && s.Verb == "RCPT" && len(s.last()) > 0 {
		i = w.body // the message's reply about this recipient (RFC 2033 §4.2)
	}
	w.of[e.seq] = i
	starts := what == "response" || what == "reply" || e.kind == "session.violation" || what == "item" && w.d.Protocol != decode.POP3 ||
		what == "data.begin" && w.d.Protocol == decode.IMAP
	if w.d.Protocol == decode.IMAP {
		if w.unit {
			starts = false
		}
		w.unit = (what == "data.begin" || w.unit) && what != "response"
	}
	answer := Answer{Octets: data, Tagged: w.d.Protocol == decode.IMAP && e.tag != "*" && e.tag != "+" && e.tag != ""}
	switch {
	case len(w.held) > 0 && !starts:
		last := &w.held[len(w.held)-1]
		last.Octets = append(last.Octets, data...)
		return
	case starts && w.several(i, answer.Tagged, e.tag):
		answer.Octets = append([]byte(nil), data...)
		w.held = append(w.held, heldAnswer{answer, e.time})
		return
	}
	w.release(i)
	w.put(i, answer, e.time, starts)
	if answer.Tagged {
		w.pending = slices.DeleteFunc(w.pending, func(n int) bool { return n == i })
	}
}

// several says whether an IMAP response may belong to any of several commands: servers answer them in order, so the next
// tagged response tells whose it is.
func (w *writer) several(i int, tagged bool, tag string) bool {
	return w.d.Protocol == decode.IMAP && !tagged && tag != "+" && len(w.pending) > 1
}

// release gives what was held to the step whose tagged response has come.
func (w *writer) release(i int) {
	held := w.held
	w.held = nil
	for _, h := range held {
		w.put(i, h.Answer, h.at, true)
	}
}

// put adds an answer to a step, or octets to its last one.
func (w *writer) put(i int, a Answer, at time.Time, starts bool) {
	s := &w.d.Steps[i]
	t := &s.Turns[len(s.Turns)-1]
	if s.Verb == "DATA" && len(s.Turns) == 2 && len(t.Server) == 0 && len(s.Turns[0].Server) == 0 { // the body did not wait
		t = &s.Turns[0]
	}
	if n := len(t.Server); !starts && n > 0 {
		t.Server[n-1].Octets = append(t.Server[n-1].Octets, a.Octets...)
		return
	}
	a.After = max(at.Sub(w.began), 0)
	a.Octets = append([]byte(nil), a.Octets...)
	t.Server = append(t.Server, a)
}

// unasked is the step for words of the server that answer nothing: the greeting, or the step under way.
func (w *writer) unasked(e *slim) int {
	greeted := false
	for i := range w.d.Steps {
		greeted = greeted || w.d.Steps[i].Kind != StepUpgrade
	}
	if greeted {
		for i := len(w.d.Steps) - 1; i >= 0; i-- {
			if w.d.Steps[i].Kind != StepUpgrade {
				return i
			}
		}
	}
	w.begin(e, StepGreeting, "")
	w.step().Line = ""
	return len(w.d.Steps) - 1
}

// finish names what every step means.
func (w *writer) finish() {
	if n := len(w.d.Steps); n > 0 && len(w.held) > 0 {
		w.release(n - 1)
	}
	for i := range w.d.Steps {
		s := &w.d.Steps[i]
		if s.Kind == StepCommand {
			s.key = meaning(w.d.Protocol, s.asked())
			last := s.last()
			s.Cut = len(last) == 0 || w.d.Protocol == decode.IMAP && !last[len(last)-1].Tagged && s.tag != ""
		}
	}
	if n := len(w.d.Steps); w.d.Protocol != "" && (n == 0 || n > 0 && w.d.Steps[0].Kind == StepCommand) && len(w.d.Missing) == 0 {
		w.d.Missing = append(w.d.Missing, Missing{What: MissingStart, From: decode.Server.String()})
	}
}
