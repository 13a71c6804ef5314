package captures

import (
	"encoding/binary"
	"math/bits"

	"facteur/decode"
)

// A capture made on the sending host has wrong TCP checksums everywhere, because the card fills them in; a sanitised one
// has them wherever text was replaced. So a checksum proves nothing by itself. But where a side's SYN has a right one, a
// segment with a wrong one may be a forgery that the receiver threw away: it waits for one packet of its connection,
// and yields to a copy of the same octets with a right checksum.

// suspect is a segment that waits for a better copy of itself.
type suspect struct {
	seq  uint32
	data []byte
	seg  segment
}

// sound reports whether the segment's TCP checksum is right (RFC 9293 §3.1).
func (s *segment) sound() bool {
	sum := uint64(protoTCP) + uint64(len(s.raw))
	if [12]byte(s.src[:12]) == [12]byte(mappedPrefix) {
		sum += sum16(s.src[12:]) + sum16(s.dst[12:])
	} else {
		sum += sum16(s.src[:]) + sum16(s.dst[:])
	}
	return fold(sum+sum16(s.raw)) == 0xffff
}

var mappedPrefix = []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}

// sum16 adds up b as 16-bit words (RFC 1071), eight octets at a time, folded to 17 bits at most.
func sum16(b []byte) uint64 {
	var sum, carry uint64
	for ; len(b) >= 32; b = b[32:] {
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b[8:]), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b[16:]), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b[24:]), carry)
	}
	for ; len(b) >= 8; b = b[8:] {
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b), carry)
	}
	var last [8]byte
	copy(last[:], b)
	sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(last[:]), carry)
	sum, carry = bits.Add64(sum, 0, carry)
	return fold(sum>>32+sum&0xffffffff) + carry
}

func fold(sum uint64) uint64 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return sum
}

// doubt looks at a segment with octets before they are taken: it reports that the segment is to wait, because it may be
// a forgery.
func (t *tcp) doubt(x *half, seq uint32, s *segment) bool {
	if !x.verified || s.cut > 0 || s.flags&flagSYN != 0 || s.sound() {
		return false
	}
	x.suspect = &suspect{seq: seq, data: append([]byte(nil), s.data...), seg: *s}
	return true
}

// acquit takes the segments that waited, unless s is the better copy of one.
func (t *tcp) acquit(c *conn, side decode.Side, s *segment) {
	for _, of := range [2]decode.Side{side, side.Other()} {
		x := &c.half[of]
		u := x.suspect
		if u == nil {
			continue
		}
		x.suspect = nil
		if s != nil && of == side && s.seq == u.seq && len(s.data) >= len(u.data) && s.sound() {
			t.tell(c, side, "tcp.overlap_conflict", len(u.data))
			continue
		}
		u.seg.data, u.seg.raw = u.data, nil
		t.data(c, of, u.seq, &u.seg)
	}
}
