package decode

import (
	"bytes"
	"strconv"
)

// textLint looks through the text of a message as it passes, at the speed of the search for line ends: its lines' ends
// and lengths, and what may not be in them (RFC 5321 §2.3.8, §4.1.1.4, §4.5.3.1.6).
//
// What it finds is found at the octet that proves it, so that no cutting of the text changes it, and is noted on the
// event that this octet belongs to.
type textLint struct {
	on   textChecks
	saw  textChecks // and noted: most are said once a message
	ends int        // ends of the message that are none, found

	at     int64   // offset of the next octet
	length int     // of the line under way
	dots   int     // of length: a doubled dot
	cr     bool    // the last octet was a CR
	before lineEnd // what ended the line before
	line   lineSoFar

	found []finding // not yet noted, by offset

	clean cleanLines // seen ahead
}

type textChecks uint8

const (
	checkEnds     textChecks = 1 << iota // bare LF
	checkReturns                         // bare CR
	checkFalse                           // ends of the message that are none
	checkLength                          // lines over maxTextLine
	checkNul                             // NUL
	checkEight                           // octets above 127
	checkSMTPText = checkEnds | checkReturns | checkLength | checkNul
)

// maxFalseEnds is how many false ends of one message are noted; an attack needs one.
const maxFalseEnds = 8

// lineEnd is what ends a line, for one reader or another.
type lineEnd uint8

const (
	endCRLF lineEnd = iota
	endLF
	endCR
)

func (n lineEnd) octets() int64 { return [...]int64{2, 1, 1}[n] }

func (n lineEnd) String() string { return [...]string{`\r\n`, `\n`, `\r`}[n] }

// lineSoFar is what the line under way consists of.
type lineSoFar uint8

const (
	lineOther lineSoFar = iota
	lineEmpty
	lineDot // a dot alone
)

// finding is a lint found in the text.
type finding struct {
	id    string
	span  Span
	proof int64 // offset of the octet that proved it: the one that it is noted with
	args  []Field
}

// begin starts over with a text at offset at.
func (t *textLint) begin(at int64, on textChecks) {
	*t = textLint{on: on, at: at, before: endCRLF, line: lineEmpty, found: t.found[:0]}
}

// ahead looks for clean lines in what comes next of the text, at offset at, some of which may not be taken yet.
func (t *textLint) ahead(b []byte, at int64) {
	from := 0
	t.clean = cleanLines{}
	if t.cr || t.line != lineEmpty || t.length != 0 || t.before != endCRLF {
		if from = bytes.IndexByte(b, '\n') + 1; from < 2 || b[from-2] != '\r' {
			return
		}
	}
	t.clean = findCleanLines(b[from:], at+int64(from))
}

// scan looks at the next octets of the text.
func (t *textLint) scan(data []byte) {
	if t.on&checkNul&^t.saw != 0 {
		if i := bytes.IndexByte(data, 0); i >= 0 {
			t.once(checkNul, "lint.nul", octetAt(t.at, i), t.at+int64(i))
		}
	}
	if t.on&checkEight&^t.saw != 0 {
		if i := highOctet(data); i >= 0 {
			t.once(checkEight, "lint.eight_bit", octetAt(t.at, i), t.at+int64(i))
		}
	}
	for len(data) > 0 {
		n, proven := t.lines(data)
		if proven {
			t.at += int64(n)
		} else {
			t.carefully(data[:n])
		}
		if data = data[n:]; len(data) > 0 {
			data = data[t.carefulStep(data):]
		}
	}
}

// lines passes over whole lines, as long as they are as they should be, or as was said already. It looks for their ends
// only; proven says that as many CRs are among their octets as were seen before a LF.
func (t *textLint) lines(data []byte) (n int, proven bool) {
	if t.cr || t.line != lineEmpty || t.length != 0 {
		return 0, true
	}
	if c := &t.clean; t.at == c.From && c.To > c.From {
		if n = int(c.To - c.From); n > len(data) { // the last one's end may be the beginning of the terminator, and is not taken yet
			n = int(c.last - c.From)
		}
		t.before = endCRLF
		return n, true
	}
	crlf, before := 0, t.before
	for n < len(data) && (data[n] != '.' || n+1 < len(data) && data[n+1] == '.') {
		i := bytes.IndexByte(data[n:], '\n')
		if i < 0 || i >= maxTextLine {
			break
		}
		if i > 0 && data[n+i-1] == '\r' {
			crlf++
			before = endCRLF
		} else if t.on&^t.saw&checkEnds != 0 {
			break
		} else {
			before = endLF
		}
		n += i + 1
	}
	if bytes.Count(data[:n], cr) != crlf {
		return n, false
	}
	t.before = before
	return n, true
}

func (t *textLint) carefully(data []byte) {
	for len(data) > 0 {
		data = data[t.carefulStep(data):]
	}
}

