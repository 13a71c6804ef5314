package captures

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"facteur/decode"
)

// remarker is a Sink that also wants the packet comments for people. What facteur keeps there for itself, and lines of key
// logs, are none.
type remarker interface {
	// Remark hands over a comment before the chunk with the packet's octets. ahead is how many octets of that side still
	// come before the packet's end.
	Remark(session int, leg decode.Leg, from decode.Side, ahead int, text string)
}

// remark hands on a packet's comments for people.
func (t *tcp) remark(c *conn, side decode.Side, s *segment, ahead int) {
	sink, ok := t.sink.(remarker)
	if !ok {
		return
	}
	for _, text := range s.comments {
		if text != "" && !strings.HasPrefix(text, ownPrefix) && len(keyLogLines([]byte(text))) == 0 {
			sink.Remark(c.session.number, c.leg, side, ahead, text)
		}
	}
}

// remarks are comments on the way from a capture to its copy: they wait for the packet that they are about.
type remarks struct {
	rewrite func(text string, ours bool) string // gives the text for the copy, "" for none
	ours    map[int]bool                        // sessions of facteur's own recordings
	read    map[place]int64                     // octets
	written map[place]int64
	waiting map[place][]remark
}

// remark waits until the octets before end are written.
type remark struct {
	end  int64
	text string
}

func newRemarks(rewrite func(text string, ours bool) string) *remarks {
	return &remarks{rewrite: rewrite, ours: map[int]bool{}, read: map[place]int64{}, written: map[place]int64{}, waiting: map[place][]remark{}}
}

// add takes a comment out of the capture.
func (r *remarks) add(p place, ahead int, text string) {
	if text = r.rewrite(text, r.ours[p.session]); text != "" {
		r.waiting[p] = append(r.waiting[p], remark{r.read[p] + int64(ahead), text})
	}
}

// fed counts what was read.
func (r *remarks) fed(session int, c *decode.Chunk) {
	r.read[place{session: session, leg: c.Leg, from: c.From}] += int64(c.Lost + len(c.Data))
}

// due gives the comments of a chunk that goes to the copy.
func (r *remarks) due(session int, c *decode.Chunk) string {
	p := place{session: session, leg: c.Leg, from: c.From}
	r.written[p] += int64(c.Lost + len(c.Data))
	list := r.waiting[p]
	var texts []string
	for len(list) > 0 && list[0].end <= r.written[p] {
		texts = append(texts, list[0].text)
		list = list[1:]
	}
	r.waiting[p] = list
	return strings.Join(texts, "\n")
}

// end forgets a session.
func (r *remarks) end(session int) {
	for _, leg := range []decode.Leg{decode.ClientLeg, decode.ServerLeg} {
		for _, side := range []decode.Side{decode.Client, decode.Server} {
			p := place{session: session, leg: leg, from: side}
			delete(r.read, p)
			delete(r.written, p)
			delete(r.waiting, p)
		}
	}
	delete(r.ours, session)
}

// remark masks secrets in a comment: those that can be looked for in every form, and of one that holds another, too short
// or too common for that, nothing is kept.
func (r *redaction) remark(text string, _ bool) string {
	for word, searched := range r.found {
		if !searched && holdsWord(text, word) {
			return ""
		}
	}
	out := []byte(text)
	s := &search{f: r.finder}
	mask := func(m *found) {
		for i, at := range m.at {
			out[at] = m.with[i]
		}
	}
	s.feed(0, out, mask)
	s.end(mask)
	if !utf8.Valid(out) {
		return ""
	}
	return string(out)
}

// holdsWord reports whether word stands in text by itself.
func holdsWord(text, word string) bool {
	letter := func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }
	for rest := text; word != ""; {
		i := strings.Index(rest, word)
		if i < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(rest[:i])
		after, _ := utf8.DecodeRuneInString(rest[i+len(word):])
		if !letter(before) && !letter(after) {
			return true
		}
		rest = rest[i+len(word):]
	}
	return false
}

// remark also replaces names in a comment, and what it quotes and does not know. What people wrote in captures that are not
// facteur's may say anything, and is left out.
func (a *anonymity) remark(text string, ours bool) string {
	if !ours {
		return ""
	}
	text = a.r.remark(text, ours)
	var b strings.Builder
	for text != "" {
		i := strings.IndexAny(text, "“«")
		if i < 0 {
			break
		}
		open, size := utf8.DecodeRuneInString(text[i:])
		closing := map[rune]string{'“': "”", '«': "»"}[open]
		n := strings.Index(text[i:], closing)
		if n < 0 {
			break
		}
		b.WriteString(a.n.text(text[:i]))
		quoted := text[i+size : i+n]
		if t := a.n.text(quoted); t != quoted {
			quoted = t
		} else {
			quoted = "…"
		}
		b.WriteString(string(open) + quoted + closing)
		text = text[i+n+len(closing):]
	}
	b.WriteString(a.n.text(text))
	return b.String()
}
