package decode

import (
	"strings"
)

// fetch reads the items of a FETCH response (RFC 9051 §7.5.2).
func (b *imapEvent) fetch(c *imapCursor) {
	if !c.enter() {
		return
	}
	for {
		if b.plainItem(c) {
			continue
		}
		item := c.token()
		if item.kind == imapEnd || item.kind == imapClose {
			return
		}
		if item.kind != imapAtom {
			continue
		}
		known := b.itemOf(item.text)
		b.noteAt(known.id, item.from, item.to)
		if known.kind == itemValue && b.number(c, known.field) {
			continue
		}
		v := c.value()
		if v.kind == imapEnd || v.kind == imapClose {
			return
		}
		switch known.kind {
		case itemFlags:
			b.addValue(known.field, &v)
			b.noteFlags(v.from, v.to)
		case itemEnvelope:
			b.envelope(&v)
		case itemStructure:
			b.structure(&v)
		case itemContent:
			b.content(known.field, &v)
		default:
			b.addNil(known.field, &v)
		}
	}
}

// plainItem reads an item that is a known name and a number behind it, or the list of flags, as most are.
func (b *imapEvent) plainItem(c *imapCursor) bool {
	s, from := c.t.s, c.p
	for from < c.end && s[from] == ' ' {
		from++
	}
	p := from
	for p < c.end && s[p] > ')' && s[p] != '[' { // neither blank nor list, no section
		p++
	}
	if p == from || p+1 >= c.end || s[p] != ' ' {
		return false
	}
	known := imapItems.find(s[from:p])
	if known == nil {
		return false
	}
	switch known.kind {
	case itemValue:
		at := p + 1
		listed := s[at] == '(' // as the number of MODSEQ is
		if listed {
			at++
		}
		end := at
		for end < c.end && digit(s[end]) {
			end++
		}
		if end == at || end == c.end || s[end] != ')' && (listed || s[end] != ' ') {
			return false
		}
		value := s[at:end]
		if listed {
			end++
		}
		b.noteAt(known.id, from, p)
		b.add(known.field, value, p+1, end)
		c.p = end
		return true
	case itemFlags:
		if s[p+1] != '(' {
			return false
		}
		end := strings.IndexByte(s[p:c.end], ')')
		if end < 0 || strings.IndexByte(s[p+2:p+end], '(') >= 0 || strings.IndexByte(s[p:p+end], '"') >= 0 {
			return false
		}
		b.noteAt(known.id, from, p)
		b.add(known.field, s[p+2:p+end], p+1, p+end+1)
		b.noteFlags(p+1, p+end+1)
		c.p = p + end + 1
		return true
	}
	return false
}

// number reads a value that is digits and no more, as most are.
func (b *imapEvent) number(c *imapCursor, name string) bool {
	s, from := c.t.s, c.p+1
	p := from
	for p < c.end && digit(s[p]) {
		p++
	}
	if p == from || p >= c.end || s[c.p] != ' ' || s[p] != ' ' && s[p] != ')' {
		return false
	}
	b.add(name, s[from:p], from, p)
	c.p = p
	return true
}

// content names a part of a message that was fetched, and how many octets it has.
func (b *imapEvent) content(name string, v *imapValue) {
	b.derive("section", name)
	n := int64(len(v.text))
	if v.kind == imapLit {
		n = v.literal.size
	} else if v.isNil() {
		n = 0
	}
	if len(b.fields) < maxFields {
		b.fields = append(b.fields, Field{Name: "octets", Value: decimal(n), Span: b.t.span(v.from, v.to)})
	}
}

// The fields of an ENVELOPE in order (RFC 9051 §7.5.2), "" for what From says already.
var envelopeFields = [...]string{"date", "subject", "from", "", "", "to", "cc", "bcc", "in_reply_to", "message_id"}

// envelope reads an ENVELOPE.
func (b *imapEvent) envelope(list *imapValue) {
	if list.kind != imapListing {
		return
	}
	c := b.t.cursor(list.from+1, max(list.from+1, list.to-1))
	for _, name := range envelopeFields {
		v := c.value()
		switch {
		case v.kind == imapEnd:
			return
		case name == "" || v.isNil():
			continue
		case v.kind == imapListing:
			v.text = b.addresses(&v)
		case name == "subject":
			v.text = decodeWords(v.text)
		}
		b.addValue(name, &v)
	}
}

