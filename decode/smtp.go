package decode

import (
	"bytes"
	"strconv"
	"strings"
)

// smtp decodes SMTP (RFC 5321) with STARTTLS (RFC 3207), AUTH (RFC 4954), PIPELINING (RFC 2920) and CHUNKING
// (RFC 3030), and LMTP (RFC 2033).
type smtp struct {
	l      *leg
	lmtp   bool
	family string // smtp or lmtp, the beginning of the kinds
	kinds  smtpKinds

	greeted bool
	pending queue[smtpCommand] // commands without their reply, in order (RFC 2920 §3.1)
	expect  smtpExpect         // what the client's next octets are
	await   string             // the verb whose reply decides what the client's next octets are; "" for none
	held    int64              // client octets below this were sent before the upgrade was agreed on
	left    int64              // octets of the BDAT chunk still to come
	chunked bool               // chunks of a message have come, its last not yet
	last    bool               // the chunk under way is the message's last
	message message            // the message under way, over all its chunks
	sasl    dialogue
	rcpts   []recipient // accepted in this transaction
	dataCmd int         // Seq of DATA or the last BDAT
	lines   int         // offset in the server's frame of the reply line asked for next
	state   machine
	text    textLint
	false   falseEnd
	mail    mailForm
	counted bool // a chunk has just ended: a command comes next
	guard   guard
}

type smtpCommand struct {
	seq    int
	verb   string    // upper case; dataDone for the end of a message, saslStep for a SASL line
	to     recipient // LMTP: whom RCPT names, or the reply to a message will be about
	last   bool      // BDAT: of the message's last chunk
	chunks bool      // of BDAT
}

// recipient is one of a message's: the Seq of its RCPT, 0 for none, and in LMTP the address.
type recipient struct {
	rcpt int
	name string
}

const (
	dataDone = "." // the message is complete and awaits its reply
	saslStep = "*" // a line of a SASL exchange
)

type smtpExpect uint8

const (
	expectCommand smtpExpect = iota
	expectData               // message text up to the lone dot (RFC 5321 §4.1.1.4)
	expectChunk              // s.left octets (RFC 3030)
	expectSASL               // a SASL response line
)

func newSMTP(l *leg, lmtp bool) *smtp {
	s := &smtp{l: l, lmtp: lmtp, family: SMTP, state: newMachine(smtpArrows)}
	if lmtp {
		s.family, s.state = LMTP, newMachine(lmtpArrows)
	}
	s.kinds = smtpKindsOf[s.family]
	return s
}

func (s *smtp) step(from Side, f *frame) bool {
	if len(f.buf) == 0 {
		return false
	}
	if from == Server {
		if s.false.on {
			return s.answered(f)
		}
		s.false.replied = 0
		return s.reply(f)
	}
	if s.await != "" {
		if _, whole := f.line(); f.held() || !whole {
			return false
		}
		s.assume(f)
		return s.l.step(from)
	}
	switch s.expect {
	case expectData:
		return s.data(f)
	case expectChunk:
		return s.chunk(f)
	case expectSASL:
		return s.saslLine(f)
	}
	return s.command(f)
}

func (s *smtp) idle(from Side) bool {
	return from == Server || s.await == "" && s.expect == expectCommand
}

// assume goes on as if the server had agreed, where its word is not in the capture.
func (s *smtp) assume(f *frame) {
	switch s.await {
	case "DATA":
		s.beginData(f)
	case "AUTH":
		if line, _ := f.line(); notCommand(chomp(line), smtpCommandIDs) {
			s.expect = expectSASL
		}
	case "STARTTLS":
		if looksTLS(f.buf, Client, true) == yes {
			s.l.upgrade("STARTTLS", 0)
		}
	}
	s.await = ""
}

