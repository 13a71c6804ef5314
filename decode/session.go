package decode

import (
	"fmt"
	"time"
)

// maxAwaiting is how many octets wait for secrets that may still come (Options.Await). A handshake's flights are some
// ten kilobytes; what exceeds this is shown sealed rather than kept.
const maxAwaiting = 4 << 20

// Session decodes one session: all of its legs. It is not safe for concurrent use.
type Session struct {
	o    Options
	legs [2]*leg
	out  release
	seq  int
	now  time.Time
	evs  []Event
	room *Room

	stalled bool    // a record waits for its secrets
	queue   []Chunk // what came behind it, owned
	queued  int     // octets in queue
	fault   bool    // the decoder failed: everything is opaque from here
}

// New begins a session.
func New(o Options) *Session {
	if o.Protocol == "" {
		o.Protocol = Detect
	}
	s := &Session{o: o, room: o.Room}
	if s.room == nil {
		s.room = new(Room)
	}
	s.room.passing = o.Passing
	s.out.s = s
	return s
}

// Implicit says whether TLS begins with a leg's first octet, where that was not known at New. It counts until the leg's
// first octet.
func (s *Session) Implicit(id Leg, on bool) {
	id &= 1
	s.o.Implicit[id] = on
	if l := s.legs[id]; l == nil || l.here(Client).From > 0 || l.here(Server).From > 0 {
		return
	}
	for i := range s.legs[id].sides {
		s.legs[id].sides[i].mode = map[bool]mode{false: clear, true: upgrading}[on]
	}
}

// Feed decodes a chunk and gives the events that it completes. It never blocks and never fails. The slice is valid
// until the next call; the events' parts stay.
func (s *Session) Feed(c Chunk) []Event {
	s.fresh()
	s.guard(func() {
		if c.single() && !s.stalled {
			s.chunk(c)
		} else {
			for _, part := range c.parts() {
				if s.stalled {
					s.enqueue(part)
				} else {
					s.chunk(part)
				}
			}
		}
		s.resume()
	})
	return s.given()
}

// fresh begins a call: the events of the last one are gone.
func (s *Session) fresh() {
	s.room.fresh()
	s.evs = s.room.evs[:0]
}

// given ends a call: its events stay until the next.
func (s *Session) given() []Event {
	s.room.evs = s.evs[:0]
	return s.evs
}

// Current gives the events of the call under way: what Options.Release and Options.Octets may want to look at.
func (s *Session) Current() []Event { return s.evs }

// Retry goes on after secrets came, or after Options.Await changed its answer; it gives the events as Feed does.
func (s *Session) Retry() []Event {
	s.fresh()
	s.guard(s.resume)
	return s.given()
}

// Close ends the session: what is incomplete is told as it is, and every leg gets its session.close.
func (s *Session) Close(t time.Time) []Event {
	s.fresh()
	s.o.Await = nil
	s.guard(func() {
		s.resume()
		for _, l := range s.legs {
			if l != nil {
				l.shut()
			}
		}
		s.out.flush()
	})
	return s.given()
}

// single reports whether a chunk is one thing only.
func (c *Chunk) single() bool {
	return c.Told == nil && (c.Lost == 0 && (len(c.Data) == 0 || c.End == Open) || len(c.Data) == 0 && c.End == Open)
}

// parts takes a chunk apart, so that each part is one thing.
func (c *Chunk) parts() []Chunk {
	if c.single() {
		return []Chunk{*c}
	}
	var ps []Chunk
	head := Chunk{Time: c.Time, Leg: c.Leg, From: c.From}
	add := func(set func(*Chunk)) {
		p := head
		set(&p)
		ps = append(ps, p)
	}
	if c.Told != nil {
		add(func(p *Chunk) { p.Told = c.Told })
	}
	if c.Lost > 0 {
		add(func(p *Chunk) { p.Lost = c.Lost })
	}
	if len(c.Data) > 0 {
		add(func(p *Chunk) { p.Data = c.Data })
	}
	if c.End != Open {
		add(func(p *Chunk) { p.End = c.End })
	}
	return ps
}

// chunk decodes one part at once.
func (s *Session) chunk(c Chunk) {
	s.now = c.Time
	l := s.leg(c.Leg)
	s.out.hold(l, c)
	switch sd := &l.sides[c.From&1]; {
	case c.Told != nil:
		l.told(c.From&1, c.Told)
	case c.Lost > 0:
		l.lost(sd, c.Lost)
	case len(c.Data) > 0:
		l.data(sd, c.Data)
	case c.End != Open:
		l.end(sd, c.End)
	}
	l.keep()
	s.out.flush()
}

