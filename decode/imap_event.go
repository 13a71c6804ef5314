package decode

import (
	"strings"
)

const (
	// maxNotes is how many parts of one command or response are explained; a capability list has forty.
	maxNotes = 80
	// maxFields is how many parts of one command or response are named.
	maxFields = 80
	// imapRoom is how many fields and notes there is room for at first: few commands and responses have more.
	imapRoom = 24
	// maxKnownIDs is how many note ids of one kind are kept ready. RFCs name fewer; what a peer invents beyond that is
	// put together anew each time.
	maxKnownIDs = 256
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

	*imapNames
}

// imapNames is what is known of the names that peers use, ready to be used again.
type imapNames struct {
	commands, tagged, flags, caps, codes noteIDs
	answers                              [len(taggedNames)]noteIDs
	items                                map[string]*imapItem
	kinds                                map[string]imapKind
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

// begin starts over with the text of a side. Fields and notes are put together where they will stay.
func (b *imapEvent) begin(from Side, f *frame) {
	b.from, b.layer, b.re = from, f.layer, 0
	room, keep := b.p.l.s.room, b.p.l.s.o.Passing
	b.fields, b.notes = room.fields.take(imapRoom, fieldBatch, keep), room.notes.take(imapRoom, noteBatch, keep)
	b.secrets = b.secrets[:0]
}

// add names the part [from, to) of the text.
func (b *imapEvent) add(name, value string, from, to int) {
	n := len(b.fields)
	if n == cap(b.fields) {
		if n < maxFields {
			b.fields = append(b.fields, Field{Name: name, Value: value, Span: b.t.span(from, to)})
		}
		return
	}
	if n < maxFields {
		b.fields = b.fields[:n+1]
		f := &b.fields[n]
		f.Name, f.Value, f.Span, f.Secret = name, value, b.t.span(from, to), false
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
	if v.kind == imapAtom || v.kind == imapListing {
		b.add(name, v.text, v.from, v.to)
		return
	}
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
	b.forget(sp)
	b.p.l.heard([]byte(v.text), []byte(with))
	switch v.kind {
	case imapLit:
	case imapQuoted:
		b.secrets = append(b.secrets, imapSecret{v.from + 1, v.from + 1 + v.inner(b.t.s), with})
	default:
		if v.from > 0 && b.t.s[v.from-1] == '\n' { // a parenthesis behind a literal says that the line goes on, stars do not
			b.p.units[b.from].oddFrom(sp.From)
		}
		b.secrets = append(b.secrets, imapSecret{v.from, v.to, with})
	}
}

// forget drops the tokens of URLs that lie in what is a secret as a whole: the copy does not show that there were any.
func (b *imapEvent) forget(secret Span) {
	u := &b.p.units[b.from]
	if b.p.l.s.o.ShowSecrets || len(u.tokens) == 0 {
		return
	}
	kept := u.tokens[:0]
	for _, t := range u.tokens {
		if t.Span.To <= secret.From || t.Span.From >= secret.To {
			kept = append(kept, t)
		}
	}
	u.tokens = kept
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
	n := len(b.notes)
	if n == cap(b.notes) {
		if n < maxNotes {
			b.notes = append(b.notes, Note{ID: id, Span: b.t.span(from, to)})
		}
		return
	}
	if n < maxNotes {
		b.notes = b.notes[:n+1]
		note := &b.notes[n]
		note.ID, note.Args, note.Span = id, nil, b.t.span(from, to)
	}
}

// emit makes the event.
func (b *imapEvent) emit(f *frame, span Span, kind string) *Event {
	l, room := b.p.l, b.p.l.s.room
	e := l.s.bare(l, b.from, b.layer, span, kind)
	if u := &b.p.units[b.from]; len(u.tokens) > 0 {
		b.fields, u.tokens = append(b.fields, u.tokens...), u.tokens[:0]
	}
	l.sides[b.from].cover(e)
	e.Re = b.re
	e.Fields, e.Notes = b.fields[:len(b.fields):len(b.fields)], b.notes[:len(b.notes):len(b.notes)]
	room.fields.back(b.fields)
	room.notes.back(b.notes)
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
	s := b.t.s
	for p := from; p < to; p++ {
		if imapStops[s[p]] {
			continue
		}
		at := p
		for p < to && !imapStops[s[p]] {
			p++
		}
		b.noteAt(b.flagID(s[at:p]), at, p)
	}
}

// flagID gives the note of a flag.
func (b *imapEvent) flagID(flag string) string {
	if id := imapFlags.find(flag); id != nil {
		return *id
	}
	if id, ok := b.flags[flag]; ok {
		return id
	}
	id := flagIDOf(flag)
	if b.flags == nil {
		b.flags = noteIDs{}
	}
	if len(b.flags) < maxKnownIDs && len(flag) <= 64 {
		b.flags[strings.Clone(flag)] = id
	}
	return id
}

// flagIDOf keeps a flag's case as the RFC writes it: \Seen.
func flagIDOf(flag string) string {
	name := flag
	if len(flag) > 2 && (flag[0] == '\\' || flag[0] == '$') {
		name = flag[:1] + strings.ToUpper(flag[1:2]) + strings.ToLower(flag[2:])
		if known, ok := imapFlagNames[strings.ToLower(flag)]; ok {
			name = known
		}
	}
	return "imap.flag." + name
}

// Flags and mailbox attributes whose name has more than one capital (RFC 9051 §7.3.1, RFC 6154, IANA's registries).
var imapFlagNames = map[string]string{
	`\haschildren`: `\HasChildren`, `\hasnochildren`: `\HasNoChildren`, `\noinferiors`: `\NoInferiors`,
	`\nonexistent`: `\NonExistent`, `$mdnsent`: `$MDNSent`, `$notjunk`: `$NotJunk`, `$submitpending`: `$SubmitPending`,
}

// imapItem is what is known of a FETCH or STATUS item: its note, the name of its field, and how its value is read.
type imapItem struct {
	id, field string
	kind      imapItemKind
}

type imapItemKind uint8

const (
	itemValue imapItemKind = iota
	itemFlags
	itemEnvelope
	itemStructure
	itemContent // octets of the message
)

// itemOf gives what is known of an item, its [section] left out.
func (b *imapEvent) itemOf(item string) *imapItem {
	if n := imapItems.find(item); n != nil {
		return n
	}
	if n, ok := b.items[item]; ok {
		return n
	}
	n := itemOfName(item)
	if b.items == nil {
		b.items = map[string]*imapItem{}
	}
	if len(b.items) < maxKnownIDs && len(item) <= 64 {
		b.items[strings.Clone(item)] = &n
	}
	return &n
}

func itemOfName(item string) imapItem {
	base, _, section := strings.Cut(item, "[")
	n := imapItem{id: "imap.item." + strings.ToUpper(base), field: strings.Clone(lowerName(base))}
	switch {
	case n.field == "flags":
		n.kind = itemFlags
	case n.field == "envelope":
		n.kind = itemEnvelope
	case section && n.field != "binary.size", strings.HasPrefix(n.field, "rfc822") && n.field != "rfc822.size":
		n.kind, n.field = itemContent, strings.Clone(item)
	case n.field == "body" || n.field == "bodystructure":
		n.kind = itemStructure
	}
	return n
}

// noteItems explains each FETCH or STATUS item between from and to.
func (b *imapEvent) noteItems(from, to int) {
	c := b.t.cursor(from, to)
	for v := c.token(); v.kind != imapEnd; v = c.token() {
		if v.kind == imapAtom {
			b.noteAt(b.itemOf(v.text).id, v.from, v.to)
		}
	}
}

// noteCapability explains a capability; of AUTH=X and the like, what is behind the sign is a name of its own.
func (b *imapEvent) noteCapability(v *imapValue) {
	if id := imapCapabilityIDs.find(v.text); id != nil {
		b.noteAt(*id, v.from, v.to)
		return
	}
	id, ok := b.caps[v.text]
	if !ok {
		id = capabilityIDOf(v.text)
		if b.caps == nil {
			b.caps = noteIDs{}
		}
		if len(b.caps) < maxKnownIDs && len(v.text) <= 64 {
			b.caps[strings.Clone(v.text)] = id
		}
	}
	b.noteAt(id, v.from, v.to)
}
