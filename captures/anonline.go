package captures

import (
	"bytes"
	"strings"

	"facteur/decode"
)

// line rewrites a protocol's own line: what it is made of stays, what names somebody does not.
func (a *anonymity) line(s *reading, e *decode.Event, octets []byte) []byte {
	out := []byte(a.n.text(string(octets)))
	if e.Field("mechanism") != "" || strings.HasSuffix(e.Kind, ".auth") {
		return a.sasl(e, octets)
	}
	switch family, _, _ := strings.Cut(e.Kind, "."); family {
	case "smtp", "lmtp":
		a.fields(e, octets, out)
	case "pop3":
		a.fields(e, octets, out)
	case "imap":
		out = a.imap(s, e, octets, out)
		a.fields(e, octets, out)
	case "sieve":
		if len(bytes.TrimRight(octets, "\r\n")) > len(e.Field("line")) || strings.EqualFold(e.Field("verb"), "PUTSCRIPT") {
			out = quoted(out, func(_ int, s []byte) []byte { return []byte(a.n.value(string(s))) })
		}
	}
	a.keepStructure(e, octets, out)
	return out
}

// keepStructure puts back what the protocol is made of.
func (a *anonymity) keepStructure(e *decode.Event, octets, out []byte) {
	for i := range e.Fields {
		f := &e.Fields[i]
		switch f.Name {
		case "verb", "tag", "code", "enhanced", "status", "number", "mechanism", "octets", "flags", "uid", "internaldate", "size":
		case "name":
			if strings.HasSuffix(e.Kind, ".header") {
				continue
			}
		default:
			continue
		}
		if from, to := f.Span.From-e.Span.From, f.Span.To-e.Span.From; from >= 0 && from < to && to <= int64(len(out)) {
			copy(out[from:to], octets[from:to])
		}
	}
}

// fields rewrites the fields that name somebody as a whole.
func (a *anonymity) fields(e *decode.Event, octets, out []byte) {
	for i := range e.Fields {
		f := &e.Fields[i]
		from, to := f.Span.From-e.Span.From, f.Span.To-e.Span.From
		if f.Secret || from < 0 || from >= to || to > int64(len(out)) {
			continue
		}
		value := string(octets[from:to])
		switch f.Name {
		case "user", "authzid":
			copy(out[from:to], a.n.value(value))
		case "mailbox", "root", "identifier", "source", "destination":
			if !strings.HasPrefix(value, "{") && !strings.ContainsAny(value, "*%") {
				copy(out[from:to], a.mailbox(value))
			}
		case "argument":
			switch strings.ToUpper(e.Field("verb")) {
			case "EHLO", "HELO", "LHLO":
				copy(out[from:to], a.n.hostValue(value))
			case "VRFY", "EXPN":
				copy(out[from:to], a.n.value(value))
			}
		}
	}
}

// mailbox replaces the name of a mailbox but for the names that everybody's have. The base64 of its modified UTF-7 (RFC
// 3501 §5.1.3) becomes letters.
func (a *anonymity) mailbox(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		k := i
		for k < len(name) && (wordOctet(name[k]) || name[k] == '&' || name[k] == '-' && strings.Contains(name[i:k], "&")) {
			k++
		}
		if k == i {
			b.WriteByte(name[i])
			i++
			continue
		}
		switch run := name[i:k]; {
		case roles[lower(run)]:
			b.WriteString(run)
		case strings.ContainsAny(run, "&-"):
			b.WriteString(a.n.p.word(strings.NewReplacer("&", "x", "-", "x", "+", "x", ",", "x").Replace(run)))
		default:
			b.WriteString(a.n.p.word(run))
		}
		i = k
	}
	return b.String()
}

// imap rewrites the strings of an IMAP line that are people's: searched text, envelopes, file names.
func (a *anonymity) imap(s *reading, e *decode.Event, octets, out []byte) []byte {
	upper := bytes.ToUpper(octets)
	switch e.Kind {
	case "imap.command":
		switch word := e.Field("name"); {
		case strings.HasSuffix(word, "SEARCH"), strings.HasSuffix(word, "SORT"), strings.HasSuffix(word, "THREAD"):
			return quoted(out, func(_ int, t []byte) []byte { return []byte(a.n.p.words(string(t))) })
		}
		return out
	case "imap.response", "imap.data.begin":
	default:
		return out
	}
	if e.From != decode.Server {
		return out
	}
	begins := bytes.HasPrefix(octets, []byte("* "))
	if !begins && s.fetch { // the rest of a response behind a literal
		return quoted(out, func(_ int, t []byte) []byte { return []byte(a.n.value(string(t))) })
	}
	s.fetch = false
	if i := bytes.Index(upper, []byte("ENVELOPE (")); i >= 0 {
		s.fetch = true
		from := i + len("ENVELOPE ")
		to := closing(octets, from)
		copy(out[from:to], a.envelope(octets[from:to]))
	}
	if i := bytes.Index(upper, []byte("BODYSTRUCTURE (")); i >= 0 {
		from := i + len("BODYSTRUCTURE ")
		to := closing(octets, from)
		copy(out[from:to], a.structure(octets[from:to]))
	}
	return out
}

