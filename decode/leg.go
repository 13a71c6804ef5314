package decode

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strconv"

	"facteur/decode/tlswire"
)

// protocol is what smtp.go, pop3.go, imap.go and sieve.go implement: one per leg.
//
// step takes the next unit of one side (a line, a reply, a stretch of a body) from its frame and emits the unit's
// event. It reports false, having consumed nothing, when the unit is not complete or may not be understood before the
// other side has spoken (frame.held). After every unit the other side is given its chance, so that the order of events
// never depends on how the octets were cut.
type protocol interface {
	step(from Side, f *frame) bool
	// idle reports whether a side's next octet begins a command or a reply, rather than going on with a body.
	idle(from Side) bool
	// gap says that n octets of a side are missing at the frame's position (n < 0: their number is not known).
	gap(from Side, n int64)
	// flush ends what is under way on a side: nothing more will come of it.
	flush(from Side)
	// secured says that TLS has begun on both sides: what was learnt in clear counts no more (RFC 3207 §4.2).
	secured()
}

// mode is what the octets of a side are at the moment.
type mode uint8

const (
	clear     mode = iota // the protocol, as it is
	upgrading             // TLS may begin with the next octet: the protocol has said so
	secure                // TLS records
	opaque                // octets we do not understand
)

// side is one direction of a leg.
type side struct {
	leg  *leg
	from Side
	mode mode

	wire  frame // octets on the wire, not consumed
	plain frame // octets inside TLS or COMPRESS, not consumed
	tlsAt int64 // end of the TLS layer
	made  int64 // end of the plain layer: octets taken out of records so far

	inflate *inflater  // COMPRESS=DEFLATE runs
	layer   *saslLayer // a security layer of SASL may begin, or runs
	carried []carrier  // records whose plain octets are not all in events yet
	settled int        // of carried: their secrecy is decided
	frags   []Span     // records that hold the beginning of an incomplete handshake message
	marks   []mark     // secrets found, not yet released
	run     octets     // opaque octets under way

	end             End
	sumWire, sumTLS hash.Hash
	sawTLS          bool // the side has begun TLS
	agreed          bool // both sides had agreed on TLS (never set by an implicit port)
}

// leg decodes one TCP connection.
type leg struct {
	s      *Session
	id     Leg
	sides  [2]side
	proto  protocol
	name   string // the protocol
	tls    *tlswire.Conn
	told0  bool // session.open was told
	closed bool
	lint   watch
	echoes []echo // the client's latest secrets

	echoPairs *pairSet // of octets that they begin with, nil while there are none
}

func newLeg(s *Session, id Leg) *leg {
	l := &leg{s: s, id: id, name: s.o.Protocol}
	for i := range l.sides {
		sd := &l.sides[i]
		sd.leg, sd.from = l, Side(i)
		sd.plain.layer = Plain
		sd.wire.room, sd.plain.room = s.room, s.room
		if s.o.Implicit[id] {
			sd.mode = upgrading
		}
		if s.o.Digest {
			sd.sumWire, sd.sumTLS = sha256.New(), sha256.New()
		}
	}
	l.proto = newProtocol(l, l.name)
	return l
}

// newProtocol gives the decoder of a protocol by its name.
func newProtocol(l *leg, name string) protocol {
	switch name {
	case SMTP, LMTP:
		return newSMTP(l, name == LMTP)
	case POP3:
		return newPOP3(l)
	case IMAP:
		return newIMAP(l)
	case Sieve:
		return newSieve(l)
	case Opaque:
		return &unknown{l: l}
	}
	return &detector{l: l}
}

// app is the frame the protocol reads from.
func (sd *side) app() *frame {
	if sd.mode == secure || sd.inflate != nil || sd.layer != nil && sd.layer.on {
		return &sd.plain
	}
	return &sd.wire
}

// read reports whether octets of the side's TLS were opened.
func (sd *side) read() bool { return sd.sawTLS && sd.made > 0 }