// carefulStep looks at the octets up to the end of a line, or passes over those that end nothing, and gives their number.
func (t *textLint) carefulStep(data []byte) int {
	if !t.cr && t.line == lineOther {
		n := min(len(data), maxTextLine) // and no more, or a text of nothing but CRs would be searched again for each
		if i := bytes.IndexByte(data[:n], '\n'); i >= 0 {
			n = i
		}
		if i := bytes.IndexByte(data[:n], '\r'); i >= 0 {
			n = i
		}
		if n > 0 {
			t.at += int64(n)
			t.length += n
			return n
		}
	}
	return t.slowly(data)
}

// slowly looks at octets one by one, up to where skip may go on.
func (t *textLint) slowly(data []byte) int {
	for i, c := range data {
		t.octet(c)
		t.at++
		if c == '\n' || t.line == lineOther && !t.cr {
			return i + 1
		}
	}
	return len(data)
}

func (t *textLint) octet(c byte) {
	if t.cr && c != '\n' {
		t.cr = false
		t.once(checkReturns, "lint.bare_cr", Span{t.at - 1, t.at}, t.at)
		t.ended(endCR)
	}
	if t.length++; t.length == 2 && t.line == lineDot && c == '.' {
		t.dots = 1
	}
	if n := t.length - t.dots; c == '\n' && n > maxTextLine {
		t.once(checkLength, "lint.long_line", Span{t.at + 1 - int64(t.length), t.at + 1}, t.at,
			Field{Name: "octets", Value: strconv.Itoa(n)}, Field{Name: "limit", Value: strconv.Itoa(maxTextLine)})
	}
	switch {
	case c == '\r':
		t.cr = true // the line's end, if a LF comes next
	case c == '\n' && t.cr:
		t.cr = false
		t.ended(endCRLF)
	case c == '\n':
		t.once(checkEnds, "lint.bare_lf", Span{t.at, t.at + 1}, t.at)
		t.ended(endLF)
	case c == '.' && t.line == lineEmpty:
		t.line = lineDot
	default:
		t.line = lineOther
	}
}

// ended takes note of the end of a line, proved by the octet at t.at. A dot alone between two ends that are not both CRLF
// is the end of the message to some readers and not to others.
func (t *textLint) ended(how lineEnd) {
	if t.line == lineDot && (how != endCRLF || t.before != endCRLF) && t.on&checkFalse != 0 && t.ends < maxFalseEnds {
		t.ends++
		to := t.at + 1
		if how == endCR {
			to-- // the octet behind the CR proved it
		}
		from := to - t.before.octets() - 1 - how.octets()
		shape := Field{Name: "shape", Value: t.before.String() + "." + how.String()}
		t.find(finding{"lint.smuggling", Span{max(0, from), to}, t.at, []Field{shape}})
	}
	t.before, t.line = how, lineEmpty
	if how != endCR { // a bare CR is no end as to length
		t.length, t.dots = 0, 0
	}
}

// once notes what is said once a message.
func (t *textLint) once(what textChecks, id string, sp Span, proof int64, args ...Field) {
	if t.on&what == 0 || t.saw&what != 0 {
		return
	}
	t.saw |= what
	t.find(finding{id, sp, proof, args})
}

// find keeps a finding, in the order of the octets that prove them, whatever the order in which they were looked for.
func (t *textLint) find(d finding) {
	i := len(t.found)
	for i > 0 && (t.found[i-1].proof > d.proof || t.found[i-1].proof == d.proof && t.found[i-1].id > d.id) {
		i--
	}
	t.found = append(t.found, finding{})
	copy(t.found[i+1:], t.found[i:])
	t.found[i] = d
}

// gap goes on behind octets that are missing.
func (t *textLint) gap() {
	t.cr, t.line, t.length, t.dots, t.clean = false, lineOther, 0, 0, cleanLines{}
}

// lintText has a text's octets looked through that were taken from the frame since the session had n events: data, of
// which what is left in the frame was not taken. What is found is noted on the events.
func (s *Session) lintText(t *textLint, sd *side, f *frame, data []byte, n int) {
	if t.on == 0 {
		return
	}
	data = data[:len(data)-len(f.buf)]
	t.at = f.at - int64(len(data))
	t.scan(data)
	s.noteText(t, sd, f.layer, n)
}

// noteText notes what was found in a text on those events from the nth on that hold it.
func (s *Session) noteText(t *textLint, sd *side, layer Layer, n int) {
	for ; n < len(s.evs) && len(t.found) > 0; n++ {
		e := &s.evs[n]
		if e.Leg != sd.leg.id || e.From != sd.from || e.Layer != layer {
			continue
		}
		for len(t.found) > 0 && t.found[0].proof < e.Span.To {
			d := t.found[0]
			t.found = t.found[:copy(t.found, t.found[1:])]
			if d.proof < e.Span.From {
				continue
			}
			if d.span.From = max(d.span.From, e.Span.From); d.span.To <= d.span.From { // all of it lies in the event before
				d.span = Span{d.proof, d.proof + 1}
			}
			e.noteAt(d.id, d.span, d.args...)
		}
	}
}
