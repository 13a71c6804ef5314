package decode

import (
	"encoding/binary"
)

// stepUpgrade takes a unit behind an agreed upgrade, or at the start of a connection to a port of implicit TLS. Where a
// command or reply may begin, TLS may begin instead; what is neither in TLS nor awaited is decoded in clear, and said.
func (l *leg) stepUpgrade(sd *side) bool {
	if len(sd.wire.buf) == 0 {
		return false
	}
	if l.proto.idle(sd.from) {
		switch looksTLS(sd.wire.buf, sd.from, sd.wire.ended) {
		case unsure:
			return false
		case yes:
			l.beginTLS(sd)
			return l.step(sd.from)
		}
	}
	if !sd.agreed { // a port of implicit TLS, spoken to in clear
		e := l.s.event(l, sd.from, Wire, Span{sd.wire.at, sd.wire.at}, "session.violation")
		e.add("rule", "clear_on_tls_port", Span{})
		e.note("session.violation.clear_on_tls_port")
		sd.mode = clear
		return true
	}
	return l.proto.step(sd.from, &sd.wire)
}

// stepFirst looks at the first octets of a connection to a port of clear text: a ClientHello there is a client set to
// implicit TLS, records of later on are of a capture that began behind STARTTLS. It reports whether the side's mode changed, or that it takes more octets to tell.
func (l *leg) stepFirst(sd *side) (changed, wait bool) {
	other := &l.sides[sd.from.Other()]
	if l.name == Opaque || sd.from == Server && other.mode != secure && !(len(sd.wire.buf) > 0 && midTLS(sd.wire.buf)) {
		return false, false
	}
	switch looksTLS(sd.wire.buf, sd.from, sd.wire.ended) {
	case no:
		if l.name == Detect || len(sd.wire.buf) == 0 || text(sd.wire.buf[0]) {
			return false, false
		}
		// no mail protocol begins like this: somebody else's port
		e := l.s.event(l, sd.from, Wire, Span{}, "session.violation")
		e.add("rule", "wrong_protocol", Span{})
		e.note("session.violation.wrong_protocol")
		sd.mode, other.mode = opaque, opaque
		return true, false
	case unsure:
		return false, len(sd.wire.buf) > 0
	}
	if sd.from == Client && l.name != Detect && !midTLS(sd.wire.buf) {
		e := l.s.event(l, sd.from, Wire, Span{}, "session.violation")
		e.add("rule", "tls_on_clear_port", Span{})
		e.note("session.violation.tls_on_clear_port")
	}
	l.beginTLS(sd)
	if other.mode == clear && other.wire.at == 0 && len(other.wire.buf) == 0 {
		other.mode, other.agreed = upgrading, true
	}
	return true, false
}

type guess uint8

const (
	no guess = iota
	yes
	unsure
)

// looksTLS tells whether octets begin a TLS record, at a place where the protocol allows one: a handshake record or an
// alert of major version 3, the client's SSL 2.0 hello (RFC 5246 appendix E.2), or, where the capture missed the
// handshake, another record with a length that records have.
func looksTLS(b []byte, from Side, ended bool) guess {
	if len(b) == 0 {
		return unsure
	}
	switch {
	case b[0] == 0x16 || b[0] == 0x15:
		if len(b) < 2 {
			break
		}
		if b[1] == 3 {
			return yes
		}
		return no
	case from == Client && b[0]&0x80 != 0:
		if len(b) > 1 && b[1] == '\n' { // a line: a hello of 10 octets is none, one of 266 has 75 ciphers
			return no
		}
		if len(b) < 3 {
			break
		}
		if b[2] == 1 {
			return yes
		}
		return no
	case midTLS(b):
		if len(b) < 5 {
			break
		}
		return yes
	default:
		return no
	}
	if ended {
		return no
	}
	return unsure
}

// midTLS reports whether octets may be the head of a record that never begins a connection: change_cipher_spec or
// application data, RFC 9846 section 5.1. No line of a mail protocol begins so.
func midTLS(b []byte) bool {
	if b[0] != 0x14 && b[0] != 0x17 || len(b) > 1 && b[1] != 3 || len(b) > 2 && b[2] > 4 {
		return false
	}
	n := 0
	if len(b) > 4 {
		n = int(binary.BigEndian.Uint16(b[3:]))
	}
	return n <= 16384+2048 && (len(b) < 5 || n > 0)
}

func (l *leg) beginTLS(sd *side) {
	sd.mode, sd.sawTLS = secure, true
	if l.tls == nil {
		l.tls = l.s.room.tls.NewConn(l.s.o.Secrets)
	}
	if l.sides[0].sawTLS && l.sides[1].sawTLS {
		l.lint.secured()
		l.proto.secured()
	}
}

// upgrade is called by the protocol when both sides have agreed on TLS: how is STARTTLS or STLS, re the command.
func (l *leg) upgrade(how string, re int) {
	sd := &l.sides[Server]
	f := sd.app()
	e := l.s.event(l, Server, f.layer, Span{f.at, f.at}, "session.upgrade")
	e.add("to", "tls", Span{})
	e.add("how", how, Span{})
	e.Re = re
	e.note("session.upgrade." + how)
	for i := range l.sides {
		if sd := &l.sides[i]; sd.mode == clear {
			sd.mode, sd.agreed = upgrading, true
		}
	}
}

// behindUpgrade reports whether a side still speaks clear text although TLS was agreed on.
func (l *leg) behindUpgrade(from Side) bool {
	sd := &l.sides[from]
	return sd.agreed && sd.mode == upgrading
}
