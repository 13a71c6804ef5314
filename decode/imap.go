package decode

import (
	"bytes"
	"strconv"
	"strings"
)

const (
	// maxInside is how many octets of literals stay inside the one event of their command or response: names, search
	// words, header fields asked for. Messages, and what is longer, pass as data events.
	maxInside = 4096
	// maxRunning is how many commands may be without their tagged response. Clients pipeline a few dozen; more than
	// this is a capture of one side only, and the oldest are forgotten.
	maxRunning = 256
)

// imap decodes IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051) with literals of every form, pipelining, STARTTLS,
// AUTHENTICATE, IDLE and COMPRESS=DEFLATE (RFC 4978).
type imap struct {
	l       *leg
	state   machine
	units   [2]imapUnit
	build   imapEvent
	running []imapCommand // without their tagged response, oldest first
	answer  struct {      // what belongs said last of them
		commands string
		seq      int
	}
	await   string // the command whose answer decides what the client's next octets are; "" for none
	greeted bool
	spoken  bool  // the client has sent a command
	held    int64 // client octets below this were sent before the upgrade was agreed on

	sasl     *exchange // an AUTHENTICATE runs
	saslSeq  int
	saslStep int
	saslLine bool // the client's next line is a response

	asked      bool   // the last command signs in
	tag        string // of the last command that IMAP has
	http       bool   // the client speaks HTTP
	echoed     bool   // the server's last line repeats a secret
	secretLine bool   // the command read last holds a secret; so does the rest of its line, where it was cut

	idling   int               // Seq of the IDLE that runs, 0 for none
	known    imapKnown         // what the server said it can do
	validity map[string]string // UIDVALIDITY by mailbox
	started  bool              // the upgrade to TLS was by STARTTLS
}

// imapCommand is a command that runs.
type imapCommand struct {
	tag, name string
	seq       int
	layer     Layer
	mailbox   string // SELECT and EXAMINE
}

// imapKnown is what the capabilities said and the lints ask for.
type imapKnown struct {
	startTLS, loginDisabled bool
	layer                   Layer
}

func newIMAP(l *leg) protocol {
	p := &imap{l: l, state: newMachine(imapArrows)}
	p.build.p, p.build.imapNames = p, &l.s.room.names
	return p
}

func (p *imap) step(from Side, f *frame) bool {
	if len(f.buf) == 0 {
		return false
	}
	u := &p.units[from]
	switch {
	case u.broken:
		return p.longLine(from, f)
	case u.streaming:
		return p.stream(from, f)
	case from == Server || len(u.segments) > 0:
		return p.unit(from, f)
	}
	if p.await != "" {
		if f.held() {
			return false
		}
		p.assume(f)
		return p.l.step(from)
	}
	if p.saslLine {
		return p.saslResponse(f)
	}
	if p.idling != 0 {
		if line, ok := f.line(); !ok {
			return false
		} else if bytes.EqualFold(bytes.TrimSpace(line), []byte("DONE")) {
			p.done(f, len(line))
			return true
		}
	}
	return p.unit(from, f)
}

// idle reports whether a side is between two units.
func (p *imap) idle(from Side) bool {
	u := &p.units[from]
	return !u.streaming && !u.broken && len(u.segments) == 0 && (from == Server || p.await == "" && !p.saslLine)
}

// longLine passes over the rest of a line over every limit.
func (p *imap) longLine(from Side, f *frame) bool {
	end, ok := f.lineFrom(0)
	if !ok {
		return false
	}
	p.units[from].broken = f.buf[end-1] != '\n' && !f.ended
	if n := len(chomp(f.buf[:end])); from == Client && p.secretLine {
		p.l.sides[from].mask(f.layer, Span{f.at, f.at + int64(n)}, nil)
	}
	e := p.l.emit(from, f, f.take(end), "imap.data.data")
	e.add("octets", strconv.FormatInt(e.Span.Len(), 10), Span{})
	e.note("imap.data.data")
	e.note("lint.long_line")
	return true
}

