package decode

import (
	"strings"
)

const (
	// maxNotes is how many parts of one command or response are explained; a capability list has forty.
	maxNotes = 80
	// maxFields is how many parts of one command or response are named.
	maxFields = 80
	// maxKnownIDs is how many note ids of one kind are kept ready. RFCs name fewer; what a peer invents beyond that is
	// put together anew each time.
	maxKnownIDs = 256
	// fieldBatch and noteBatch are how many fields and notes are allocated at once.
	fieldBatch = 512
	noteBatch  = 512
)

// imapEvent puts an event together before it is emitted: what is secret has to be known before anything is shown.
type imapEvent struct {
	p       *imap
	from    Side
	layer   Layer
	t       imapText
	fields  []Field
	notes   []Note
	secrets []imapSecret
	re      int

	slabF                                                    []Field
	slabN                                                    []Note
	commands, responses, tagged, greetings                   noteIDs
	taggedOK, taggedNO, taggedBAD, flags, items, caps, codes noteIDs
}

// imapSecret is a stretch of the text and what is shown in its place.
type imapSecret struct {
	from, to int
	with     string
}

// noteIDs are the note ids of one kind, by what they are about as it was sent.
type noteIDs map[string]string

// id gives prefix and the upper case of word, allocating for a word's first time only.
func (m *noteIDs) id(prefix, word string) string {
	if id, ok := (*m)[word]; ok {
		return id
	}
	id := prefix + strings.ToUpper(word)
	if len(*m) < maxKnownIDs && len(word) <= 64 {
		if *m == nil {
			*m = noteIDs{}
		}
		(*m)[strings.Clone(word)] = id
	}
	return id
}

// begin starts over with the text of a side.
func (b *imapEvent) begin(from Side, f *frame) {
	b.from, b.layer, b.re = from, f.layer, 0
	b.fields, b.notes, b.secrets = b.fields[:0], b.notes[:0], b.secrets[:0]
}

// add names the part [from, to) of the text.
func (b *imapEvent) add(name, value string, from, to int) {
	if len(b.fields) < maxFields {
		b.fields = append(b.fields, Field{Name: name, Value: value, Span: b.t.span(from, to)})
	}
}

// derive names something that no single part of the text says.
func (b *imapEvent) derive(name, value string) {
	if len(b.fields) < maxFields {
		b.fields = append(b.fields, Field{Name: name, Value: value})
	}
}

// addValue names a token: of a literal, its octets.
func (b *imapEvent) addValue(name string, v *imapValue) {
	if len(b.fields) < maxFields {
		b.fields = append(b.fields, Field{Name: name, Value: v.text, Span: b.spanOf(v)})
	}
}

// spanOf gives the octets of a value: between the quotes, or behind the {n}.
func (b *imapEvent) spanOf(v *imapValue) Span {
	switch {
	case v.kind == imapLit && v.literal.held:
		return Span{v.literal.off, v.literal.off + v.literal.size}
	case v.kind == imapQuoted:
		return b.t.span(v.from+1, v.from+1+v.inner(b.t.s))
	}
	return b.t.span(v.from, v.to)
}

// inner is the number of octets between the quotes.
func (v *imapValue) inner(s string) int {
	n := v.to - v.from - 1
	if n > 0 && s[v.to-1] == '"' {
		n--
	}
	return n
}

// addSecret names a token that is a secret: shown as stars, and masked in the line and in what is released.
func (b *imapEvent) addSecret(name string, v *imapValue) {
	sp := b.spanOf(v)
	if b.p.l.s.o.ShowSecrets {
		b.fields = append(b.fields, Field{name, v.text, sp, true})
		return
	}
	with := strings.Repeat("*", int(min(sp.Len(), maxInside)))
	b.fields = append(b.fields, Field{name, with, sp, true})
	b.p.l.sides[b.from].mask(b.layer, sp, nil)
	switch v.kind {
	case imapLit:
	case imapQuoted:
		b.secrets = append(b.secrets, imapSecret{v.from + 1, v.from + 1 + v.inner(b.t.s), with})
	default:
		b.secrets = append(b.secrets, imapSecret{v.from, v.to, with})
	}
}

// shown is the text with its secrets masked.
func (b *imapEvent) shown() string {
	if len(b.secrets) == 0 {
		return b.t.s
	}
	masked := []byte(b.t.s)
	for _, s := range b.secrets {
		for i := s.from; i < s.to; i++ {
			masked[i] = '*'
		}
		copy(masked[s.from:s.to], s.with)
	}
	return string(masked)
}

// note explains the event.
func (b *imapEvent) note(id string) { b.notes = append(b.notes, Note{ID: id}) }

