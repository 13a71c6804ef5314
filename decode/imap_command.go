package decode

import (
	"strings"
)

// imapArguments says what the arguments of each command are (RFC 9051 §6 and the extensions' own RFCs): names in order.
//
//	name     one value        name!  a secret        name(  a list, if one comes next
//	name"    a quoted string, if one comes next      name*  all that is left
//
// The names flags, items and capabilities are explained word by word; mailboxes are decoded.
var imapArguments = map[string]string{
	"LOGIN":             "user password!",
	"SELECT":            "mailbox parameters(",
	"EXAMINE":           "mailbox parameters(",
	"CREATE":            "mailbox parameters(",
	"DELETE":            "mailbox",
	"RENAME":            "mailbox new_mailbox parameters(",
	"SUBSCRIBE":         "mailbox",
	"UNSUBSCRIBE":       "mailbox",
	"LIST":              "selection( reference pattern return*",
	"LSUB":              "reference pattern",
	"XLIST":             "reference pattern",
	"STATUS":            "mailbox items",
	"APPEND":            "mailbox flags( date\" content*",
	"REPLACE":           "set mailbox flags( date\" content*",
	"FETCH":             "set items modifiers(",
	"STORE":             "set modifiers( action flags",
	"COPY":              "set mailbox",
	"MOVE":              "set mailbox",
	"UID EXPUNGE":       "set",
	"SEARCH":            "criteria*",
	"SORT":              "sort( charset criteria*",
	"THREAD":            "algorithm charset criteria*",
	"ESEARCH":           "criteria*",
	"CONVERT":           "set conversions( items*",
	"ENABLE":            "capabilities*",
	"COMPRESS":          "algorithm",
	"ID":                "parameters*",
	"GETQUOTA":          "root",
	"GETQUOTAROOT":      "mailbox",
	"SETQUOTA":          "root limits(",
	"GETACL":            "mailbox",
	"SETACL":            "mailbox identifier rights",
	"DELETEACL":         "mailbox identifier",
	"LISTRIGHTS":        "mailbox identifier",
	"MYRIGHTS":          "mailbox",
	"GETMETADATA":       "options( mailbox entries*",
	"SETMETADATA":       "mailbox entries(",
	"GETANNOTATION":     "mailbox entries*",
	"SETANNOTATION":     "mailbox entries*",
	"NOTIFY":            "action events*",
	"GENURLAUTH":        "urls*",
	"URLFETCH":          "urls*",
	"RESETKEY":          "mailbox mechanisms*",
	"LANGUAGE":          "languages*",
	"COMPARATOR":        "comparators*",
	"UNAUTHENTICATE":    "",
	"X-GM-RAW":          "criteria*",
	"CONTEXT":           "",
	"CANCELUPDATE":      "tags*",
	"GETJMAPACCESS":     "",
	"PROXYAUTH":         "user",
	"LOGIN-REFERRAL":    "",
	"XAPPLEPUSHSERVICE": "parameters*",
}

// imapArgument is one of imapArguments, taken apart.
type imapArgument struct {
	name string
	how  byte // '!', '(', '"', '*', or 0
}

var imapGrammar = func() map[string][]imapArgument {
	m := map[string][]imapArgument{}
	for command, names := range imapArguments {
		var args []imapArgument
		for _, n := range strings.Fields(names) {
			a := imapArgument{name: n}
			if last := n[len(n)-1]; strings.IndexByte(`!("*`, last) >= 0 {
				a = imapArgument{n[:len(n)-1], last}
			}
			args = append(args, a)
		}
		m[command] = args
	}
	return m
}()

// command emits the client's command that the first n octets of the frame end.
func (p *imap) command(f *frame, n int) {
	b := &p.build
	s := b.t.s
	tag, name, at, arg := splitCommand(s)
	raw := f.buf[min(p.units[Client].last, n):n]
	span := f.take(n)
	if name != "" && wantsTag(tag) {
		p.untaggedSecret(f, span, tag, at)
		return
	}
	if name == "" {
		p.noCommand(f, span, tag)
		return
	}
	from := p.hides(name, at, arg)
	if from >= 0 && from < arg {
		p.hidden(f, span, tag, at, from)
		return
	}
	p.tag = tag
	b.add("tag", tag, 0, len(tag))
	b.add("name", name, at, max(at, arg-1))
	b.add("arguments", "", arg, len(s))
	b.note(b.commandID(name))
	verb := strings.TrimPrefix(name, "UID ")
	c := b.t.cursor(arg, len(s))
	if verb == "AUTHENTICATE" {
		p.authenticate(b, &c)
	} else {
		args, ok := imapGrammar[name]
		if !ok {
			args = imapGrammar[verb]
		}
		p.secretArguments(verb, from, &c)
		for _, a := range args {
			b.argument(&c, a)
		}
	}
	p.secretLine = len(b.secrets) > 0 || len(p.units[Client].tokens) > 0
	shown := b.shown()
	b.fields[2].Value = shown[min(arg, len(shown)):]
	b.add("line", shown, 0, len(s))
	e := b.emit(f, span, "imap.command")
	p.lintCommand(e, name, raw, arg)
	p.after(f, e, tag, name)
}

