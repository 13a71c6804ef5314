package proxy

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"facteur/decode"
)

// calmTurns turns in a row that bring at most calmTurn octets each let a session into a loop: before, it may be over, and a
// large message is carried better by a goroutine of its own. Tests change it.
var calmTurns = 8

const (
	calmTurn = 32 << 10
	// maxTurns is how often a loop reads from one connection before it looks at the others.
	maxTurns = 8
)

// meeting is where the two directions of a session agree to be carried by a loop. One invites the other, which must be
// reading: it holds no octets then, and writes none. A direction never waits for one that does.
type meeting struct {
	directions [2]*direction // by the side that speaks

	mu      sync.Mutex
	reading [2]bool
	asked   *pair // the invitation to the one that reads
	pair    *pair // in a loop
}

// pair is a session in a loop.
type pair struct {
	directions [2]*direction
	keeper     *direction // it invited, and makes the connections ready again
	loop       *loop
	in, over   bool // belong to the loop: it has the session; it had it
	recalled   atomic.Bool

	joins  chan bool     // the other one says whether it comes
	handed chan struct{} // closed when the loop gives the session back
	ready  chan struct{} // closed when both may go on
	broken error         // a connection could not be made ready; read behind ready
}

// looped is what a direction has to do with loops.
type looped struct {
	pair  *pair // that it is in
	place int32

	// why the loop gave it back, besides that something may take its time
	rest     []byte // what the watch does not understand
	ended    error
	panicked any
	stack    []byte // where
}

// settled reports whether octets go straight on.
func (d *direction) settled() bool { return !d.steered || d.st.isWatched() }

// invite asks the other direction to be carried by a loop, together with this one, and reports whether that is so.
func (d *direction) invite() bool {
	m := &d.s.meeting
	side := d.from.peer.Other()
	other := m.directions[side]
	if len(d.s.srv.c.Attacks) > 0 || !d.settled() {
		return false
	}
	m.mu.Lock()
	if !m.reading[side] || m.asked != nil || other.steered && !d.steered {
		m.mu.Unlock()
		return false
	}
	p := &pair{directions: m.directions, keeper: d, joins: make(chan bool, 1), handed: make(chan struct{}), ready: make(chan struct{})}
	m.asked = p
	other.from.hurry() // under mu: it comes before the answer's unhurry
	m.mu.Unlock()
	if !<-p.joins {
		return false
	}
	d.pair = p
	if d.board(p) {
		p.loop.post(p)
		if d.from.isAborted() || d.to.isAborted() {
			m.recall()
		}
	} else {
		close(p.handed)
	}
	return true
}

// board makes ready for the loop; both directions wait.
func (d *direction) board(p *pair) bool {
	if p.loop = d.s.srv.loops.one(); p.loop == nil {
		return false
	}
	if !d.settled() || detach(d.from.wire, d.to.wire) != nil {
		return false
	}
	m := &d.s.meeting
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pair = p
	p.loop.sessions.Add(1)
	return true
}

// reads notes that the direction begins to read.
func (d *direction) reads() {
	m := &d.s.meeting
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reading[d.from.peer] = true
}

// invited takes what the read gave, and reports whether the direction was invited meanwhile, and joins. It does if nothing
// came; otherwise it gives the error that belongs to the octets.
func (d *direction) invited(n int, err error) (bool, error) {
	m := &d.s.meeting
	m.mu.Lock()
	m.reading[d.from.peer] = false
	p := m.asked
	m.asked = nil
	m.mu.Unlock()
	if p == nil {
		return false, err
	}
	d.from.unhurry()
	hurried := isDeadline(err) && !d.from.isAborted()
	joins := hurried && n == 0
	if joins {
		d.pair = p
	}
	p.joins <- joins
	if hurried {
		err = nil
	}
	return joins, err
}

// leaves declines an invitation that came while the direction panicked.
func (d *direction) leaves() {
	m := &d.s.meeting
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reading[d.from.peer] = false
	if p := m.asked; p != nil && p.keeper != d {
		m.asked = nil
		p.joins <- false
	}
}