func (l *leg) data(sd *side, data []byte) {
	if sd.sumWire != nil {
		sd.sumWire.Write(data)
	}
	if n := sd.torn(); 0 < n && n < len(data) { // the rest of a record is put behind its beginning, all else is read where it is
		sd.wire.feed(data[:n])
		l.pump(sd.from)
		data = data[n:]
	}
	sd.wire.feed(data)
	l.pump(sd.from)
}

// torn gives how many octets are missing of a TLS record whose beginning has come, 0 if there is none.
func (sd *side) torn() int {
	if sd.mode != secure {
		return 0
	}
	return tlswire.Missing(sd.wire.buf)
}

// keep makes what is left over the leg's own, before what it lies in is used for something else: a chunk's data, or the
// space that records are opened in. Plain octets may lie in those of the wire, so they come first.
func (l *leg) keep() {
	for i := range l.sides {
		l.sides[i].plain.keep()
	}
	for i := range l.sides {
		l.sides[i].wire.keep()
	}
}

// pump takes units of a side as long as there are any, and after each all units of the other side that it set free.
func (l *leg) pump(from Side) {
	for l.step(from) {
		for l.step(from.Other()) {
		}
	}
}

// step takes one unit of a side.
func (l *leg) step(from Side) bool {
	sd := &l.sides[from]
	if l.s.stalled {
		return false
	}
	switch sd.mode {
	case opaque:
		return sd.stepOpaque()
	case upgrading:
		return l.stepUpgrade(sd)
	case secure:
		if sd.layered(&sd.plain) && sd.stepLayer(&sd.plain) {
			return true
		}
		if (sd.layer == nil || !sd.layer.on) && l.proto.step(from, &sd.plain) {
			return true
		}
		return l.stepRecord(sd)
	}
	if sd.inflate != nil {
		return l.proto.step(from, &sd.plain) || sd.stepInflate()
	}
	if sd.layered(&sd.wire) || sd.layer != nil && sd.layer.on {
		return l.proto.step(from, &sd.plain) || sd.stepLayer(&sd.wire)
	}
	if len(sd.wire.buf) == 0 && !sd.wire.ended {
		return false
	}
	if sd.wire.at == 0 {
		if changed, wait := l.stepFirst(sd); wait {
			return false
		} else if changed {
			return l.step(from)
		}
	}
	return l.proto.step(from, &sd.wire)
}

func (l *leg) told(from Side, t *Told) {
	e := l.s.event(l, from, Wire, l.here(from), t.Kind)
	if t.Kind == "session.open" && !l.told0 {
		l.told0 = true
		e.add("protocol", l.name, Span{})
		e.add("security", map[bool]string{false: "clear", true: "tls"}[l.s.o.Implicit[l.id]], Span{})
	}
	e.Fields = append(e.Fields, t.Fields...)
	id := t.Kind
	if what := e.Field("what"); what != "" {
		id += "." + what
		if cause := e.Field("cause"); cause != "" {
			id += "." + cause
		}
	}
	e.note(id)
}

// here is the empty span at the end of what a side sent.
func (l *leg) here(from Side) Span {
	f := &l.sides[from].wire
	at := f.at + int64(len(f.buf))
	return Span{at, at}
}

// lost passes over n octets that the capture missed.
func (l *leg) lost(sd *side, n int) {
	sd.wire.ended, l.lint.holes = true, true
	l.pump(sd.from)
	l.flushSide(sd)
	sp := Span{sd.wire.at, sd.wire.at + int64(n)}
	e := l.s.event(l, sd.from, Wire, sp, "session.gap")
	e.add("octets", strconv.Itoa(n), Span{})
	e.note("session.gap")
	sd.wire.at = sp.To
	sd.wire.ended = false
	switch sd.mode {
	case secure:
		l.tls.Lost(tlswire.Side(sd.from), n)
		l.proto.gap(sd.from, -1)
	case clear, upgrading:
		if sd.inflate != nil || sd.layer != nil && sd.layer.on {
			sd.mode = opaque
		} else {
			l.proto.gap(sd.from, int64(n))
		}
	}
	l.pump(sd.from)
}

