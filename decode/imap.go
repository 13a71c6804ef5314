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
	await   string        // the command whose answer decides what the client's next octets are; "" for none
	greeted bool
	spoken  bool  // the client has sent a command
	held    int64 // client octets below this were sent before the upgrade was agreed on

	sasl     *exchange // an AUTHENTICATE runs
	saslSeq  int
	saslStep int
	saslLine bool // the client's next line is a response

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

// imapUnit is the command or response of a side that is being read: lines, joined by literals.
type imapUnit struct {
	next     int // of the frame's octets: read so far
	last     int // of them: where the last line begins
	raw      []byte
	segments []imapSegment
	literals []imapLiteral
	told     int   // of raw: shown by an imap.data.begin already
	shown    bool  // the last line is in raw, and its literal in literals
	inside   int64 // octets of literals kept

	literal   bool  // a literal is next
	left      int64 // its octets still to come
	waiting   bool  // the client waits for the go-ahead (RFC 9051 §4.3)
	granted   bool  // it was given
	streaming bool  // the literal passes as data events
	secret    bool  // and is a secret
	began     int   // Seq of its imap.data.begin
	answered  bool  // the tagged response came before the end of the command
	broken    bool  // a line over every limit is under way
	odd       bool  // behind a literal, at oddAt, the line does not go on as it should
	oddAt     int64
	data      message
}