func (s *Session) leg(id Leg) *leg {
	id &= 1
	if s.legs[id] == nil {
		s.legs[id] = newLeg(s, id)
	}
	return s.legs[id]
}

// wait reports whether a record without its secret shall wait for it.
func (s *Session) wait() bool {
	return s.o.Await != nil && s.queued <= maxAwaiting && s.o.Await()
}

func (s *Session) enqueue(c Chunk) {
	c.Data = append([]byte(nil), c.Data...)
	s.queue = append(s.queue, c)
	s.queued += len(c.Data)
}

// resume takes up what waited, as far as the secrets reach now.
func (s *Session) resume() {
	for s.stalled {
		s.stalled = false
		for _, l := range s.legs {
			if l != nil {
				l.pump(Client)
				l.pump(Server)
				l.keep()
			}
		}
		s.out.flush()
		for !s.stalled && len(s.queue) > 0 {
			c := s.queue[0]
			s.queue = s.queue[1:]
			s.queued -= len(c.Data)
			s.chunk(c)
		}
		if s.stalled && s.wait() {
			return
		}
	}
	s.queue, s.queued = nil, 0
}

// guard keeps a fault of ours from reaching the caller: the session becomes opaque and says so.
func (s *Session) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			if s.fault {
				return // the fallback failed too: the session is over, but nothing else is touched
			}
			s.fault = true
			s.stalled = false
			s.out.keep()
			for _, l := range s.legs {
				if l != nil {
					l.giveUp(fmt.Sprint(r))
				}
			}
		}
	}()
	f()
}

// event begins an event; it is complete when the caller has added to it, and before the next one begins.
func (s *Session) event(l *leg, from Side, layer Layer, span Span, kind string) *Event {
	s.trim()
	e := s.bare(l, from, layer, span, kind)
	e.Fields = s.room.fields.take(fieldRoom, fieldBatch, s.o.Passing)
	e.Notes = s.room.notes.take(noteRoom, noteBatch, s.o.Passing)
	return e
}

// trim gives back the room that the last event left. What is added to that event later moves elsewhere.
func (s *Session) trim() {
	if n := len(s.evs); n > 0 {
		e := &s.evs[n-1]
		if len(e.Fields) < cap(e.Fields) {
			s.room.fields.back(e.Fields)
			e.Fields = e.Fields[:len(e.Fields):len(e.Fields)]
		}
		if len(e.Notes) < cap(e.Notes) {
			s.room.notes.back(e.Notes)
			e.Notes = e.Notes[:len(e.Notes):len(e.Notes)]
		}
	}
}

// bare begins an event without room for its parts.
func (s *Session) bare(l *leg, from Side, layer Layer, span Span, kind string) *Event {
	s.seq++
	if n := len(s.evs); n < cap(s.evs) {
		s.evs = s.evs[:n+1]
	} else {
		s.evs = append(s.evs, Event{})
	}
	e := &s.evs[len(s.evs)-1]
	e.Seq, e.Time, e.Leg, e.From, e.Layer, e.Span, e.Kind = s.seq, s.now, l.id, from, layer, span, kind
	e.Carried, e.Fields, e.Re, e.Notes = nil, nil, 0, nil
	return e
}

// args gives a note's single argument.
func (s *Session) args(name, value string) []Field {
	return append(s.room.fields.take(1, fieldBatch, s.o.Passing), Field{Name: name, Value: value})
}

// Events rarely have more fields or notes than this; those that do allocate for themselves.
const (
	fieldRoom = 6
	noteRoom  = 2
)

// add appends a field. Where there is room it is written part by part: while garbage is collected, that costs a fraction
// of moving it there whole.
func (e *Event) add(name, value string, span Span) {
	n := len(e.Fields)
	if n == cap(e.Fields) {
		e.Fields = append(e.Fields, Field{name, value, span, false})
		return
	}
	e.Fields = e.Fields[:n+1]
	f := &e.Fields[n]
	f.Name, f.Value, f.Span, f.Secret = name, value, span, false
}

// addSecret appends a field whose value is a secret; the caller has masked it.
func (e *Event) addSecret(name, masked string, span Span) {
	e.Fields = append(e.Fields, Field{name, masked, span, true})
}

// note appends an explanation of the whole event.
func (e *Event) note(id string, args ...Field) { e.noteAt(id, Span{}, args...) }

// noteAt appends an explanation of a part of the event.
func (e *Event) noteAt(id string, span Span, args ...Field) {
	n := len(e.Notes)
	if n == cap(e.Notes) {
		e.Notes = append(e.Notes, Note{ID: id, Args: args, Span: span})
		return
	}
	e.Notes = e.Notes[:n+1]
	note := &e.Notes[n]
	note.ID, note.Args, note.Span = id, args, span
}
