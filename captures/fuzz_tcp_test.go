package captures

import (
	"testing"
	"time"
)

// FuzzSegments feeds the TCP machine with segments made from octets, eight for one, so that the fuzzer need not find a
// capture's format first. It must end, and keep the rules of Sink.
func FuzzSegments(f *testing.F) {
	add := func(segs []seg) {
		var b []byte
		for _, s := range segs {
			side := byte(0)
			if s.server {
				side = 1
			}
			b = append(b, side, s.flags, byte(s.seq), 0, byte(s.ack), 0, byte(len(s.data)), byte(s.cut))
		}
		f.Add(b)
	}
	for _, k := range tcpCases {
		add(k.segs)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		// The fuzzer does not notice an input that never ends; this makes it one that fails.
		defer time.AfterFunc(5*time.Second, func() { panic("no end") }).Stop()
		c := newCollector(t)
		tcp := newTCP(c, true)
		data := make([]byte, 256)
		for now := int64(0); len(b) >= 8; b = b[8:] {
			s := segment{flags: b[1], seq: signed(b[2], b[3]), ack: signed(b[4], b[5]), data: data[:b[6]&63], cut: int(b[7] & 15)}
			s.src, s.dst, s.sport, s.dport = [16]byte{1}, [16]byte{2}, 40000, 25
			if b[0]&1 == 1 {
				s.src, s.dst, s.sport, s.dport = s.dst, s.src, s.dport, s.sport
			}
			now += int64(b[0]>>1) << (b[7] >> 4 * 3)
			s.time = now
			tcp.segment(&s)
		}
		tcp.end()
		c.check()
		if tcp.queued != 0 {
			t.Errorf("%d octets are left", tcp.queued)
		}
	})
}

// signed makes a sequence number near 0, on either side of where they wrap, or far away.
func signed(low, high byte) uint32 {
	n := uint32(int32(int8(low)))
	switch {
	case high > 250:
		n += uint32(high) << 24
	case high > 240:
		n += uint32(high) << 12
	}
	return n
}