// splitCommand gives tag and name of a command, where the name is and where the arguments begin.
func splitCommand(s string) (tag, name string, at, arg int) {
	i := strings.IndexByte(s, ' ')
	if i < 0 {
		return s, "", len(s), len(s)
	}
	tag = s[:i]
	for at = i; at < len(s) && s[at] == ' '; at++ {
	}
	end := wordEnd(s, at)
	if i := strings.IndexByte(s[at:end], '\t'); i >= 0 && wantsTag(s[at:at+i]) { // the password is no part of the name
		end = at + i
	}
	name = upperWord(s[at:end])
	if name == "UID" && end < len(s) && s[end] == ' ' {
		second := wordEnd(s, end+1)
		if word := s[end+1 : second]; word != "" {
			name, end = upperWord(s[at:second]), second
		}
	}
	return tag, name, at, min(end+1, len(s))
}

// wordEnd gives the end of the word at.
func wordEnd(s string, at int) int {
	for at < len(s) && s[at] != ' ' && s[at] != '\n' {
		at++
	}
	return at
}

// upperWord is strings.ToUpper, without a copy where nothing changes.
func upperWord(s string) string {
	for i := 0; i < len(s); i++ {
		if 'a' <= s[i] && s[i] <= 'z' || s[i] >= 0x80 {
			return strings.ToUpper(s)
		}
	}
	return s
}

// noCommand tells of a line that names no command: empty, or a tag alone.
func (p *imap) noCommand(f *frame, span Span, tag string) {
	b := &p.build
	rule := "empty_command"
	if strings.TrimSpace(b.t.s) == "" {
		rule = "empty_line"
	} else {
		tag = p.lateResponse(tag)
		b.add("tag", tag, 0, len(tag))
	}
	b.derive("rule", rule)
	b.add("line", b.shown(), 0, len(b.t.s))
	b.note("session.violation." + rule)
	e := b.emit(f, span, "session.violation")
	if rule == "empty_command" {
		p.push(imapCommand{tag: tag, seq: e.Seq, layer: e.Layer})
	}
}

func (b *imapEvent) commandID(name string) string {
	if ids := imapCommandIDs.find(name); ids != nil {
		return ids.command
	}
	if id, ok := b.commands[name]; ok {
		return id
	}
	return b.commands.id("imap.command.", strings.Replace(name, " ", ".", 1))
}

// argument reads the next argument.
func (b *imapEvent) argument(c *imapCursor, a imapArgument) {
	switch next := c.peek(); {
	case next.kind == imapEnd, a.how == '(' && next.kind != imapOpen, a.how == '"' && next.kind != imapQuoted:
		return
	}
	if a.name == "criteria" {
		b.criteria(c)
		return
	}
	v := c.value()
	if a.how == '*' {
		c.p = v.from
		v = c.remainder()
	}
	if v.kind == imapLit && !v.literal.held && a.name != "content" {
		return // refused, or too large to be shown
	}
	switch a.name {
	case "content":
		b.appended(&v)
		return
	case "password":
		if v.kind != imapQuoted && v.kind != imapLit {
			v.kind, v.to = imapAtom, v.from+1
			b.widen(&v)
			c.p = v.to
		}
		b.addSecret(a.name, &v)
		if v = c.peek(); v.kind != imapEnd { // a password with blanks, not quoted
			c.p = v.from
			b.excess(c.remainder())
		}
		return
	case "return":
		if len(v.text) > 7 && strings.EqualFold(v.text[:7], "RETURN ") {
			v.from, v.text = v.from+7, v.text[7:]
		}
	case "mailbox", "new_mailbox", "reference", "pattern":
		v.text = mailboxName(v.text)
	case "action":
		v.text = upperWord(v.text)
	case "criteria", "parameters", "entries":
		v.text = b.t.expand(v.from, v.to)
	}
	if a.name == "flags" && v.kind == imapAtom { // STORE 1 FLAGS \Seen \Deleted, without a list
		c.p = v.from
		v = c.remainder()
	}
	if a.name == "parameters" && b.secretPairs(&v) {
		return
	}
	b.addValue(a.name, &v)
	switch a.name {
	case "flags":
		b.noteFlags(v.from, v.to)
	case "items":
		b.noteItems(v.from, v.to)
	case "capabilities":
		b.words(v.from, v.to, b.noteCapability)
	}
}

