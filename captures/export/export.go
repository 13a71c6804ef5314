// Package export turns recordings into what people read, print and send on: text in the manner of swaks, Markdown, JSON
// lines, one HTML file that needs nothing else, the messages themselves, and bundles to hand a lesson on.
//
// What mail and servers say is attackers' text: every format escapes it for itself. Every export says whether secrets are
// masked or the recording anonymised, and by which version. Explanations come from internal/notes, in French or English.
package export

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
	"facteur/internal/bilingual"
	"facteur/internal/notes"
)

// Options say what is exported, and how it is told.
type Options struct {
	Lang     notes.Lang
	Title    string
	Version  string          // "facteur VERSION"
	Keys     *tlswire.KeyLog // beside the secrets in the recording
	Sessions map[int]bool    // nil: all of them
	Marks    []Mark
	NoNotes  bool // leave the explanations out
	// BothLegs shows the server leg of intercepted sessions too, which says the same again.
	BothLegs bool

	// Sources, if set, are read one behind the other into one export, instead of the path; their sessions are counted on.
	Sources []Source
	// ShowSecrets leaves passwords and tokens as they are; the export says so.
	ShowSecrets bool
	// Protocol, Through and TCPEvents are those of captures.WalkOptions.
	Protocol  func(i *captures.Info)
	Through   func(file io.Reader) io.Reader
	TCPEvents bool
	// Treated, if set, is told what the export says of its secrets and people, in a sentence's words.
	Treated func(words string)
	// Match, if set, chooses events. Look, if set, is shown every connection before, and Seen every event.
	Match func(session int, e *decode.Event) bool
	Look  func(i captures.Info)
	Seen  func(e *decode.Event)
}

// Source is a capture: a file, or what comes from From.
type Source struct {
	Path string
	From io.Reader
}

// Mark is what somebody noted at an event of the recording; Seq 0 is the session as a whole.
type Mark struct {
	Session int       `json:"session"`
	Seq     int       `json:"seq"`
	Text    string    `json:"text"`
	Author  string    `json:"author,omitempty"`
	Made    time.Time `json:"made"`
}

// Treatment says what was done to a recording's secrets and people, in the words of captures.Meta; an export shows
// nothing that decode calls secret, so what was not masked before is masked in it.
func (o *Options) treatment(secrets, by string) string {
	if by == "" {
		by = o.Version
	}
	if o.ShowSecrets {
		return o.say("secrets montrés", "secrets shown")
	}
	if secrets == "anonymized" {
		return o.say("anonymisé et secrets masqués par "+by, "anonymised, and secrets masked, by "+by)
	}
	return o.say("secrets masqués par "+by, "secrets masked by "+by)
}

// Treatment gives the words for what was done to a recording, "masked" or "anonymized", by this version.
func (o *Options) Treatment(secrets string) string { return o.treatment(secrets, "") }

// both gives the words of treatment in both languages, for what stands beside an export.
func (o *Options) both(secrets, by string) (fr, en string) {
	in := *o
	in.Lang = notes.French
	fr = in.treatment(secrets, by)
	in.Lang = notes.English
	return fr, in.treatment(secrets, by)
}

func (o *Options) say(fr, en string) string {
	if o.Lang == notes.French {
		return fr
	}
	return en
}

// format writes one kind of export.
type format interface {
	begin(a *about)
	session(s *session)
	event(s *session, e *decode.Event, octets []byte)
	end(s *session)
	// fault says why a recording could not be read further: what is shown is not all.
	fault(words string)
	finish()
}

// about is what an export says of itself at its head.
type about struct {
	title, treatment, version string
}

// session is what is known of a session when it begins to be shown.
type session struct {
	number         int
	protocol       string
	client, server string
	began          time.Time
	body           bodyLines
}

// run walks the recordings for a format. The head is written with the first session, whose comment says what was masked.
// A recording that cannot be read further does not keep the others from being read.
func run(path string, o *Options, f format, out *bufio.Writer) error {
	x := &walk{o: o, f: f, sessions: map[int]*session{}}
	sources := o.Sources
	if sources == nil {
		sources = []Source{{Path: path}}
	}
	var errs []error
	for _, src := range sources {
		err := x.source(src)
		errs = append(errs, err)
		if err != nil {
			x.head("", "")
			f.fault(bilingual.In(string(o.Lang), err))
		}
	}
	x.head("", "")
	f.finish()
	if err := out.Flush(); err != nil {
		return err
	}
	return errors.Join(errs...)
}

// walk is the way through the recordings.
type walk struct {
	o        *Options
	f        format
	headed   bool
	sessions map[int]*session
	by, top  int // added to the numbers of sessions; the highest so far
}

func (x *walk) head(secrets, by string) {
	if !x.headed {
		x.headed = true
		words := x.o.treatment(secrets, by)
		if x.o.Treated != nil {
			x.o.Treated(words)
		}
		x.f.begin(&about{title: x.o.Title, treatment: words, version: x.o.Version})
	}
}

