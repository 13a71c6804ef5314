package captures

import (
	"cmp"
	"slices"
	"strconv"

	"facteur/decode"
)

// link puts a connection at the new end of the list.
func (t *tcp) link(c *conn) {
	c.older, c.newer = t.newest, nil
	if t.newest != nil {
		t.newest.newer = c
	} else {
		t.oldest = c
	}
	t.newest = c
}

func (t *tcp) unlink(c *conn) {
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		t.oldest = c.newer
	}
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		t.newest = c.older
	}
}

// touch moves a connection to the new end.
func (t *tcp) touch(c *conn) {
	if t.newest != c {
		t.unlink(c)
		t.link(c)
	}
}

// forget takes a finished connection out of the table.
func (t *tcp) forget(c *conn) {
	delete(t.conns, c.key)
	t.unlink(c)
	if t.hot == c {
		t.hot = nil
	}
	s := c.session
	if s.own && s.legs[c.leg] == c {
		s.legs[c.leg] = nil
		if s.legs[c.leg^1] == nil {
			t.close(s)
		}
	}
}

// end finishes everything, in the order of the sessions.
func (t *tcp) end() {
	rest := make([]*conn, 0, len(t.conns))
	for _, c := range t.conns {
		if !c.ended || c.session.own && !c.session.closed {
			rest = append(rest, c)
		}
	}
	slices.SortFunc(rest, func(a, b *conn) int {
		return cmp.Or(cmp.Compare(a.session.number, b.session.number), cmp.Compare(a.leg, b.leg))
	})
	for _, c := range rest {
		t.finish(c)
		if t.repair != nil && c.session.own && !c.session.closed && c == c.session.first() {
			told := decode.Told{Kind: "session.recording", Fields: []decode.Field{{Name: "what", Value: "repaired"}, {Name: "filename", Value: t.repair.File},
				{Name: "number", Value: itoa(int(t.repair.Offset))}, {Name: "octets", Value: itoa(int(t.repair.Octets))}}}
			t.sink.Chunk(c.session.number, decode.Chunk{Time: unixTime(c.session.last), Leg: c.leg, Told: &told})
		}
		t.forget(c)
	}
}

// first is the first of a session's legs that the recording has.
func (s *session) first() *conn {
	if s.legs[decode.ClientLeg] != nil {
		return s.legs[decode.ClientLeg]
	}
	return s.legs[decode.ServerLeg]
}

// waitList is the connections that wait for stragglers, in the order in which they began to.
type waitList struct {
	list []waiting
}

type waiting struct {
	c     *conn
	since int64
}

func (w *waitList) push(c *conn, now int64) {
	if !c.waiting {
		c.waiting = true
		w.list = append(w.list, waiting{c, now})
	}
}

// due settles the connections that have waited long enough by the file's clock.
func (t *tcp) due() {
	for len(t.wait.list) > 0 {
		head := t.wait.list[0]
		if d := t.now - head.since; d < reorderTime && d > -reorderTime {
			return
		}
		t.wait.list[0] = waiting{}
		t.wait.list = t.wait.list[1:]
		c := head.c
		c.waiting = false
		switch {
		case c.ended:
		case c.reset && !c.session.own:
			t.finish(c)
		default:
			t.settle(c)
			if c.waiting { // for something less certain: look again later
				t.wait.list[len(t.wait.list)-1].since = t.now
			}
		}
	}
}

// numbers gives sessions their numbers: to connections the next free one; to facteur's own sessions the one they had,
// if no other has it.
type numbers struct {
	last  int              // all up to here are given
	ahead map[int]struct{} // given beyond last
}

// maxAhead numbers are kept in order out of sequence. Recordings open sessions nearly in order.
const maxAhead = 1 << 16

func (n *numbers) next() int {
	n.last++
	for n.given(n.last) {
		delete(n.ahead, n.last)
		n.last++
	}
	return n.last
}

func (n *numbers) given(i int) bool {
	_, ok := n.ahead[i]
	return ok
}

func (n *numbers) claim(i int) int {
	switch {
	case i == n.last+1:
		return n.next()
	case i <= n.last || n.given(i) || len(n.ahead) >= maxAhead:
		return n.next()
	}
	if n.ahead == nil {
		n.ahead = map[int]struct{}{}
	}
	n.ahead[i] = struct{}{}
	return i
}

// ownKey names a session of a recording of ours, also among merged ones.
type ownKey struct {
	recording string
	session   int
}

// joinOwn makes a connection a leg of a recorded session.
func (t *tcp) joinOwn(c *conn, o *own) {
	k := ownKey{o.Recording, o.Open.Session}
	leg := legOf(o.Open.Leg)
	s := t.own[k]
	if s == nil || s.legs[leg] != nil {
		s = &session{number: t.numbers.claim(k.session), key: k, own: true}
		t.own[k] = s
	}
	s.legs[leg] = c
	c.session, c.leg = s, leg
	m := *o.Open
	c.info.Own, c.info.Protocol, c.info.Implicit, c.info.Midstream = &m, m.Protocol, m.Implicit, m.Midstream
	if c.info.Protocol == "" {
		c.info.Protocol = decode.Detect
	}
}

// maxLost octets is the largest loss believed: more than a session ever carries, and sums of it do not overflow.
const maxLost = 1 << 46

// ownComment does what a machine comment says.
func (t *tcp) ownComment(c *conn, side decode.Side, o *own) {
	s := c.session
	if s.closed {
		return
	}
	if o.Told != nil {
		ch := o.Told.chunk()
		ch.Time = unixTime(c.last)
		t.open(c)
		t.sink.Chunk(s.number, ch)
	}
	if o.Lost > 0 && o.Lost <= maxLost && !c.ended && c.half[side.Other()].ended == decode.Open {
		t.lose(c, side.Other(), int(o.Lost))
	}
	if o.Close {
		for _, l := range s.legs {
			if l != nil {
				t.finish(l)
			}
		}
		t.close(s)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