// command reads a command line (RFC 5321 §4.1.1).
func (s *smtp) command(f *frame) bool {
	raw, ok := f.line()
	if !ok {
		return false
	}
	at := f.at
	verb, lead, _, argAt := verbOf(chomp(raw))
	id, known := smtpCommandIDs[verb]
	said := &raw[0]
	raw = s.guard.line(s.l, f.layer, raw, at, verb, known, false)
	raw, tokens := s.l.hideTokens(Client, f.layer, raw, at, nil)
	s.guard.more = s.guard.more || len(tokens) > 0 && raw[len(raw)-1] != '\n'
	body := chomp(raw)
	sp := f.take(len(raw))
	if len(bytes.TrimSpace(body)) == 0 {
		e := s.l.emit(Client, f, sp, "session.violation")
		e.add("rule", "empty_line", Span{})
		e.add("line", string(body), sp)
		e.note("session.violation.empty_line")
		s.lintCounted(e, "")
		s.push(smtpCommand{seq: e.Seq})
		return true
	}
	if &raw[0] != said { // a part of it is masked, the verb perhaps
		verb, lead, _, argAt = verbOf(body)
		id = smtpCommandIDs[verb]
	}
	c := smtpLine{verb: verb, id: id, body: body, at: at, verbAt: lead, argAt: argAt, span: sp}
	if verb == "AUTH" {
		s.auth(f, &c, raw)
		return true
	}
	e := s.begin(f, &c, s.l.s.room.text(body))
	s.parameters(e, &c)
	e.Fields = append(e.Fields, tokens...)
	s.lintCommand(e, &c, raw)
	s.after(f, e, &c)
	return true
}

// smtpLine is a command line taken apart: offsets into body, which begins at offset at of the stream.
type smtpLine struct {
	verb, id      string // id is the note of a verb that is known
	body          []byte
	at            int64
	verbAt, argAt int
	span          Span
}

func (c *smtpLine) spanOf(from, to int) Span { return Span{c.at + int64(from), c.at + int64(to)} }

// begin emits the command's event; line is what to show of it.
func (s *smtp) begin(f *frame, c *smtpLine, line string) *Event {
	rule := noVerb(c.body)
	kind := s.kinds.command
	if rule != "" {
		kind = "session.violation"
	}
	e := s.l.emit(Client, f, c.span, kind)
	e.add("verb", c.verb, c.spanOf(c.verbAt, c.verbAt+len(c.verb)))
	e.add("argument", line[c.argAt:], c.spanOf(c.argAt, len(c.body)))
	e.add("line", line, c.spanOf(0, len(c.body)))
	if rule != "" {
		e.add("rule", rule, c.spanOf(0, c.verbAt))
		e.note("session.violation."+rule, Field{Name: "verb", Value: c.verb})
	}
	switch {
	case c.verb == "LHLO":
		e.note("lmtp.command.LHLO")
	case c.id != "":
		e.note(c.id)
	default:
		e.note("smtp.command." + c.verb)
	}
	s.l.lintBehind(e, c.at, s.held)
	return e
}

// after does what the command means for the octets that follow it.
func (s *smtp) after(f *frame, e *Event, c *smtpLine) {
	seq := e.Seq
	cmd := smtpCommand{seq: seq, verb: c.verb}
	switch c.verb {
	case "DATA":
		s.await = "DATA"
		s.dataCmd = seq
	case "STARTTLS":
		s.await = "STARTTLS"
	case "EHLO", "LHLO", "HELO":
		s.l.lint.asked, s.chunked = true, false
	case "RCPT":
		cmd.to.rcpt = seq
		if s.lmtp {
			cmd.to.name = strings.Clone(e.Field("to"))
		}
	case "MAIL", "RSET": // a message of chunks that was given up (RFC 3030 §2)
		s.chunked = false
	case "BDAT":
		size, last, ok := bdatArgument(c.body[c.argAt:])
		if ok {
			cmd.last = last
			s.push(cmd)
			s.dataCmd = seq
			s.beginChunk(f, size, last)
			return
		}
	}
	s.push(cmd)
}

func (s *smtp) push(c smtpCommand) { s.pending.push(c) }

// bdatArgument reads "size [LAST]" (RFC 3030 §2). An announced size is counted down, never allocated.
func bdatArgument(arg []byte) (size int64, last, ok bool) {
	words := bytes.Fields(arg)
	if len(words) == 0 || len(words) > 2 {
		return 0, false, false
	}
	size, err := strconv.ParseInt(string(words[0]), 10, 64)
	if err != nil || size < 0 {
		return 0, false, false
	}
	last = len(words) == 2
	return size, last, !last || upper(words[1]) == "LAST"
}