func (x *walk) source(src Source) error {
	x.by = x.top
	return captures.Walk(src.Path, captures.WalkOptions{From: src.From, Keys: x.o.Keys, ShowSecrets: x.o.ShowSecrets,
		Protocol: x.o.Protocol, Through: x.o.Through, TCPEvents: x.o.TCPEvents, Open: x.open, Event: x.event,
		Close: func(id int) {
			if s := x.sessions[id+x.by]; s != nil {
				x.f.end(s)
				delete(x.sessions, id+x.by)
			}
		},
	})
}

func (x *walk) open(i captures.Info) {
	if x.o.Look != nil {
		x.o.Look(i)
	}
	if i.Own != nil {
		x.head(i.Own.Secrets, i.Own.By)
	}
	x.head("", "")
	n := i.Session + x.by
	x.top = max(x.top, n)
	if x.o.Sessions != nil && !x.o.Sessions[i.Session] || x.sessions[n] != nil {
		return
	}
	s := &session{number: n, protocol: i.Protocol, client: i.Client.String(), server: i.Server.String(), began: i.Time}
	if i.Own != nil && i.Own.Client != "" {
		s.client = i.Own.Client
	}
	if i.Own != nil && i.Own.Server != "" {
		s.server = i.Own.Server
	}
	x.sessions[n] = s
	x.f.session(s)
}

func (x *walk) event(id int, e *decode.Event, octets []byte) {
	if x.o.Seen != nil {
		x.o.Seen(e)
	}
	s := x.sessions[id+x.by]
	if s == nil || e.Leg != decode.ClientLeg && !x.o.BothLegs && !strings.HasPrefix(e.Kind, "session.error") {
		return
	}
	if x.o.Match == nil || x.o.Match(s.number, e) {
		x.f.event(s, e, octets)
	}
}

// quiet are events that only the HTML file shows: what carries the others, and the ends of sides. A frame of a SASL
// security layer carries others if its text is not encrypted and lies on the wire.
func quiet(e *decode.Event) bool {
	switch e.Kind {
	case "tls.record", "session.end", "compress.block":
		return true
	case "sasl.frame":
		return e.Layer == decode.Wire && e.Field("protection") == "integrity"
	}
	return false
}

// lines is what an event reads like.
func lines(e *decode.Event) []string {
	for i := range e.Fields {
		if e.Fields[i].Name == "line" {
			return strings.Split(e.Fields[i].Value, "\n")
		}
	}
	var b strings.Builder
	b.WriteString("[" + e.Kind)
	for i := range e.Fields {
		f := &e.Fields[i]
		if f.Value == "" || len(f.Value) > maxShown || i > 8 {
			continue
		}
		b.WriteString(" " + f.Name + "=" + strings.ReplaceAll(f.Value, "\n", ","))
	}
	b.WriteString("]")
	return []string{b.String()}
}

// maxShown is the longest value shown among others in one line.
const maxShown = 120

// explanations gives the sentences of an event: its own, and the warnings.
func (o *Options) explanations(e *decode.Event) (out []explanation) {
	if o.NoNotes {
		return nil
	}
	for i := range e.Notes {
		n := &e.Notes[i]
		warns := strings.HasPrefix(n.ID, "lint.") || strings.HasPrefix(n.ID, "session.error") || strings.HasPrefix(n.ID, "session.violation")
		if i > 0 && !warns {
			continue
		}
		t := notes.Explain(o.Lang, n.ID, values(e, n))
		if t.Line != "" {
			out = append(out, explanation{t.Line, warns})
		}
	}
	return out
}

type explanation struct {
	text  string
	warns bool
}

// values looks template words up: in the note's arguments, then in the event's fields.
func values(e *decode.Event, n *decode.Note) notes.Values {
	return func(name string) (string, bool) {
		for i := range n.Args {
			if n.Args[i].Name == name {
				return n.Args[i].Value, true
			}
		}
		for i := range e.Fields {
			if e.Fields[i].Name == name {
				return e.Fields[i].Value, true
			}
		}
		return "", false
	}
}

// marks gives what was noted at an event.
func (o *Options) marks(session, seq int) (out []string) {
	for i := range o.Marks {
		if m := &o.Marks[i]; m.Session == session && m.Seq == seq {
			out = append(out, m.Text)
		}
	}
	return out
}

// visible makes control and direction characters harmless, and octets that are no UTF-8 readable.
func visible(s string) string { return notes.Visible(s) }

// sessionTitle is the heading of a session.
func (o *Options) sessionTitle(s *session) string {
	return fmt.Sprintf(o.say("Séance %d\u202f: %s, %s → %s", "Session %d: %s, %s → %s"), s.number, s.protocol, s.client, s.server)
}