// addresses writes the addresses of a list as a header field would (RFC 5322 §3.4).
func (b *imapEvent) addresses(list *imapValue) string {
	var out strings.Builder
	c := b.t.cursor(list.from+1, max(list.from+1, list.to-1))
	for c.enter() {
		var part [4]string // name, route, mailbox, host
		for i := range part {
			if v := c.value(); v.kind != imapEnd && v.kind != imapClose && !v.isNil() {
				part[i] = v.text
			}
		}
		c.leave()
		if out.Len() > 0 {
			out.WriteString(", ")
		}
		name := decodeWords(part[0])
		if part[3] == "" { // a group begins or ends
			out.WriteString(part[2])
			continue
		}
		if name != "" {
			out.WriteString(name + " <")
		}
		out.WriteString(part[2] + "@" + part[3])
		if name != "" {
			out.WriteByte('>')
		}
	}
	return out.String()
}

// structure reads BODY or BODYSTRUCTURE (RFC 9051 §7.5.2) into one line per part: number, type, charset, encoding, octets.
func (b *imapEvent) structure(list *imapValue) {
	if list.kind != imapListing {
		b.addValue("structure", list)
		return
	}
	var out strings.Builder
	c := b.t.cursor(list.from+1, max(list.from+1, list.to-1))
	b.bodyPart(&c, &out, "", 0)
	if len(b.fields) < maxFields {
		b.fields = append(b.fields, Field{Name: "structure", Value: out.String(), Span: b.t.span(list.from, list.to)})
	}
}

// bodyPart reads the inside of one part's list.
func (b *imapEvent) bodyPart(c *imapCursor, out *strings.Builder, path string, depth int) {
	if depth > maxDepth || out.Len() > maxReply {
		return
	}
	if c.peek().kind != imapOpen {
		b.singlePart(c, out, path, depth)
		return
	}
	at := out.Len()
	var parts strings.Builder
	for n := 1; c.peek().kind == imapOpen && parts.Len() <= maxReply; n++ {
		v := c.value()
		inner := b.t.cursor(v.from+1, max(v.from+1, v.to-1))
		b.bodyPart(&inner, &parts, joinPath(path, n), depth+1)
	}
	subtype := c.token()
	if at > 0 {
		out.WriteByte('\n')
	}
	if path != "" {
		out.WriteString(path + " ")
	}
	out.WriteString("multipart/" + strings.ToLower(subtype.text))
	if parts.Len() > 0 {
		out.WriteString("\n" + parts.String())
	}
}

// singlePart reads type subtype parameters id description encoding octets, and of message/rfc822 what is in it.
func (b *imapEvent) singlePart(c *imapCursor, out *strings.Builder, path string, depth int) {
	kind, subtype, parameters := c.value(), c.value(), c.value()
	c.value()
	c.value()
	encoding, octets := c.value(), c.value()
	if path == "" {
		path = "1"
	}
	if out.Len() > 0 {
		out.WriteByte('\n')
	}
	out.WriteString(path + " " + strings.ToLower(kind.text) + "/" + strings.ToLower(subtype.text))
	if parameters.kind == imapListing {
		in := b.t.cursor(parameters.from+1, max(parameters.from+1, parameters.to-1))
		for key := in.token(); key.kind != imapEnd; key = in.token() {
			value := in.token()
			if strings.EqualFold(key.text, "charset") || strings.EqualFold(key.text, "name") {
				out.WriteString(" " + decodeWords(value.text))
			}
		}
	}
	if encoding.kind != imapEnd && !encoding.isNil() {
		out.WriteString(" " + strings.ToLower(encoding.text))
	}
	if octets.kind != imapEnd {
		out.WriteString(" " + octets.text)
	}
	if strings.EqualFold(kind.text, "message") && (strings.EqualFold(subtype.text, "rfc822") || strings.EqualFold(subtype.text, "global")) {
		c.value() // its ENVELOPE
		if v := c.value(); v.kind == imapListing {
			inner := b.t.cursor(v.from+1, max(v.from+1, v.to-1))
			if inner.peek().kind != imapOpen {
				path += ".1"
			}
			b.bodyPart(&inner, out, path, depth+1)
		}
	}
}

// joinPath gives the section number of the n-th part of path (RFC 9051 §6.4.5.1).
func joinPath(path string, n int) string {
	if path == "" {
		return decimal(int64(n))
	}
	return path + "." + decimal(int64(n))
}
