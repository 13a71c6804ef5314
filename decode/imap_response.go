package decode

import (
	"bytes"
	"slices"
	"strings"
)

// imapAnswers says which commands untagged data can belong to (RFC 9051 §7). Data that several running commands could
// have asked for, or none, belongs to none.
var imapAnswers = map[string]string{
	"CAPABILITY": "CAPABILITY LOGIN AUTHENTICATE STARTTLS UNAUTHENTICATE",
	"ENABLED":    "ENABLE SELECT EXAMINE",
	"LIST":       "LIST XLIST SELECT EXAMINE CREATE RENAME",
	"XLIST":      "XLIST LIST",
	"LSUB":       "LSUB",
	"NAMESPACE":  "NAMESPACE",
	"STATUS":     "STATUS LIST",
	"ESEARCH":    "SEARCH SORT ESEARCH",
	"SEARCH":     "SEARCH",
	"SORT":       "SORT",
	"THREAD":     "THREAD",
	"ID":         "ID",
	"QUOTA":      "GETQUOTA GETQUOTAROOT SETQUOTA",
	"QUOTAROOT":  "GETQUOTAROOT",
	"ACL":        "GETACL",
	"LISTRIGHTS": "LISTRIGHTS",
	"MYRIGHTS":   "MYRIGHTS LIST",
	"METADATA":   "GETMETADATA LIST",
	"ANNOTATION": "GETANNOTATION",
	"GENURLAUTH": "GENURLAUTH",
	"URLFETCH":   "URLFETCH",
	"LANGUAGE":   "LANGUAGE",
	"COMPARATOR": "COMPARATOR",
	"JMAPACCESS": "GETJMAPACCESS",
	"CONVERTED":  "CONVERT",
	"FLAGS":      "SELECT EXAMINE",
	"EXISTS":     "SELECT EXAMINE NOOP CHECK IDLE APPEND COPY MOVE EXPUNGE REPLACE",
	"RECENT":     "SELECT EXAMINE NOOP CHECK IDLE APPEND COPY MOVE EXPUNGE REPLACE",
	"EXPUNGE":    "EXPUNGE MOVE NOOP CHECK IDLE REPLACE",
	"VANISHED":   "EXPUNGE MOVE NOOP CHECK IDLE REPLACE SELECT EXAMINE FETCH",
	"FETCH":      "FETCH STORE NOOP CHECK IDLE SELECT EXAMINE",
	"UIDFETCH":   "FETCH STORE NOOP CHECK IDLE SELECT EXAMINE",
	"BYE":        "LOGOUT",
}

// imapCodes gives the name that the argument of a response code goes by, and what commands the code belongs to when it
// is untagged (RFC 9051 §7.1, RFC 5530, RFC 4315, RFC 7162, RFC 8474, RFC 9585 and others).
var imapCodes = map[string]struct{ field, commands string }{
	"CAPABILITY":           {"capabilities", "CAPABILITY LOGIN AUTHENTICATE"},
	"PERMANENTFLAGS":       {"permanentflags", "SELECT EXAMINE"},
	"UIDVALIDITY":          {"uidvalidity", "SELECT EXAMINE"},
	"UIDNEXT":              {"uidnext", "SELECT EXAMINE"},
	"UNSEEN":               {"unseen", "SELECT EXAMINE"},
	"HIGHESTMODSEQ":        {"highestmodseq", "SELECT EXAMINE EXPUNGE STORE FETCH"},
	"NOMODSEQ":             {"", "SELECT EXAMINE"},
	"UIDNOTSTICKY":         {"", "SELECT EXAMINE"},
	"MAILBOXID":            {"mailboxid", "SELECT EXAMINE CREATE"},
	"CLOSED":               {"", "SELECT EXAMINE CLOSE UNSELECT"},
	"READ-ONLY":            {"", "SELECT EXAMINE"},
	"READ-WRITE":           {"", "SELECT EXAMINE"},
	"APPENDUID":            {"appenduid", "APPEND REPLACE"},
	"COPYUID":              {"copyuid", "COPY MOVE"},
	"BADCHARSET":           {"charsets", "SEARCH SORT THREAD"},
	"MODIFIED":             {"modified", "STORE"},
	"METADATA":             {"metadata", "GETMETADATA SETMETADATA"},
	"REFERRAL":             {"referral", ""},
	"INPROGRESS":           {"progress", ""},
	"BADURL":               {"url", "APPEND"},
	"NOTIFICATIONOVERFLOW": {"", "IDLE NOTIFY"},
	"MESSAGELIMIT":         {"messagelimit", ""},
	"MAXCONVERTMESSAGES":   {"maximum", ""},
	"UIDREQUIRED":          {"", ""},
}

