package decode

import (
	"strings"
)

// untagged reads what the server says of its own accord or as a command's data (RFC 9051 §7): a status, or data whose
// name stands first or behind a number. It gives the state that the connection is in now, "" for no change.
func (p *imap) untagged(b *imapEvent, at int) (state string) {
	s := b.t.s
	end := wordEnd(s, at)
	word := s[at:end]
	number := ""
	if word != "" && digit(word[0]) && allDigits(word) {
		number = word
		at = min(end+1, len(s))
		end = wordEnd(s, at)
		word = s[at:end]
	} else if isStatus([]byte(word)) {
		return p.untaggedStatus(b, at)
	}
	known := b.kindOf(word)
	name := known.name
	arg := min(end+1, len(s))
	b.add("name", name, at, end)
	if number != "" {
		b.add("number", number, at-len(number)-1, at-1)
	}
	b.add("text", s[arg:], arg, len(s))
	b.note(known.id)
	b.re = p.belongs(known.answers)
	p.data(b, name, arg)
	return ""
}

// untaggedStatus reads * OK, NO, BAD, BYE and PREAUTH; the first of a connection is the greeting (RFC 9051 §7.1).
func (p *imap) untaggedStatus(b *imapEvent, at int) (state string) {
	b.note("")
	name, code := p.status(b, at)
	if begins := !p.greeted && !(p.l.s.o.Midstream && p.spoken); begins && (name == "OK" || name == "PREAUTH" || name == "BYE") {
		b.notes[0].ID = idOf(imapGreetingIDs, "imap.greeting.", name)
		if name == "PREAUTH" && b.layer == Wire && p.known.startTLS {
			b.note("lint.preauth")
		}
		return p.state.move("greeting", name)
	}
	b.notes[0].ID = b.kindOf(name).id
	if name == "OK" && len(b.notes) > 1 { // the code says what the line is about
		b.notes[0], b.notes[1] = b.notes[1], b.notes[0]
	}
	switch commands := imapCodes[code].commands; {
	case commands != "":
		b.re = p.belongs(commands)
	case name == "BYE":
		b.re = p.belongs(imapAnswers["BYE"])
	case len(p.running) == 1:
		b.re = p.running[0].seq
	}
	return p.state.move("untagged", name)
}

// imapKind is what is known of untagged data by its name: in upper case, its note, and the commands it can belong to.
type imapKind struct{ name, id, answers string }

func (b *imapEvent) kindOf(word string) imapKind {
	if k := imapKinds.find(word); k != nil {
		return *k
	}
	if k, ok := b.kinds[word]; ok {
		return k
	}
	k := kindOfName(word)
	if b.kinds == nil {
		b.kinds = map[string]imapKind{}
	}
	if len(b.kinds) < maxKnownIDs && len(word) <= 64 {
		b.kinds[strings.Clone(word)] = k
	}
	return k
}

func kindOfName(word string) imapKind {
	name := strings.Clone(strings.ToUpper(word))
	return imapKind{name, "imap.response." + name, imapAnswers[name]}
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !digit(s[i]) {
			return false
		}
	}
	return true
}

// data takes the arguments of untagged data apart.
func (p *imap) data(b *imapEvent, name string, at int) {
	end := len(b.t.s)
	c := b.t.cursor(at, end)
	switch name {
	case "FETCH", "UIDFETCH":
		b.fetch(&c)
	case "CAPABILITY":
		p.capabilities(b, at, end)
	case "ENABLED":
		b.words(at, end, b.noteCapability)
	case "FLAGS":
		v := c.value()
		b.addValue("flags", &v)
		b.noteFlags(v.from, v.to)
	case "LIST", "LSUB", "XLIST":
		b.list(&c)
	case "STATUS":
		b.named(&c, "mailbox")
		b.pairs(&c)
	case "ESEARCH":
		b.esearch(&c)
	case "SEARCH", "SORT":
		b.found(&c)
	case "THREAD":
		v := c.remainder()
		b.addValue("threads", &v)
	case "VANISHED":
		b.vanished(&c)
	case "ID", "NAMESPACE":
		if name == "ID" {
			b.identity(&c)
			return
		}
		for _, kind := range [...]string{"personal", "others", "shared"} {
			b.named(&c, kind)
		}
	default:
		for _, field := range imapDataFields[name] {
			b.named(&c, field)
		}
	}
}

// imapDataFields names the parts of the data whose form is a row of values, in order.
var imapDataFields = map[string][]string{
	"QUOTA":      {"root", "resources"},
	"QUOTAROOT":  {"mailbox", "root"},
	"ACL":        {"mailbox", "rights*"},
	"LISTRIGHTS": {"mailbox", "identifier", "required", "optional*"},
	"MYRIGHTS":   {"mailbox", "rights"},
	"METADATA":   {"mailbox", "entries*"},
	"ANNOTATION": {"mailbox", "entries*"},
	"GENURLAUTH": {"url"},
	"URLFETCH":   {"url", "octets*"},
	"LANGUAGE":   {"languages*"},
	"COMPARATOR": {"comparator", "available*"},
	"JMAPACCESS": {"url"},
	"CONVERTED":  {"conversions*"},
}

