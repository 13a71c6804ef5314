package captures

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"facteur/decode"
	"facteur/decode/tlswire"
)

// RewriteOptions say how Redact and Anonymize read and write.
type RewriteOptions struct {
	// Keys opens TLS beside the secrets that the capture itself holds; its lines that belong to the capture's sessions are
	// written too. nil is none.
	Keys   *tlswire.KeyLog
	KeyLog []byte // the lines that Keys was filled from
	// Force writes although something could not be treated.
	Force bool
	// NoSecrets leaves the Decryption Secrets Blocks out: nobody can open the TLS of the copy.
	NoSecrets   bool
	Application string // "facteur VERSION"
}

// Untreated is what a rewriting could not look into, or could not change.
type Untreated struct {
	Session int
	Leg     decode.Leg
	// What is "tls_sealed" (records without keys), "sasl_sealed" (frames of a SASL security layer that cannot be read),
	// "opaque" (octets of no known protocol), "gap" (the client's octets are missing before some that may go on with a
	// secret), "compressed" (COMPRESS cannot be rewritten), "handshake" (names in TLS handshakes), or "fault" (the decoder's
	// own).
	What   string
	Count  int   // records, runs, gaps
	Octets int64 // of them
	Detail string
}

// Report says what a rewriting did.
type Report struct {
	Sessions  int // written
	Left      int // connections left out: no mail was recognised in them
	Secrets   int // different secrets found
	Masked    int // places where a protocol carries a secret
	Echoes    int // places where one was repeated
	Short     int // secrets too short or too common to be looked for elsewhere
	Replaced  int // Anonymize: places where something was replaced
	People    int // Anonymize: different names, addresses and hosts
	Untreated []Untreated
	Fault     *FormatError // what ended the file before its end: all that was read before is treated
}

// ErrUntreated is in the error of a rewriting that wrote nothing because of what it could not treat.
var ErrUntreated error = &spoken{"not everything could be treated", "tout n’a pas pu être traité"}

// Redact writes a copy of a capture in which secrets are stars, as long as they were: in clear, in base64, in literals,
// and in TLS by sealing the records anew. Passwords, tokens, digests and everything else that proves an identity is
// masked where the protocol carries it, and wherever one is repeated: in a server's error text, in a message, in base64,
// hex, UTF-16 or percent encoding. Redacting a redacted capture changes nothing.
//
// out is a recording of facteur's (standard pcapng) whatever path is. The packets of a foreign capture are made anew from
// its TCP streams, with the same octets at the same times: retransmissions, link headers, IP and TCP options are not kept,
// and connections in which no mail is recognised are left out. Recordings keep what they say of themselves; packet
// comments are kept, masked as well.
//
// What cannot be treated is in the report; then nothing is written, and the error holds ErrUntreated, unless o.Force: TLS
// without keys is then copied as it is, and octets of no known protocol and of SASL security layers become stars: what
// their keys are made of may be a password.
func Redact(path, out string, o RewriteOptions) (*Report, error) {
	r := &redaction{o: o, survey: newSurvey(), found: map[string]bool{}}
	if err := r.collect(path); err != nil {
		return nil, err
	}
	if err := r.refuse(path); err != nil {
		return &r.report, err
	}
	if err := r.echoes(path); err != nil {
		return nil, err
	}
	r.plan.sort()
	return &r.report, r.write(path, out, r.told, r.remark, "masked")
}

// redaction is one Redact under way.
type redaction struct {
	o      RewriteOptions
	survey *survey
	report Report
	found  map[string]bool
	hide   *strings.Replacer // secrets in things told
	finder *finder           // and everywhere else
	plan   edits
}

// keys gives a key log of its own for each pass: what a pass learns from sessions that come late must not change what
// the next one opens.
func (o *RewriteOptions) keys() *tlswire.KeyLog {
	k := new(tlswire.KeyLog)
	k.Add(o.KeyLog)
	if o.Keys != nil {
		for _, key := range o.Keys.RSAKeys() {
			k.AddRSAKey(key)
		}
	}
	return k
}