// noteAt explains the part [from, to) of the text.
func (b *imapEvent) noteAt(id string, from, to int) {
	if len(b.notes) < maxNotes {
		b.notes = append(b.notes, Note{ID: id, Span: b.t.span(from, to)})
	}
}

// emit makes the event.
func (b *imapEvent) emit(f *frame, span Span, kind string) *Event {
	e := b.p.l.emit(b.from, f, span, kind)
	e.Re = b.re
	if len(b.fields) <= cap(e.Fields) {
		e.Fields = append(e.Fields, b.fields...)
	} else {
		if cap(b.slabF)-len(b.slabF) < len(b.fields) {
			b.slabF = make([]Field, 0, max(fieldBatch, len(b.fields)))
		}
		n := len(b.slabF)
		b.slabF = append(b.slabF, b.fields...)
		e.Fields = b.slabF[n:len(b.slabF):len(b.slabF)]
	}
	if len(b.notes) <= cap(e.Notes) {
		e.Notes = append(e.Notes, b.notes...)
		return e
	}
	if cap(b.slabN)-len(b.slabN) < len(b.notes) {
		b.slabN = make([]Note, 0, max(noteBatch, len(b.notes)))
	}
	n := len(b.slabN)
	b.slabN = append(b.slabN, b.notes...)
	e.Notes = b.slabN[n:len(b.slabN):len(b.slabN)]
	return e
}

// words gives each word of a list or of the rest of a line to visit.
func (b *imapEvent) words(from, to int, visit func(v *imapValue)) {
	c := b.t.cursor(from, to)
	for {
		v := c.token()
		if v.kind == imapEnd {
			return
		}
		if v.kind != imapOpen && v.kind != imapClose {
			visit(&v)
		}
	}
}

// noteFlags explains each flag (RFC 9051 §2.3.2) between from and to.
func (b *imapEvent) noteFlags(from, to int) {
	c := b.t.cursor(from, to)
	for v := c.token(); v.kind != imapEnd; v = c.token() {
		if v.kind == imapAtom {
			b.noteAt(b.flagID(v.text), v.from, v.to)
		}
	}
}

// flagID keeps a flag's case as the RFC writes it: \Seen.
func (b *imapEvent) flagID(flag string) string {
	if id, ok := b.flags[flag]; ok {
		return id
	}
	name := flag
	if len(flag) > 2 && (flag[0] == '\\' || flag[0] == '$') {
		name = flag[:1] + strings.ToUpper(flag[1:2]) + strings.ToLower(flag[2:])
		if known, ok := imapFlagNames[strings.ToLower(flag)]; ok {
			name = known
		}
	}
	if b.flags == nil {
		b.flags = noteIDs{}
	}
	if len(b.flags) < maxKnownIDs && len(flag) <= 64 {
		b.flags[strings.Clone(flag)] = "imap.flag." + name
	}
	return "imap.flag." + name
}

// Flags and mailbox attributes whose name has more than one capital (RFC 9051 §7.3.1, RFC 6154, IANA's registries).
var imapFlagNames = map[string]string{
	`\haschildren`: `\HasChildren`, `\hasnochildren`: `\HasNoChildren`, `\noinferiors`: `\NoInferiors`,
	`\nonexistent`: `\NonExistent`, `$mdnsent`: `$MDNSent`, `$notjunk`: `$NotJunk`, `$submitpending`: `$SubmitPending`,
}

// noteItems explains each FETCH or STATUS item between from and to.
func (b *imapEvent) noteItems(from, to int) {
	c := b.t.cursor(from, to)
	for v := c.token(); v.kind != imapEnd; v = c.token() {
		if v.kind == imapAtom {
			b.noteAt(b.itemID(v.text), v.from, v.to)
		}
	}
}

// itemID is the note of a FETCH item, its [section] left out.
func (b *imapEvent) itemID(item string) string {
	if i := strings.IndexByte(item, '['); i >= 0 {
		item = item[:i]
	}
	return b.items.id("imap.item.", item)
}

// noteCapability explains a capability; of AUTH=X and the like, what is behind the sign is a name of its own.
func (b *imapEvent) noteCapability(v *imapValue) {
	id, ok := b.caps[v.text]
	if !ok {
		id = "imap.capability." + strings.ToUpper(strings.Replace(v.text, "=", ".", 1))
		if b.caps == nil {
			b.caps = noteIDs{}
		}
		if len(b.caps) < maxKnownIDs && len(v.text) <= 64 {
			b.caps[strings.Clone(v.text)] = id
		}
	}
	b.noteAt(id, v.from, v.to)
}
