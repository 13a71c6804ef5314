package replay

import (
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"facteur/decode"
	"facteur/internal/bilingual"
)

// maxBookOctets bounds what a book keeps: enough for hours of mail, little enough for a small machine. A single session
// of a larger capture is read with Only.
const maxBookOctets = 256 << 20

// ErrTooLarge says that a recording's sessions together are too large to be kept in memory.
var ErrTooLarge = bilingual.New("the sessions hold more than can be kept in memory", "les séances tiennent plus que la mémoire n’en garde")

// Book turns decoded sessions into dialogues. It is handed events and octets as a viewer is; the client leg counts, which
// in anyone's capture is the only one. Its methods may be called from several goroutines.
type Book struct {
	Only int // the session to keep, 0 for all

	mu       sync.Mutex
	pages    map[int]*page
	octets   int64
	overflow bool
}

// page is what is known of one session.
type page struct {
	events  []slim
	streams [2][2]stream // by side; wire and plain
	covered bool         // the wire holds TLS or compressed octets from here on: they are not kept
	closed  bool
	open    map[string]string // fields of session.open
}

// slim is what of an event a dialogue needs.
type slim struct {
	seq, re       int
	time          time.Time
	from          decode.Side
	layer         decode.Layer
	span          decode.Span
	kind          string
	line, tag     string
	verb, how, to string
	sealed        bool
	lost          int64
}

// stream is the octets of one side on one layer, as far as they came.
type stream struct {
	at   []int64
	data [][]byte
}

// Publish takes a session's events, in order.
func (b *Book) Publish(session int, events []decode.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Only != 0 && session != b.Only {
		return
	}
	p := b.page(session)
	for i := range events {
		e := &events[i]
		if e.Leg != decode.ClientLeg {
			continue
		}
		p.take(e)
	}
}

// Octets takes octets of a layer, masked, as decode.Options.Octets gives them.
func (b *Book) Octets(session int, leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
	if leg != decode.ClientLeg || layer == decode.TLS || len(data) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Only != 0 && session != b.Only || b.overflow {
		return
	}
	p := b.page(session)
	if layer == decode.Wire && p.covered {
		return
	}
	if layer == decode.Plain {
		p.covered = true
	}
	if b.octets += int64(len(data)); b.octets > maxBookOctets {
		b.overflow = true
		return
	}
	p.streams[from&1][map[decode.Layer]int{decode.Wire: 0, decode.Plain: 1}[layer]].add(at, data)
}

func (b *Book) page(session int) *page {
	if b.pages == nil {
		b.pages = map[int]*page{}
	}
	p := b.pages[session]
	if p == nil {
		p = &page{open: map[string]string{}}
		b.pages[session] = p
	}
	return p
}

// unfinished counts the sessions that are not closed yet.
func (b *Book) unfinished() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, p := range b.pages {
		if !p.closed {
			n++
		}
	}
	return n
}

// Dialogues gives the mail sessions read so far, in the order of their numbers. The error wraps ErrTooLarge if not all
// octets could be kept.
func (b *Book) Dialogues() ([]*Dialogue, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.overflow {
		return nil, bilingual.Errorf("%w (%d MiB); choose one with --session N", "%w (%d Mio)\u202f; choisissez-en une avec --session N", ErrTooLarge, maxBookOctets>>20)
	}
	var all []*Dialogue
	for id, p := range b.pages {
		if d := p.dialogue(id); isMail(d.Protocol) {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(x, y *Dialogue) int { return x.Session - y.Session })
	return all, nil
}

// take keeps what a dialogue needs of an event.
func (p *page) take(e *decode.Event) {
	s := slim{seq: e.Seq, re: e.Re, time: e.Time, from: e.From, layer: e.Layer, span: e.Span, kind: e.Kind}
	switch {
	case e.Kind == "session.open":
		for _, f := range e.Fields {
			p.open[f.Name] = f.Value
		}
	case e.Kind == "session.detect":
		if name := e.Field("protocol"); name != "" {
			p.open["protocol"] = name
		}
		return
	case e.Kind == "session.close":
		p.closed = true
		return
	case e.Kind == "session.gap":
		s.lost = max(e.Span.Len(), 0)
	case e.Kind == "session.upgrade":
		s.how, s.to = e.Field("how"), e.Field("to")
	case e.Kind == "tls.record":
		p.covered = true
		if s.sealed = e.Field("type") == "application_data" && e.Field("opened") != "yes"; !s.sealed {
			return
		}
	case strings.HasPrefix(e.Kind, "tls."):
		return
	case strings.HasPrefix(e.Kind, "session.") && e.Kind != "session.violation" && e.Kind != "session.opaque":
		return
	default:
		s.line, s.tag = strings.Clone(e.Field("line")), strings.Clone(e.Field("tag"))
		if s.verb = e.Field("verb"); s.verb == "" {
			s.verb = e.Field("name")
		}
		s.verb = strings.Clone(strings.ToUpper(s.verb))
	}
	p.events = append(p.events, s)
}

func (s *stream) add(at int64, data []byte) {
	if n := len(s.at); n > 0 && s.at[n-1]+int64(len(s.data[n-1])) == at {
		s.data[n-1] = append(s.data[n-1], data...)
		return
	}
	s.at = append(s.at, at)
	s.data = append(s.data, append([]byte(nil), data...))
}

// octets gives a span; ok is false if some of it never came.
func (s *stream) octets(sp decode.Span) (data []byte, ok bool) {
	i := sort.Search(len(s.at), func(i int) bool { return s.at[i] > sp.From }) - 1
	if i < 0 {
		return nil, sp.Len() == 0
	}
	from, to := sp.From-s.at[i], sp.To-s.at[i]
	if to > int64(len(s.data[i])) {
		return nil, sp.Len() == 0
	}
	return s.data[i][from:to:to], true
}