// collect finds the secrets, and what cannot be treated.
func (r *redaction) collect(path string) error {
	p := &pass{keys: r.o.keys(), show: true, open: r.survey.open, event: func(session int, e *decode.Event, octets []byte) {
		r.survey.event(session, e, octets)
		var last decode.Span
		for i := range e.Fields {
			if f := &e.Fields[i]; f.Secret && f.Value != "" && e.Layer != decode.TLS {
				if f.Span != last && !starred(f.Value) { // one place may have two names: argument, password
					r.report.Masked++
				}
				last = f.Span
				r.secret(f.Value)
			}
		}
	}}
	err := p.run(path)
	var broken *FormatError
	if errors.As(err, &broken) && len(r.survey.infos) > 0 {
		r.report.Fault, err = broken, nil
	}
	if err != nil {
		return err
	}
	r.report.Secrets = len(r.found)
	r.survey.finish(&r.report)
	return nil
}

// secret notes a value to be looked for elsewhere.
func (r *redaction) secret(v string) {
	if _, known := r.found[v]; known || starred(v) || len(r.found) >= maxWords {
		return
	}
	ok := searchable(v) && !common[strings.ToUpper(v)]
	r.found[v] = ok
	if !ok {
		r.report.Short++
	}
}

func (r *redaction) refuse(path string) error {
	if len(r.report.Untreated) == 0 || r.o.Force {
		return nil
	}
	return fmt.Errorf("%s: %w", path, ErrUntreated)
}

// echoes finds secrets where no protocol says that they are some, and the octets that nothing is known of.
func (r *redaction) echoes(path string) error {
	var words, with []string
	for w, ok := range r.found {
		if ok {
			words = append(words, w)
		}
	}
	slices.Sort(words)
	var pairs []string
	for _, w := range words {
		with = append(with, strings.Repeat("*", len(w)))
		pairs = append(pairs, w, with[len(with)-1])
	}
	r.hide = strings.NewReplacer(pairs...)
	finder := newFinder(words, with)
	r.finder = finder
	streams := map[place]*searches{}
	p := &pass{keys: r.o.keys(), leave: r.survey.leave, event: func(session int, e *decode.Event, octets []byte) {
		at := place{session, e.Leg, e.From, e.Layer}
		if e.Kind == "session.opaque" || e.Kind == "session.incomplete" && e.From == decode.Client && !sealedAt(e, octets) {
			r.plan.add(at, e.Span, nil, stars{})
			return
		}
		if n := layered(e); n > 0 {
			r.plan.add(at, decode.Span{From: e.Span.To - n, To: e.Span.To}, nil, stars{})
			return
		}
		if !readable(e) || len(octets) == 0 {
			return
		}
		s := streams[at]
		if s == nil {
			s = &searches{lines: search{f: finder}, text: search{f: finder}}
			streams[at] = s
		}
		s.of(e).feed(e.Span.From, octets, func(m *found) {
			if !structural(e, m.from, m.to) {
				r.echo(at, m)
			}
		})
	}, close: func(session int) error {
		for at, s := range streams {
			if at.session == session {
				s.lines.end(func(m *found) { r.echo(at, m) })
				s.text.end(func(m *found) { r.echo(at, m) })
				delete(streams, at)
			}
		}
		return nil
	}}
	return r.sound(p.run(path))
}

// echo masks a secret that was found where no protocol says that it is one.
func (r *redaction) echo(at place, m *found) {
	r.report.Echoes++
	r.plan.replace(at, m)
}

// searches are those of one stream: one in the protocol's lines, one in the messages between them.
type searches struct{ lines, text search }

// of gives the search that looks at an event's octets. The text of a message goes on behind the command of its next chunk
// (BDAT, RFC 3030).
func (s *searches) of(e *decode.Event) *search {
	switch {
	case strings.HasPrefix(e.Kind, "message."), strings.HasSuffix(e.Kind, ".data.data"):
		if s.text.next != nowhereYet {
			s.text.next = e.Span.From
		}
		return &s.text
	case !strings.EqualFold(e.Field("verb"), "BDAT"):
		s.text.next = nowhereYet
	}
	return &s.lines
}

// nowhereYet is the next offset of a search that begins anew with whatever comes.
const nowhereYet = -1

// sound gives an error but for the file's fault that collect has told.
func (r *redaction) sound(err error) error {
	var broken *FormatError
	if r.report.Fault != nil && errors.As(err, &broken) {
		return nil
	}
	return err
}

