package captures

import "facteur/decode"

// pump delivers what waits as far as it is next and what it acknowledges has come. Where both sides could go on, what
// came first goes first.
func (t *tcp) pump(c *conn) {
	for {
		a, b := t.ready(c, decode.Client), t.ready(c, decode.Server)
		switch {
		case a == nil && b == nil:
			t.over(c)
			return
		case b == nil || a != nil && int32(a.packet-b.packet) <= 0:
			t.advance(c, decode.Client)
		default:
			t.advance(c, decode.Server)
		}
	}
}

// over ends a connection both of whose sides have ended. One that was torn down, and facteur's own, stay: more may come.
func (t *tcp) over(c *conn) {
	if c.half[0].ended != decode.Open && c.half[1].ended != decode.Open && !c.session.own && !c.ended {
		t.finish(c)
	}
}

// ready gives since when the side's next octets or its end could be delivered, nil if they cannot.
func (t *tcp) ready(c *conn, side decode.Side) *moment {
	n := t.upNext(c, side)
	if n.held == nil || !n.free && c.half[side.Other()].blocks(n.ack) {
		return nil
	}
	return n.held
}

// coming is what waits and is contiguous: since when, and what it acknowledges. held is nil if there is nothing.
type coming struct {
	held *moment
	ack  uint32
	free bool // it acknowledges nothing
}

// upNext gives what of a side waits and is contiguous. It drops what has come otherwise.
func (t *tcp) upNext(c *conn, side decode.Side) coming {
	x := &c.half[side]
	if !x.synced || x.ended != decode.Open {
		return coming{}
	}
	for len(x.queue) > 0 {
		q := &x.queue[0]
		d := after(q.seq, x.next)
		if d > 0 {
			break
		}
		if d+len(q.data)+q.cut > 0 {
			return coming{&q.held, q.ack, q.free}
		}
		x.pop(t)
	}
	if x.end == decode.Open {
		return coming{}
	}
	d := after(x.endAt, x.next)
	if d < 0 { // octets came from behind it: it was not the end
		x.end = decode.Open
	}
	if d != 0 || len(x.queue) > 0 && x.end == decode.Reset {
		return coming{}
	}
	return coming{&x.endHeld, x.endAck, x.end == decode.Reset}
}

// advance delivers the queue's head, or the end.
func (t *tcp) advance(c *conn, side decode.Side) {
	x := &c.half[side]
	if len(x.queue) == 0 || after(x.queue[0].seq, x.next) > 0 {
		t.ending(c, side, x.end)
		return
	}
	q := x.queue[0]
	x.pop(t)
	d := -after(q.seq, x.next)
	k := min(d, len(q.data))
	cut := q.cut - (d - k)
	if cut > 0 && len(x.queue) > 0 { // what a snapshot length cut off may have come otherwise
		cut = min(cut, max(0, after(x.queue[0].seq, q.stop())-(d-k)))
	}
	t.deliver(c, side, q.data[k:], cut)
}

// settle tells holes that are certain, delivers what was behind them, and keeps to the limits.
func (t *tcp) settle(c *conn) {
	for t.step(c, false) {
	}
	for over(&c.half[0]) || over(&c.half[1]) || t.queued > maxQueuedTotal && c.half[0].octets+c.half[1].octets > 0 {
		if !t.step(c, true) {
			break
		}
	}
	t.over(c)
	if !c.ended && (c.reset && !c.session.own || c.half[0].waits() || c.half[1].waits()) {
		t.wait.push(c, c.last)
	}
}

func over(h *half) bool { return h.octets > maxQueued || len(h.queue) > maxQueuedSegments }

// drain delivers everything that waits, telling what is missing.
func (t *tcp) drain(c *conn) {
	for t.step(c, true) {
	}
}

// step makes one decision about what the connection waits for, and says whether it made one. Unless all is set it
// decides only what has waited long enough and is certain.
func (t *tcp) step(c *conn, all bool) bool {
	if c.ended {
		return false
	}
	first := decode.Client
	if t.since(c, decode.Server).before(t.since(c, decode.Client)) {
		first = decode.Server
	}
	for _, side := range [2]decode.Side{first, first.Other()} {
		if t.begin(c, side, all) || t.unblock(c, side, all) || t.hole(c, side, all) {
			t.pump(c)
			return true
		}
	}
	return false
}

func (m moment) before(o moment) bool { return int32(m.packet-o.packet) < 0 }

