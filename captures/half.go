package captures

import (
	"bytes"
	"slices"
	"sort"

	"facteur/decode"
)

// half is what one side of a connection sends.
type half struct {
	synced  bool   // base and next are known
	absent  bool   // nothing has come for so long that nothing is waited for
	guessed bool   // base is the first octet seen, not what a SYN said
	base    uint32 // sequence number of the first octet
	next    uint32 // of the next octet to deliver
	ended   decode.End

	queue  []queued // what waits, in order, without overlaps
	octets int      // in queue

	// The end of the side, once seen; it may be ahead of octets that are still missing.
	end     decode.End
	endAt   uint32
	endHeld moment
	endAck  uint32 // Finished only
	torn    bool   // a reset follows the FIN that waits

	// What the other side acknowledged, where that is beyond next: evidence that octets are missing here.
	acked    uint32
	hasAcked bool
	ackHeld  moment
	verified bool     // the SYN had a right checksum
	suspect  *suspect // a segment that may be forged (checksum.go)

	// forgiven acknowledgments block nothing any more: an octet beyond the last one may be a FIN that was not captured.
	forgiven    uint32
	hasForgiven bool
}

// queued is octets ahead of a hole, or ahead of what they acknowledge.
type queued struct {
	seq  uint32
	data []byte
	cut  int
	ack  uint32
	free bool // ack says nothing: a SYN's first octets
	held moment
}

// moment is when something began to wait: by packets of the connection and by the file's clock.
type moment struct {
	packet uint32
	time   int64
}

func (c *conn) moment() moment { return moment{c.packets, c.last} }

// old says that what came at m has waited long enough for stragglers.
func (c *conn) old(m moment, now int64) bool {
	d := now - m.time
	return c.packets-m.packet >= reorderPackets || d >= reorderTime || d <= -reorderTime
}

// after is how far sequence number a is beyond b (RFC 9293 §3.4: modulo 2^32).
func after(a, b uint32) int { return int(int32(a - b)) }

func (h *half) sync(seq uint32, guessed bool) {
	h.synced, h.guessed, h.base, h.next = true, guessed, seq, seq
}

// beyond says that the other side acknowledged octets that have not come.
func (h *half) beyond() bool {
	return h.hasAcked && h.synced && h.ended == decode.Open && h.lacks(h.acked)
}

// lacks says that an acknowledgment covers octets that have not come.
func (h *half) lacks(ack uint32) bool {
	d := after(ack, h.next)
	return d > 0 && d <= maxWindow && !(h.hasForgiven && after(ack, h.forgiven) <= 0)
}

// blocks says that a segment with this acknowledgment was sent after octets of h that have not come.
func (h *half) blocks(ack uint32) bool {
	if !h.synced { // what has come still waits for its beginning, or nothing has come
		return !h.absent || len(h.queue) > 0 && after(ack, h.queue[0].seq) > 0
	}
	return h.ended == decode.Open && h.lacks(ack)
}

// waits says that something of h waits.
func (h *half) waits() bool { return len(h.queue) > 0 || h.end != decode.Open || h.beyond() }

// feed takes a segment of an open connection.
func (t *tcp) feed(c *conn, side decode.Side, s *segment, o *own) {
	c.packets++
	c.last, c.session.last = s.time, s.time
	if s.flags&flagSYN != 0 || c.session.own {
		t.open(c)
	}
	said := s.comments != nil && c.opened
	if said {
		t.remark(c, side, s, len(s.data))
	}
	if o != nil && c.session.own {
		t.ownComment(c, side, o)
	}
	if s.comments != nil && !said {
		defer func() {
			if c.opened {
				t.remark(c, side, s, 0)
			}
		}()
	}
	if c.ended {
		return
	}
	x, y := &c.half[side], &c.half[side.Other()]
	if x.suspect != nil || y.suspect != nil {
		t.acquit(c, side, s)
	}
	seq := s.seq
	if s.flags&flagSYN != 0 {
		x.verified = s.cut == 0 && s.sound()
		seq++
		t.syn(x, y, s)
	}
	if s.flags&(flagACK|flagRST) == flagACK {
		y.acknowledge(c, s.ack)
	}
	if (len(s.data) > 0 || s.cut > 0) && !t.doubt(x, seq, s) {
		t.data(c, side, seq, s)
	}
	switch {
	case s.flags&flagRST != 0:
		t.rst(c, side, seq)
	case s.flags&flagFIN != 0:
		t.fin(c, side, seq+uint32(len(s.data)+s.cut), s.ack)
	}
	if !c.ended && (x.waits() || y.waits()) {
		t.pump(c)
		t.settle(c)
	}
}