// widen has an unquoted password reach to the next blank, the next literal or the end, whatever is in it: a quote or a
// parenthesis that ended it would be masked too, and the copy read in another way.
func (b *imapEvent) widen(v *imapValue) {
	end := len(b.t.s)
	for i := range b.t.literals {
		if l := &b.t.literals[i]; l.from >= v.to {
			end = min(end, l.from)
		}
	}
	for v.to < end && b.t.s[v.to] != ' ' {
		v.to++
	}
	v.text = b.t.s[v.from:v.to]
}

// excess masks what is left of a line that holds a password, but for the announcements of literals, which say how the
// octets are to be read.
func (b *imapEvent) excess(rest imapValue) {
	from := rest.from
	for i := range b.t.literals {
		l := &b.t.literals[i]
		if l.from < from || l.to > rest.to {
			continue
		}
		if l.from > from {
			b.excessText(from, l.from)
		}
		if l.held {
			b.addSecret("excess", &imapValue{kind: imapLit, from: l.from, to: l.to, text: l.text, literal: l})
		}
		if from = l.to; from < rest.to && b.t.s[from] == '\n' {
			from++
		}
		if from < rest.to && b.t.s[from] == ' ' { // hides nothing, and says that the line goes on
			from++
		}
	}
	b.excessText(from, rest.to)
}

// excessText masks the stretch [from, to) but for CR and NUL, which make a line suspect, also when it is read again.
func (b *imapEvent) excessText(from, to int) {
	for from < to {
		end := to
		if i := strings.IndexAny(b.t.s[from:to], "\r\x00"); i >= 0 {
			end = from + i
		}
		if from < end {
			b.addSecret("excess", &imapValue{kind: imapAtom, from: from, to: end, text: b.t.s[from:end]})
		}
		from = end + 1
	}
}

// appended names the sizes of the messages that APPEND or REPLACE brings, or how CATENATE makes one (RFC 4469).
func (b *imapEvent) appended(v *imapValue) {
	if len(v.text) > 8 && strings.EqualFold(v.text[:8], "CATENATE") {
		b.addValue("catenate", v)
		return
	}
	for i := range b.t.literals {
		if l := &b.t.literals[i]; l.from >= v.from {
			b.add("octets", decimal(l.size), l.from, l.to)
		}
	}
}

// criteria reads what SEARCH, SORT and THREAD look for: RETURN (…), CHARSET, then the keys (RFC 9051 §6.4.4).
func (b *imapEvent) criteria(c *imapCursor) {
	for {
		v := c.peek()
		if v.kind != imapAtom || !strings.EqualFold(v.text, "RETURN") && !strings.EqualFold(v.text, "CHARSET") && !strings.EqualFold(v.text, "IN") {
			break
		}
		c.token()
		name := strings.ToLower(v.text)
		if v = c.value(); v.kind != imapEnd {
			b.addValue(name, &v)
		}
	}
	v := c.remainder()
	if v.kind == imapEnd {
		return
	}
	v.text = b.t.expand(v.from, v.to)
	b.addValue("criteria", &v)
}

// expand gives a stretch of the text with the octets of its literals in quotes where their {n} stands.
func (t *imapText) expand(from, to int) string {
	if len(t.literals) == 0 {
		return t.s[from:to]
	}
	var out strings.Builder
	for i := range t.literals {
		l := &t.literals[i]
		if l.from < from || l.to > to || !l.held {
			continue
		}
		out.WriteString(t.s[from:l.from])
		out.WriteByte('"')
		out.WriteString(l.text)
		out.WriteByte('"')
		if from = l.to; from < to && t.s[from] == '\n' {
			from++
		}
	}
	out.WriteString(t.s[from:to])
	return out.String()
}

// after does what a command means for the octets that follow it.
func (p *imap) after(f *frame, e *Event, tag, name string) {
	u := &p.units[Client]
	cmd := imapCommand{tag: tag, name: name, seq: e.Seq, layer: e.Layer}
	switch name {
	case "SELECT", "EXAMINE":
		cmd.mailbox = e.Field("mailbox")
	case "STARTTLS", "COMPRESS", "AUTHENTICATE":
		p.await = name
		if name == "AUTHENTICATE" {
			p.saslSeq, p.saslStep, p.saslLine = e.Seq, 0, false
		}
	case "IDLE":
		p.idling = e.Seq
	}
	p.spoken, p.asked = true, name == "AUTHENTICATE" || name == "LOGIN" || p.asked && p.secretLine
	if !u.answered {
		p.push(cmd)
	}
}