// since is when a side's first waiting thing came.
func (t *tcp) since(c *conn, side decode.Side) moment {
	switch x := &c.half[side]; {
	case len(x.queue) > 0:
		return x.queue[0].held
	case x.end != decode.Open:
		return x.endHeld
	case x.beyond():
		return x.ackHeld
	}
	return c.moment()
}

// begin gives up waiting for a SYN: the first octet seen is the first.
func (t *tcp) begin(c *conn, side decode.Side, all bool) bool {
	x := &c.half[side]
	if x.synced || len(x.queue) == 0 && x.end == decode.Open || !all && !c.old(t.since(c, side), t.now) {
		return false
	}
	if len(x.queue) > 0 {
		x.sync(x.queue[0].seq, true)
	} else {
		x.sync(x.endAt, true)
	}
	t.tell(c, side, "tcp.midstream", 0)
	return true
}

// unblock decides for octets that are next but acknowledge others that have not come: those are lost. If these in
// their turn wait for the first (acknowledgments that cannot be true), what came first goes first.
func (t *tcp) unblock(c *conn, side decode.Side, all bool) bool {
	n := t.upNext(c, side)
	if n.held == nil || !all && !c.old(*n.held, t.now) {
		return false
	}
	if other := t.upNext(c, side.Other()); other.held != nil {
		if again := t.repeats(c, side); again != t.repeats(c, side.Other()) {
			// A retransmission acknowledges more than its first copy did, so that one is the untrue one.
			if !again {
				side = side.Other()
			}
			t.advance(c, side)
		} else if n.held.before(*other.held) {
			t.advance(c, side)
		} else {
			t.advance(c, side.Other())
		}
		return true
	}
	switch y := &c.half[side.Other()]; {
	case n.free || !y.blocks(n.ack):
		t.advance(c, side)
	case y.synced:
		return t.skip(c, side.Other(), n.ack, all)
	case len(y.queue) == 0:
		y.absent = true
	default:
		return t.begin(c, side.Other(), true)
	}
	return true
}

// repeats says that what waits begins with octets already delivered.
func (t *tcp) repeats(c *conn, side decode.Side) bool {
	x := &c.half[side]
	return len(x.queue) > 0 && after(x.queue[0].seq, x.next) < 0
}

// hole decides for octets ahead of which others are missing. Certain is what the other side has acknowledged.
func (t *tcp) hole(c *conn, side decode.Side, all bool) bool {
	x := &c.half[side]
	if !x.synced || x.ended != decode.Open {
		return false
	}
	certain := x.beyond() && c.old(x.ackHeld, t.now)
	switch {
	case len(x.queue) > 0:
		if !all && !(certain && c.old(x.queue[0].held, t.now)) {
			return false
		}
		return t.skip(c, side, x.queue[0].seq, all)
	case x.end != decode.Open:
		if !all && !(certain && c.old(x.endHeld, t.now)) {
			return false
		}
		if x.end == decode.Reset && !x.beyond() { // nobody has confirmed that these octets existed
			x.next = x.endAt
			return true
		}
		return t.skip(c, side, x.endAt, all)
	case x.beyond() && (all || certain):
		return t.skip(c, side, x.acked, all)
	}
	return false
}

// skip tells the octets up to a sequence number as lost, but not beyond what is there. Where nothing is, the last octet
// acknowledged may be a FIN that was not captured. It is no loss if it is the only one, if the peer has ended too, or if
// nothing more comes (last). It says whether that changed anything: an end that is next, and waits for what it
// acknowledges, has nothing before it to be lost.
func (t *tcp) skip(c *conn, side decode.Side, to uint32, last bool) bool {
	x, y := &c.half[side], &c.half[side.Other()]
	known := false
	if len(x.queue) > 0 && after(x.queue[0].seq, to) <= 0 {
		to, known = x.queue[0].seq, true
	}
	if (x.end == decode.Finished || x.end == decode.Reset && len(x.queue) == 0) && after(x.endAt, to) <= 0 {
		to, known = x.endAt, true
	}
	n := after(to, x.next)
	if !known && len(x.queue) == 0 {
		x.forgiven, x.hasForgiven = to, true
		if n == 1 || last || y.ended != decode.Open || y.end != decode.Open {
			n--
		}
	}
	if n > 0 {
		t.lose(c, side, n)
	}
	return n > 0 || !known
}
