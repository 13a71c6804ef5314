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
	head    []byte // of the line under way
	room    []byte // of a summary
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
	if err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // a character device too, and nobody's screen
	return err != nil || !os.SameFile(st, null)
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
		t.begin(bold)
		t.w.WriteString("--- ")
		t.w.WriteString(sessionWord(t.lang))
		t.w.WriteByte(' ')
		t.w.Write(strconv.AppendInt(t.head[:0], int64(session), 10))
		t.end()
		t.w.WriteByte('\n')
	}
	t.lines(e, e.Time.Sub(began))
	if t.explain {
		t.notes(e)
	}
}

// lines prints what an event reads like: the first line with its number and its time since the session began.
func (t *transcript) lines(e *decode.Event, since time.Duration) {
	text, ok := lineOf(e)
	if !ok {
		text = t.summary(e)
	}
	arrow := arrowOf(e)
	for first := true; ; first = false {
		line, rest, more := strings.Cut(text, "\n")
		t.head = appendPadded(t.head[:0], 4, int64(e.Seq))
		t.head = appendSeconds(append(t.head, ' '), since)
		t.head = append(t.head, ' ')
		if !first {
			for i := range t.head {
				t.head[i] = ' '
			}
		}
		t.line(arrow, line, e.From)
		if text = rest; !more {
			return
		}
	}
}

// appendPadded appends a number, with blanks before it up to width characters.
func appendPadded(dst []byte, width int, n int64) []byte {
	var room [20]byte
	digits := strconv.AppendInt(room[:0], n, 10)
	for range width - len(digits) {
		dst = append(dst, ' ')
	}
	return append(dst, digits...)
}

// appendSeconds appends a time as seconds with three decimals, eight characters wide.
func appendSeconds(dst []byte, d time.Duration) []byte {
	if d < 0 { // a clock set back, or packets out of order
		return fmt.Appendf(dst, "%8.3f", d.Seconds())
	}
	ms := (d + time.Millisecond/2).Milliseconds()
	dst = appendPadded(dst, 4, ms/1000)
	return append(dst, '.', byte('0'+ms/100%10), byte('0'+ms/10%10), byte('0'+ms%10))
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

// lineOf gives what was said, of events that say something.
func lineOf(e *decode.Event) (string, bool) {
	for i := range e.Fields {
		if e.Fields[i].Name == "line" {
			return e.Fields[i].Value, true
		}
	}
	return "", false
}

const (
	maxShown       = 80 // octets of a value, in a summary
	maxShownFields = 9
)

// summary is what an event without a line reads like.
func (t *transcript) summary(e *decode.Event) string {
	b := append(append(t.room[:0], '['), e.Kind...)
	for i := range e.Fields[:min(len(e.Fields), maxShownFields)] {
		f := &e.Fields[i]
		if f.Value == "" || len(f.Value) > maxShown {
			continue
		}
		b = append(append(append(append(b, ' '), f.Name...), '='), f.Value...)
	}
	for i, c := range b {
		if c == '\n' {
			b[i] = ','
		}
	}
	t.room = append(b, ']')
	return string(t.room)
}

// line prints a line behind t.head.
func (t *transcript) line(arrow, text string, from decode.Side) {
	text = visible(text)
	if room := t.width - len(t.head) - len(arrow) - 1; t.width > 0 && room > 10 && utf8.RuneCountInString(text) > room {
		text = string([]rune(text)[:room-1]) + "…"
	}
	colour := blue
	if from == decode.Server {
		colour = orange
	}
	if arrow == "***" {
		colour = bold
	}
	t.begin(dim)
	t.w.Write(t.head)
	t.end()
	t.begin(colour)
	t.w.WriteString(arrow)
	t.w.WriteByte(' ')
	t.w.WriteString(text)
	t.end()
	t.w.WriteByte('\n')
}

// begin and end put a style around what is written between them.
func (t *transcript) begin(style string) {
	if t.colour {
		t.w.WriteString(style)
	}
}

func (t *transcript) end() {
	if t.colour {
		t.w.WriteString(plainStyle)
	}
}

// notes prints the one-line explanations.
func (t *transcript) notes(e *decode.Event) {
	for i := range e.Notes {
		n := &e.Notes[i]
		if i > 0 && n.Span != (decode.Span{}) && !strings.HasPrefix(n.ID, "lint.") {
			continue // explanations of parts: the page has room for them
		}
		line := visible(explain(t.lang, e, n))
		if line == "" {
			continue
		}
		style, mark := dim, ""
		if strings.HasPrefix(n.ID, "lint.") || strings.HasPrefix(n.ID, "session.error") || strings.HasPrefix(n.ID, "session.violation") {
			style, mark = red, "! "
		}
		t.w.WriteString("                  ")
		t.begin(style)
		t.w.WriteString(mark)
		t.w.WriteString(line)
		t.end()
		t.w.WriteByte('\n')
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
	for i := 0; ; i++ {
		if i == len(s) {
			return s
		}
		if s[i] < ' ' || s[i] >= 0x7f {
			break
		}
	}
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
