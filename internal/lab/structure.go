package lab

import (
	"bytes"
	"strconv"
	"strings"
)

// imapWriter builds the parenthesised data of IMAP responses (RFC 9051, section 9).
type imapWriter struct{ bytes.Buffer }

// quoted writes a string: quoted where its characters allow, a literal otherwise.
func (w *imapWriter) quoted(s string) {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 || s[i] == '\r' || s[i] == '\n' || s[i] == 0 {
			w.literal([]byte(s))
			return
		}
	}
	w.WriteByte('"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			w.WriteByte('\\')
		}
		w.WriteByte(s[i])
	}
	w.WriteByte('"')
}

// nstring writes a string, or NIL for an empty one.
func (w *imapWriter) nstring(s string) {
	if s == "" {
		w.WriteString("NIL")
		return
	}
	w.quoted(s)
}

func (w *imapWriter) literal(b []byte) {
	w.WriteString("{" + strconv.Itoa(len(b)) + "}\r\n")
	w.Write(b)
}

// envelope writes a message's ENVELOPE (RFC 9051, section 7.5.2): date, subject, from, sender, reply-to, to, cc, bcc,
// in-reply-to, message-id.
func (w *imapWriter) envelope(p *part) {
	w.WriteByte('(')
	w.nstring(p.get("Date"))
	w.WriteByte(' ')
	w.nstring(p.get("Subject"))
	from := p.get("From")
	for _, name := range []string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc"} {
		value := p.get(name)
		if value == "" && (name == "Sender" || name == "Reply-To") {
			value = from // the RFC's own default
		}
		w.WriteByte(' ')
		w.addresses(value)
	}
	w.WriteByte(' ')
	w.nstring(p.get("In-Reply-To"))
	w.WriteByte(' ')
	w.nstring(p.get("Message-ID"))
	w.WriteByte(')')
}

func (w *imapWriter) addresses(value string) {
	list := parseAddresses(value)
	if len(list) == 0 {
		w.WriteString("NIL")
		return
	}
	w.WriteByte('(')
	for _, a := range list {
		w.WriteByte('(')
		w.nstring(a.name)
		w.WriteString(" NIL ") // the source route, obsolete
		w.nstring(a.local)
		w.WriteByte(' ')
		w.nstring(a.host)
		w.WriteByte(')')
	}
	w.WriteByte(')')
}

// address is one element of an address list; a group's start has no host, its end has neither.
type address struct{ name, local, host string }

// parseAddresses reads an address list (RFC 5322, section 3.4) without decoding it.
func parseAddresses(s string) []address {
	var out []address
	var now pendingAddress
	inGroup := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			end, text := readQuoted(s, i)
			now.phrase.WriteString(text)
			now.plain.WriteString(s[i:end])
			i = end - 1
		case c == '(':
			end := closingParenthesis(s, i)
			now.comment = strings.TrimSpace(s[i+1 : max(i+1, end-1)])
			i = end - 1
		case c == '<':
			end := closingBracket(s[i:])
			if end < 0 {
				end = len(s) - i - 1
			}
			now.angle = strings.TrimSpace(strings.Trim(s[i:i+end+1], "<>"))
			i += end
		case c == ':' && now.angle == "" && !inGroup:
			out = append(out, address{"", strings.TrimSpace(now.phrase.String()), ""})
			now = pendingAddress{}
			inGroup = true
		case c == ',':
			out = now.appendTo(out)
			now = pendingAddress{}
		case c == ';' && inGroup:
			out = append(now.appendTo(out), address{})
			now = pendingAddress{}
			inGroup = false
		default:
			now.phrase.WriteByte(c)
			now.plain.WriteByte(c)
		}
	}
	return now.appendTo(out)
}

// pendingAddress is the address that is being read.
type pendingAddress struct {
	phrase, plain  strings.Builder // the words without their quotes, and as they stand
	angle, comment string
}

// appendTo adds the address, if there is one, to a list.
func (p *pendingAddress) appendTo(list []address) []address {
	name, spec := strings.TrimSpace(p.phrase.String()), p.angle
	if spec == "" {
		name, spec = p.comment, strings.TrimSpace(p.plain.String())
	}
	if spec == "" {
		return list
	}
	if at := strings.LastIndexByte(spec, '@'); at >= 0 {
		return append(list, address{name, spec[:at], spec[at+1:]})
	}
	return append(list, address{name, spec, ""})
}

// readQuoted reads the quoted string at i: where it ends, and its text.
func readQuoted(s string, i int) (end int, text string) {
	var b strings.Builder
	for i++; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return min(i+1, len(s)), b.String()
}

// closingParenthesis gives the offset after the comment at i; comments nest.
func closingParenthesis(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// structure writes BODYSTRUCTURE, or BODY without the extension data (RFC 9051, section 7.5.2).
func (w *imapWriter) structure(raw []byte, p *part, extended bool) {
	w.WriteByte('(')
	if p.isMultipart() {
		for _, c := range p.children {
			w.structure(raw, c, extended)
		}
		w.WriteByte(' ')
		w.quoted(p.subtype)
		if extended {
			w.WriteByte(' ')
			w.parameters(p.parameters)
			w.extension(p)
		}
	} else {
		w.single(raw, p, extended)
	}
	w.WriteByte(')')
}

// single writes what stands in the parentheses of a part that is no multipart.
func (w *imapWriter) single(raw []byte, p *part, extended bool) {
	w.quoted(p.kind)
	w.WriteByte(' ')
	w.quoted(p.subtype)
	w.WriteByte(' ')
	w.parameters(p.parameters)
	w.WriteByte(' ')
	w.nstring(p.get("Content-ID"))
	w.WriteByte(' ')
	w.nstring(p.get("Content-Description"))
	w.WriteByte(' ')
	encoding := p.get("Content-Transfer-Encoding")
	if encoding == "" {
		encoding = "7bit" // RFC 2045, section 6.1
	}
	w.quoted(encoding)
	w.WriteString(" " + strconv.Itoa(p.to-p.body))
	lines := " " + strconv.Itoa(bytes.Count(raw[p.body:p.to], []byte{'\n'}))
	switch {
	case p.isMessage() && len(p.children) == 1:
		w.WriteByte(' ')
		w.envelope(p.children[0])
		w.WriteByte(' ')
		w.structure(raw, p.children[0], extended)
		w.WriteString(lines)
	case strings.EqualFold(p.kind, "text"):
		w.WriteString(lines)
	}
	if extended {
		w.WriteByte(' ')
		w.nstring(p.get("Content-MD5"))
		w.extension(p)
	}
}

func (w *imapWriter) parameters(list []parameter) {
	if len(list) == 0 {
		w.WriteString("NIL")
		return
	}
	w.WriteByte('(')
	for i, q := range list {
		if i > 0 {
			w.WriteByte(' ')
		}
		w.quoted(q.name)
		w.WriteByte(' ')
		w.quoted(q.value)
	}
	w.WriteByte(')')
}

// extension writes disposition, language and location.
func (w *imapWriter) extension(p *part) {
	w.WriteByte(' ')
	if d := p.get("Content-Disposition"); d != "" {
		value, list := parseParameters(d)
		w.WriteByte('(')
		w.quoted(value)
		w.WriteByte(' ')
		w.parameters(list)
		w.WriteByte(')')
	} else {
		w.WriteString("NIL")
	}
	w.WriteByte(' ')
	w.nstring(p.get("Content-Language"))
	w.WriteByte(' ')
	w.nstring(p.get("Content-Location"))
}
