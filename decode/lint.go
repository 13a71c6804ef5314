package decode

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A lint is a note that warns: its id begins with "lint.". It stands on the event that shows what it warns of, and its
// span is the octets, where they are known. What a lint asks for is never read from secret octets: the masked copy of a
// session must give the same lints.

// Line lengths, line end included, beyond which lint.long_line warns. Decoding never depends on them.
const (
	// maxSMTPCommand is RFC 5321 §4.5.3.1.4. Each extension's RFC raises it by what its parameters take, so parameters
	// are not counted, up to maxParameter each.
	maxSMTPCommand = 512
	// maxParameter is the most an ESMTP parameter may add: that of AUTH= (RFC 4954 §3) and ORCPT= (RFC 3461 §4).
	maxParameter = 500
	// maxSMTPReply is RFC 5321 §4.5.3.1.5.
	maxSMTPReply = 512
	// maxTextLine is RFC 5321 §4.5.3.1.6, a dot that is doubled not counted.
	maxTextLine = 1000
	// maxSASLLine is RFC 4954 §4 and RFC 5034 §4: what both sides must be able to take of base64.
	maxSASLLine = 12288
	// maxPOP3Command is RFC 2449 §4.
	maxPOP3Command = 255
	// maxPOP3Response is RFC 2449 §4; a response and its line end.
	maxPOP3Response = 512
	// maxIMAPCommand is RFC 7162 §4, literals not counted.
	maxIMAPCommand = 8192
)

// watch is what a leg's lints remember.
type watch struct {
	offered  bool   // TLS was offered in clear, by STARTTLS or STLS
	unused   bool   // that nobody took the offer has been said
	strong   string // a mechanism that does not show the password was offered, on the layer spoken now
	asked    bool   // capabilities were asked for, or told unasked, on the layer spoken now
	learnt   bool   // and before TLS began
	holes    bool   // octets are missing or sealed: what was not seen may have been there
	reported bool   // capabilities_not_refreshed has been said
	utf8     bool   // commands may hold octets above 127: UTF8 or ENABLE was sent
}

// secured forgets what was said in clear.
func (w *watch) secured() {
	w.learnt = w.learnt || w.asked
	w.offered, w.asked, w.strong = false, false, ""
}

// offers takes note of a capability: its keyword, and the words behind it or behind its sign.
func (w *watch) offers(keyword, value string, layer Layer) {
	switch strings.ToUpper(keyword) {
	case "STARTTLS", "STLS":
		w.offered = w.offered || layer == Wire
	case "AUTH", "SASL":
		for _, m := range strings.Fields(strings.ReplaceAll(value, "=", " ")) {
			m = strings.ToUpper(m)
			if w.strong == "" && (strings.HasPrefix(m, "SCRAM-") || m == "CRAM-MD5" || m == "DIGEST-MD5") {
				w.strong = m
			}
		}
	}
}

// lintUse warns of a command that signs in or begins mail: in clear although TLS was offered, or on the strength of
// capabilities from before TLS (RFC 3207 §4.2, RFC 2595 §4).
func (l *leg) lintUse(e *Event) {
	w := &l.lint
	if e.Layer == Wire && w.offered && !w.unused && !l.sides[Client].agreed {
		w.unused = true
		e.note("lint.starttls_unused")
	}
	if e.Layer == Plain && l.sides[Client].agreed && w.learnt && !w.asked && !w.reported {
		w.reported = true
		e.note("lint.capabilities_not_refreshed")
	}
}

// lintMechanism warns of a mechanism that shows the password in clear although a better one was offered; "" stands for
// commands that do the same without SASL.
func (l *leg) lintMechanism(e *Event, mechanism string) {
	if e.Layer != Wire || l.lint.strong == "" {
		return
	}
	switch mechanism {
	case "PLAIN", "LOGIN", "":
		e.note("lint.sasl_downgrade", Field{Name: "offered", Value: l.lint.strong}, Field{Name: "chosen", Value: mechanism})
	}
}

// lintBehind warns of a client's octets in clear at offset at although TLS was agreed on: sent before the agreement could
// be read if they lie below held.
func (l *leg) lintBehind(e *Event, at, held int64) {
	if !l.behindUpgrade(Client) {
		return
	}
	if at < held {
		e.note("lint.data_after_starttls")
	} else {
		e.note("lint.starttls_plaintext")
	}
}

// lintLine warns of what a line of the protocol may not hold: raw is the line with its end, of which the first open
// octets are no secret; limit is its longest length; seven says that octets above 127 were not agreed on.
func (l *leg) lintLine(e *Event, raw []byte, open, limit int, seven bool) {
	at := e.Span.To - int64(len(raw)) // of the line in the stream: lines are looked at when they are taken
	n := len(raw)
	if n > 0 && raw[n-1] == '\n' && (n < 2 || raw[n-2] != '\r') {
		e.noteAt("lint.bare_lf", Span{at + int64(n) - 1, at + int64(n)})
	}
	if n > limit {
		lintLong(e, Span{at, at + int64(n)}, n, limit)
	}
	body := chomp(raw)
	body = body[:min(open, len(body))]
	if plain(body) {
		return
	}
	if i := bytes.IndexByte(body, '\r'); i >= 0 && i+1 < n { // the last octet of all may yet be followed by a LF
		e.noteAt("lint.bare_cr", octetAt(at, i))
	}
	if i := bytes.IndexByte(body, 0); i >= 0 {
		e.noteAt("lint.nul", octetAt(at, i))
	}
	if i := highOctet(body); i >= 0 && seven {
		e.noteAt("lint.eight_bit", octetAt(at, i))
	}
}