// assume goes on as if the server had agreed, where its word is not in the capture.
func (p *imap) assume(f *frame) {
	what := p.await
	p.await = ""
	switch what {
	case "AUTHENTICATE":
		// a response has no blank, a command has
		line, ok := f.line()
		p.saslLine = !ok || bytes.IndexByte(line, ' ') < 0
		if !p.saslLine {
			p.sasl = nil
		}
	case "STARTTLS":
		if looksTLS(f.buf, Client, true) == yes {
			p.started = true
			p.l.upgrade("STARTTLS", 0)
		}
	case "COMPRESS":
		if c := f.buf[0]; c < ' ' || c > '~' {
			p.l.compress(0)
		}
	}
}

// done reads the DONE that ends an IDLE (RFC 9051 §6.3.13).
func (p *imap) done(f *frame, n int) {
	line := string(chomp(f.buf[:n]))
	e := p.l.emit(Client, f, f.take(n), "imap.done")
	e.add("line", line, Span{e.Span.From, e.Span.From + int64(len(line))})
	e.Re = p.idling
	e.note("imap.done")
	p.idling = 0
}

func (p *imap) gap(from Side, n int64) {
	u := &p.units[from]
	if u.streaming && n >= 0 && n <= u.left {
		u.data.gap(n)
		if u.left -= n; u.left == 0 {
			p.end(from, p.l.sides[from].app())
		}
		return
	}
	p.cut(from)
	if from == Client {
		p.await, p.saslLine = "", false
	}
}

// flush ends what is under way on a side: before a gap, a block of data; at the end of the side, everything.
func (p *imap) flush(from Side) {
	u := &p.units[from]
	if u.streaming {
		u.data.flush()
	}
	if sd := &p.l.sides[from]; sd.end != Open || sd.wire.forced && sd.wire.ended {
		p.cut(from)
	}
}

// cut ends a command or response whose end will not come.
func (p *imap) cut(from Side) {
	u := &p.units[from]
	f := p.l.sides[from].app()
	if u.streaming {
		p.end(from, f)
	}
	p.finish(from, f, 0)
	u.reset()
}

// secured forgets what was said in clear (RFC 9051 §11.1).
func (p *imap) secured() {
	if p.await == "STARTTLS" {
		p.await = ""
	}
	if p.known.layer == Wire {
		p.known = imapKnown{}
	}
	n := 0
	for _, c := range p.running { // a capture may have all that the client sent before the server's first octet
		if c.layer != Wire {
			p.running[n] = c
			n++
		}
	}
	p.running, p.answer.commands = p.running[:n], ""
	if f := &p.l.sides[Client].plain; f.at == 0 && len(f.buf) == 0 {
		p.units[Client].reset()
	}
	if p.started {
		p.greeted = true
	}
}

// push notes that a command runs.
func (p *imap) push(c imapCommand) {
	if len(p.running) >= maxRunning {
		p.running = p.running[:copy(p.running, p.running[1:])]
	}
	p.running, p.answer.commands = append(p.running, c), ""
}

// pull takes the oldest running command with that tag. One tag for all commands is a habit of openssl s_client.
func (p *imap) pull(tag string) (imapCommand, bool) {
	for i := range p.running {
		if c := p.running[i]; c.tag == tag {
			p.running, p.answer.commands = append(p.running[:i], p.running[i+1:]...), ""
			return c, true
		}
	}
	return imapCommand{}, false
}

// nameOf gives a command's name, with its UID before it, in upper case.
func nameOf(text string) string {
	_, rest, _ := strings.Cut(text, " ")
	name, rest, _ := strings.Cut(rest, " ")
	name = strings.ToUpper(name)
	if name == "UID" {
		second, _, _ := strings.Cut(rest, " ")
		return "UID " + strings.ToUpper(second)
	}
	return name
}

// unanswered gives the names of commands that still wait for their tagged response. A connection may well end while IDLE
// runs, and behind BYE.
func (p *imap) unanswered() (names []string) {
	for i := range p.running {
		if c := &p.running[i]; c.name != "IDLE" && c.name != "LOGOUT" && p.state.state != "logout" {
			names = append(names, c.name)
		}
	}
	return names
}

// missing gives how many octets of a literal have not come, f being what is left of the side.
func (p *imap) missing(from Side, f *frame) int64 {
	u := &p.units[from]
	if !u.literal || u.waiting && !u.granted {
		return 0
	}
	return max(0, u.left-max(0, int64(len(f.buf)-u.next)))
}
