package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"facteur/decode"
	"facteur/replay"
)

const (
	// maxDiffEvents is how many events of a session are compared: the steps of an hour's session, and as many as a page
	// shows at ease.
	maxDiffEvents = 50_000

	// diffPage is how many events are read from the hub at a time, so that publishing never waits for long.
	diffPage = 1_000

	// maxDiffs is how many comparisons are made at a time: each may take a second of one core, and followers ask too.
	maxDiffs = 1
)

// DiffAnswer is what GET /api/v1/diff gives: two sessions side by side, aligned by what their commands ask for.
type DiffAnswer struct {
	A     DiffSession `json:"a"`
	B     DiffSession `json:"b"`
	Equal bool        `json:"equal"` // but for how they come into TLS
	Rows  []DiffRow   `json:"rows"`
}

// DiffSession is one of the two.
type DiffSession struct {
	Ref      string           `json:"ref"` // as it was asked for
	Session  int              `json:"session"`
	Protocol string           `json:"protocol"`
	Security string           `json:"security"` // clear, starttls or tls
	Opened   string           `json:"opened"`   // RFC 3339
	Steps    int              `json:"steps"`
	Missing  []replay.Missing `json:"missing,omitempty"`
	Cut      bool             `json:"cut,omitempty"` // only its first maxDiffEvents were compared
}

// DiffRow is a step of A beside the step of B that it corresponds to.
type DiffRow struct {
	Op      string    `json:"op"`                // same, changed, only_a or only_b
	Upgrade bool      `json:"upgrade,omitempty"` // said only to come into TLS: counts as no difference
	Asked   bool      `json:"asked,omitempty"`   // the commands differ
	Replied bool      `json:"answered,omitempty"`
	A       *DiffCell `json:"a,omitempty"`
	B       *DiffCell `json:"b,omitempty"`
}

// DiffCell is one session's part of a row. The parts name what does not count: tags, dates, nonces …
type DiffCell struct {
	N      int           `json:"n,omitempty"` // of the event that the step begins with
	Step   int           `json:"step"`
	Kind   string        `json:"kind"` // greeting, command or upgrade
	Verb   string        `json:"verb,omitempty"`
	Line   []replay.Part `json:"line,omitempty"`
	Answer []replay.Part `json:"answer,omitempty"`
	Secure bool          `json:"secure,omitempty"`
}

// compared is a session read for comparing.
type compared struct {
	*replay.Dialogue
	n   map[int]int // the number of an event by its Seq
	cut bool
}

// getDiff compares the sessions a and b. Each is named by its number in the run, or by TAPE:NUMBER in an open recording.
func (s *Server) getDiff(w http.ResponseWriter, r *http.Request, _ Role) {
	select {
	case s.diffs <- struct{}{}:
		defer func() { <-s.diffs }()
	case <-r.Context().Done():
		return
	}
	var both [2]*compared
	q := r.URL.Query()
	for i, name := range []string{"a", "b"} {
		hub, session, err := s.hubOf(q.Get(name))
		if err != nil {
			refuse(w, r, refuseQuery, name+": "+err.Error())
			return
		}
		if hub == nil {
			refuse(w, r, refuseNoTape)
			return
		}
		if both[i] = hub.dialogue(r.Context(), session); both[i] == nil {
			refuse(w, r, refuseNoDialogue)
			return
		}
	}
	rows := replay.Diff(both[0].Dialogue, both[1].Dialogue)
	list := make([]DiffRow, len(rows))
	for i := range rows {
		row := &rows[i]
		list[i] = DiffRow{row.Op, row.Upgrade, row.Asked, row.Replied, both[0].cell(row.A), both[1].cell(row.B)}
	}
	answer(w, DiffAnswer{both[0].told(q.Get("a")), both[1].told(q.Get("b")), replay.Equal(rows), list})
}

// hubOf finds what shows a session; the hub is nil where there is no such tape.
func (s *Server) hubOf(ref string) (*Hub, int, error) {
	hub, number := s.hub, ref
	if i := strings.LastIndexByte(ref, ':'); i >= 0 {
		hub, number = nil, ref[i+1:]
		if t := s.tapes.get(ref[:i]); t != nil {
			hub = t.server.hub
		}
	}
	session, err := strconv.Atoi(number)
	if err != nil || session < 1 {
		return nil, 0, fmt.Errorf("a session's number, or TAPE:NUMBER")
	}
	return hub, session, nil
}

