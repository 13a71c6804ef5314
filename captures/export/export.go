// Package export turns recordings into what people read, print and send on: text in the manner of swaks, Markdown, JSON
// lines, one HTML file that needs nothing else, the messages themselves, and bundles to hand a lesson on.
//
// What mail and servers say is attackers' text: every format escapes it for itself. Every export says whether secrets are
// masked or the recording anonymised, and by which version. Explanations come from internal/notes, in French or English.
package export

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
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
	if secrets == "anonymized" {
		return o.say("anonymisé et secrets masqués par "+by, "anonymised, and secrets masked, by "+by)
	}
	return o.say("secrets masqués par "+by, "secrets masked by "+by)
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

// run walks the recording for a format. The head is written with the first session, whose comment says what was masked.
func run(w io.Writer, path string, o *Options, f format, out *bufio.Writer) error {
	sessions := map[int]*session{}
	headed := false
	head := func(secrets, by string) {
		if !headed {
			headed = true
			f.begin(&about{title: o.Title, treatment: o.treatment(secrets, by), version: o.Version})
		}
	}
	err := captures.Walk(path, captures.WalkOptions{Keys: o.Keys,
		Open: func(i captures.Info) {
			if i.Own != nil {
				head(i.Own.Secrets, i.Own.By)
			}
			head("", "")
			if o.Sessions != nil && !o.Sessions[i.Session] || sessions[i.Session] != nil {
				return
			}
			s := &session{number: i.Session, protocol: i.Protocol, client: i.Client.String(), server: i.Server.String(), began: i.Time}
			if i.Own != nil && i.Own.Client != "" {
				s.client = i.Own.Client
			}
			if i.Own != nil && i.Own.Server != "" {
				s.server = i.Own.Server
			}
			sessions[i.Session] = s
			f.session(s)
		},
		Event: func(id int, e *decode.Event, octets []byte) {
			if s := sessions[id]; s != nil && (e.Leg == decode.ClientLeg || o.BothLegs || strings.HasPrefix(e.Kind, "session.error")) {
				f.event(s, e, octets)
			}
		},
		Close: func(id int) {
			if s := sessions[id]; s != nil {
				f.end(s)
				delete(sessions, id)
			}
		},
	})
	head("", "")
	f.finish()
	if ferr := out.Flush(); ferr != nil {
		return fmt.Errorf("export: %w", ferr)
	}
	return err
}

// quiet are events that only the HTML file shows: what carries the others, and the ends of sides.
func quiet(e *decode.Event) bool {
	return e.Kind == "tls.record" || e.Kind == "session.end" || e.Kind == "compress.block"
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
func visible(s string) string {
	clean := true
	for _, r := range s {
		if hidden(r) || r == utf8.RuneError {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			fmt.Fprintf(&b, "\\x%02x", s[i])
		case r < ' ':
			b.WriteRune(0x2400 + r)
		case r == 0x7f:
			b.WriteRune(0x2421)
		case hidden(r):
			fmt.Fprintf(&b, "‹U+%04X›", r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// hidden tells the characters that a terminal, a browser or an editor obeys instead of showing them.
func hidden(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || unicode.Is(unicode.Bidi_Control, r) || r == 0x2028 || r == 0x2029 || r == 0xfeff
}

// sessionTitle is the heading of a session.
func (o *Options) sessionTitle(s *session) string {
	return fmt.Sprintf("%s %d: %s, %s → %s", o.say("Séance", "Session"), s.number, s.protocol, s.client, s.server)
}