// syn takes what a SYN says of where the octets begin; a SYN-ACK says it of both sides.
func (t *tcp) syn(x, y *half, s *segment) {
	if !x.synced {
		x.sync(s.seq+1, false)
	}
	if s.flags&flagACK != 0 && !y.synced {
		y.sync(s.ack, false)
	}
}

// acknowledge keeps an acknowledgment of octets of h that have not come.
func (h *half) acknowledge(c *conn, ack uint32) {
	if !h.synced || h.ended != decode.Open || !h.lacks(ack) {
		return
	}
	if !h.beyond() {
		h.ackHeld = c.moment()
		h.acked = ack
	} else if after(ack, h.acked) > 0 {
		h.acked = ack
	}
	h.hasAcked = true
}

// data takes a segment's octets: delivers them if they are next, else keeps them.
func (t *tcp) data(c *conn, side decode.Side, seq uint32, s *segment) {
	x, y := &c.half[side], &c.half[side.Other()]
	data, cut := s.data, s.cut
	if x.ended != decode.Open {
		t.tell(c, side, "tcp.after_end", len(data))
		return
	}
	if !x.synced {
		if x.near(seq) {
			t.keep(c, side, seq, s)
		}
		return
	}
	d := after(seq, x.next)
	if d+len(data)+cut <= 0 {
		t.tellOld(c, side, d, len(data))
		return
	}
	if d < 0 { // overlap: what came first stands
		k := min(-d, len(data))
		t.tell(c, side, "tcp.retransmission", k)
		data, cut, seq, d = data[k:], cut-(-d-k), x.next, 0
	}
	if d == 0 && len(x.queue) == 0 && (s.flags&flagACK == 0 || !y.blocks(s.ack)) {
		t.deliver(c, side, data, cut)
		return
	}
	if d > maxWindow {
		return
	}
	if d > 0 {
		t.tell(c, side, "tcp.out_of_order", len(data))
	}
	again := *s
	again.data, again.cut = data, cut
	t.keep(c, side, seq, &again)
}

func (t *tcp) tellOld(c *conn, side decode.Side, d, n int) {
	kind := "tcp.retransmission"
	if d == -1 && n == 1 { // RFC 9293 §3.8.4: an octet of garbage before the next one
		kind = "tcp.keepalive"
	}
	t.tell(c, side, kind, n)
}

// deliver emits octets that are next, and tells those behind them that a snapshot length cut off.
func (t *tcp) deliver(c *conn, side decode.Side, data []byte, cut int) {
	x := &c.half[side]
	if len(data) > 0 {
		x.next += uint32(len(data))
		t.emit(c, side, decode.Chunk{Data: data})
	}
	if cut > 0 {
		t.lose(c, side, cut)
	}
}

// lose tells that octets are missing, and goes on behind them.
func (t *tcp) lose(c *conn, side decode.Side, n int) {
	c.half[side].next += uint32(n)
	t.emit(c, side, decode.Chunk{Lost: n})
}

