package decode

import (
	"bytes"
	"strconv"
	"strings"
)

// Limits of what is taken apart in a message; beyond them its octets pass as plain data.
const (
	// maxHeaderField is the longest header field taken apart. RFC 5322 §2.1.1 limits lines, not fields; long Received
	// and Authentication-Results chains have some kilobytes.
	maxHeaderField = dataBlock
	// maxHeaderFields is the most header fields of one message or part.
	maxHeaderFields = 1000
	// maxNesting is how deep parts may lie in one another; real messages have five or six levels.
	maxNesting = 20
	// maxBoundaryLine is the longest line looked at as a boundary: "--", 70 octets (RFC 2046 §5.1.1), "--", and padding.
	maxBoundaryLine = 256
)

// messageForm says what the octets of a message event run are.
type messageForm uint8

const (
	formMessage messageForm = iota // header, blank line, body
	formHeader                     // header fields only
	formOctets                     // nothing to be taken apart
)

// message follows an RFC 5322 message, or a part of one, as its octets pass: an event for each header field, each end of
// a header, each boundary, and blocks of body. Nothing but the line under way is kept.
type message struct {
	sd      *side
	stuffed bool // a leading dot of a line is doubled (RFC 5321 §4.5.2)
	form    messageForm
	total   int64
	re      int // what its events belong to

	run    octets
	state  messageState
	bol    bool   // the next octet begins a line
	torn   bool   // the line under way began before a flush
	line   []byte // taken: the header field or possible boundary under way
	told   int    // of it: octets told already, because a chunk of the message ended there
	lineAt int64  // where its other octets lie
	fields int    // header fields of this header so far

	part   mimePart
	open   []mimeMultipart
	prefix string // section number of the message/rfc822 that this is in
	sizes  partSizes
	single bool // it has a body and no parts
	clean  cleanLines
}

type messageState uint8

const (
	stateOctets messageState = iota
	stateHeader
	stateBody // with boundaries to look for
)

// mimePart is what a header says of the content behind it (RFC 2045 §5, RFC 2183).
type mimePart struct {
	path, kind, charset, encoding, disposition, filename, boundary string
}

// mimeMultipart is a multipart that is under way.
type mimeMultipart struct {
	delimiter string // "--" and the boundary
	path      string
	parts     int
}

// begin starts a message at the frame's position; kind is that of its octets' events.
func (m *message) begin(sd *side, f *frame, kind string, stuffed bool, form messageForm) {
	*m = message{sd: sd, stuffed: stuffed, line: m.line[:0], open: m.open[:0], bol: true}
	m.run.begin(kind, f)
	m.form = form
	if form != formOctets {
		m.state = stateHeader
	}
}

// take takes n octets of the message from the frame.
func (m *message) take(f *frame, n int) {
	m.total += int64(n)
	for n > 0 {
		switch m.state {
		case stateHeader:
			n -= m.header(f, n)
		case stateBody:
			n -= m.body(f, n)
		default:
			m.count(f.at, f.buf[:n])
			m.pass(f, n)
			return
		}
	}
}

// header takes octets up to the end of a line, or fewer; a field ends where the next line does not begin with a blank.
func (m *message) header(f *frame, n int) int {
	if m.bol && len(m.line) > 0 && f.buf[0] != ' ' && f.buf[0] != '\t' {
		if !m.field() {
			return 0
		}
	}
	if len(m.line) == m.told {
		m.lineAt = f.at
	}
	k := n
	i := bytes.IndexByte(f.buf[:n], '\n')
	if i >= 0 {
		k = i + 1
	}
	if len(m.line)+k > maxHeaderField {
		m.giveUp()
		return 0
	}
	m.line = append(m.line, f.buf[:k]...)
	f.take(k)
	if m.bol = i >= 0; m.bol && len(chomp(m.line)) == 0 {
		m.endHeader(f)
	}
	return k
}

