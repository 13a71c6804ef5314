package tlswire

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// script cuts fuzz input into moves: a head octet (side, gap, wait), two octets of length, so many octets.
func script(data []byte, move func(side Side, lost bool, wait bool, octets []byte)) {
	for len(data) >= 3 {
		n := min(int(binary.BigEndian.Uint16(data[1:])), len(data)-3)
		move(Side(data[0]&1), data[0]&2 != 0, data[0]&4 != 0, data[3:3+n])
		data = data[3+n:]
	}
}

func scriptOf(segs []segment) []byte {
	var out []byte
	for _, s := range segs {
		for d := s.data; len(d) > 0; {
			n := min(len(d), 0xffff)
			out = append(out, byte(s.from), byte(n>>8), byte(n))
			out = append(out, d[:n]...)
			d = d[n:]
		}
	}
	return out
}

func testKeyLog(segs []segment) *KeyLog { // any keys for the client random that comes first
	k := &KeyLog{}
	for _, s := range segs {
		if s.from == Client && len(s.data) > 43 {
			r := s.data[11:43]
			k.put("CLIENT_RANDOM", r, make([]byte, masterLen))
			for _, st := range []stage{stageEarly, stageHandshake, stageApplication} {
				k.put(label13(Client, st), r, make([]byte, 32))
				k.put(label13(Server, st), r, make([]byte, 32))
			}
			break
		}
	}
	return k
}

// Whatever comes, Next neither panics nor claims octets that were not there, messages tile what was in clear or opened,
// and a second Conn fed octet by octet sees the same.
func FuzzRecords(f *testing.F) {
	for i, s := range testSessions() {
		if i%9 == 0 || s.prepare > 0 {
			segs, _ := s.record(f)
			f.Add(scriptOf(segs)[:600])
		}
	}
	f.Add([]byte{0, 0, 46, 0x80, 44, 1, 3, 1, 0, 3, 0, 0, 0, 32, 0, 0, 4, 1, 2, 3})
	f.Add([]byte{1, 0, 7, 0x15, 3, 1, 0, 2, 2, 40, 3, 0, 9, 0, 0, 7, 0x15, 3, 3, 0, 2, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var segs []segment
		script(data, func(side Side, _, _ bool, o []byte) { segs = append(segs, segment{side, o}) })
		k := testKeyLog(segs)
		run := func(cut func([]byte) [][]byte) *watch {
			w := newWatch(k)
			w.keep = true
			script(data, func(side Side, lost, wait bool, o []byte) {
				if lost && len(o) > 0 {
					for _, m := range w.c.Flush(side) {
						w.tiles[side].Write(m.Raw)
					}
					w.c.Lost(side, len(o))
					w.buf[side], w.failed[side] = nil, false
					return
				}
				w.wait = wait
				for _, p := range cut(o) {
					w.feed(side, p)
				}
			})
			w.end()
			return w
		}
		w := run(whole)
		checkTiles(t, w)
		for i := range w.records {
			r := &w.records[i]
			if r.Size != len(w.wires[i]) || r.Size == 0 {
				t.Fatalf("record of %d octets", r.Size)
			}
			_ = r.Reseal(w.wires[i], r.Content)
			for _, m := range r.Messages {
				checkMessage(t, &m)
			}
		}
		if x, y := describe(w), describe(run(octets)); x != y && !bytes.ContainsAny(data[:min(1, len(data))], "\x04\x05\x06\x07") {
			t.Errorf("byte by byte differs:\n%s\n%s", x, y)
		}
	})
}

// checkMessage holds what fields and notes must satisfy: octets inside the message, and a note of its own first.
func checkMessage(t *testing.T, m *Message) {
	t.Helper()
	for _, f := range m.Fields {
		if f.From < 0 || f.To < f.From || f.To > len(m.Raw) {
			t.Fatalf("%s: field %s has octets [%d,%d) of %d", m.Kind, f.Name, f.From, f.To, len(m.Raw))
		}
	}
	for _, n := range m.Notes {
		if n.From < 0 || n.To < n.From || n.To > len(m.Raw) {
			t.Fatalf("%s: note %s has octets [%d,%d) of %d", m.Kind, n.ID, n.From, n.To, len(m.Raw))
		}
	}
	if len(m.Notes) == 0 {
		t.Fatalf("%s has no note", m.Kind)
	}
}

// Any handshake message of either side in any version is explained without fault.
func FuzzHandshake(f *testing.F) {
	for _, name := range []string{"TLS 1.2/TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "client certificate 1.2", "client certificate 1.3", "hello retry request", "resumption TLS 1.3"} {
		for _, s := range testSessions() {
			if s.name == name {
				segs, k := s.record(f)
				for _, m := range watchSegments(k, segs, whole).msgs {
					f.Add(byte(m.Raw[0]), uint16(0xc02f), uint16(0x0303), m.Raw)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, side byte, suite, version uint16, raw []byte) {
		c := NewConn(nil)
		h := &c.halves[side&1]
		hs := c.current(h)
		hs.haveClient, hs.haveServer, hs.suite, hs.version = true, true, suite, version
		if len(raw) < 4 {
			return
		}
		n := len(raw) - 4
		raw = append([]byte{raw[0], byte(n >> 16), byte(n >> 8), byte(n)}, raw[4:]...)
		c.handshakeOctets(h, raw)
		size := 0
		for _, m := range append(h.spilled, c.Flush(h.side)...) {
			checkMessage(t, &m)
			size += len(m.Raw)
		}
		_ = size
		parseCertificate(raw[4:])
		distinguishedName(raw[4:])
	})
}

// Any text is taken, and written in pieces it gives the same secrets as at once.
func FuzzKeyLog(f *testing.F) {
	f.Add([]byte("# c\r\n\r\nCLIENT_RANDOM 00AAbb 0102\r\nRSA 0011 22\nx y z\nRSA Session-ID:0a Master-Key:0b\n"))
	f.Add([]byte("SERVER_TRAFFIC_SECRET_0 aa bb"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var a, b KeyLog
		a.Add(append(bytes.Clone(text), '\n'))
		for _, o := range octets(append(bytes.Clone(text), '\n')) {
			if n, err := b.Write(o); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		if a.Len() != b.Len() {
			t.Errorf("%d secrets at once, %d in pieces", a.Len(), b.Len())
		}
		for name, s := range a.secrets {
			if !bytes.Equal(b.secrets[name], s) {
				t.Errorf("%q differs", name)
			}
		}
	})
}