// replace adds the edits of a word that was found, one for each stretch of octets side by side.
func (e *edits) replace(p place, m *found) {
	for i := 0; i < len(m.at); {
		k := i + 1
		for k < len(m.at) && m.at[k] == m.at[k-1]+1 {
			k++
		}
		e.add(p, decode.Span{From: m.at[i], To: m.at[k-1] + 1}, m.with[i:k], nil)
		i = k
	}
}

// told masks secrets in what is told beside the octets.
func (r *redaction) told(t *decode.Told) *decode.Told {
	c := &decode.Told{Kind: t.Kind, Fields: slices.Clone(t.Fields)}
	for i := range c.Fields {
		c.Fields[i].Value = r.hide.Replace(c.Fields[i].Value)
	}
	return c
}

// readable reports whether an event's octets are what its span says: not a record, block or frame that carries others.
func readable(e *decode.Event) bool {
	switch e.Kind {
	case "tls.record", "compress.block", "sasl.frame", "session.gap":
		return false
	}
	return e.Layer != decode.TLS
}

// sealedAt reports whether incomplete octets are the beginning of a TLS record.
func sealedAt(e *decode.Event, octets []byte) bool {
	return e.Layer == decode.Wire && len(octets) > 1 && octets[0] >= 20 && octets[0] <= 24 && octets[1] == 3
}

// structural reports whether octets are what the protocol itself is made of: a password that is "FETCH" is not masked in
// every FETCH.
func structural(e *decode.Event, from, to int64) bool {
	for i := range e.Fields {
		f := &e.Fields[i]
		switch f.Name {
		case "verb", "name", "tag", "code", "enhanced", "status", "number", "mechanism", "octets", "uid", "size":
			if f.Span.From < to && f.Span.To > from && f.Span.Len() > 0 {
				return true
			}
		}
	}
	return e.Kind == "message.boundary"
}

// keyLines gives the lines of a key log that belong to the sessions with these client randoms, and those that are filed
// under something else.
func keyLines(text []byte, randoms map[string]bool) []byte {
	var out []byte
	for line := range bytes.Lines(text) {
		if words := bytes.Fields(line); len(words) == 3 && randoms[string(bytes.ToLower(words[1]))] {
			out = append(append(out, bytes.TrimRight(line, "\r\n")...), '\n')
		}
	}
	return out
}

// write makes the copy.
func (r *redaction) write(path, out string, told func(*decode.Told) *decode.Told, remark func(string, bool) string, how string) error {
	o, v := r.o, r.survey
	w, err := Create(out, WriterOptions{Application: o.Application, Comment: how + " by " + o.Application})
	if err != nil {
		return err
	}
	p := &pass{keys: o.keys(), leave: v.leave, rewrite: r.plan.apply, remarks: newRemarks(remark)}
	p.secrets = func(lines []byte) error {
		if o.NoSecrets {
			return nil
		}
		return inParts(lines, func(part []byte) error { return w.Secrets(0, decode.ClientLeg, part) })
	}
	p.open = func(i Info) error {
		p.remarks.ours[i.Session] = i.Own != nil
		m := Meta{}
		if i.Own != nil {
			m = *i.Own
		}
		if m.Secrets != "anonymized" { // which it stays
			m.Secrets = how
		}
		m.By, m.Midstream = o.Application, i.Midstream
		v.rename(&i, &m)
		return w.Open(i, m)
	}
	p.release = func(session int, c decode.Chunk) error {
		if c.Told != nil {
			c.Told = told(c.Told)
		}
		return w.Chunk(session, c, p.remarks.due(session, &c))
	}
	p.close = func(session int) error {
		p.remarks.end(session)
		return w.Close(session)
	}
	if err = p.secrets(keyLines(o.KeyLog, v.randoms)); err == nil {
		err = r.sound(p.run(path))
	}
	if e := w.End(); err == nil {
		err = e
	}
	if err != nil {
		return errors.Join(err, os.Remove(out))
	}
	return nil
}

// inParts cuts key log text between lines into parts that fit a block.
func inParts(lines []byte, visit func([]byte) error) error {
	const most = maxSecretsBlock / 4
	for len(lines) > 0 {
		n := len(lines)
		if n > most {
			n = bytes.LastIndexByte(lines[:most], '\n') + 1
			if n == 0 {
				return fmt.Errorf("a key log line of more than %d octets", most)
			}
		}
		if err := visit(lines[:n]); err != nil {
			return err
		}
		lines = lines[n:]
	}
	return nil
}
