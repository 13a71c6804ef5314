package captures

import (
	"bytes"
	"net/netip"
	"time"

	"facteur/decode"
)

// What a capture out of order is waited for. Cards with several queues and captures on several interfaces exchange
// packets that are some microseconds and a few packets apart; the named limits are far beyond that and still short
// enough for somebody who watches a live pipe.
const (
	reorderPackets = 64  // packets of the same connection
	reorderTime    = 1e9 // nanoseconds of the file's clock
)

// What may wait in memory.
const (
	// maxQueued octets and segments of one side wait for a hole to be filled: one retransmission's round trip at 300
	// Mbit/s and 100 ms. Beyond it the hole is told.
	maxQueued         = 4 << 20
	maxQueuedSegments = 4096
	// maxQueuedTotal is for all connections together.
	maxQueuedTotal = 64 << 20
	// maxConnections are remembered, closed ones too, so that their stragglers open no session. The one silent for
	// longest goes first.
	maxConnections = 1 << 16
	// maxClosed of them are closed: stragglers come within minutes, and what is remembered is to stay small beside what a
	// capture of any size takes.
	maxClosed = 1 << 12
	// maxWindow is the farthest that a segment can be ahead of what was acknowledged (RFC 7323 §2.3).
	maxWindow = 1 << 30
)

// connKey names a connection, the same for both directions.
type connKey struct {
	a, b         [16]byte
	aport, bport uint16
}

// conn is one TCP connection.
type conn struct {
	key          connKey
	swap         bool // the client is key.b
	half         [2]half
	session      *session
	leg          decode.Leg
	info         Info
	opened       bool // Sink.Open was called
	ended        bool // flushed; only stragglers come
	packets      uint32
	first        int64
	last         int64
	waiting      bool  // in tcp.wait
	reset        bool  // torn down; closed after reorderTime
	newer, older *conn // by last packet
}

// session is one or two connections with one number.
type session struct {
	number int
	key    ownKey
	own    bool
	legs   [2]*conn
	last   int64 // time of its last packet
	closed bool
}

// tcp turns segments into sessions and chunks.
type tcp struct {
	sink    Sink
	story   bool // also tell what TCP did: retransmissions, overlaps …
	conns   map[connKey]*conn
	hot     *conn // of the segment before
	newest  *conn
	oldest  *conn
	queued  int // octets that wait, all connections
	now     int64
	numbers numbers
	own     map[ownKey]*session
	wait    waitList
	past    []*conn      // closed, oldest first
	repair  *ownRepaired // of the recording's end; nil for one that ended in order
}

func newTCP(s Sink, story bool) *tcp {
	return &tcp{sink: s, story: story, conns: map[connKey]*conn{}, own: map[ownKey]*session{}}
}

// segment takes the next segment of the file.
func (t *tcp) segment(s *segment) {
	t.now = s.time
	t.due()
	key, fromB := keyOf(s)
	c := t.hot
	if c == nil || c.key != key {
		c = t.conns[key]
	}
	var o *own
	if s.comments != nil {
		o = parseOwn(s.comments)
	}
	if c != nil && t.reused(c, s, fromB) {
		t.finish(c)
		t.forget(c)
		c = nil
	}
	if c == nil {
		c = t.newConn(key, s, fromB, o)
	}
	t.hot = c
	t.touch(c)
	if s.flags&(flagSYN|flagRST) == flagSYN && c.info.Midstream && !c.opened { // late, but here
		c.info.Midstream = false
		c.setClient(fromB != (s.flags&flagACK != 0))
	}
	if c.info.Midstream && !c.opened && len(s.data) > 0 && !known(key) {
		if who, ok := decode.Speaker(s.data); ok {
			c.setClient(fromB == (who == decode.Client))
		}
	}
	side := decode.Client
	if fromB != c.swap {
		side = decode.Server
	}
	t.feed(c, side, s, o)
}

// keyOf puts the two ends in order and says whether the segment comes from the second.
func keyOf(s *segment) (connKey, bool) {
	n := bytes.Compare(s.src[:], s.dst[:])
	if n < 0 || n == 0 && s.sport <= s.dport {
		return connKey{s.src, s.dst, s.sport, s.dport}, false
	}
	return connKey{s.dst, s.src, s.dport, s.sport}, true
}