// field tells the header field that is complete in m.line. It reports false if this is no header, or too long a one: the
// octets pass as body then.
func (m *message) field() bool {
	if m.torn || m.line[0] == ' ' || m.line[0] == '\t' { // the end of a field whose beginning was told already
		m.own()
		m.flushRun()
		m.torn = false
		return true
	}
	name, folded, ok := cutField(m.line, m.stuffed)
	if m.fields++; !ok || m.fields > maxHeaderFields {
		m.giveUp()
		return false
	}
	e := m.emit("message.header", m.lineSpan())
	var nameAt, valueAt Span
	if at := m.lineAt; m.told == 0 {
		colon := int64(bytes.IndexByte(m.line, ':'))
		nameAt, valueAt = Span{at, at + colon}, Span{at + colon + 1, at + int64(len(chomp(m.line)))}
	}
	room := m.sd.leg.s.room
	known := room.header(name)
	value := room.text(unfold(folded))
	e.add("name", known.name, nameAt)
	e.add("value", value, valueAt)
	decoded := decodeWords(value)
	if decoded != value {
		e.add("decoded", decoded, Span{})
	}
	m.explain(e, &known, value)
	if decoded != value { // what is said of the field is said of its text
		e.Notes[0].Args = m.sd.leg.s.args("value", decoded)
	}
	m.line, m.told = m.line[:0], 0
	return true
}

// explain takes the fields apart that have a form of their own, and keeps what says how the body is to be read.
func (m *message) explain(e *Event, name *headerName, value string) {
	e.note(name.id)
	switch name.lower {
	case "content-type":
		kind, params := parameters(value)
		m.part.kind = strings.ToLower(kind)
		m.part.boundary, m.part.charset = params.get("boundary"), params.get("charset")
		if n := params.get("name"); n != "" && m.part.filename == "" {
			m.part.filename = decodeWords(n)
		}
		params.add(e)
	case "content-transfer-encoding":
		m.part.encoding = strings.ToLower(strings.TrimSpace(stripComments(value)))
	case "content-disposition":
		kind, params := parameters(value)
		m.part.disposition = strings.ToLower(kind)
		if n := params.get("filename"); n != "" {
			m.part.filename = decodeWords(n)
		}
		params.add(e)
	default:
		explainField(e, name.lower, value)
	}
}

// giveUp goes on with the octets as plain data, the line under way included.
func (m *message) giveUp() {
	m.own()
	m.state = stateOctets
	if len(m.open) > 0 {
		m.state = stateBody
	}
}

// endHeader tells the blank line and what the content behind it is.
func (m *message) endHeader(f *frame) {
	e := m.emit("message.headers_end", m.lineSpan())
	e.add("fields", decimal(int64(m.fields)), Span{})
	e.note("message.headers_end")
	m.line, m.told, m.fields, m.torn = m.line[:0], 0, 0, false
	if m.form == formHeader {
		m.state = stateOctets
		return
	}
	if m.part.kind == "" {
		m.part.kind = "text/plain" // RFC 2045 §5.2
	}
	multipart := strings.HasPrefix(m.part.kind, "multipart/") && m.part.boundary != "" &&
		len(m.part.boundary) < maxBoundaryLine && len(m.open) < maxNesting
	if m.part.path == "" && !multipart {
		m.part.path = joinPath(m.prefix, 1)
	}
	e = m.emit("message.part", Span{f.at, f.at})
	m.part.add(e)
	e.note("message.part")
	m.sizes = partSizes{ended: true}
	m.state, m.bol = stateOctets, true
	m.single = !multipart && len(m.open) == 0 && m.part.kind != "message/rfc822"
	switch {
	case multipart:
		path := m.part.path
		if path == "" {
			path = m.prefix
		}
		m.open = append(m.open, mimeMultipart{delimiter: "--" + m.part.boundary, path: path})
	case m.part.kind == "message/rfc822" && len(m.open) > 0 && len(m.open) < maxNesting && !m.part.encoded():
		m.state, m.prefix = stateHeader, m.part.path
		m.part = mimePart{}
		return
	}
	if len(m.open) > 0 {
		m.state = stateBody
	}
}