// dialogue puts a session together from the events and octets that are kept; nil where it is unknown or no mail.
func (h *Hub) dialogue(ctx context.Context, session int) *compared {
	c := &compared{n: map[int]int{}}
	book := &replay.Book{Only: session}
	h.octets.each(session, func(which stream, at int64, data []byte) {
		book.Octets(session, which.leg, which.from, which.layer, at, data)
	})
	read := 0
	for after := 0; ctx.Err() == nil; {
		texts, _ := h.history(session, after, diffPage)
		if len(texts) == 0 {
			break
		}
		if read += len(texts); read > maxDiffEvents {
			c.cut = true
			break
		}
		events := make([]decode.Event, 0, len(texts))
		for _, text := range texts {
			var k keptEvent
			if json.Unmarshal(text, &k) != nil {
				continue // our own encoding: cannot happen
			}
			after = k.N
			if k.Leg == decode.ClientLeg.String() {
				c.n[k.Seq] = k.N
				events = append(events, k.event())
			}
		}
		book.Publish(session, events)
	}
	all, err := book.Dialogues()
	if err != nil || len(all) == 0 || len(all[0].Steps) == 0 || ctx.Err() != nil {
		return nil
	}
	c.Dialogue = all[0]
	return c
}

// keptEvent is an event as the hub keeps it: what a dialogue needs of it.
type keptEvent struct {
	N      int               `json:"n"`
	Seq    int               `json:"seq"`
	Time   time.Time         `json:"time"`
	Leg    string            `json:"leg"`
	From   string            `json:"from"`
	Layer  string            `json:"layer"`
	Span   [2]int64          `json:"span"`
	Kind   string            `json:"kind"`
	Fields map[string]string `json:"fields"`
	Re     int               `json:"re"`
}

func (k *keptEvent) event() decode.Event {
	e := decode.Event{Seq: k.Seq, Time: k.Time, Span: decode.Span{From: k.Span[0], To: k.Span[1]}, Kind: k.Kind, Re: k.Re}
	if k.From == decode.Server.String() {
		e.From = decode.Server
	}
	for _, l := range []decode.Layer{decode.TLS, decode.Plain} {
		if k.Layer == l.String() {
			e.Layer = l
		}
	}
	for name, value := range k.Fields {
		e.Fields = append(e.Fields, decode.Field{Name: name, Value: value})
	}
	return e
}

func (c *compared) told(ref string) DiffSession {
	return DiffSession{Ref: ref, Session: c.Session, Protocol: c.Protocol, Security: c.Security, Opened: stamp(c.Time), Steps: len(c.Steps), Missing: c.Missing, Cut: c.cut}
}

func (c *compared) cell(d *replay.DiffSide) *DiffCell {
	if d == nil {
		return nil
	}
	return &DiffCell{N: c.n[d.Seq], Step: d.Step, Kind: d.Kind, Verb: d.Verb, Line: d.LineParts(), Answer: d.AnswerParts(), Secure: d.Secure}
}

// each hands over what is kept of the client leg of a session: the wire before what travelled in it. Blocks are only ever
// appended to, so data may be read after the lock is given back.
func (o *octetStore) each(id int, do func(which stream, at int64, data []byte)) {
	type piece struct {
		which stream
		keptBlock
	}
	var pieces []piece
	o.mu.Lock()
	if s := o.sessions[id]; s != nil {
		for _, layer := range []decode.Layer{decode.Wire, decode.Plain} {
			for _, from := range []decode.Side{decode.Client, decode.Server} {
				which := stream{decode.ClientLeg, from, layer}
				if t := s.streams[which]; t != nil {
					for _, b := range t.blocks {
						pieces = append(pieces, piece{which, b})
					}
				}
			}
		}
	}
	o.mu.Unlock()
	for _, p := range pieces {
		do(p.which, p.at, p.data)
	}
}