// keep puts a copy of what is new of a segment into the queue. Octets that are there already stay.
func (t *tcp) keep(c *conn, side decode.Side, seq uint32, s *segment) {
	h := &c.half[side]
	q := queued{seq: seq, cut: s.cut, ack: s.ack, free: s.flags&flagACK == 0, held: c.moment()}
	data := s.data
	i := sort.Search(len(h.queue), func(i int) bool { return after(h.queue[i].stop(), seq) > 0 })
	for i < len(h.queue) && after(h.queue[i].seq, q.seq) < len(data) {
		e := &h.queue[i]
		if k := after(e.seq, q.seq); k > 0 {
			h.insert(t, i, q, data[:k], 0)
			i++
			e = &h.queue[i]
			data, q.seq = data[k:], e.seq
		}
		from := after(q.seq, e.seq)
		k := min(len(e.data)-from, len(data))
		if !bytes.Equal(e.data[from:from+k], data[:k]) {
			t.tell(c, side, "tcp.overlap_conflict", k)
		}
		data, q.seq = data[k:], q.seq+uint32(k)
		i++
	}
	if i > 0 { // what was cut off may be there already
		if k := after(h.queue[i-1].stop(), q.seq); k > 0 {
			q.seq, q.cut = q.seq+uint32(k), q.cut-k
		}
	}
	if len(data) > 0 || q.cut > 0 {
		h.insert(t, i, q, data, max(0, q.cut))
	}
}

// near says that a segment is not so far from what waits that sequence numbers could not be put in order.
func (h *half) near(seq uint32) bool {
	n := len(h.queue)
	return n == 0 || abs(after(seq, h.queue[0].seq)) <= maxQueued && abs(after(seq, h.queue[n-1].seq)) <= maxQueued
}

func (q *queued) stop() uint32 { return q.seq + uint32(len(q.data)) }

const queuedCost = 128 // octets of memory that a queued segment takes beside its data

func (h *half) insert(t *tcp, i int, q queued, data []byte, cut int) {
	q.data, q.cut = bytes.Clone(data), cut
	h.queue = slices.Insert(h.queue, i, q)
	n := len(data) + queuedCost
	h.octets += n
	t.queued += n
}

// pop takes the queue's head off.
func (h *half) pop(t *tcp) {
	n := len(h.queue[0].data) + queuedCost
	h.octets -= n
	t.queued -= n
	h.queue[0] = queued{}
	h.queue = h.queue[1:]
	if len(h.queue) == 0 {
		h.queue = nil
	}
}

// drop forgets what waits.
func (h *half) drop(t *tcp) {
	t.queued -= h.octets
	h.queue, h.octets, h.end = nil, 0, decode.Open
}

// fin notes where the side ends; the octets before may not have come yet.
func (t *tcp) fin(c *conn, side decode.Side, at, ack uint32) {
	x := &c.half[side]
	if x.ended != decode.Open || x.end != decode.Open || x.synced && after(at, x.next) < 0 {
		return
	}
	x.end, x.endAt, x.endAck, x.endHeld = decode.Finished, at, ack, c.moment()
}

// rst notes that the side tore the connection down. One whose sequence number is behind is stale and means nothing
// (RFC 5961 §3); one ahead counts when the octets before it are there.
func (t *tcp) rst(c *conn, side decode.Side, seq uint32) {
	x := &c.half[side]
	switch {
	case x.ended == decode.Reset:
		return
	case x.ended == decode.Finished:
		t.ending(c, side, decode.Reset)
		return
	case x.end == decode.Finished:
		x.torn = true
		return
	case !x.synced && len(x.queue) == 0:
		x.sync(seq, true)
	case x.synced && (after(seq, x.next) < 0 || after(seq, x.next) > maxWindow):
		return
	}
	x.end, x.endAt, x.endHeld = decode.Reset, seq, c.moment()
}

// ending tells that a side has ended.
func (t *tcp) ending(c *conn, side decode.Side, end decode.End) {
	x := &c.half[side]
	x.drop(t) // octets behind its end are nobody's
	x.ended = end
	if end == decode.Finished {
		x.next++
	} else {
		c.reset = true
	}
	t.emit(c, side, decode.Chunk{End: end})
	if x.torn && end == decode.Finished {
		t.ending(c, side, decode.Reset)
	}
}

func abs(n int) int { return max(n, -n) }