// end notes that a side sends nothing more; the leg closes with its second side, or at once when it is reset.
func (l *leg) end(sd *side, how End) {
	if sd.end != Open || l.closed {
		return
	}
	owed := l.announced(sd)
	sd.end = how
	other := &l.sides[sd.from.Other()]
	sd.wire.ended, other.wire.forced, other.plain.forced = true, true, true
	if how == Reset {
		other.wire.ended, sd.wire.forced, sd.plain.forced = true, true, true
	}
	l.pump(sd.from)
	l.pump(other.from)
	l.flushSide(sd)
	e := l.s.event(l, sd.from, Wire, l.here(sd.from), "session.end")
	if how == Reset {
		e.add("how", "reset", Span{})
		e.note("session.end.reset")
	} else {
		e.add("how", "fin", Span{})
		e.note("session.end.fin")
	}
	lintCut(e, owed)
	if how == Reset || other.end != Open {
		l.shut()
	}
}

// flushSide ends what is under way on a side: the rest of its octets becomes events as it is.
func (l *leg) flushSide(sd *side) {
	sd.plain.ended = true
	for l.step(sd.from) {
		for l.step(sd.from.Other()) {
		}
	}
	l.proto.flush(sd.from)
	if sd.mode == secure {
		l.messages(sd, l.tls.Flush(tlswire.Side(sd.from)), nil)
	}
	sd.run.flush(sd)
	l.leftover(sd, &sd.plain)
	l.leftover(sd, &sd.wire)
	sd.plain.ended = false
}

// leftover tells octets that never became a unit: a record cut short, half a code.
func (l *leg) leftover(sd *side, f *frame) {
	if len(f.buf) == 0 {
		return
	}
	n := len(f.buf)
	e := l.s.event(l, sd.from, f.layer, f.take(n), "session.incomplete")
	e.add("octets", strconv.Itoa(n), Span{})
	e.note("session.incomplete")
	sd.cover(e)
}

// shut closes the leg.
func (l *leg) shut() {
	if l.closed {
		return
	}
	for i := range l.sides {
		sd := &l.sides[i]
		sd.wire.ended, sd.wire.forced, sd.plain.forced = true, true, true
	}
	l.pump(Client)
	l.pump(Server)
	l.flushSide(&l.sides[Client])
	l.flushSide(&l.sides[Server])
	l.closed = true
	e := l.s.event(l, Client, Wire, l.here(Client), "session.close")
	read := l.sides[Client].read() || l.sides[Server].read() // TLS was opened: a side that said nothing in it has a digest too
	for i := range l.sides {
		sd := &l.sides[i]
		e.add([2]string{"client_octets", "server_octets"}[sd.from], l.s.room.decimal(sd.wire.at), Span{})
		if sd.sumWire == nil {
			continue
		}
		e.add("wire_"+sd.from.String()+"_sha256", hex.EncodeToString(sd.sumWire.Sum(nil)), Span{})
		if read {
			e.add("tls_"+sd.from.String()+"_sha256", hex.EncodeToString(sd.sumTLS.Sum(nil)), Span{})
		}
	}
	e.note("session.close")
	l.lintUnanswered(e)
}

// giveUp makes the leg opaque after a fault of the decoder's own.
func (l *leg) giveUp(why string) {
	for i := range l.sides {
		sd := &l.sides[i]
		sd.mode, sd.inflate, sd.layer = opaque, nil, nil
		sd.carried, sd.settled, sd.marks = nil, 0, nil
	}
	e := l.s.event(l, Client, Wire, l.here(Client), "session.error")
	e.add("what", "decoder_fault", Span{})
	e.add("detail", why, Span{})
	e.note("session.error.decoder_fault")
}
