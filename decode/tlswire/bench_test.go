package tlswire

import (
	"testing"
)

// sealed13 makes a Conn whose server side is in the application stage of TLS 1.3, and the octets of n full records of it.
func sealed13(suiteID uint16, n int) (*Conn, []byte) {
	su := suiteOf(suiteID)
	secret := make([]byte, su.prf.Size())
	c := NewConn(&KeyLog{})
	h := &c.halves[Server]
	hs := c.current(h)
	hs.haveClient, hs.haveServer, hs.version, hs.suite = true, true, 0x0304, suiteID
	h.records, h.hello, h.sealed13 = 1, true, true
	h.enter(stageApplication, secret, keys13(su, 0, secret), position{})
	s := &sealer{epoch: keys13(su, 0, secret)}
	var wire []byte
	for range n {
		wire = append(wire, s.seal(ApplicationData, make([]byte, maxPlain))...)
	}
	return c, wire
}

// sealer seals records of TLS 1.3 as a peer would, for tests.
type sealer struct {
	epoch *epoch
	seq   uint64
}

func (s *sealer) seal(inner ContentType, content []byte) []byte {
	n := len(content) + 1 + s.epoch.suite.tagLen
	wire := append([]byte{23, 3, 3, byte(n >> 8), byte(n)}, content...)
	wire = append(wire, byte(inner))
	aad := s.epoch.setAAD(s.seq, wire, len(content)+1)
	wire = append(wire, make([]byte, s.epoch.suite.tagLen)...)
	plain := wire[headerLen : headerLen+len(content)+1]
	s.epoch.aead.Seal(plain[:0], s.epoch.setNonce(s.seq, plain), plain, aad)
	s.seq++
	return wire
}

func benchmarkOpen(b *testing.B, suiteID uint16) {
	c, wire := sealed13(suiteID, 64)
	size := len(wire) / 64
	h := &c.halves[Server]
	b.SetBytes(int64(size))
	b.ReportAllocs()
	at := 0
	for b.Loop() {
		rec, st := c.Next(Server, wire[at:], false)
		if st != Got || !rec.Opened {
			b.Fatal(st, rec.Reason)
		}
		if at += rec.Size; at == len(wire) {
			at = 0
			h.pos = position{}
		}
	}
}

func BenchmarkOpenAES128GCM(b *testing.B) { benchmarkOpen(b, 0x1301) }
func BenchmarkOpenAES256GCM(b *testing.B) { benchmarkOpen(b, 0x1302) }
func BenchmarkOpenChaCha20(b *testing.B)  { benchmarkOpen(b, 0x1303) }
func BenchmarkOpenCCM(b *testing.B)       { benchmarkOpen(b, 0x1304) }

func BenchmarkReseal(b *testing.B) {
	c, wire := sealed13(0x1301, 1)
	rec, st := c.Next(Server, wire, false)
	if st != Got || !rec.Opened {
		b.Fatal(st)
	}
	content := make([]byte, len(rec.Content))
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		if err := rec.Reseal(wire, content); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHandshake(b *testing.B) {
	s := testSessions()[0]
	segs, k := s.record(b)
	b.ReportAllocs()
	for b.Loop() {
		w := newWatch(k)
		for _, seg := range segs[:min(6, len(segs))] {
			w.feed(seg.from, seg.data)
		}
	}
}
