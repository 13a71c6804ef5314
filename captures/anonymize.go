package captures

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"facteur/decode"
)

// Anonymize writes a copy of a capture that names nobody. Beside what Redact masks, it replaces people, mail addresses,
// hosts, IP addresses, mailboxes, subjects and identifiers, each by another of the same length and always the same one
// within the copy, and the bodies of messages by prose of the same length. Hosts come to lie under .test or .zz, addresses
// in the documentation ranges (RFC 5737, RFC 3849) or, in text too short or long for those, in others that are nobody's.
// What belongs to nobody already (exemple.test, 127.0.0.1) stays.
//
// Commands, codes, header names, dates, sizes, flags, MIME structure and what software says of itself stay: the copy is
// the same session, told of other people. Lengths, checksums and TLS records stay valid. The names in TLS handshakes (SNI,
// certificates) cannot be changed without breaking the handshake, nor can octets compressed by COMPRESS or encrypted by a
// SASL security layer: they are listed, and nothing is written then, unless o.Force. Pseudonyms are drawn anew in each run, and cannot be turned back.
func Anonymize(path, out string, o RewriteOptions) (*Report, error) {
	r := &redaction{o: o, survey: newSurvey(), found: map[string]bool{}}
	a := &anonymity{r: r, n: &names{p: newPseudonyms(), words: map[string]bool{}}, streams: map[place]*reading{}}
	a.n.p.real = a.n.words
	if err := r.collect(path); err != nil {
		return nil, err
	}
	if err := a.collect(path); err != nil {
		return nil, err
	}
	r.survey.finish(&r.report)
	if err := r.refuse(path); err != nil {
		return &r.report, err
	}
	if err := a.replace(path); err != nil {
		return nil, err
	}
	if err := r.echoes(path); err != nil { // after the names: where both would change an octet, the stars stay
		return nil, err
	}
	r.plan.sort()
	r.report.People = len(a.n.p.given)
	r.survey.rename = a.rename
	return &r.report, r.write(path, out, a.told, a.remark, "anonymized")
}

// anonymity is one Anonymize under way.
type anonymity struct {
	r       *redaction
	n       *names
	streams map[place]*reading
}

// reading is where one stream is in a message.
type reading struct {
	part  *proseFill // of the part under way
	fetch bool       // an IMAP response goes on behind a literal

	chunks bool // the message comes in chunks, which may end anywhere
	last   bool // the chunk under way is the message's last
	loose  loose
	field  string // name of the header field told last
}

// collect learns who is in the capture.
func (a *anonymity) collect(path string) error {
	greeted := map[place]bool{}
	p := &pass{keys: a.r.o.keys(), leave: a.r.survey.leave, event: func(session int, e *decode.Event, octets []byte) {
		a.handshake(session, e)
		for i := range e.Fields {
			switch f := &e.Fields[i]; {
			case f.Secret:
			case f.Name == "user" || f.Name == "authzid" || f.Name == "authcid" || f.Name == "username":
				local, _, _ := strings.Cut(f.Value, "@")
				a.n.somebody(local)
			case e.Kind == "message.header" && f.Name == "value" && addressHeaders[strings.ToLower(e.Field("name"))]:
				a.n.somebody(encodedWords.ReplaceAllString(beforeHosts(f.Value), " "))
			case e.Kind == "imap.response" && (f.Name == "from" || f.Name == "to" || f.Name == "cc" || f.Name == "bcc"):
				a.n.somebody(beforeHosts(f.Value))
			}
		}
		a.host(e, greeted, place{session, e.Leg, e.From, e.Layer})
		line := string(lineOf(e, octets))
		scan(line, func(kind tokenKind, from, _, at int) {
			if kind == tokenAddress {
				a.n.somebody(line[from:at])
			}
		})
		if e.Kind == "compress.block" || e.Kind == "session.upgrade" && e.Field("to") == "deflate" {
			a.r.survey.cannot(session, e, "compressed", e.Span.Len(), "")
		}
	}}
	return a.r.sound(p.run(path))
}

// lineOf gives the octets of an event if they are a protocol's own line.
func lineOf(e *decode.Event, octets []byte) []byte {
	if readable(e) && !strings.HasPrefix(e.Kind, "message.") && !strings.HasSuffix(e.Kind, ".data.data") {
		return octets
	}
	return nil
}

