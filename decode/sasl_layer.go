package decode

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// Behind a successful exchange some mechanisms protect all that follows: frames of a length of four octets and as many
// octets (RFC 4422 §3.7). No line of a mail protocol begins with the NUL that such a length begins with, so that the first
// octet behind the exchange tells whether a layer was agreed on.

const (
	// layerHeader is the length before each frame.
	layerHeader = 4
	// maxLayered is the longest frame that is looked into; 65536 is what both sides can take if nothing else was agreed
	// on (RFC 2831 §2.1.1). Of longer ones the octets are counted.
	maxLayered = 256 << 10
	// digestTrailer is what follows the text of a frame of auth-int: ten octets of HMAC, two of type, four of number
	// (RFC 2831 §2.3).
	digestTrailer = 16
	digestHMAC    = 10
	// gssHeader is that of a Wrap token: identification, flags, filler, sizes, number (RFC 4121 §4.2.6.2).
	gssHeader = 16
	gssSealed = 2 // flag: encrypted
)

// saslLayer is the security layer of one side.
type saslLayer struct {
	mechanism, qop string
	re             int
	on             bool
	left           int64 // octets of a frame over maxLayered still to come
}

// mayLayer is called by the protocol when an exchange has succeeded; re is its command.
func (l *leg) mayLayer(x *exchange, re int) {
	if x == nil || mechanismFamily(x.mechanism) != "GSSAPI" && x.mechanism != "DIGEST-MD5" {
		return
	}
	for i := range l.sides {
		if sd := &l.sides[i]; sd.inflate == nil && (sd.layer == nil || !sd.layer.on) {
			sd.layer = &saslLayer{mechanism: x.mechanism, qop: x.qop, re: re}
		}
	}
}

// layered reports whether the octets in the frame come in a security layer, which is told by the first of them.
func (sd *side) layered(f *frame) bool {
	y := sd.layer
	switch {
	case y == nil || len(f.buf) == 0:
		return false
	case y.on:
		return f.layer == Wire || sd.mode == secure
	case !sd.leg.proto.idle(sd.from):
		return false
	case f.buf[0] != 0:
		sd.layer = nil
		return false
	}
	y.on = true
	e := sd.leg.s.event(sd.leg, sd.from, f.layer, Span{f.at, f.at}, "session.upgrade")
	e.add("to", "sasl", Span{})
	e.add("how", y.mechanism, Span{})
	e.Re = y.re
	e.note("session.upgrade.SASL")
	return true
}

// stepLayer takes the next frame of the layer.
func (sd *side) stepLayer(f *frame) bool {
	y := sd.layer
	if y.left > 0 {
		n := int(min(y.left, int64(len(f.buf)), dataBlock))
		if n == 0 || n < dataBlock && int64(n) < y.left && !f.ended {
			return false
		}
		y.left -= int64(n)
		sd.layerEvent(f, n, n, "")
		return true
	}
	if len(f.buf) < layerHeader {
		return false
	}
	size := int64(binary.BigEndian.Uint32(f.buf))
	switch {
	case f.buf[0] != 0: // RFC 2831 §2.1.1: at most 16777215
		e := sd.leg.s.event(sd.leg, sd.from, f.layer, Span{f.at, f.at}, "session.violation")
		e.add("rule", "bad_frame", Span{})
		e.note("session.violation.bad_frame")
		sd.mode = opaque
		if f.layer == Plain { // what is in records is not shown as text
			sd.layer.left = 1 << 62
			sd.mode = secure
		}
		return true
	case size > maxLayered:
		y.left = size
		sd.layerEvent(f, layerHeader, 0, "")
		return true
	case int64(len(f.buf)) < layerHeader+size:
		return false
	}
	token := f.buf[layerHeader : layerHeader+size]
	from, to := y.readable(token)
	if to <= from {
		sd.layerEvent(f, layerHeader+int(size), int(size), "confidentiality")
		return true
	}
	text := bytes.Clone(token[from:to])
	e := sd.layerEvent(f, layerHeader+int(size), int(size), "integrity")
	e.add("text_octets", strconv.Itoa(len(text)), Span{})
	if y.mechanism == "DIGEST-MD5" { // its key is made of the password, which could be tried against it
		hmac := e.Span.To - digestTrailer
		sd.mask(f.layer, Span{hmac, hmac + digestHMAC}, nil)
	}
	if f.layer == Plain {
		e.add("text", string(text), Span{})
		return true
	}
	c := carrier{wire: e.Span, plain: Span{sd.made, sd.made + int64(len(text))}, inside: layerHeader + from}
	if sd.leg.s.out.on() {
		c.content = bytes.Clone(text)
	}
	sd.made = c.plain.To
	sd.carried = append(sd.carried, c)
	sd.plain.feed(text)
	sd.plain.keep()
	return true
}

// layerEvent takes n octets of the frame as an event, of which size are a frame's.
func (sd *side) layerEvent(f *frame, n, size int, protection string) *Event {
	y := sd.layer
	e := sd.leg.emit(sd.from, f, f.take(n), "sasl.frame")
	e.add("mechanism", y.mechanism, Span{})
	e.add("octets", strconv.Itoa(size), Span{})
	if protection != "" {
		e.add("protection", protection, Span{})
	}
	id := "sasl.frame"
	if protection == "integrity" {
		id = "sasl.frame.integrity"
	}
	e.note(id)
	return e
}

// readable gives where the text of a frame is that is signed but not encrypted; nothing if it is encrypted.
func (y *saslLayer) readable(token []byte) (from, to int) {
	n := len(token)
	if y.mechanism == "DIGEST-MD5" {
		if y.qop == "auth-int" && n >= digestTrailer && token[n-6] == 0 && token[n-5] == 1 {
			return 0, n - digestTrailer
		}
		return 0, 0
	}
	if n < gssHeader || token[0] != 5 || token[1] != 4 || token[2]&gssSealed != 0 || token[3] != 0xff {
		return 0, 0
	}
	check, rotated := int(binary.BigEndian.Uint16(token[4:])), int(binary.BigEndian.Uint16(token[6:]))
	switch {
	case gssHeader+check > n:
		return 0, 0
	case rotated == 0:
		return gssHeader, n - check
	case rotated == check: // the checksum has been turned to the front
		return gssHeader + check, n
	}
	return 0, 0
}