// recall asks the loop to give the session back, if one has it.
func (m *meeting) recall() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pair != nil {
		m.pair.recalled.Store(true)
		m.pair.loop.post(m.pair)
	}
}

// ride waits until the loop gives the direction back, and does what the loop could not.
func (d *direction) ride() error {
	p := d.pair
	d.calm = 0
	d.b.free()
	d.b.small = nil // a session that is silent in a loop holds no buffer
	if p.keeper == d {
		<-p.handed
		d.alight(p)
	}
	<-p.ready
	why := d.looped
	d.looped = looped{}
	switch {
	case why.panicked != nil:
		d.s.log().Error("internal", "panic", why.panicked, "stack", string(why.stack))
		panic(why.panicked)
	case p.broken != nil:
		return p.broken
	}
	d.s.tell.await()
	if _, err := d.to.put(nil); err != nil {
		return writeError{err}
	}
	if len(why.rest) > 0 {
		if err := d.said(why.rest); err != nil {
			return err
		}
	}
	return d.pass(nil, why.ended)
}

// alight makes the connections ready for goroutines that wait.
func (d *direction) alight(p *pair) {
	m := &d.s.meeting
	m.mu.Lock()
	m.pair = nil
	m.mu.Unlock()
	for _, k := range p.directions {
		if err := k.from.attach(); err != nil {
			f := &fault{what: faultInternal, leg: k.from.id, fields: []string{"description", err.Error()}, err: err}
			d.s.explain(f)
			p.broken = f
		}
	}
	close(p.ready)
}

// turn carries what is there, from within a loop, and reports whether the session may stay in it.
func (d *direction) turn(room []byte) (stay bool) {
	defer func() {
		if r := recover(); r != nil {
			d.panicked, d.stack, stay = r, debug.Stack(), false
		}
	}()
	wire := d.from.wire
	wire.dry = false
	for range maxTurns {
		n, err := d.from.fill(room)
		switch {
		case n > 0 && !d.passNow(room[:n]):
			return false
		case err != nil:
			d.ended = err // of TLS
			return false
		case wire.failed != nil, wire.full(): // with the answer to a KeyUpdate
			return false
		case n == 0, wire.dry && d.from.tls == nil:
			return true
		}
	}
	return false
}

// passNow is pass where nothing may wait. It reports whether the session may stay in the loop.
func (d *direction) passNow(data []byte) bool {
	d.from.heard()
	d.from.spoke(data)
	if d.steered && d.from.peer == decode.Client {
		d.rest, d.ended = d.st.watchedNow(data)
	} else {
		d.ended = d.said(data)
	}
	return d.ended == nil && d.rest == nil && !d.to.wire.full() && !d.s.tell.behind.Load()
}

// hurry lets a read return.
func (l *leg) hurry() { l.setReadDeadline(time.Unix(1, 0)) }

// unhurry lets reads wait again.
func (l *leg) unhurry() { l.setReadDeadline(never) }

func (l *leg) setReadDeadline(t time.Time) {
	l.dmu.Lock()
	defer l.dmu.Unlock()
	if !l.aborted {
		l.conn.SetReadDeadline(t)
	}
}

func (l *leg) isAborted() bool {
	l.dmu.Lock()
	defer l.dmu.Unlock()
	return l.aborted
}

// attach takes the connection back from a loop. Where no descriptor is left at all, it waits for one: other sessions end.
func (l *leg) attach() error {
	if !l.wire.looped() {
		return nil
	}
	err := l.wire.attach()
	for isScarce(err) && !l.isAborted() {
		if err = l.s.srv.loops.attach(l.wire); isScarce(err) {
			time.Sleep(acceptPause)
		}
	}
	l.dmu.Lock()
	defer l.dmu.Unlock()
	if err != nil {
		l.wire.drop()
		return err
	}
	l.conn = l.wire.conn
	l.conn.SetKeepAliveConfig(keepAlive)
	if l.aborted {
		l.conn.SetDeadline(time.Unix(1, 0))
	}
	return nil
}
