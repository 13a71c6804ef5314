package decode

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendJSON appends e to dst as the object that `--format jsonl` prints, without a line end, and gives the longer
// slice. It allocates nothing when dst has room.
//
//	{"session":1,"seq":12,"time":"2026-11-22T09:15:02.1Z","leg":"client","from":"server","layer":"plain","span":[120,164],
//	 "carried":[[300,366]],"kind":"smtp.reply","fields":{"code":"250"},"re":11,"notes":[{"id":"…","args":{"size":"12"}}]}
//
// Times are UTC in RFC 3339 with as many decimals as needed. The members carried, re, notes and args are left out when
// empty. Fields stand in their order; the values of fields with one name are joined by a line feed at the first's place.
//
// The output is valid JSON (RFC 8259) whatever the peers sent. In a value that is not valid UTF-8 every octet becomes the
// character of its number, U+0000 to U+00FF (Latin-1, which is what most such octets mean in mail); the octets
// themselves are never lost, for e.Span says where they are. Everything a terminal could take for an order (C0, DEL, C1,
// line and paragraph separators, direction overrides) is written as \u escapes, so printing a line is safe.
func AppendJSON(dst []byte, session int, e *Event) []byte {
	return appendEvent(append(dst, '{'), session, e, false)
}

// AppendWebJSON appends e as the page reads it: the object of [AppendJSON] with "n" before the rest, the number of the
// event over all sessions (left out while it is 0: not numbered yet), the octets of the fields in "spans", the names of
// the secret fields in "secret", and with each note the "span" it explains. Each is left out when empty. Its kind is the
// [HandshakeKind], by which the drawings of TLS go.
//
//	"spans":{"code":[120,123],"text":[124,130,134,140]}
//
// A span is a pair of offsets on the event's layer; fields of one name give one pair each, in order.
func AppendWebJSON(dst []byte, n, session int, e *Event) []byte {
	dst = append(dst, '{')
	if n != 0 {
		dst = append(dst, `"n":`...)
		dst = strconv.AppendInt(dst, int64(n), 10)
		dst = append(dst, ',')
	}
	return appendEvent(dst, session, e, true)
}

// appendEvent writes the members after the opening brace, and the closing one.
func appendEvent(dst []byte, session int, e *Event, web bool) []byte {
	dst = append(dst, `"session":`...)
	dst = strconv.AppendInt(dst, int64(session), 10)
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendInt(dst, int64(e.Seq), 10)
	dst = append(dst, `,"time":"`...)
	dst = e.Time.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","leg":"`...)
	dst = append(dst, e.Leg.String()...)
	dst = append(dst, `","from":"`...)
	dst = append(dst, e.From.String()...)
	dst = append(dst, `","layer":"`...)
	dst = append(dst, e.Layer.String()...)
	dst = append(dst, `","span":[`...)
	dst = appendSpan(dst, e.Span)
	dst = append(dst, ']')
	for i, s := range e.Carried {
		if i == 0 {
			dst = append(dst, `,"carried":[[`...)
		} else {
			dst = append(dst, `],[`...)
		}
		dst = appendSpan(dst, s)
	}
	if len(e.Carried) > 0 {
		dst = append(dst, `]]`...)
	}
	kind := e.Kind
	if web {
		kind = HandshakeKind(e)
	}
	dst = append(dst, `,"kind":`...)
	dst = appendString(dst, kind)
	dst = append(dst, `,"fields":`...)
	dst = appendFields(dst, e.Fields)
	if web {
		dst = appendFieldSpans(dst, e.Fields)
		dst = appendSecrets(dst, e.Fields)
	}
	if e.Re != 0 {
		dst = append(dst, `,"re":`...)
		dst = strconv.AppendInt(dst, int64(e.Re), 10)
	}
	dst = appendNotes(dst, e.Notes, web)
	return append(dst, '}')
}