// beforeHosts leaves the host names of an address list out: their labels are nobody's names.
func beforeHosts(s string) string {
	out := []byte(s)
	scan(s, func(kind tokenKind, _, to, at int) {
		if kind == tokenAddress {
			for i := at; i < to; i++ {
				out[i] = ' '
			}
		}
	})
	return string(out)
}

// host learns the single-word names of machines: what a client says in EHLO, and a server in its greeting.
func (a *anonymity) host(e *decode.Event, greeted map[place]bool, at place) {
	switch e.Kind {
	case "smtp.command", "lmtp.command":
		switch strings.ToUpper(e.Field("verb")) {
		case "EHLO", "HELO", "LHLO":
			a.machine(e.Field("argument"))
		}
	case "smtp.reply", "lmtp.reply":
		first, _, _ := strings.Cut(e.Field("text"), " ")
		if e.Field("code") == "220" && !greeted[at] {
			a.machine(first)
		}
		greeted[at] = true
	}
}

func (a *anonymity) machine(name string) {
	if !strings.ContainsAny(name, ".[:") && !nobodysHost(name) && strings.ToUpper(name) != "ESMTP" {
		a.n.somebody(name)
	}
}

// handshake lists the names that TLS handshakes hold.
func (a *anonymity) handshake(session int, e *decode.Event) {
	if e.Layer != decode.TLS {
		return
	}
	var held []string
	for i := range e.Fields {
		switch f := &e.Fields[i]; f.Name {
		case "sni", "names", "subjects", "subject":
			for _, name := range strings.FieldsFunc(f.Value, func(c rune) bool { return strings.ContainsRune(", \n;=/\"", c) }) {
				name = strings.TrimPrefix(name, "*.")
				addr, err := netip.ParseAddr(name)
				if strings.Contains(name, ".") && !nobodysHost(name) && (err != nil || !nobodysIP(addr)) && !slices.Contains(held, name) {
					held = append(held, name)
				}
			}
		}
	}
	if len(held) > 0 {
		a.r.survey.cannot(session, e, "handshake", e.Span.Len(), strings.Join(held, ", "))
	}
}

// replace finds what is to be replaced, and with what.
func (a *anonymity) replace(path string) error {
	p := &pass{keys: a.r.o.keys(), leave: a.r.survey.leave, event: func(session int, e *decode.Event, octets []byte) {
		if !readable(e) || len(octets) == 0 && e.Kind != "message.part" && !strings.HasSuffix(e.Kind, ".data.begin") && !strings.HasSuffix(e.Kind, ".data.end") {
			return
		}
		at := place{session, e.Leg, e.From, e.Layer}
		s := a.streams[at]
		if s == nil {
			s = &reading{}
			a.streams[at] = s
		}
		a.event(at, s, e, octets)
	}, close: func(session int) error {
		for at, s := range a.streams {
			if at.session == session {
				a.settle(at, s, len(s.loose.text))
				delete(a.streams, at)
			}
		}
		return nil
	}}
	return a.r.sound(p.run(path))
}

// event rewrites the octets of one event by what they are.
func (a *anonymity) event(at place, s *reading, e *decode.Event, octets []byte) {
	switch {
	case strings.EqualFold(e.Field("verb"), "BDAT"):
		_, word, _ := strings.Cut(e.Field("argument"), " ")
		s.last = strings.EqualFold(strings.TrimSpace(word), "LAST")
	case strings.HasSuffix(e.Kind, "mtp.data.begin") && !s.chunks:
		s.chunks = e.Field("octets") != ""
	}
	if s.chunks && a.chunked(at, s, e, octets) {
		return
	}
	switch {
	case strings.HasSuffix(e.Kind, ".data.data"):
		a.prose(at, s, e.Span, octets)
	case e.Kind == "message.part":
		encoding := e.Field("encoding")
		s.part, s.loose.bol = newProse(encoding), true
		if e.Field("type") == "message/rfc822" && encoding != "base64" && encoding != "quoted-printable" { // a header follows
			s.part = nil
		}
	case e.Kind == "message.header":
		s.part, s.field = nil, e.Field("name")
		a.changed(at, e.Span, octets, a.header(e, octets, whole(e, "name")))
	case e.Kind == "message.boundary", e.Kind == "message.headers_end":
		s.part, s.field = nil, ""
	case e.Kind == "session.opaque":
	default:
		a.changed(at, e.Span, octets, a.line(s, e, octets))
		s.part, s.field, s.chunks = nil, "", false
	}
}