// response emits the server's response that the first n octets of the frame end.
func (p *imap) response(f *frame, n int) {
	b := &p.build
	s := b.t.s
	end := wordEnd(s, 0)
	tag := s[:end]
	rest := min(end+1, len(s))
	if tag != "+" && !isResponse(tag, s[rest:]) {
		p.notResponse(f, n)
		return
	}
	b.add("tag", tag, 0, end)
	state := ""
	switch tag {
	case "+":
		p.continuation(b, rest)
	case "*":
		state = p.untagged(b, rest)
	default:
		state = p.tagged(b, tag, rest)
	}
	if state != "" {
		b.derive("state", state)
	}
	shown := b.shown()
	b.fields = append(b.fields, Field{Name: "line", Value: shown, Span: b.t.span(0, len(s))})
	from := min(p.units[Server].last, n)
	raw := f.buf[from:n]
	if p.echoed {
		raw = p.unecho(f.layer, raw, f.at+int64(from))
	}
	e := b.emit(f, f.take(n), "imap.response")
	p.lintResponse(e, raw)
	if tag != "*" && tag != "+" {
		p.act(e, tag)
	}
	p.greeted = true
}

// isResponse reports whether a line is a tag and a status, or data.
func isResponse(tag, rest string) bool {
	word := rest[:wordEnd(rest, 0)]
	if tag == "*" {
		return word != ""
	}
	return tag != "" && len(word) <= 3 && isStatus([]byte(word))
}

// notResponse tells of a line from the server that is no response: it stays one by its place.
func (p *imap) notResponse(f *frame, n int) {
	b := &p.build
	b.derive("rule", "not_a_response")
	b.add("line", b.t.s, 0, len(b.t.s))
	b.note("session.violation.not_a_response")
	b.emit(f, f.take(n), "imap.response")
}

// settle looks at a tagged response before it is emitted: it may refuse the literal that the client waits to send, which
// ends the client's command.
func (p *imap) settle(line []byte) {
	u := &p.units[Client]
	tag, _, _ := bytes.Cut(line, []byte{' '})
	if !u.literal || len(line) < 2 || len(tag) == 1 && tag[0] == '*' || line[0] == '+' { // more stars are a masked tag
		return
	}
	mine, _, _ := bytes.Cut(u.raw, []byte{' '})
	if !bytes.Equal(tag, mine) {
		return
	}
	for i := range p.running { // one tag for all commands: an older one is answered
		if p.running[i].tag == string(tag) {
			return
		}
	}
	if !u.waiting || u.granted {
		u.answered = u.streaming
		return
	}
	f := p.l.sides[Client].app()
	n := u.next
	if u.streaming {
		p.end(Client, f)
		n = 0
	}
	p.finish(Client, f, n)
}

// continuation reads what the server says behind "+ " (RFC 9051 §7.6): the go-ahead for a literal, a challenge, or that
// IDLE has begun.
func (p *imap) continuation(b *imapEvent, at int) {
	s := b.t.s
	b.note("imap.continuation")
	u := &p.units[Client]
	switch {
	case u.literal && u.waiting && !u.granted:
		u.granted = true
		b.re = u.began
		if _, name, _, _ := splitCommand(string(u.raw)); knownCommand(name) { // or the tag may be a secret
			b.derive("for", u.tagOf())
		}
		b.add("text", s[at:], at, len(s))
	case p.await == "AUTHENTICATE" && p.sasl != nil:
		p.await, p.saslLine = "", true
		b.re = p.saslSeq
		p.challenge(b, at)
		b.add("text", b.shown()[at:], at, len(s))
	default:
		if b.re = p.belongs("IDLE"); b.re == 0 && len(p.running) == 1 {
			b.re = p.running[0].seq
		}
		b.add("text", s[at:], at, len(s))
	}
}

// tagged reads the response that ends a command (RFC 9051 §7.1) and gives the state it leads to.
func (p *imap) tagged(b *imapEvent, tag string, at int) (state string) {
	b.note("")
	name, _ := p.status(b, at)
	c := imapCommand{}
	known := false
	for i := range p.running {
		if p.running[i].tag == tag {
			c, known = p.running[i], true
			break
		}
	}
	u := &p.units[Client]
	early := !known && u.answered && u.tagOf() == tag // a literal is refused while it is being sent
	if early {
		c.name = nameOf(string(u.raw))
	}
	verb := strings.TrimPrefix(c.name, "UID ")
	b.notes[0].ID = b.taggedID(name, verb)
	switch {
	case known:
		b.re = c.seq
	case early:
		b.re = u.began
	default:
		if !p.l.lint.holes && (p.spoken || !p.l.s.o.Midstream) {
			b.note("lint.unexpected_reply")
		}
		return ""
	}
	return p.state.move(verb, name)
}

// taggedID is the note of a status response to a command.
func (b *imapEvent) taggedID(name, verb string) string {
	if verb == "" {
		return b.tagged.id("imap.tagged.", name)
	}
	i := slices.Index(taggedNames[:], name)
	if i < 0 {
		return "imap.tagged." + name + "." + verb
	}
	if known := imapCommandIDs.find(verb); known != nil {
		return known.tagged[i]
	}
	if id, ok := b.answers[i][verb]; ok {
		return id
	}
	return b.answers[i].id("imap.tagged."+name+".", verb)
}

