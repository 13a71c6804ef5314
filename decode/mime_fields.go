package decode

import (
	"bytes"
	"strings"
)

// maxParameters is how many parameters or tags of one header field are named.
const maxParameters = 40

// mimeParameters are a field's parameters, in order, names in lower case.
type mimeParameters []Field

func (ps mimeParameters) get(name string) string {
	for _, p := range ps {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

func (ps mimeParameters) add(e *Event) {
	for _, p := range ps {
		e.add("parameter."+p.Name, p.Value, Span{})
	}
}

// parameters reads "value; name=value; …" (RFC 2045 §5.1) with the continuations and character sets of RFC 2231.
func parameters(s string) (value string, ps mimeParameters) {
	value, rest, _ := strings.Cut(s, ";")
	value = strings.TrimSpace(stripComments(value))
	extended := map[string]bool{} // parameters whose first piece names its character set
	for rest != "" && len(ps) < maxParameters {
		var piece string
		piece, rest = cutQuoted(rest, ';')
		name, v, ok := strings.Cut(piece, "=")
		if !ok {
			continue
		}
		name, v = strings.ToLower(strings.TrimSpace(name)), unquote(strings.TrimSpace(v))
		base, suffix, split := strings.Cut(name, "*")
		if !split {
			ps = append(ps, Field{Name: name, Value: v})
			continue
		}
		if suffix == "" || strings.HasSuffix(suffix, "*") {
			v = percentDecode(v, base, extended)
		}
		if i := ps.index(base); i >= 0 && suffix != "" && suffix != "0" && suffix != "0*" {
			ps[i].Value += v
		} else {
			ps = append(ps, Field{Name: base, Value: v})
		}
	}
	for i := range ps {
		if extended[ps[i].Name] {
			if text, ok := charsetValue(ps[i].Value); ok {
				ps[i].Value = text
			}
		}
	}
	return value, ps
}

func (ps mimeParameters) index(name string) int {
	for i := range ps {
		if ps[i].Name == name {
			return i
		}
	}
	return -1
}

// percentDecode decodes %XX behind the charset'language' of the first piece (RFC 2231 §4), which stays in front.
func percentDecode(v, base string, extended map[string]bool) string {
	head := ""
	if !extended[base] {
		parts := strings.SplitN(v, "'", 3)
		if len(parts) == 3 {
			head, v = parts[0]+"'"+parts[1]+"'", parts[2]
			extended[base] = true
		}
	}
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) && isHex(v[i+1]) && isHex(v[i+2]) {
			out = append(out, unhex(v[i+1])<<4|unhex(v[i+2]))
			i += 2
			continue
		}
		out = append(out, v[i])
	}
	return head + string(out)
}

// charsetValue reads charset'language'octets.
func charsetValue(v string) (string, bool) {
	parts := strings.SplitN(v, "'", 3)
	if len(parts) != 3 {
		return "", false
	}
	return toUTF8([]byte(parts[2]), parts[0])
}

// cutQuoted cuts at the first sep that is not in a quoted string or a comment.
func cutQuoted(s string, sep byte) (before, after string) {
	quoted, depth := false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == sep && depth == 0:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// unquote takes the quotes and backslashes off a value, and the comment behind it.
func unquote(v string) string {
	if len(v) == 0 || v[0] != '"' {
		return strings.TrimSpace(stripComments(v))
	}
	out := make([]byte, 0, len(v))
	for i := 1; i < len(v) && v[i] != '"'; i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
		}
		out = append(out, v[i])
	}
	return string(out)
}

// stripComments leaves out (comments), which may be nested (RFC 5322 §3.2.2).
func stripComments(s string) string {
	if strings.IndexByte(s, '(') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			if depth == 0 {
				out = append(out, c, s[i+1])
			}
			i++
			continue
		case c == '"' && depth == 0:
			quoted = !quoted
		case c == '(' && !quoted:
			depth++
			continue
		case c == ')' && depth > 0:
			depth--
			continue
		}
		if depth == 0 {
			out = append(out, c)
		}
	}
	return string(out)
}

// explainField takes the fields apart that say how a message came and whether it is what it claims.
func explainField(e *Event, name, value string) {
	switch name {
	case "received":
		received(e, value)
	case "dkim-signature", "arc-message-signature", "arc-seal", "domainkey-signature":
		tags(e, value)
	case "authentication-results", "arc-authentication-results":
		authenticationResults(e, value)
	case "received-spf":
		receivedSPF(e, value)
	}
}

