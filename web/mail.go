package web

import (
	"encoding/json"
	"strings"

	"facteur/decode"
)

const (
	// maxMailEvents is how many events are searched for one message: more than maxStreamOctets of one can make.
	maxMailEvents = 400_000

	// mailPage is how many events are read under the hub's lock at once.
	mailPage = 1_000

	// maxParts is how many parts of one message are listed; those behind are counted.
	maxParts = 10_000
)

// told is what of an encoded event a message is put together from.
type told struct {
	N      int               `json:"n"`
	Seq    int               `json:"seq"`
	Leg    string            `json:"leg"`
	From   string            `json:"from"`
	Layer  string            `json:"layer"`
	Span   [2]int64          `json:"span"`
	Kind   string            `json:"kind"`
	Fields map[string]string `json:"fields"`
	Re     int               `json:"re"`
}

// mail is one message that a session carried, told from its events: where its octets lie, and its parts.
type mail struct {
	session int
	n       int
	which   stream
	stuffed bool // the dots that begin lines are doubled on the wire (RFC 5321 §4.5.2, RFC 1939 §3)
	chunked bool // BDAT: more of it may follow other commands
	ended   bool
	key     int // Re of its events
	runs    []mailRun
	parts   []mailPart
	leftOut int // parts beyond maxParts

	open     []int // parts under way, indexes, the outermost first
	boundary string
	id       string
}

// mailRun is octets of a message that touch on their stream; lost ones the capture missed.
type mailRun struct {
	decode.Span
	lost bool
}

// mailPart is one part of a message. Its body is [from, to) of the stream; in to, the line end before the boundary is
// still counted (RFC 2046 §5.1.1 gives it to the boundary), which trim says.
type mailPart struct {
	path, kind, charset, encoding, disposition, filename, boundary, id string
	from, to                                                           int64
	trim                                                               bool
}

func (p *mailPart) multipart() bool { return strings.HasPrefix(p.kind, "multipart/") }

// mail puts the message together that begins with event n of a session; false when there is none there, or no longer.
func (h *Hub) mail(session, n int) (*mail, bool) {
	first, _ := h.history(session, n-1, 1)
	if len(first) == 0 {
		return nil, false
	}
	var begin told
	if json.Unmarshal(first[0], &begin) != nil || begin.N != n {
		return nil, false
	}
	m := newMail(session, &begin)
	if m == nil {
		return nil, false
	}
	for after, seen := n, 0; seen < maxMailEvents; {
		events, _ := h.history(session, after, mailPage)
		for _, text := range events {
			var e told
			if json.Unmarshal(text, &e) != nil {
				continue
			}
			after = e.N
			if !m.take(&e) {
				m.close()
				return m, true
			}
		}
		if len(events) < mailPage {
			break
		}
		seen += len(events)
	}
	m.close()
	return m, true
}

// newMail begins a message; nil where the event begins none, such as a literal of IMAP that holds something else.
func newMail(session int, e *told) *mail {
	family, ok := strings.CutSuffix(e.Kind, ".data.begin")
	if !ok {
		return nil
	}
	m := &mail{session: session, n: e.N, key: e.Re, stuffed: true}
	switch {
	case family == decode.IMAP && e.Fields["what"] == "literal":
		return nil
	case family == decode.IMAP:
		m.key, m.stuffed = e.Seq, false
	case family == decode.Sieve:
		return nil
	case e.Fields["octets"] != "": // BDAT says beforehand how many come (RFC 3030 §2)
		m.chunked, m.stuffed = true, false
	}
	m.which = streamOf(e)
	return m
}

func streamOf(e *told) (s stream) {
	if e.Leg == "server" {
		s.leg = decode.ServerLeg
	}
	if e.From == "server" {
		s.from = decode.Server
	}
	switch e.Layer {
	case "tls":
		s.layer = decode.TLS
	case "plain":
		s.layer = decode.Plain
	}
	return s
}

// take takes the session's next event in. It reports false when the message is over.
func (m *mail) take(e *told) bool {
	where := streamOf(e)
	if where.leg != m.which.leg || where.from != m.which.from {
		return true
	}
	switch {
	case e.Kind == "session.gap" && where.layer == m.which.layer:
		m.run(e.Span, true)
	case strings.HasSuffix(e.Kind, ".command"):
		switch strings.ToUpper(e.Fields["verb"]) {
		case "MAIL", "RSET", "QUIT", "EHLO", "HELO", "LHLO":
			return false
		}
	case e.Re != m.key && (!m.chunked || !strings.HasSuffix(e.Kind, ".data.end")):
	case strings.HasSuffix(e.Kind, ".data.end"):
		m.ended = true
		return m.chunked
	case strings.HasSuffix(e.Kind, ".data.data"):
		m.run(e.Span, false)
	case strings.HasPrefix(e.Kind, "message."):
		m.run(e.Span, false)
		m.structure(e)
	}
	return true
}

// run adds octets to those of the message.
func (m *mail) run(span [2]int64, lost bool) {
	if span[1] <= span[0] {
		return
	}
	if k := len(m.runs) - 1; k >= 0 && m.runs[k].To == span[0] && m.runs[k].lost == lost {
		m.runs[k].To = span[1]
		return
	}
	m.runs = append(m.runs, mailRun{decode.Span{From: span[0], To: span[1]}, lost})
}

// structure follows the parts through the events that tell of them.
func (m *mail) structure(e *told) {
	switch e.Kind {
	case "message.header":
		switch strings.ToLower(e.Fields["name"]) {
		case "content-type":
			m.boundary = e.Fields["parameter.boundary"]
		case "content-id":
			m.id = strings.Trim(e.Fields["value"], "<> \t")
		}
	case "message.part":
		m.begin(e)
	case "message.boundary":
		m.cut(e)
	}
}

func (m *mail) begin(e *told) {
	f := e.Fields
	p := mailPart{path: f["path"], kind: f["type"], charset: f["charset"], encoding: f["encoding"], disposition: f["disposition"],
		filename: f["filename"], id: m.id, from: e.Span[0], to: -1}
	if p.multipart() {
		p.boundary = m.boundary
	}
	m.boundary, m.id = "", ""
	if len(m.parts) == maxParts {
		m.leftOut++
		return
	}
	m.open = append(m.open, len(m.parts))
	m.parts = append(m.parts, p)
}

// cut ends what a boundary ends: everything in the multipart whose boundary it is, and that too if it says so.
func (m *mail) cut(e *told) {
	m.boundary, m.id = "", ""
	for i := len(m.open) - 1; i >= 0; i-- {
		if p := &m.parts[m.open[i]]; !p.multipart() || p.boundary != e.Fields["boundary"] {
			continue
		}
		for _, inner := range m.open[i+1:] {
			m.parts[inner].to, m.parts[inner].trim = e.Span[0], true
		}
		m.open = m.open[:i+1]
		if e.Fields["closing"] != "" {
			m.parts[m.open[i]].to = e.Span[1]
			m.open = m.open[:i]
		}
		return
	}
}

// close ends the parts that nothing else ended.
func (m *mail) close() {
	end := int64(0)
	if k := len(m.runs) - 1; k >= 0 {
		end = m.runs[k].To
	}
	for _, i := range m.open {
		m.parts[i].to = end
	}
	m.open = nil
}

// part finds a part by its number, as IMAP counts them (RFC 9051 §6.4.5.1).
func (m *mail) part(path string) *mailPart {
	for i := range m.parts {
		if m.parts[i].path == path && path != "" && !m.parts[i].multipart() {
			return &m.parts[i]
		}
	}
	return nil
}