// appendFields writes an object of names and values, values of one name joined. Names come from decode's small
// vocabulary, so looking for the first of a name costs less than a map would.
func appendFields(dst []byte, fields []Field) []byte {
	dst = append(dst, '{')
	comma := false
	for i := range fields {
		if !firstOfName(fields, i) {
			continue
		}
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		dst = appendString(dst, fields[i].Name)
		dst = append(dst, `:"`...)
		dst = appendEscaped(dst, fields[i].Value)
		for j := i + 1; j < len(fields); j++ {
			if fields[j].Name == fields[i].Name {
				dst = append(dst, `\n`...)
				dst = appendEscaped(dst, fields[j].Value)
			}
		}
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

// appendFieldSpans writes the member "spans", or nothing when every field was derived.
func appendFieldSpans(dst []byte, fields []Field) []byte {
	open := false
	for i := range fields {
		if !firstOfName(fields, i) {
			continue
		}
		named := false
		for j := i; j < len(fields); j++ {
			if fields[j].Name != fields[i].Name || fields[j].Span.Len() <= 0 {
				continue
			}
			switch {
			case named:
				dst = append(dst, ',')
			case open:
				dst = append(dst, `],`...)
			default:
				dst = append(dst, `,"spans":{`...)
			}
			if !named {
				dst = appendString(dst, fields[i].Name)
				dst = append(dst, `:[`...)
			}
			open, named = true, true
			dst = appendSpan(dst, fields[j].Span)
		}
	}
	if open {
		dst = append(dst, `]}`...)
	}
	return dst
}

// appendSecrets writes the member "secret": each name once, whichever of its fields is the secret one.
func appendSecrets(dst []byte, fields []Field) []byte {
	open := false
	for i := range fields {
		if !fields[i].Secret || secretBefore(fields, i) {
			continue
		}
		if open {
			dst = append(dst, ',')
		} else {
			dst = append(dst, `,"secret":[`...)
		}
		open = true
		dst = appendString(dst, fields[i].Name)
	}
	if open {
		dst = append(dst, ']')
	}
	return dst
}

func appendNotes(dst []byte, notes []Note, web bool) []byte {
	for i := range notes {
		if i == 0 {
			dst = append(dst, `,"notes":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":`...)
		dst = appendString(dst, notes[i].ID)
		if len(notes[i].Args) > 0 {
			dst = append(dst, `,"args":`...)
			dst = appendFields(dst, notes[i].Args)
		}
		if web && notes[i].Span.Len() > 0 {
			dst = append(dst, `,"span":[`...)
			dst = appendSpan(dst, notes[i].Span)
			dst = append(dst, ']')
		}
		dst = append(dst, '}')
	}
	if len(notes) > 0 {
		dst = append(dst, ']')
	}
	return dst
}

func firstOfName(fields []Field, i int) bool {
	for j := range i {
		if fields[j].Name == fields[i].Name {
			return false
		}
	}
	return true
}

func secretBefore(fields []Field, i int) bool {
	for j := range i {
		if fields[j].Secret && fields[j].Name == fields[i].Name {
			return true
		}
	}
	return false
}

// appendSpan writes the two offsets without brackets.
func appendSpan(dst []byte, s Span) []byte {
	dst = strconv.AppendInt(dst, s.From, 10)
	dst = append(dst, ',')
	return strconv.AppendInt(dst, s.To, 10)
}

func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, s)
	return append(dst, '"')
}

// verbatim says of each ASCII octet whether it may stand in a JSON string as it is.
var verbatim = func() (t [utf8.RuneSelf]bool) {
	for b := ' '; b < 0x7f; b++ {
		t[b] = b != '"' && b != '\\'
	}
	return t
}()

// appendEscaped writes the inside of a JSON string. It copies the longest stretches it can.
func appendEscaped(dst []byte, s string) []byte {
	from := 0
	latin := !utf8.ValidString(s) // then every octet is a character: a line in an old charset has valid pairs by chance
	for i := 0; i < len(s); {
		b := s[i]
		if b < utf8.RuneSelf {
			if !verbatim[b] {
				dst = append(dst, s[from:i]...)
				dst = appendASCII(dst, b)
				from = i + 1
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if latin {
			r, size = rune(b), 1
		}
		if latin || hidden(r) {
			dst = append(dst, s[from:i]...)
			dst = appendUnicode(dst, r)
			from = i + size
		}
		i += size
	}
	return append(dst, s[from:]...)
}

func appendASCII(dst []byte, b byte) []byte {
	switch b {
	case '"', '\\':
		return append(dst, '\\', b)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return appendUnicode(dst, rune(b))
}

// hidden tells the characters beyond ASCII that a terminal or an editor obeys instead of showing them.
func hidden(r rune) bool {
	switch {
	case r < 0xa0: // C1 controls
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // direction overrides and isolates
		return true
	}
	return r == 0x2028 || r == 0x2029 // line and paragraph separator
}

// appendUnicode writes \uXXXX. Every character escaped here lies in the basic plane.
func appendUnicode(dst []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}