// newConn opens the table's entry for a connection at its first packet.
func (t *tcp) newConn(key connKey, s *segment, fromB bool, o *own) *conn {
	if len(t.conns) >= maxConnections {
		t.finish(t.oldest)
		t.forget(t.oldest)
	}
	c := &conn{key: key, first: s.time}
	// Who is the client: the SYN's sender; without one, the end whose peer has a mail port, else, once there are some, what
	// the first octets tell; else the higher port, else who speaks first.
	client := fromB
	switch {
	case s.flags&flagSYN != 0 && s.flags&flagACK == 0:
	case s.flags&flagSYN != 0:
		client = !fromB
	default:
		c.info.Midstream = true
		client = guessClient(key, fromB)
	}
	c.setClient(client)
	if o != nil && o.Open != nil {
		t.joinOwn(c, o)
	} else {
		c.session = &session{number: t.numbers.next(), legs: [2]*conn{c}}
	}
	t.conns[key] = c
	t.link(c)
	return c
}

// known reports whether a port of the two says which end is the server.
func known(k connKey) bool {
	_, a := services[k.aport]
	_, b := services[k.bport]
	return a != b
}

func guessClient(k connKey, fromB bool) bool {
	_, a := services[k.aport]
	_, b := services[k.bport]
	switch {
	case a != b:
		return a // a is the server
	case k.aport != k.bport:
		return k.aport < k.bport
	}
	return fromB
}

// setClient says which end is the client: the key's second if b.
func (c *conn) setClient(b bool) {
	if c.swap != b {
		c.half[0], c.half[1] = c.half[1], c.half[0]
	}
	c.swap = b
	c.info.Client, c.info.Server = addrPort(c.key.a, c.key.aport), addrPort(c.key.b, c.key.bport)
	if b {
		c.info.Client, c.info.Server = c.info.Server, c.info.Client
	}
}

func addrPort(a [16]byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(a).Unmap(), port)
}

// reused says that a SYN begins another connection between the same ports: its sequence number is another than that of
// the SYN this connection began with (RFC 9293 §3.4.1). The same number is a retransmission.
func (t *tcp) reused(c *conn, s *segment, fromB bool) bool {
	if s.flags&(flagSYN|flagRST) != flagSYN {
		return false
	}
	x := 0
	if fromB != c.swap {
		x = 1
	}
	h := &c.half[x]
	isn := s.seq + 1
	if s.flags&flagACK != 0 {
		// A SYN-ACK alone speaks of a new connection only where the old one is over: its SYN was not captured.
		return c.ended && h.synced && h.base != isn
	}
	switch {
	case h.synced && h.base == isn:
		return false
	case h.synced && h.guessed:
		// Began without its SYN, which may be late: then it stands just before what was seen first.
		d := h.base - isn
		return d > maxQueued
	case h.synced || c.ended:
		return true
	case len(h.queue) > 0:
		d := h.queue[0].seq - isn
		return d > maxQueued
	}
	return false
}

// open tells the sink of the connection.
func (t *tcp) open(c *conn) {
	if c.opened {
		return
	}
	c.opened = true
	i := &c.info
	i.Session, i.Leg, i.Time = c.session.number, c.leg, unixTime(c.first)
	if i.Own == nil {
		s := serviceOf(i.Server.Port())
		i.Protocol, i.Implicit = s.protocol, s.implicit
	}
	t.sink.Open(*i)
}

// emit hands a chunk to the sink.
func (t *tcp) emit(c *conn, from decode.Side, ch decode.Chunk) {
	t.open(c)
	ch.Time, ch.Leg, ch.From = unixTime(c.last), c.leg, from
	t.sink.Chunk(c.session.number, ch)
}

// tell emits an event of TCP itself, if those are wanted.
func (t *tcp) tell(c *conn, from decode.Side, kind string, octets int) {
	if !t.story {
		return
	}
	t.emit(c, from, decode.Chunk{Told: &decode.Told{Kind: kind, Fields: []decode.Field{{Name: "octets", Value: itoa(octets)}}}})
}

// finish delivers what waits, tells what is missing, and closes the session if this was the last of it.
func (t *tcp) finish(c *conn) {
	if c.ended {
		return
	}
	t.acquit(c, decode.Client, nil)
	t.drain(c)
	t.open(c)
	c.ended = true
	c.half[0].drop(t)
	c.half[1].drop(t)
	if s := c.session; !s.own {
		t.close(s)
	}
}

// close tells the sink that a session is over.
func (t *tcp) close(s *session) {
	if s.closed {
		return
	}
	s.closed = true
	if s.own {
		delete(t.own, s.key)
	}
	t.sink.Close(s.number, unixTime(s.last))
	for _, c := range s.legs {
		if c != nil {
			t.past = append(t.past, c)
		}
	}
	for len(t.past) > maxClosed {
		c := t.past[0]
		t.past[0], t.past = nil, t.past[1:]
		if t.conns[c.key] == c {
			t.forget(c)
		}
	}
}

func unixTime(ns int64) time.Time { return time.Unix(ns/1e9, ns%1e9).UTC() }
