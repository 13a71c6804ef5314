package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
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

// pages is a printer whose work several can do together.
type pages interface {
	printer
	// lane gives a printer that prints some of the sessions into memory, for another goroutine: see watch.Lane.
	lane() pages
	Printed() int
	Swap(room []byte) []byte
	// join prints what a lane printed of a session.
	join(session int, printed []byte)
}

// transcript prints what an instructor would read aloud: the lines of both sides with their explanation, in the manner
// of swaks (-> and <-, with ~ for = inside TLS).
type transcript struct {
	page
	lines       *notes.Lines
	values      values
	lang        notes.Lang
	colour      bool
	width       int  // of the terminal, 0 for unlimited
	explain     bool // print the notes
	wire        bool // print TLS records too
	both        bool // print both legs
	part        bool // somebody else heads the sessions: this prints some of them only
	begun       map[int]time.Time
	closed      int       // the session that ended last, and
	closedBegan time.Time // when it began
	last        int
	head        []byte // of the line under way
}

func (a *app) transcript(w io.Writer) *transcript {
	t := &transcript{page: page{w: w}, lang: notes.Lang(a.lang), explain: true, begun: map[int]time.Time{}}
	t.lines = notes.NewLines(t.lang)
	t.values.look = t.values.value
	if isTerminal(w) {
		t.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		t.width, _ = strconv.Atoi(os.Getenv("COLUMNS"))
	}
	return t
}

// lane gives a transcript that prints some of the sessions into memory.
func (t *transcript) lane() pages {
	x := *t
	x.page, x.part, x.begun, x.head = page{}, true, map[int]time.Time{}, nil
	x.lines = notes.NewLines(t.lang)
	x.values = values{}
	x.values.look = x.values.value
	return &x
}

// join prints what a lane printed of a session.
func (t *transcript) join(session int, printed []byte) {
	t.heading(session)
	t.write(printed)
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

func (t *transcript) Publish(session int, events []decode.Event) {
	for i := range events {
		t.event(session, &events[i])
	}
	t.full()
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
		if began = e.Time; session == t.closed { // what is told behind the end: a verdict, for one
			began = t.closedBegan
		}
		t.begun[session] = began
	}
	if e.Kind == "session.close" {
		delete(t.begun, session)
		t.closed, t.closedBegan = session, began
	}
	if !t.part {
		t.heading(session)
	}
	t.said(e, e.Time.Sub(began))
	if t.explain {
		t.notes(e)
	}
}

// heading begins a session, or goes on with one after another.
func (t *transcript) heading(session int) {
	if session == t.last {
		return
	}
	t.last = session
	t.begin(bold)
	t.buf = append(t.buf, "--- "...)
	t.buf = append(append(t.buf, sessionWord(t.lang)...), ' ')
	t.buf = strconv.AppendInt(t.buf, int64(session), 10)
	t.end()
	t.buf = append(t.buf, '\n')
}

// said prints what an event reads like: the first line with its number and its time since the session began.
func (t *transcript) said(e *decode.Event, since time.Duration) {
	arrow := arrowOf(e)
	t.head = appendPadded(t.head[:0], 4, int64(e.Seq))
	t.head = append(appendSeconds(append(t.head, ' '), since), ' ')
	text, ok := lineOf(e)
	switch {
	case !ok && t.width == 0:
		t.open(arrow, e.From)
		t.buf = t.summary(t.buf, e)
		t.shut()
		return
	case !ok:
		text = string(t.summary(nil, e))
	}
	for {
		line, rest, more := strings.Cut(text, "\n")
		t.line(arrow, line, e.From)
		if text = rest; !more {
			return
		}
		for i := range t.head {
			t.head[i] = ' '
		}
	}
}