// received reads the hop that a Received field tells (RFC 5321 §4.4): from, by, via, with, id, for, and the date behind
// the semicolon. The protocol's name says whether TLS was used: ESMTPS (RFC 3848).
func received(e *Event, value string) {
	hop, date := value, ""
	if i := strings.LastIndexByte(value, ';'); i >= 0 {
		hop, date = value[:i], strings.TrimSpace(value[i+1:])
	}
	hop = " " + strings.ReplaceAll(hop, "\t", " ")
	name, from, depth := "", 0, 0
	end := func(to int) {
		if name != "" && to > from {
			e.add(name, strings.TrimSpace(hop[from:to]), Span{})
		}
	}
	for i := 0; i < len(hop); i++ {
		switch hop[i] {
		case '(':
			depth++
		case ')':
			depth = max(0, depth-1)
		case ' ':
			if depth > 0 {
				continue
			}
			word, _, ok := strings.Cut(hop[i+1:], " ")
			if ok && isHopWord(word) {
				end(i)
				name, from = strings.ToLower(word), min(i+1+len(word), len(hop))
			}
		}
	}
	end(len(hop))
	if tls := tlsWords(hop); tls != "" {
		e.add("tls", tls, Span{})
	}
	if date != "" {
		e.add("date", date, Span{})
	}
}

func isHopWord(word string) bool {
	switch strings.ToLower(word) {
	case "from", "by", "via", "with", "id", "for":
		return true
	}
	return false
}

// tlsWords finds what servers write of TLS in a comment: "(using TLSv1.3 with cipher …)", "(version=TLS1_3 cipher=…)".
func tlsWords(hop string) string {
	for rest := hop; ; {
		open := strings.IndexByte(rest, '(')
		if open < 0 {
			return ""
		}
		inside, after, ok := strings.Cut(rest[open+1:], ")")
		if strings.Contains(strings.ToUpper(inside), "TLS") || strings.Contains(strings.ToUpper(inside), "SSL") {
			return strings.TrimSpace(inside)
		}
		if !ok {
			return ""
		}
		rest = after
	}
}

// tags reads "v=1; a=rsa-sha256; …" (RFC 6376 §3.2, RFC 8617 §4.1).
func tags(e *Event, value string) {
	for n := 0; value != "" && n < maxParameters; n++ {
		var tag string
		tag, value, _ = strings.Cut(value, ";")
		if name, v, ok := strings.Cut(tag, "="); ok {
			e.add("tag."+strings.TrimSpace(name), strings.TrimSpace(v), Span{})
		}
	}
}

// authenticationResults reads "host; method=result property=value …; …" (RFC 8601 §2.2).
func authenticationResults(e *Event, value string) {
	host, rest := cutQuoted(value, ';')
	if i := strings.IndexByte(host, '='); i >= 0 { // ARC: i=1; host
		e.add("i", strings.TrimSpace(host[i+1:]), Span{})
		host, rest = cutQuoted(rest, ';')
	}
	e.add("host", strings.TrimSpace(stripComments(host)), Span{})
	for n := 0; rest != "" && n < maxParameters; n++ {
		var result string
		result, rest = cutQuoted(rest, ';')
		method, v, ok := strings.Cut(strings.TrimSpace(result), "=")
		if ok {
			e.add("result."+strings.ToLower(strings.TrimSpace(method)), strings.TrimSpace(v), Span{})
		}
	}
}

// receivedSPF reads "result (comment) key=value; …" (RFC 7208 §9.1).
func receivedSPF(e *Event, value string) {
	result, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	e.add("result", result, Span{})
	rest = strings.TrimSpace(stripComments(rest))
	for n := 0; rest != "" && n < maxParameters; n++ {
		var pair string
		pair, rest = cutQuoted(rest, ';')
		for _, word := range strings.Fields(pair) {
			if name, v, ok := strings.Cut(word, "="); ok {
				e.add("spf."+strings.ToLower(name), unquote(v), Span{})
			}
		}
	}
}

// headerName is what is known of a field by its name: that as it was written and in lower case, and the field's note.
type headerName struct{ name, lower, id string }

// header gives what is known of a field, allocating for a name's first time only.
func (r *Room) header(name []byte) headerName {
	if known, ok := r.headers[string(name)]; ok {
		return known
	}
	h := headerName{name: string(name), lower: strings.ToLower(string(name))}
	h.id = "message.header." + h.lower
	if len(r.headers) < maxKnownIDs && len(name) <= 64 {
		if r.headers == nil {
			r.headers = map[string]headerName{}
		}
		r.headers[h.name] = h
	}
	return h
}

// cutField takes a field's lines apart: its name, and its value with line ends in it (RFC 5322 §2.2).
func cutField(line []byte, stuffed bool) (name, value []byte, ok bool) {
	if stuffed && len(line) > 0 && line[0] == '.' {
		line = line[1:]
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return nil, nil, false
	}
	name = bytes.TrimRight(line[:colon], " \t") // blanks before the colon: RFC 5322 §4.5
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return nil, nil, false
		}
	}
	return name, chomp(line[colon+1:]), true
}

// unfold takes the line ends out of a field's value (RFC 5322 §2.2.3).
func unfold(value []byte) []byte {
	value = bytes.Trim(value, " \t")
	if bytes.IndexByte(value, '\n') < 0 {
		return value
	}
	out := make([]byte, 0, len(value))
	for _, c := range value {
		if c != '\n' {
			out = append(out, c)
		} else if n := len(out); n > 0 && out[n-1] == '\r' {
			out = out[:n-1]
		}
	}
	return bytes.Trim(out, " \t")
}