// status reads the name, the code and the text of a status response, and explains the code.
func (p *imap) status(b *imapEvent, at int) (name, code string) {
	s := b.t.s
	end := wordEnd(s, at)
	name = upperWord(s[at:end])
	b.add("name", name, at, end)
	at = min(end+1, len(s))
	if at < len(s) && s[at] == '[' {
		if close := codeEnd(s, at); close > 0 {
			code = p.code(b, at+1, close)
			if at = close + 1; at < len(s) && s[at] == ' ' {
				at++
			}
		}
	}
	b.add("text", s[at:], at, len(s))
	return name, code
}

// codeEnd gives the place of the ] that closes a response code, 0 if none does.
func codeEnd(s string, at int) int {
	quoted := false
	for i := at; i < len(s); i++ {
		switch s[i] {
		case '"':
			quoted = !quoted
		case '\\':
			if quoted {
				i++
			}
		case ']':
			if !quoted {
				return i
			}
		}
	}
	return 0
}

// code reads a response code and its arguments.
func (p *imap) code(b *imapEvent, from, to int) string {
	s := b.t.s
	end := min(wordEnd(s, from), to)
	code := upperWord(s[from:end])
	b.add("code", code, from, end)
	if id := imapCodeIDs.find(code); id != nil {
		b.noteAt(*id, from, to)
	} else {
		b.noteAt(b.codes.id("imap.code.", s[from:end]), from, to)
	}
	if end+1 >= to {
		return code
	}
	arg := end + 1
	name := imapCodes[code].field
	if name == "" {
		name = "code_arguments"
	}
	c := b.t.cursor(arg, to)
	v := c.value()
	if v.kind != imapListing || v.to < to {
		v = imapValue{kind: imapAtom, from: arg, to: to, text: s[arg:to]}
	}
	b.addValue(name, &v)
	switch code {
	case "CAPABILITY":
		p.capabilities(b, arg, to)
	case "PERMANENTFLAGS":
		b.noteFlags(v.from+1, max(v.from+1, v.to-1))
	case "UIDVALIDITY":
		p.lintValidity(b, v.text)
	}
	return code
}

// maxMailboxes is how many mailboxes' UIDVALIDITY is remembered to see it change.
const maxMailboxes = 1000

// lintValidity warns when a mailbox's UIDVALIDITY is another than before: every UID that a client keeps is void then
// (RFC 9051 §2.3.1.1).
func (p *imap) lintValidity(b *imapEvent, value string) {
	mailbox := ""
	for i := range p.running {
		if p.running[i].mailbox != "" {
			mailbox = p.running[i].mailbox
			break
		}
	}
	if mailbox == "" {
		return
	}
	if before, ok := p.validity[mailbox]; ok && before != value {
		b.note("lint.uidvalidity_change")
	}
	if p.validity == nil {
		p.validity = map[string]string{}
	}
	if len(p.validity) < maxMailboxes {
		p.validity[strings.Clone(mailbox)] = strings.Clone(value)
	}
}

// act does what a tagged response means for the client's next octets.
func (p *imap) act(e *Event, tag string) {
	c, known := p.pull(tag)
	if !known {
		return
	}
	ok := e.Field("name") == "OK"
	awaited := p.await == c.name
	if awaited {
		p.await = ""
	}
	switch c.name {
	case "AUTHENTICATE":
		if c.seq == p.saslSeq {
			if ok {
				p.l.mayLayer(p.sasl, c.seq)
			}
			p.sasl, p.saslLine = nil, false
		}
	case "IDLE":
		if c.seq == p.idling {
			p.idling = 0
		}
	case "STARTTLS":
		if ok && awaited {
			f := p.l.sides[Client].app()
			p.held, p.started = f.at+int64(len(f.buf)), true
			p.l.upgrade("STARTTLS", c.seq)
		}
	case "COMPRESS":
		if ok && awaited {
			p.l.compress(c.seq)
		}
	}
}

// belongs gives the running command that untagged data belongs to, 0 if that is not certain.
func (p *imap) belongs(commands string) int {
	if commands == "" || len(p.running) == 0 {
		return 0
	}
	if a := &p.answer; a.commands != commands {
		a.commands, a.seq = commands, p.belongsTo(commands)
	}
	return p.answer.seq
}

func (p *imap) belongsTo(commands string) (seq int) {
	for i := range p.running {
		if !hasWord(commands, strings.TrimPrefix(p.running[i].name, "UID ")) {
			continue
		}
		if seq != 0 {
			return 0
		}
		seq = p.running[i].seq
	}
	return seq
}

// hasWord reports whether word is one of the words of list.
func hasWord(list, word string) bool {
	for n := len(word); n > 0; {
		i := strings.Index(list, word)
		if i < 0 {
			return false
		}
		if (i == 0 || list[i-1] == ' ') && (i+n == len(list) || list[i+n] == ' ') {
			return true
		}
		list = list[i+n:]
	}
	return false
}

// reOfFetch gives the command that a FETCH response belongs to.
func (p *imap) reOfFetch() int { return p.belongs(imapAnswers["FETCH"]) }