// appendPadded appends a number, with blanks before it up to width characters.
func appendPadded(dst []byte, width int, n int64) []byte {
	var room [20]byte
	if n < 0 {
		return fmt.Appendf(dst, "%*d", width, n)
	}
	at := len(room)
	for { // twice a line: without the detour of strconv
		at--
		room[at] = byte('0' + n%10)
		if n /= 10; n == 0 {
			break
		}
	}
	for range width - (len(room) - at) {
		dst = append(dst, ' ')
	}
	return append(dst, room[at:]...)
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

// summary appends what an event without a line reads like, on one line.
func (t *transcript) summary(dst []byte, e *decode.Event) []byte {
	dst = append(append(dst, '['), e.Kind...)
	for i := range e.Fields[:min(len(e.Fields), maxShownFields)] {
		f := &e.Fields[i]
		if f.Value == "" || len(f.Value) > maxShown {
			continue
		}
		value := notes.Spelt(f.Value)
		if strings.IndexByte(value, '\n') >= 0 {
			value = strings.ReplaceAll(value, "\n", ",")
		}
		dst = append(notes.AppendVisible(append(dst, ' '), f.Name), '=')
		dst = notes.AppendVisible(dst, value)
	}
	return append(dst, ']')
}

// line prints a line behind t.head, cut to the terminal's width.
func (t *transcript) line(arrow, text string, from decode.Side) {
	if room := t.width - len(t.head) - len(arrow) - 1; t.width > 0 && room > 10 {
		if text = notes.Visible(text); utf8.RuneCountInString(text) > room {
			text = string([]rune(text)[:room-1]) + "…"
		}
	}
	t.open(arrow, from)
	t.buf = notes.AppendVisible(t.buf, text)
	t.shut()
}

// open begins a line: t.head, and who speaks.
func (t *transcript) open(arrow string, from decode.Side) {
	colour := blue
	if from == decode.Server {
		colour = orange
	}
	if arrow == "***" {
		colour = bold
	}
	t.begin(dim)
	t.buf = append(t.buf, t.head...)
	t.end()
	t.begin(colour)
	t.buf = append(append(t.buf, arrow...), ' ')
}

// shut ends it.
func (t *transcript) shut() {
	t.end()
	t.buf = append(t.buf, '\n')
}

// begin and end put a style around what is written between them.
func (t *transcript) begin(style string) {
	if t.colour {
		t.buf = append(t.buf, style...)
	}
}

func (t *transcript) end() {
	if t.colour {
		t.buf = append(t.buf, plainStyle...)
	}
}

// margin is the width of what stands before a line.
const margin = "                  "

// notes prints the one-line explanations.
func (t *transcript) notes(e *decode.Event) {
	t.values.e = e
	for i := range e.Notes {
		n := &e.Notes[i]
		if i > 0 && n.Span != (decode.Span{}) && !strings.HasPrefix(n.ID, "lint.") {
			continue // explanations of parts: the page has room for them
		}
		from := len(t.buf)
		t.buf = append(t.buf, margin...)
		style, mark := dim, ""
		if strings.HasPrefix(n.ID, "lint.") || strings.HasPrefix(n.ID, "session.error") || strings.HasPrefix(n.ID, "session.violation") {
			style, mark = red, "! "
		}
		t.begin(style)
		t.buf = append(t.buf, mark...)
		at := len(t.buf)
		t.values.n = n
		if t.buf = t.lines.Append(t.buf, n.ID, t.values.look); len(t.buf) == at {
			t.buf = t.buf[:from]
			continue
		}
		t.end()
		t.buf = append(t.buf, '\n')
	}
}

// explain gives the sentence of a note.
func explain(lang notes.Lang, e *decode.Event, n *decode.Note) string {
	v := values{e: e, n: n}
	return notes.Line(lang, n.ID, v.value)
}

// values looks template words up: in the note's arguments, then in the event's fields.
type values struct {
	e    *decode.Event
	n    *decode.Note
	look notes.Values // value, made once
}

func (v *values) value(name string) (string, bool) {
	for i := range v.n.Args {
		if v.n.Args[i].Name == name {
			return v.n.Args[i].Value, true
		}
	}
	for i := range v.e.Fields {
		if v.e.Fields[i].Name == name {
			return v.e.Fields[i].Value, true
		}
	}
	return "", false
}

// visible makes control and direction characters of mail and servers harmless on a terminal.
func visible(s string) string { return notes.Visible(s) }