// encoded reports whether the content has to be decoded before it can be read.
func (p *mimePart) encoded() bool { return p.encoding == "base64" || p.encoding == "quoted-printable" }

func (p *mimePart) add(e *Event) {
	for _, f := range [...]struct{ name, value string }{
		{"path", p.path}, {"type", p.kind}, {"charset", p.charset}, {"encoding", p.encoding},
		{"disposition", p.disposition}, {"filename", p.filename},
	} {
		if f.value != "" {
			e.add(f.name, f.value, Span{})
		}
	}
}

// lineSpan is where those octets of the line under way lie that are not told.
func (m *message) lineSpan() Span { return Span{m.lineAt, m.lineAt + int64(len(m.line)-m.told)} }

// own adds the line under way, whose octets are taken already, to the run of body.
func (m *message) own() {
	m.sizes.count(&m.part, m.stuffed, m.line, -1)
	m.tell()
	m.line, m.told = m.line[:0], 0
}

// tell adds what is not told of the line under way to the run of body; the line stays.
func (m *message) tell() {
	n := int64(len(m.line) - m.told)
	m.told = len(m.line)
	for at := m.lineAt; n > 0; {
		k := min(n, dataBlock-m.run.n)
		if m.run.n == 0 {
			m.run.at = at
		}
		m.run.n += k
		at += k
		n -= k
		if m.run.n == dataBlock {
			m.flushRun()
		}
	}
}

// pass takes n octets from the frame into the run of body.
func (m *message) pass(f *frame, n int) {
	for n > 0 {
		k := min(int64(n), dataBlock-m.run.n)
		sp := f.take(int(k))
		if m.run.n == 0 {
			m.run.at = sp.From
		}
		m.run.n += k
		n -= int(k)
		if m.run.n == dataBlock {
			m.flushRun()
		}
	}
}

// flushRun tells the block of body under way.
func (m *message) flushRun() {
	if m.run.n == 0 {
		return
	}
	e := m.emit(m.run.kind, Span{m.run.at, m.run.at + m.run.n})
	e.add("octets", m.sd.leg.s.room.decimal(m.run.n), Span{})
	e.note(m.run.kind)
	m.run.at += m.run.n
	m.run.n = 0
}

// emit begins an event of the message.
func (m *message) emit(kind string, span Span) *Event {
	e := m.sd.leg.s.event(m.sd.leg, m.sd.from, m.run.layer, span, kind)
	m.sd.cover(e)
	e.Re = m.re
	return e
}

// gap says that n octets (n < 0: an unknown number) of the message were not captured.
func (m *message) gap(n int64) {
	m.flush()
	if n > 0 {
		m.total += n
	}
	m.bol, m.torn = false, m.state == stateHeader
}

// flush tells what is under way, at the end of a chunk, before a gap or when nothing more comes.
func (m *message) flush() {
	if m.sd == nil {
		return
	}
	if len(m.line) > 0 {
		if m.state != stateHeader || !m.bol || m.torn {
			m.own()
			m.torn = m.state == stateHeader && !m.bol
			m.bol = m.bol && m.state == stateHeader
		} else {
			m.field()
		}
	}
	m.flushRun()
}

// pause tells what is under way at the end of a chunk (RFC 3030) that may end anywhere: a line that is not complete goes on
// with the next, and is understood then.
func (m *message) pause() {
	if len(m.line) == 0 || m.state == stateHeader && m.bol || m.torn {
		m.flush()
		return
	}
	m.tell()
	m.flushRun()
}

// end ends the message.
func (m *message) end() { m.flush() }

// decimal prints an octet count.
func decimal(n int64) string { return strconv.FormatInt(n, 10) }