// prose fills octets of a body.
func (a *anonymity) prose(at place, s *reading, span decode.Span, octets []byte) {
	if s.part == nil {
		encoding := ""
		if looksBase64(octets) {
			encoding = "base64"
		}
		s.part = newProse(encoding)
	}
	a.r.report.Replaced++
	a.r.plan.add(at, span, nil, s.part)
}

// changed adds the stretches in which with differs from octets.
func (a *anonymity) changed(at place, span decode.Span, octets, with []byte) {
	if len(with) != len(octets) {
		return
	}
	for i := 0; i < len(octets); {
		if octets[i] == with[i] {
			i++
			continue
		}
		k := i + 1
		for k < len(octets) && octets[k] != with[k] {
			k++
		}
		from := span.From + int64(i)
		a.r.plan.add(at, decode.Span{From: from, To: from + int64(k-i)}, bytes.Clone(with[i:k]), nil)
		a.r.report.Replaced++
		i = k
	}
}

// Header fields by what stands in them. What is in neither is free text.
var (
	addressHeaders = setOf(`from to cc bcc reply-to sender return-path delivered-to x-original-to envelope-to apparently-to errors-to
		resent-from resent-to resent-cc resent-bcc resent-sender disposition-notification-to return-receipt-to mail-followup-to
		x-envelope-from x-envelope-to`)
	traceHeaders = setOf(`received authentication-results received-spf x-received arc-seal arc-message-signature
		arc-authentication-results dkim-signature domainkey-signature message-id in-reply-to references resent-message-id
		list-id list-post list-help list-unsubscribe list-subscribe list-owner list-archive x-spam-status autocrypt
		thread-index thread-topic-id x-originating-ip content-id`)
	keptHeaders = setOf(`mime-version date resent-date content-transfer-encoding content-language content-length lines importance
		priority x-priority precedence auto-submitted user-agent x-mailer status x-status accept-language`)
	parameterHeaders = setOf(`content-type content-disposition`)
)

// header rewrites a header field behind its name. named says that the octets begin with it.
func (a *anonymity) header(e *decode.Event, octets []byte, named bool) []byte {
	name := strings.ToLower(e.Field("name"))
	from := 0
	if named {
		from = bytes.IndexByte(octets, ':') + 1
	}
	return valueOf(octets, from, func(inner []byte) []byte {
		if parameterHeaders[name] {
			return a.parameters(inner)
		}
		return a.headerText(name, inner)
	})
}

// folded rewrites the folded rest of a header field whose beginning was told before (RFC 5322 §2.2.3).
func (a *anonymity) folded(name string, octets []byte) []byte {
	return valueOf(octets, 0, func(inner []byte) []byte { return a.headerText(strings.ToLower(name), inner) })
}

// valueOf gives a copy of octets with what stands there from an offset on, blanks and line ends at its edges left out,
// changed by f.
func valueOf(octets []byte, from int, f func(inner []byte) []byte) []byte {
	out := bytes.Clone(octets)
	from += len(octets[from:]) - len(bytes.TrimLeft(octets[from:], " \t"))
	if end := len(bytes.TrimRight(octets, "\r\n")); from < end {
		copy(out[from:end], f(octets[from:end]))
	}
	return out
}

// headerText rewrites the text of a header field by what such fields hold.
func (a *anonymity) headerText(name string, inner []byte) []byte {
	switch {
	case keptHeaders[name]:
		return inner
	case addressHeaders[name]:
		return a.n.people(inner)
	case traceHeaders[name]:
		return a.n.opaqueID(inner)
	}
	return free(inner)
}

// told rewrites what is told beside the octets.
func (a *anonymity) told(t *decode.Told) *decode.Told {
	c := a.r.told(t)
	for i := range c.Fields {
		c.Fields[i].Value = a.text(c.Fields[i].Value)
	}
	return c
}

// text rewrites text whose length need not stay, for addresses in packets have no length.
func (a *anonymity) text(s string) string {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(a.n.p.ip(ap.Addr()), ap.Port()).String()
	}
	return a.n.text(s)
}

// rename gives a session other ends.
func (a *anonymity) rename(i *Info, m *Meta) {
	for _, end := range []*netip.AddrPort{&i.Client, &i.Server} {
		if end.IsValid() {
			*end = netip.AddrPortFrom(a.n.p.ip(end.Addr()), end.Port())
		}
	}
	m.Client, m.Server, m.Route, m.Title = a.text(m.Client), a.text(m.Server), a.text(m.Route), a.text(m.Title)
}