// parameters takes the arguments of the commands we know apart.
func (s *smtp) parameters(e *Event, c *smtpLine) {
	line := e.Fields[2].Value
	arg := line[c.argAt:]
	switch c.verb {
	case "EHLO", "HELO", "LHLO":
		if i := strings.IndexAny(arg, " \t"); i >= 0 {
			arg = arg[:i]
		}
		e.add("domain", arg, c.spanOf(c.argAt, c.argAt+len(arg)))
	case "MAIL", "RCPT":
		s.path(e, c, line)
	case "XCLIENT", "XFORWARD":
		s.attributes(e, c, line, c.argAt)
	case "ETRN", "ATRN":
		e.add("node", arg, c.spanOf(c.argAt, len(line)))
	case "BURL": // RFC 4468 §3
		url, last, _ := strings.Cut(arg, " ")
		e.add("url", url, c.spanOf(c.argAt, c.argAt+len(url)))
		if strings.EqualFold(strings.TrimSpace(last), "LAST") {
			e.add("last", "LAST", c.spanOf(len(line)-len(last), len(line)))
		}
	case "BDAT":
		if size, last, ok := bdatArgument([]byte(arg)); ok {
			e.add("size", strconv.FormatInt(size, 10), c.spanOf(c.argAt, c.argAt+len(strings.Fields(arg)[0])))
			if last {
				e.add("last", "LAST", Span{})
			}
		}
	}
}

// path reads FROM:<reverse-path> or TO:<forward-path> and the ESMTP parameters (RFC 5321 §4.1.2).
func (s *smtp) path(e *Event, c *smtpLine, line string) {
	name := "from"
	if c.verb == "RCPT" {
		name = "to"
	}
	i := strings.IndexByte(line[c.argAt:], ':')
	if i < 0 {
		return
	}
	from := c.argAt + i + 1
	for from < len(line) && line[from] == ' ' {
		from++
	}
	to := from
	if from < len(line) && line[from] == '<' {
		to = closing(line, from)
		e.add(name, strings.TrimSuffix(line[from+1:to], ">"), c.spanOf(from, to))
	} else {
		for to < len(line) && line[to] != ' ' {
			to++
		}
		e.add(name, line[from:to], c.spanOf(from, to))
	}
	for to < len(line) {
		for to < len(line) && line[to] == ' ' {
			to++
		}
		start := to
		for to < len(line) && line[to] != ' ' {
			to++
		}
		if start == to {
			break
		}
		key, value, _ := strings.Cut(line[start:to], "=")
		key = strings.ToUpper(key)
		name, ok := lowerParameters[key]
		if !ok {
			name = strings.ToLower(key)
		}
		e.add(name, value, c.spanOf(start, to))
		e.Notes = append(e.Notes, Note{ID: idOf(smtpParameterIDs, "smtp.parameter.", key), Span: c.spanOf(start, to), Args: s.l.s.args("value", value)})
	}
}

// attributes reads NAME=value … of XCLIENT and XFORWARD; its names are Postfix's.
func (s *smtp) attributes(e *Event, c *smtpLine, line string, at int) {
	for at < len(line) {
		end := at
		for end < len(line) && line[end] != ' ' {
			end++
		}
		if name, value, ok := strings.Cut(line[at:end], "="); ok {
			e.add(strings.ToLower(name), value, c.spanOf(at+len(name)+1, end))
		}
		at = end + 1
	}
}

// closing is the offset behind the '>' that closes the path at from; quoted local parts may hold one.
func closing(line string, from int) int {
	quoted := false
	for i := from; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case '>':
			if !quoted {
				return i + 1
			}
		}
	}
	return len(line)
}

func (s *smtp) gap(from Side, n int64) {
	if from == Server {
		s.lines = 0
		return
	}
	s.text.gap()
	s.false.on, s.false.tail = false, [2]byte{}
	s.mail.known, s.counted = false, false
	switch s.expect {
	case expectChunk:
		if n >= 0 && n <= s.left {
			s.message.gap(n)
			if s.left -= n; s.left == 0 {
				s.endChunk(s.l.sides[Client].app())
			}
			return
		}
		s.expect = expectCommand
	case expectData:
		s.message.gap(n)
	case expectSASL:
		s.expect = expectCommand
	}
	s.await = ""
}

func (s *smtp) flush(from Side) {
	if from == Client {
		n := len(s.l.s.evs)
		s.message.flush()
		s.noteText(n)
		return
	}
	s.lines = 0
}

// secured forgets what was said in clear: commands that an honest server has thrown away, and the greeting's EHLO.
func (s *smtp) secured() {
	if s.await == "STARTTLS" {
		s.await = ""
	}
	s.pending.empty()
	if s.l.sides[Server].agreed {
		s.greeted = true
	}
}
