package export

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"facteur/decode"
)

// maxBody is how many lines of one message's body text and Markdown show; HTML and .eml have all of it.
const maxBody = 40

// bodyLines counts and cuts the lines of a body.
type bodyLines struct {
	rest  []byte
	shown int
	more  int64
}

// add gives the complete lines in octets, up to maxBody in a body.
func (b *bodyLines) add(octets []byte) (out []string) {
	data := append(b.rest, octets...)
	for {
		line, rest, ok := bytes.Cut(data, []byte("\n"))
		if !ok {
			break
		}
		data = rest
		out = b.line(out, line)
	}
	b.rest = append([]byte(nil), data[:min(len(data), maxLineShown)]...)
	return out
}

// maxLineShown is the longest line kept to be shown (RFC 5322 §2.1.1 allows 998).
const maxLineShown = 2000

func (b *bodyLines) line(out []string, line []byte) []string {
	if b.shown >= maxBody {
		b.more++
		return out
	}
	b.shown++
	return append(out, string(bytes.TrimSuffix(line[:min(len(line), maxLineShown)], []byte("\r"))))
}

// end gives a last line without an end, and how many were not shown.
func (b *bodyLines) end() (out []string, more int64) {
	if len(b.rest) > 0 {
		out = b.line(nil, b.rest)
	}
	more = b.more
	*b = bodyLines{}
	return out, more
}

// text is the idiom of swaks: === for what is said about the session, -> and <- for the lines, ~> and <~ inside TLS.
type text struct {
	w *bufio.Writer
	o *Options
}

// Text writes a recording as swaks would have printed its sessions, with the explanations as comments.
func Text(w io.Writer, path string, o Options) error {
	b := bufio.NewWriterSize(w, 64<<10)
	return run(path, &o, &text{b, &o}, b)
}

func (t *text) begin(a *about) {
	if a.title != "" {
		t.say(a.title)
	}
	t.say(a.version + ", " + a.treatment)
}

func (t *text) say(s string) { fmt.Fprintf(t.w, "=== %s\n", visible(s)) }

func (t *text) session(s *session) {
	t.w.WriteByte('\n')
	t.say(t.o.sessionTitle(s))
	for _, m := range t.o.marks(s.number, 0) {
		t.say("* " + m)
	}
}

func (t *text) event(s *session, e *decode.Event, octets []byte) {
	if quiet(e) {
		return
	}
	arrow := arrowOf(e)
	switch {
	case strings.HasSuffix(e.Kind, ".data.data"):
		t.lines(arrow, s.body.add(octets))
		return
	case strings.HasPrefix(e.Kind, "message."):
		t.lines(arrow, rawLines(octets))
	case strings.HasPrefix(e.Kind, "session.") || strings.HasPrefix(e.Kind, "tls."):
		t.body(s, arrow)
		t.lines("===", lines(e))
	default:
		t.body(s, arrow)
		if l := lines(e); e.Span.Len() > 0 || !strings.HasPrefix(l[0], "[") {
			t.lines(arrow, l)
		}
	}
	for _, x := range t.o.explanations(e) {
		sign := "#"
		if x.warns {
			sign = "!"
		}
		fmt.Fprintf(t.w, "       %s %s\n", sign, visible(x.text))
	}
	for _, m := range t.o.marks(s.number, e.Seq) {
		fmt.Fprintf(t.w, "       * %s\n", visible(m))
	}
}

// body ends a body under way.
func (t *text) body(s *session, arrow string) {
	last, more := s.body.end()
	t.lines(arrow, last)
	if more > 0 {
		t.say(strconv.FormatInt(more, 10) + " " + t.o.say("lignes de plus", "more lines"))
	}
}

func (t *text) lines(arrow string, lines []string) {
	for _, l := range lines {
		fmt.Fprintf(t.w, "%s %s\n", arrow, visible(l))
	}
}

func (t *text) end(s *session) { t.body(s, " ->") }
func (t *text) fault(words string) {
	t.w.WriteByte('\n')
	t.say("! " + words)
}
func (t *text) finish() {}

// rawLines gives octets as lines.
func rawLines(octets []byte) []string {
	if len(octets) == 0 {
		return nil
	}
	s := strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(string(octets), "\n"), "\r"), "\r\n", "\n")
	return strings.Split(s, "\n")
}