func newIMAP(l *leg) protocol {
	p := &imap{l: l, state: newMachine(IMAPStates)}
	p.build.p = p
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

// unit reads a command or response: a line, and for every literal at its end the octets and one line more.
func (p *imap) unit(from Side, f *frame) bool {
	u := &p.units[from]
	for {
		if u.literal {
			switch ready, ok := p.inside(u, f); {
			case !ready:
				return false
			case !ok:
				p.finish(from, f, len(f.buf))
				return true
			}
		}
		end, ok := f.lineFrom(u.next)
		if !ok {
			if f.ended && len(f.buf) > 0 {
				p.finish(from, f, len(f.buf))
				return true
			}
			return false
		}
		line := f.buf[u.next:end]
		whole := line[len(line)-1] == '\n'
		line = chomp(line)
		u.last = u.next
		at, size, sync, marked := literalMarker(line)
		if marked = marked && whole && u.admits(from, line); !marked && len(u.segments) == 0 {
			p.single(from, f, line, end) // by far the most: one line, nothing to join
			u.broken = !whole && !f.ended
			return true
		}
		u.shown = u.join(line, f.at+int64(u.next), f.at+int64(end), at, size, marked)
		u.next = end
		if !marked {
			p.finish(from, f, end)
			u.broken = !whole && !f.ended
			return true
		}
		u.literal, u.left, u.waiting, u.granted = true, size, from == Client && sync, false
		if p.passes(from, u, size) {
			p.begin(from, f)
			return true
		}
		u.inside += size
	}
}

// single emits a command or response of one line, the first n octets of the frame.
func (p *imap) single(from Side, f *frame, line []byte, n int) {
	b := &p.build
	if from == Server {
		p.settle(line)
		b.begin(from, f)
		b.t.one(line, f.at)
		p.response(f, n)
		return
	}
	b.begin(from, f)
	b.t.one(line, f.at)
	p.command(f, n)
}

// finish emits the command or response that the first n octets of the frame end.
func (p *imap) finish(from Side, f *frame, n int) {
	u := &p.units[from]
	if len(u.segments) == 0 {
		return
	}
	b := &p.build
	b.begin(from, f)
	b.t.join(u)
	if from == Server {
		p.response(f, n)
	} else {
		p.command(f, n)
	}
	u.reset()
}

// inside passes over a literal that stays in the event. ready is false if it takes more octets, ok if they will not come.
func (p *imap) inside(u *imapUnit, f *frame) (ready, ok bool) {
	if u.waiting && !u.granted {
		if f.held() {
			return false, false
		}
		if len(f.buf) == u.next {
			return true, false
		}
	}
	if int64(len(f.buf)-u.next) < u.left {
		return f.ended, false
	}
	n := u.next + int(u.left)
	if last := len(u.literals) - 1; last >= 0 && u.shown {
		u.literals[last].text, u.literals[last].held = string(f.buf[u.next:n]), true
	}
	u.next, u.literal, u.waiting = n, false, false
	return true, true
}

// join adds the line at offset off of the stream to the text; at and size are those of the literal it ends in, if it
// does, whose octets begin at behind.
func (u *imapUnit) join(line []byte, off, behind int64, at int, size int64, marked bool) bool {
	if len(u.segments) > 0 {
		if len(line) > 0 && !u.odd && line[0] != ' ' && line[0] != ')' && line[0] != ']' {
			u.odd, u.oddAt = true, off
		}
		if len(u.raw) > maxLine || len(u.segments) > maxLiterals {
			return false // shown no further, but read to the end
		}
		u.raw = append(u.raw, '\n')
	}
	base := len(u.raw)
	u.segments = append(u.segments, imapSegment{base, off})
	u.raw = append(u.raw, line...)
	if marked {
		u.literals = append(u.literals, imapLiteral{from: base + at, to: len(u.raw), size: size, off: behind})
	}
	return true
}

// reset makes the unit ready for the next command or response.
func (u *imapUnit) reset() {
	if cap(u.raw) > maxLine {
		u.raw = nil
	}
	*u = imapUnit{raw: u.raw[:0], segments: u.segments[:0], literals: u.literals[:0], data: u.data}
}

// admits reports whether a {n} at the end of a line can be a literal: not in a quoted string, not in the text of a
// status response or of a continuation, which is free (RFC 9051 §7.1, resp-text).
func (u *imapUnit) admits(from Side, line []byte) bool {
	first := line
	if len(u.segments) > 0 {
		first = u.raw
	}
	if from == Server {
		tag, rest, _ := bytes.Cut(first, []byte{' '})
		word, _, _ := bytes.Cut(rest, []byte{' '})
		if len(tag) == 1 && tag[0] == '+' || isStatus(word) || numbersOnly(rest) {
			return false
		}
	}
	return !inQuotes(line)
}

// numbersOnly reports whether data has no place for a string, and so none for a literal.
func numbersOnly(data []byte) bool {
	word, rest, _ := bytes.Cut(data, []byte{' '})
	if len(word) > 0 && digit(word[0]) {
		word, _, _ = bytes.Cut(rest, []byte{' '})
	}
	switch upper(word) {
	case "CAPABILITY", "ENABLED", "FLAGS", "SEARCH", "SORT", "THREAD", "EXISTS", "RECENT", "EXPUNGE", "VANISHED":
		return true
	}
	return false
}

// isStatus reports whether a word begins a status response.
func isStatus(word []byte) bool {
	switch len(word) {
	case 2, 3, 7:
		return bytes.EqualFold(word, []byte("OK")) || bytes.EqualFold(word, []byte("NO")) || bytes.EqualFold(word, []byte("BAD")) ||
			bytes.EqualFold(word, []byte("BYE")) || bytes.EqualFold(word, []byte("PREAUTH"))
	}
	return false
}

// inQuotes reports whether a line ends inside a quoted string.
func inQuotes(line []byte) bool {
	in := false
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '"':
			in = !in
		case '\\':
			if in {
				i++
			}
		}
	}
	return in
}

// longLine passes over the rest of a line over every limit.
func (p *imap) longLine(from Side, f *frame) bool {
	end, ok := f.lineFrom(0)
	if !ok {
		return false
	}
	p.units[from].broken = f.buf[end-1] != '\n' && !f.ended
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
	p.running = p.running[:n]
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
	p.running = append(p.running, c)
}

// pull takes the oldest running command with that tag. One tag for all commands is a habit of openssl s_client.
func (p *imap) pull(tag string) (imapCommand, bool) {
	for i := range p.running {
		if c := p.running[i]; c.tag == tag {
			p.running = append(p.running[:i], p.running[i+1:]...)
			return c, true
		}
	}
	return imapCommand{}, false
}

// tagOf gives the tag of the command a side is sending.
func (u *imapUnit) tagOf() string {
	tag, _, _ := bytes.Cut(u.raw, []byte{' '})
	return string(tag)
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
