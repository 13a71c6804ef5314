package decode

import (
	"bytes"
	"strconv"
	"strings"
)

// body takes octets in which boundaries may stand at the beginning of a line.
func (m *message) body(f *frame, n int) int {
	data := f.buf[:n]
	if m.bol {
		return m.maybeBoundary(f, data)
	}
	k := bytes.Index(data, newBoundary)
	switch {
	case k >= 0:
		k++
		m.bol = true
	case data[n-1] == '\n':
		k, m.bol = n, true
	case n > 1 && data[n-2] == '\n' && data[n-1] == '-':
		k, m.bol = n-1, true
	default:
		k = n
	}
	m.sizes.count(&m.part, data[:k])
	m.pass(f, k)
	return k
}

var newBoundary = []byte("\n--")

// maybeBoundary takes octets of a line that may be a boundary, until that is certain.
func (m *message) maybeBoundary(f *frame, data []byte) int {
	if len(m.line) == 0 {
		m.lineAt = f.at
	}
	had := len(m.line)
	k := len(data)
	i := bytes.IndexByte(data[:min(k, maxBoundaryLine)], '\n')
	if i >= 0 {
		k = i + 1
	}
	k = min(k, maxBoundaryLine-had)
	m.line = append(m.line, data[:k]...)
	candidate := bytes.HasPrefix(m.line, newBoundary[1:]) || len(m.line) == 1 && m.line[0] == '-'
	switch {
	case !candidate && had == 0: // an ordinary line: nothing of it is taken yet
		m.line = m.line[:0]
		m.bol = false
		if i == 0 { // an empty line
			m.bol = true
			m.sizes.count(&m.part, data[:1])
			m.pass(f, 1)
			return 1
		}
		return 0
	case candidate && i < 0 && len(m.line) < maxBoundaryLine:
		f.take(k)
		return k
	}
	f.take(k)
	ended := m.line[len(m.line)-1] == '\n'
	if !candidate || !m.boundary(f) {
		m.own(m.line)
		m.bol = ended
	}
	m.line = m.line[:0]
	return k
}

// boundary tells the line under way if it is one of the open multiparts' (RFC 2046 §5.1.1).
func (m *message) boundary(f *frame) bool {
	line := string(bytes.TrimRight(m.line, " \t\r\n"))
	for i := len(m.open) - 1; i >= 0; i-- {
		d := m.open[i].delimiter
		if !strings.HasPrefix(line, d) {
			continue
		}
		closing := line == d+"--"
		if !closing && line != d {
			continue
		}
		m.flushRun()
		e := m.emit("message.boundary", Span{m.lineAt, m.lineAt + int64(len(m.line))})
		e.add("boundary", d[2:], Span{m.lineAt + 2, m.lineAt + int64(len(d))})
		if m.part.path != "" {
			e.add("ends", m.part.path, Span{})
			m.sizes.add(e, &m.part)
		}
		m.open = m.open[:i+1]
		if closing {
			e.add("closing", "yes", Span{})
		}
		e.note("message.boundary")
		m.next(closing)
		return true
	}
	return false
}

// next goes on behind a boundary: with the header of a part, or with what follows the last.
func (m *message) next(closing bool) {
	last := len(m.open) - 1
	m.part, m.sizes, m.bol, m.fields = mimePart{}, partSizes{}, true, 0
	if closing {
		m.open = m.open[:last]
		if m.state = stateOctets; len(m.open) > 0 {
			m.state = stateBody
		}
		return
	}
	m.open[last].parts++
	m.part.path = joinPath(m.open[last].path, m.open[last].parts)
	m.state = stateHeader
}

// partSizes counts a part's octets as sent and, from what its encoding leaves out, as decoded.
type partSizes struct {
	octets, skipped int64 // all; of them, those that carry nothing
}

// count counts octets of the part's body.
func (z *partSizes) count(p *mimePart, b []byte) {
	z.octets += int64(len(b))
	if p.encoding == "base64" {
		z.skipped += int64(bytes.Count(b, lf) + bytes.Count(b, cr) + bytes.Count(b, equals))
	}
}

var lf, cr, equals = []byte{'\n'}, []byte{'\r'}, []byte{'='}

// add names the sizes; the CRLF before a boundary belongs to it (RFC 2046 §5.1.1).
func (z *partSizes) add(e *Event, p *mimePart) {
	e.add("octets", strconv.FormatInt(max(0, z.octets-2), 10), Span{})
	if p.encoding == "base64" {
		e.add("decoded", strconv.FormatInt((z.octets-z.skipped)*3/4, 10), Span{})
	}
}