func arrowOf(e *decode.Event) string {
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

// markdown is a heading for each session and a line for each event.
type markdown struct {
	w *bufio.Writer
	o *Options
}

// Markdown writes a recording as a document (CommonMark) to be read, edited and printed.
func Markdown(w io.Writer, path string, o Options) error {
	b := bufio.NewWriterSize(w, 64<<10)
	return run(path, &o, &markdown{b, &o}, b)
}

func (m *markdown) begin(a *about) {
	title := a.title
	if title == "" {
		title = m.o.say("Transcription", "Transcript")
	}
	fmt.Fprintf(m.w, "# %s\n\n> %s, %s\n", escapeMarkdown(title), escapeMarkdown(a.version), escapeMarkdown(a.treatment))
}

func (m *markdown) session(s *session) {
	fmt.Fprintf(m.w, "\n## %s\n\n", escapeMarkdown(m.o.sessionTitle(s)))
	m.notes(s, 0)
}

func (m *markdown) event(s *session, e *decode.Event, octets []byte) {
	if quiet(e) {
		return
	}
	l := lines(e)
	switch {
	case strings.HasSuffix(e.Kind, ".data.data"):
		m.quote(e, s.body.add(octets))
		return
	case strings.HasPrefix(e.Kind, "message.") && e.Span.Len() > 0:
		l = rawLines(octets)
	default:
		m.body(s, e)
	}
	m.quote(e, l)
	for _, x := range m.o.explanations(e) {
		sign := ""
		if x.warns {
			sign = "**!** "
		}
		fmt.Fprintf(m.w, "  - %s%s\n", sign, escapeMarkdown(x.text))
	}
	m.notes(s, e.Seq)
}

func (m *markdown) notes(s *session, seq int) {
	for _, n := range m.o.marks(s.number, seq) {
		fmt.Fprintf(m.w, "  - ★ %s\n", escapeMarkdown(n))
	}
}

// quote writes lines as code.
func (m *markdown) quote(e *decode.Event, lines []string) {
	who := "C"
	if e.From == decode.Server {
		who = "S"
	}
	if e.Layer != decode.Wire {
		who += " TLS"
	}
	if strings.HasPrefix(e.Kind, "session.") {
		who = "·"
	}
	for _, l := range lines {
		fmt.Fprintf(m.w, "- **%s** %s\n", who, codeSpan(visible(l)))
	}
}

func (m *markdown) body(s *session, e *decode.Event) {
	last, more := s.body.end()
	m.quote(e, last)
	if more > 0 {
		fmt.Fprintf(m.w, "- … %d %s\n", more, m.o.say("lignes de plus", "more lines"))
	}
}

func (m *markdown) end(s *session) { m.body(s, &decode.Event{}) }
func (m *markdown) fault(words string) {
	fmt.Fprintf(m.w, "\n> **!** %s\n", escapeMarkdown(words))
}
func (m *markdown) finish() {}

// codeSpan makes inline code of any text: with a fence longer than any run of backticks in it (CommonMark §6.1).
func codeSpan(s string) string {
	if s == "" {
		return ""
	}
	longest, run := 0, 0
	for _, c := range s {
		if c == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	fence := strings.Repeat("`", longest+1)
	pad := ""
	if longest > 0 || s[0] == ' ' && s[len(s)-1] == ' ' {
		pad = " "
	}
	return fence + pad + s + pad + fence
}

// escapeMarkdown makes text stand for itself.
func escapeMarkdown(s string) string {
	s = visible(s)
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("\\`*_{}[]<>#|~&$^", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// jsonLines is the format of facteur decode --format jsonl, with a first line about the export.
type jsonLines struct {
	w   *bufio.Writer
	o   *Options
	buf []byte
}

// JSONL writes one event a line, as decode.AppendJSON has it, behind a line of kind export.about with session 0; one of kind export.fault says
// why there is no more.
func JSONL(w io.Writer, path string, o Options) error {
	b := bufio.NewWriterSize(w, 64<<10)
	o.BothLegs = true
	return run(path, &o, &jsonLines{w: b, o: &o}, b)
}

func (j *jsonLines) begin(a *about) {
	j.write(0, &decode.Event{Kind: "export.about", Fields: []decode.Field{{Name: "version", Value: a.version}, {Name: "treatment", Value: a.treatment}, {Name: "title", Value: a.title}}})
}

func (j *jsonLines) write(session int, e *decode.Event) {
	j.buf = append(decode.AppendJSON(j.buf[:0], session, e), '\n')
	j.w.Write(j.buf)
}

func (j *jsonLines) session(*session)                            {}
func (j *jsonLines) event(s *session, e *decode.Event, _ []byte) { j.write(s.number, e) }
func (j *jsonLines) end(*session)                                {}
func (j *jsonLines) fault(words string) {
	j.write(0, &decode.Event{Kind: "export.fault", Fields: []decode.Field{{Name: "detail", Value: words}}})
}
func (j *jsonLines) finish() {}