// closing gives the offset behind the parenthesis that closes the one at from.
func closing(line []byte, from int) int {
	depth := 0
	for i := from; i < len(line); i++ {
		switch line[i] {
		case '"':
			for i++; i < len(line) && line[i] != '"'; i++ {
				if line[i] == '\\' {
					i++
				}
			}
		case '{':
			if m := literalHead.FindSubmatch(line[i:]); m != nil {
				size := 0
				for _, c := range m[1] {
					size = size*10 + int(c-'0')
				}
				i += len(m[0]) + size - 1
			}
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(line)
}

// envelope rewrites the inside of an ENVELOPE (RFC 9051 §7.5.2): the date stays, the subject is free text, everything
// else is people, their hosts, and message ids.
func (a *anonymity) envelope(line []byte) []byte {
	before := 0 // strings and NILs so far, of the envelope itself
	if bytes.HasPrefix(bytes.ToUpper(line), []byte("(NIL")) {
		before = 1
	}
	return quoted(line, func(n int, t []byte) []byte {
		switch {
		case n+before == 0:
			return t
		case n+before == 1 && !bytes.HasPrefix(bytes.TrimLeft(afterFirst(line), " "), []byte("NIL")):
			return free(t)
		case bytes.HasPrefix(t, []byte("<")):
			return a.n.opaqueID([]byte(a.n.text(string(t))))
		case encodedWords.Match(t):
			return a.n.people(t)
		}
		if bytes.IndexByte(t, '.') > 0 && bytes.IndexByte(t, ' ') < 0 {
			if host := a.n.maybeHost(string(t)); host != string(t) || nobodysHost(string(t)) {
				return []byte(host)
			}
		}
		if nobodysHost(string(t)) {
			return t
		}
		return []byte(a.n.p.words(string(t)))
	})
}

// afterFirst gives what is behind an envelope's date.
func afterFirst(line []byte) []byte {
	if len(line) < 2 || line[1] != '"' {
		return line[min(len(line), len("(NIL")):]
	}
	if i := bytes.IndexByte(line[2:], '"'); i >= 0 {
		return line[i+3:]
	}
	return nil
}

// structure rewrites the file names and descriptions of a BODYSTRUCTURE.
func (a *anonymity) structure(line []byte) []byte {
	last := ""
	return quoted(line, func(_ int, t []byte) []byte {
		key := last
		last = strings.ToLower(string(t))
		switch {
		case key == "name" || key == "filename" || bytes.Contains(t, []byte(".")) && bytes.IndexByte(t, '/') < 0 && key != "boundary" && key != "charset":
			return a.fileName(t)
		case bytes.HasPrefix(t, []byte("<")):
			return a.n.opaqueID(t)
		}
		return t
	})
}

// sasl rewrites the names inside the base64 of an authentication.
func (a *anonymity) sasl(e *decode.Event, octets []byte) []byte {
	var values []string
	for i := range e.Fields {
		switch f := &e.Fields[i]; f.Name {
		case "user", "authzid", "domain", "workstation", "target", "host", "realm", "trace":
			if !f.Secret && f.Value != "" {
				values = append(values, f.Value)
			}
		}
	}
	out := inBase64Tokens(octets, func(raw string) string {
		for _, v := range values {
			with := a.n.value(v)
			raw = strings.ReplaceAll(raw, v, with)
			if len(v) > 1 {
				raw = strings.ReplaceAll(raw, wide(v, 0), wide(with, 0))
			}
		}
		return a.n.text(raw)
	})
	if bytes.Equal(out, octets) { // not in base64: LOGIN's literals, a user's name as it is
		out = []byte(a.n.text(string(octets)))
		a.fields(e, octets, out)
	}
	a.keepStructure(e, octets, out)
	return out
}
