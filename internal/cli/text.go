package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"facteur/decode"
	"facteur/internal/notes"
)

// printer shows events as they come. It is a watch.Show.
type printer interface {
	Publish(session int, events []decode.Event)
	Octets(session int, leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte)
	Flush() error
}

// jsonl prints one event a line.
type jsonl struct {
	w   *bufio.Writer
	buf []byte
}

func (j *jsonl) Publish(session int, events []decode.Event) {
	for i := range events {
		j.buf = append(decode.AppendJSON(j.buf[:0], session, &events[i]), '\n')
		j.w.Write(j.buf)
	}
}

func (j *jsonl) Octets(int, decode.Leg, decode.Side, decode.Layer, int64, []byte) {}

func (j *jsonl) Flush() error { return j.w.Flush() }

// transcript prints what an instructor would read aloud: the lines of both sides with their explanation, in the manner
// of swaks (-> and <-, with ~ for = inside TLS).
type transcript struct {
	w       *bufio.Writer
	lang    notes.Lang
	colour  bool
	width   int  // of the terminal, 0 for unlimited
	explain bool // print the notes
	wire    bool // print TLS records too
	both    bool // print both legs
	begun   map[int]time.Time
	last    int
}

func (a *app) transcript(w io.Writer) *transcript {
	t := &transcript{w: bufio.NewWriterSize(w, 64<<10), lang: notes.Lang(a.lang), explain: true, begun: map[int]time.Time{}}
	if isTerminal(w) {
		t.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		t.width, _ = strconv.Atoi(os.Getenv("COLUMNS"))
	}
	return t
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

func (t *transcript) Octets(int, decode.Leg, decode.Side, decode.Layer, int64, []byte) {}

func (t *transcript) Flush() error { return t.w.Flush() }

func (t *transcript) Publish(session int, events []decode.Event) {
	for i := range events {
		t.event(session, &events[i])
	}
}

const (
	dim, bold, blue, orange, red, plainStyle = "\x1b[2m", "\x1b[1m", "\x1b[38;5;32m", "\x1b[38;5;166m", "\x1b[31m", "\x1b[0m"
)

func (t *transcript) style(style, s string) string {
	if !t.colour || s == "" {
		return s
	}
	return style + s + plainStyle
}

// event prints one event: its lines, then its note.
func (t *transcript) event(session int, e *decode.Event) {
	if e.Kind == "tls.record" && !t.wire || e.Kind == "session.end" {
		return
	}
	if e.Leg == decode.ServerLeg && !t.both && !strings.HasPrefix(e.Kind, "session.error") && e.Kind != "session.rewrite" {
		return
	}
	began, ok := t.begun[session]
	if !ok {
		began = e.Time
		t.begun[session] = began
	}
	if e.Kind == "session.close" {
		delete(t.begun, session)
	}
	if session != t.last {
		t.last = session
		fmt.Fprintf(t.w, "%s\n", t.style(bold, fmt.Sprintf("--- %s %d", sessionWord(t.lang), session)))
	}
	head := fmt.Sprintf("%4d %8.3f ", e.Seq, e.Time.Sub(began).Seconds())
	arrow := arrowOf(e)
	for i, line := range eventLines(e) {
		if i > 0 {
			head = strings.Repeat(" ", len(head))
		}
		t.line(head, arrow, line, e.From)
	}
	if t.explain {
		t.notes(e)
	}
}

func sessionWord(l notes.Lang) string {
	if l == notes.French {
		return "séance"
	}
	return "session"
}

// arrowOf is the direction: who spoke, and whether inside TLS.
func arrowOf(e *decode.Event) string {
	if strings.HasPrefix(e.Kind, "session.") {
		return "***"
	}
	tls := e.Layer != decode.Wire
	switch {
	case e.From == decode.Client && tls:
		return " ~>"
	case e.From == decode.Client:
		return " ->"
	case tls:
		return "<~ "
	}
	return "<- "
}

// eventLines is what an event reads like on a terminal.
func eventLines(e *decode.Event) []string {
	if hasLine(e) {
		return strings.Split(e.Field("line"), "\n")
	}
	var b strings.Builder
	b.WriteString("[" + e.Kind)
	for i := range e.Fields {
		f := &e.Fields[i]
		if f.Value == "" || len(f.Value) > 80 || i > 8 {
			continue
		}
		b.WriteString(" " + f.Name + "=" + strings.ReplaceAll(f.Value, "\n", ","))
	}
	b.WriteString("]")
	return []string{b.String()}
}

func hasLine(e *decode.Event) bool {
	for i := range e.Fields {
		if e.Fields[i].Name == "line" {
			return true
		}
	}
	return false
}

func (t *transcript) line(head, arrow, text string, from decode.Side) {
	text = visible(text)
	if room := t.width - len(head) - len(arrow) - 1; t.width > 0 && room > 10 && utf8.RuneCountInString(text) > room {
		text = string([]rune(text)[:room-1]) + "…"
	}
	colour := blue
	if from == decode.Server {
		colour = orange
	}
	if arrow == "***" {
		colour = bold
	}
	fmt.Fprintf(t.w, "%s%s %s\n", t.style(dim, head), t.style(colour, arrow), t.style(colour, text))
}

// notes prints the one-line explanations.
func (t *transcript) notes(e *decode.Event) {
	pad := strings.Repeat(" ", 18)
	for i := range e.Notes {
		n := &e.Notes[i]
		if i > 0 && n.Span != (decode.Span{}) && !strings.HasPrefix(n.ID, "lint.") {
			continue // explanations of parts: the page has room for them
		}
		line := visible(explain(t.lang, e, n))
		if line == "" {
			continue
		}
		style := dim
		if strings.HasPrefix(n.ID, "lint.") || strings.HasPrefix(n.ID, "session.error") || strings.HasPrefix(n.ID, "session.violation") {
			style, line = red, "! "+line
		}
		fmt.Fprintf(t.w, "%s%s\n", pad, t.style(style, line))
	}
}

// explain gives the sentence of a note.
func explain(lang notes.Lang, e *decode.Event, n *decode.Note) string {
	return notes.Line(lang, n.ID, values(e, n))
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

// visible makes control and direction characters of mail and servers harmless on a terminal.
func visible(s string) string {
	clean := true
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == utf8.RuneError || unicode.Is(unicode.Bidi_Control, r) || r >= 0x80 && r < 0xa0 {
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
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, "\\x%02x", s[i])
		case r < ' ':
			b.WriteRune(0x2400 + r) // ␀ …
		case r == 0x7f:
			b.WriteRune(0x2421)
		case unicode.Is(unicode.Bidi_Control, r) || r >= 0x80 && r < 0xa0:
			fmt.Fprintf(&b, "‹U+%04X›", r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}