func octetAt(at int64, i int) Span { return Span{at + int64(i), at + int64(i) + 1} }

func lintLong(e *Event, sp Span, n, limit int) {
	e.noteAt("lint.long_line", sp, Field{Name: "octets", Value: strconv.Itoa(n)}, Field{Name: "limit", Value: strconv.Itoa(limit)})
}

// lintLines is lintLine for each line of a reply.
func (l *leg) lintLines(e *Event, raw []byte, limit int) {
	if i := bytes.IndexByte(raw, '\n'); i < 0 || i == len(raw)-1 {
		l.lintLine(e, raw, len(raw), limit, false)
		return
	}
	said := map[string]bool{}
	for at := e.Span.To - int64(len(raw)); len(raw) > 0; {
		n := bytes.IndexByte(raw, '\n') + 1
		if n == 0 {
			n = len(raw)
		}
		line := Event{Span: Span{at, at + int64(n)}}
		l.lintLine(&line, raw[:n], n, limit, false)
		for _, note := range line.Notes {
			if !said[note.ID] { // one of a kind is enough
				said[note.ID] = true
				e.Notes = append(e.Notes, note)
			}
		}
		at, raw = at+int64(n), raw[n:]
	}
}

// plain reports whether b holds printable ASCII and blanks only: nothing that a lint looks for. Eight octets are looked
// at together.
func plain(b []byte) bool {
	for len(b) >= 8 {
		v := binary.LittleEndian.Uint64(b)
		if v&highBits != 0 || (v-blanks)&highBits != 0 { // an octet is above 127, or below ' '
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c < ' ' || c > 0x7f {
			return false
		}
	}
	return true
}

const (
	highBits = 0x8080808080808080
	blanks   = 0x2020202020202020
)

// highOctet gives the place of the first octet above 127, or -1.
func highOctet(b []byte) int {
	i := 0
	for ; i+32 <= len(b); i += 32 {
		c := b[i : i+32 : i+32]
		v := binary.LittleEndian.Uint64(c) | binary.LittleEndian.Uint64(c[8:]) |
			binary.LittleEndian.Uint64(c[16:]) | binary.LittleEndian.Uint64(c[24:])
		if v&highBits != 0 {
			break
		}
	}
	for ; i < len(b); i++ {
		if b[i] > 0x7f {
			return i
		}
	}
	return -1
}

// lintCertificateTime warns of a certificate outside its time (RFC 5280 §4.1.2.5), by the time of the event. A recording that
// has no times is not judged.
func lintCertificateTime(e *Event) {
	if e.From != Server || e.Time.Unix() <= 0 {
		return
	}
	first := func(name string) (string, time.Time, bool) {
		v, _, _ := strings.Cut(e.Field(name), "\n")
		t, err := time.Parse(time.RFC3339, v)
		return v, t, err == nil
	}
	from, notBefore, ok1 := first("not_before")
	to, notAfter, ok2 := first("not_after")
	if ok1 && e.Time.Before(notBefore) || ok2 && e.Time.After(notAfter) {
		e.note("lint.cert_expired", Field{Name: "not_before", Value: from}, Field{Name: "not_after", Value: to})
	}
}

// asker is a protocol whose commands are answered.
type asker interface {
	// unanswered gives the verbs of commands that still wait for their answer, but for those that need none.
	unanswered() []string
}

// lintUnanswered warns, when a leg has closed, of commands without an answer.
func (l *leg) lintUnanswered(e *Event) {
	p, ok := l.proto.(asker)
	if !ok || l.lint.holes || l.s.o.Midstream || l.sides[Server].wire.at == 0 ||
		l.sides[Client].end == Open && l.sides[Server].end == Open { // the capture stops, the connection goes on
		return
	}
	verbs := slices.DeleteFunc(p.unanswered(), func(v string) bool { return v == "" })
	if len(verbs) == 0 {
		return
	}
	const shown = 10
	list := strings.Join(verbs[:min(len(verbs), shown)], " ")
	if len(verbs) > shown {
		list += " …"
	}
	e.note("lint.unanswered", Field{Name: "count", Value: strconv.Itoa(len(verbs))}, Field{Name: "verbs", Value: list})
}

// counter is a protocol in which a number of octets is announced.
type counter interface {
	// missing gives how many announced octets of a side have not come, f being what is left of it.
	missing(from Side, f *frame) int64
}

// announced gives how many octets a side still owes when it ends.
func (l *leg) announced(sd *side) int64 {
	if p, ok := l.proto.(counter); ok && sd.mode != opaque && !l.lint.holes {
		return p.missing(sd.from, sd.app())
	}
	return 0
}

// lintCut warns of a side that ended n octets short of what it announced.
func lintCut(e *Event, n int64) {
	if n > 0 {
		e.note("lint.bad_count", Field{Name: "missing", Value: strconv.FormatInt(n, 10)})
	}
}
