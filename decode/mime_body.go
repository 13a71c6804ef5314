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
	k := indexBoundary(data)
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
	m.count(f.at, data[:k])
	m.pass(f, k)
	return k
}

var newBoundary = []byte("\n--")

// Hyphens are rare where there are no more than these, and then as many octets for each: a line of base64.
const (
	fewHyphens  = 8
	rareHyphens = 76
)

// indexBoundary is bytes.Index of newBoundary. Each line of a body has an end and next to none a hyphen, so that is what is
// looked for as long as hyphens are rare.
func indexBoundary(b []byte) int {
	for at, met := 0, 1; ; met++ {
		i := bytes.IndexByte(b[at:], '-')
		if i < 0 {
			return -1
		}
		at += i
		if at > 0 && b[at-1] == '\n' && at+1 < len(b) && b[at+1] == '-' {
			return at - 1
		}
		if at++; met > fewHyphens && at < met*rareHyphens {
			if k := bytes.Index(b[at:], newBoundary); k >= 0 {
				return at + k
			}
			return -1
		}
	}
}

// maybeBoundary takes octets of a line that may be a boundary, until that is certain.
func (m *message) maybeBoundary(f *frame, data []byte) int {
	if len(m.line) == m.told {
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
			m.sizes.count(&m.part, m.stuffed, data[:1], -1)
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
		m.own()
		m.bol = ended
	}
	m.line, m.told = m.line[:0], 0
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
		e := m.emit("message.boundary", m.lineSpan())
		var at Span
		if m.told == 0 {
			at = Span{m.lineAt + 2, m.lineAt + int64(len(d))}
		}
		e.add("boundary", d[2:], at)
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

// partSizes counts a part's octets as sent and, from what its transfer encoding adds, as decoded.
type partSizes struct {
	octets  int64
	skipped int64 // of them, those that carry nothing: line ends and padding of base64, of =XX all but one, doubled dots
	uu      int64 // octets that the lines of uuencode hold
	soft    int64 // octets up to the end of the last soft line break
	mark    uint8 // quoted-printable: how much of an =XX or of a soft line break has come
	inside  bool  // uuencode: between begin and end
	ended   bool  // the octet before was a LF
}

// The places in quoted-printable that mark knows (RFC 2045 §6.7).
const (
	markNone   = iota
	markEquals // behind =
	markReturn // behind =CR
	markDigit  // behind = and a hexadecimal digit
)

// count counts octets of the body, at an offset.
func (m *message) count(at int64, b []byte) {
	for len(b) > 0 {
		n, stuffed, lines := len(b), m.stuffed, -1
		switch c := &m.clean; {
		case at < c.From:
			n = int(min(int64(n), c.From-at))
		case at < c.To:
			n = int(min(int64(n), c.To-at))
			stuffed = stuffed && !c.dotless
			if int64(n) == c.Len() {
				lines = c.lines
			}
		}
		m.sizes.count(&m.part, stuffed, b[:n], lines)
		at, b = at+int64(n), b[n:]
	}
}

// count counts octets of the part's body, of which a leading dot of a line may be doubled. They are lines that end in CRLF
// and hold no other of the two, so many; or something else if lines is -1.
func (z *partSizes) count(p *mimePart, stuffed bool, b []byte, lines int) {
	if len(b) == 0 {
		return
	}
	z.octets += int64(len(b))
	switch p.encoding {
	case "base64":
		ends := 2 * lines
		if lines < 0 {
			ends = bytes.Count(b, lf) + bytes.Count(b, cr)
		}
		z.skipped += int64(ends + bytes.Count(b, equals))
		return
	case "quoted-printable":
		z.quoted(b)
	case "uuencode", "x-uuencode", "x-uue":
		z.uuencoded(b)
	}
	if stuffed {
		if z.ended && b[0] == '.' {
			z.skipped++
		}
		z.skipped += int64(countLineDots(b))
	}
	z.ended = b[len(b)-1] == '\n'
}

// countLineDots is bytes.Count of lfDot. Every line has an end, and in most texts few octets are dots: those are looked for
// as long as that is so.
func countLineDots(b []byte) (n int) {
	for at, met := 0, 0; at < len(b); met++ {
		if met > fewDots && at < met*rareDots {
			return n + bytes.Count(b[at:], lfDot)
		}
		i := bytes.IndexByte(b[at:], '.')
		if i < 0 {
			break
		}
		if at += i; at > 0 && b[at-1] == '\n' {
			n++
		}
		at++
	}
	return n
}

// Dots are rare where there are no more than these, and then as many octets for each.
const (
	fewDots  = 8
	rareDots = 40
)

// quoted counts what quoted-printable adds (RFC 2045 §6.7).
func (z *partSizes) quoted(b []byte) {
	for len(b) > 0 {
		if z.mark == markNone {
			i := bytes.IndexByte(b, '=')
			if i < 0 {
				return
			}
			z.mark, b = markEquals, b[i+1:]
			continue
		}
		c := b[0]
		b = b[1:]
		switch mark := z.mark; {
		case c == '=':
			z.mark = markEquals
		case mark == markEquals && c == '\r':
			z.mark = markReturn
		case mark == markEquals && isHex(c):
			z.mark = markDigit
		case mark == markDigit && isHex(c):
			z.skipped += int64(len("=X"))
			z.mark = markNone
		case mark == markReturn && c == '\n':
			z.skipped += int64(len("=\r\n"))
			z.mark, z.soft = markNone, z.octets-int64(len(b))
		case mark == markEquals && c == '\n':
			z.skipped += int64(len("=\n"))
			z.mark = markNone
		default:
			z.mark = markNone
		}
	}
}

// uuencoded counts what the lines between begin and end say that they hold: the first octet of each is their number and
// a blank.
func (z *partSizes) uuencoded(b []byte) {
	first := z.ended
	for len(b) > 0 {
		if first {
			switch c := b[0]; {
			case c == 'b':
				z.inside = true
			case c == 'e':
				z.inside = false
			case z.inside && c >= ' ' && c <= '`':
				z.uu += int64(c-' ') & 63
			}
		}
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return
		}
		b, first = b[i+1:], true
	}
}

var lf, cr, equals, lfDot = []byte{'\n'}, []byte{'\r'}, []byte{'='}, []byte("\n.")

// decoded gives the size without the transfer encoding, of which the last tail octets are not the part's; ok is false where
// the encoding is not known.
func (z *partSizes) decoded(p *mimePart, tail int64) (n int64, ok bool) {
	switch p.encoding {
	case "base64":
		n = (z.octets - z.skipped) * 3 / 4
	case "quoted-printable", "7bit", "8bit", "binary":
		if n = z.octets - z.skipped; z.soft != z.octets { // a soft line break has gone already
			n -= tail
		}
	case "uuencode", "x-uuencode", "x-uue":
		n = z.uu
	default:
		return 0, false
	}
	return max(0, n), true
}

// add names the sizes; the CRLF before a boundary belongs to it (RFC 2046 §5.1.1).
func (z *partSizes) add(e *Event, p *mimePart) {
	e.add("octets", strconv.FormatInt(max(0, z.octets-2), 10), Span{})
	if n, ok := z.decoded(p, 2); ok {
		e.add("decoded", strconv.FormatInt(n, 10), Span{})
	}
}

// addDecoded names the size of the body, its transfer encoding taken off, of a message that has no parts.
func (m *message) addDecoded(e *Event) {
	if m.single {
		if n, ok := m.sizes.decoded(&m.part, 0); ok {
			e.add("decoded", m.sd.leg.s.room.decimal(n), Span{})
		}
	}
}