// named reads the next value under that name; name* takes all that is left.
func (b *imapEvent) named(c *imapCursor, name string) {
	if c.peek().kind == imapEnd {
		return
	}
	var v imapValue
	if n := len(name) - 1; name[n] == '*' {
		name, v = name[:n], c.remainder()
		v.text = b.t.expand(v.from, v.to)
	} else {
		v = c.value()
		if v.kind == imapListing {
			v.text = b.t.expand(v.from+1, max(v.from+1, v.to-1))
		}
	}
	if name == "mailbox" {
		v.text = mailboxName(v.text)
	}
	b.addNil(name, &v)
}

// pairs reads (NAME value NAME value …), naming each value by its name in lower case.
func (b *imapEvent) pairs(c *imapCursor) {
	if !c.enter() {
		return
	}
	for {
		key := c.token()
		if key.kind == imapEnd || key.kind == imapClose {
			return
		}
		v := c.value()
		if v.kind == imapEnd || v.kind == imapClose {
			return
		}
		known := b.itemOf(key.text)
		b.noteAt(known.id, key.from, key.to)
		b.addNil(known.field, &v)
	}
}

// identity reads the pairs of ID (RFC 2971), or NIL.
func (b *imapEvent) identity(c *imapCursor) {
	if !c.enter() {
		return
	}
	for {
		key := c.token()
		if key.kind == imapEnd || key.kind == imapClose {
			return
		}
		v := c.value()
		if v.kind == imapEnd || v.kind == imapClose {
			return
		}
		b.identityPair(&key, &v)
	}
}

// addNil is addValue, with nothing for NIL.
func (b *imapEvent) addNil(name string, v *imapValue) {
	if v.isNil() {
		v.text = ""
	}
	b.addValue(name, v)
}

// lowerName is strings.ToLower, without a copy for the names that are met all the time.
func lowerName(s string) string {
	if name, ok := imapLowerNames[s]; ok {
		return name
	}
	name := strings.ToLower(s)
	switch name {
	case "tag", "name", "number", "code", "text", "line", "state": // these say something else of a response
		return "item_" + name
	}
	return name
}

var imapLowerNames = func() map[string]string {
	m := map[string]string{}
	for _, n := range strings.Fields(`UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE SAVEDATE EMAILID THREADID
		PREVIEW MESSAGES RECENT UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE DELETED MAILBOXID APPENDLIMIT MIN MAX ALL COUNT
		PARTIAL X-GM-MSGID X-GM-THRID X-GM-LABELS BINARY.SIZE`) {
		m[n] = strings.ToLower(n)
	}
	return m
}()

// list reads (attributes) delimiter mailbox [extended] (RFC 9051 §7.3.1).
func (b *imapEvent) list(c *imapCursor) {
	v := c.value()
	b.addValue("attributes", &v)
	b.noteFlags(v.from, v.to)
	b.named(c, "delimiter")
	b.named(c, "mailbox")
	b.named(c, "extended")
}

// found reads the numbers that SEARCH and SORT found, and the (MODSEQ n) that may follow (RFC 7162 §3.1.5).
func (b *imapEvent) found(c *imapCursor) {
	s := b.t.s
	from := c.p
	for from < c.end && s[from] == ' ' {
		from++
	}
	to := c.end
	if i := strings.IndexByte(s[from:to], '('); i >= 0 {
		to = from + i
	}
	set := strings.TrimRight(s[from:to], " ")
	b.add("found", set, from, from+len(set))
	c.p = to
	if to < c.end {
		b.pairs(c)
	}
}

// esearch reads [(TAG "t")] [UID] NAME value … (RFC 9051 §7.3.4).
func (b *imapEvent) esearch(c *imapCursor) {
	if v := c.peek(); v.kind == imapOpen {
		v = c.value()
		b.addValue("correlator", &v)
		inner := b.t.cursor(v.from+1, max(v.from+1, v.to-1))
		for key := inner.token(); key.kind != imapEnd; key = inner.token() {
			if value := inner.token(); strings.EqualFold(key.text, "TAG") {
				b.re = b.p.runningBy(value.text, b.re)
			}
		}
	}
	for {
		key := c.token()
		if key.kind == imapEnd {
			return
		}
		if strings.EqualFold(key.text, "UID") {
			b.addValue("uid", &key)
			continue
		}
		v := c.value()
		if v.kind == imapEnd {
			return
		}
		b.addValue(lowerName(key.text), &v)
	}
}

// runningBy gives the command with that tag, otherwise what is known without it.
func (p *imap) runningBy(tag string, otherwise int) int {
	for i := range p.running {
		if p.running[i].tag == tag {
			return p.running[i].seq
		}
	}
	return otherwise
}

// vanished reads [(EARLIER)] set (RFC 7162 §3.2.10).
func (b *imapEvent) vanished(c *imapCursor) {
	if c.peek().kind == imapOpen {
		b.named(c, "earlier")
	}
	b.named(c, "set")
}
