package tlswire

import (
	"bytes"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"testing"
)

// peer is one side of a TLS 1.3 session made by hand, for what Go's own TLS never does.
type peer struct {
	side    Side
	secrets map[stage][]byte
	suite   suite
	s       *sealer
	secret  []byte
}

func (p *peer) enter(st stage) {
	p.secret = p.secrets[st]
	p.s = &sealer{epoch: keys13(p.suite, 0, p.secret)}
}

func (p *peer) keyUpdate() []byte {
	wire := p.s.seal(Handshake, []byte{24, 0, 0, 1, 0})
	p.secret = nextSecret(p.suite, 0, p.secret)
	p.s = &sealer{epoch: keys13(p.suite, 0, p.secret)}
	return wire
}

// script13 is a TLS 1.3 session made by hand: the hellos, and two peers whose secrets are in the key log.
type script13 struct {
	k              *KeyLog
	hello, answer  []byte
	client, server *peer
}

func handshakeRecord(typ byte, body []byte) []byte {
	n := len(body)
	return append([]byte{22, 3, 3, byte((n + 4) >> 8), byte(n + 4), typ, 0, byte(n >> 8), byte(n)}, body...)
}

func newScript13(suiteID uint16, extensions ...byte) *script13 {
	su := suiteOf(suiteID)
	random := bytes.Repeat([]byte{7}, 32)
	block := append([]byte{0, 43, 0, 3, 2, 3, 4}, extensions...)
	ch := append([]byte{3, 3}, random...)
	ch = append(ch, 0, 0, 2, byte(suiteID>>8), byte(suiteID), 1, 0, 0, byte(len(block)))
	sh := append([]byte{3, 3}, bytes.Repeat([]byte{9}, 32)...)
	sh = append(sh, 0, byte(suiteID>>8), byte(suiteID), 0, 0, 6, 0, 43, 0, 2, 3, 4)
	out := &script13{k: &KeyLog{}, hello: handshakeRecord(1, append(ch, block...)), answer: handshakeRecord(2, sh)}
	mk := func(side Side) *peer {
		p := &peer{side: side, suite: su, secrets: map[stage][]byte{}}
		for _, st := range []stage{stageEarly, stageHandshake, stageApplication} {
			p.secrets[st] = bytes.Repeat([]byte{byte(st)*2 + byte(side) + 1}, su.prf.Size())
			if l := label13(side, st); l != "" {
				out.k.put(l, random, p.secrets[st])
			}
		}
		return p
	}
	out.client, out.server = mk(Client), mk(Server)
	return out
}

var (
	finished = []byte{20, 0, 0, 4, 1, 2, 3, 4}
	endEarly = []byte{5, 0, 0, 0}
	early    = []byte{0, 42, 0, 0} // the early_data extension
)

// everyMove gives the segments of a session with refused or accepted 0-RTT data, key updates and post-handshake messages.
func (s *script13) segments(accepted bool) (segs []segment, want [2]string) {
	c, v := s.client, s.server
	add := func(p *peer, inner ContentType, content []byte) {
		segs = append(segs, segment{p.side, p.s.seal(inner, content)})
		if inner == ApplicationData {
			want[p.side] += string(content)
		}
	}
	segs = append(segs, segment{Client, s.hello}, segment{Client, []byte{20, 3, 3, 0, 1, 1}})
	c.enter(stageEarly)
	add(c, ApplicationData, []byte("EHLO early\r\n"))
	segs = append(segs, segment{Server, s.answer}, segment{Server, []byte{20, 3, 3, 0, 1, 1}})
	v.enter(stageHandshake)
	add(v, Handshake, []byte{8, 0, 0, 2, 0, 0})
	add(v, Handshake, finished)
	v.enter(stageApplication)
	add(v, ApplicationData, []byte("220 half-RTT data\r\n"))
	if accepted {
		add(c, Handshake, endEarly)
	}
	c.enter(stageHandshake)
	add(c, Handshake, finished)
	c.enter(stageApplication)
	for i := range 3 {
		add(c, ApplicationData, []byte("NOOP\r\n"))
		segs = append(segs, segment{Client, c.keyUpdate()})
		add(v, Handshake, []byte{4, 0, 0, 14, 0, 0, 0, 60, 1, 2, 3, 4, 0, 0, 1, byte(i), 0, 0})
		add(v, ApplicationData, []byte("250 ok\r\n"))
		segs = append(segs, segment{Server, v.keyUpdate()})
	}
	add(v, Handshake, []byte{13, 0, 0, 3, 0, 0, 0}) // post-handshake authentication: its Finished changes no keys
	add(c, Handshake, finished)
	add(c, ApplicationData, []byte("QUIT\r\n"))
	add(v, Alert, []byte{1, 0})
	return segs, want
}

// KeyUpdate, 0-RTT data accepted and refused, post-handshake authentication: the keys of every record are found, with
// every AEAD of TLS 1.3, and every record can be sealed again afterwards.
func TestEpochs(t *testing.T) {
	for _, id := range []uint16{0x1301, 0x1302, 0x1303, 0x1304, 0x1305} {
		for _, accepted := range []bool{true, false} {
			s := newScript13(id, early...)
			segs, want := s.segments(accepted)
			w := watchSegments(s.k, segs, whole)
			for side := range want {
				if got := w.plain[side].String(); got != want[side] {
					t.Errorf("%s accepted=%v %v: opened %q, want %q (%v)", SuiteName(id), accepted, Side(side), got, want[side], w.sealed)
				}
			}
			if describe(w) != describe(watchSegments(s.k, segs, octets)) {
				t.Errorf("%s: byte by byte differs", SuiteName(id))
			}
			for i := range w.records { // after all keys have changed
				if err := w.records[i].Reseal(w.wires[i], bytes.Repeat([]byte{'x'}, len(w.records[i].Content))); err != nil {
					t.Error(err)
				}
			}
			k := newScript13(id, early...)
			k.client.enter(stageEarly)
			if masked := w.wires[2]; w.records[2].Encrypted {
				e := k.client.s.epoch
				p := position{}
				budget := int64(1 << 20)
				content, _, ok := e.open(nil, masked, &p, &budget)
				if !ok || strings.Trim(string(content[:len(content)-1]), "x") != "" {
					t.Errorf("sealed again: %q %v", content, ok)
				}
			}
		}
	}
}

// One-sided captures: a client's records are opened although nobody saw which suite the server chose.
func TestOneSided(t *testing.T) {
	s := newScript13(0x1303)
	segs, want := s.segments(true)
	segs = slices.DeleteFunc(segs, func(s segment) bool { return s.from == Server })
	w := watchSegments(s.k, segs, whole)
	if got := w.plain[Client].String(); !strings.HasSuffix(want[Client], got) || len(got) < len(want[Client])-len("EHLO early\r\n") {
		t.Errorf("opened %q, want the end of %q (%v)", got, want[Client], w.sealed)
	}
}

// gate hides a key log until it is opened.
type gate struct {
	KeyLog
	open bool
}

func (g *gate) Secret(label string, id []byte) []byte {
	if !g.open {
		return nil
	}
	return g.KeyLog.Secret(label, id)
}

// A record whose secret is not there yet waits, unchanged however often it is asked for, and then is opened like any
// other; with wait false it is given sealed at once, and records behind it still open when the secret comes.
func TestWaiting(t *testing.T) {
	for _, s := range testSessions() {
		if s.rsaKey || s.prepare > 0 {
			continue
		}
		segs, k := s.record(t)
		want := describe(watchSegments(k, segs, whole))
		g := &gate{KeyLog: KeyLog{secrets: maps.Clone(k.secrets), labels: k.labels}}
		w := newWatch(g)
		w.keep = true
		waited := 0
		for _, seg := range segs {
			w.buf[seg.from] = append(w.buf[seg.from], seg.data...)
			for {
				rec, st := w.c.Next(seg.from, w.buf[seg.from], true)
				if st == Waiting {
					waited++
					g.open = waited%3 == 0
					continue
				}
				if st != Got {
					break
				}
				g.open = false
				w.take(seg.from, rec, w.buf[seg.from][:rec.Size])
				w.buf[seg.from] = w.buf[seg.from][rec.Size:]
			}
		}
		w.end()
		if waited == 0 || describe(w) != want {
			t.Errorf("%s: waited %d times, and what was seen differs", s.name, waited)
		}
		late := &gate{KeyLog: KeyLog{secrets: g.secrets, labels: g.labels}}
		w = newWatch(late)
		for _, seg := range segs {
			w.feed(seg.from, seg.data)
			late.open = w.sealed[NoSecrets] > 4
		}
		if w.plain[Server].Len() < len(said[Server])/2 || !bytes.HasSuffix(said[Server], w.plain[Server].Bytes()) {
			t.Errorf("%s: with late secrets %d octets were opened: %v", s.name, w.plain[Server].Len(), w.sealed)
		}
	}
}

// A session whose beginning was missed is reported sealed at once, whoever waits: no secret will ever fit it.
func TestMidstream(t *testing.T) {
	for _, s := range testSessions() {
		segs, k := s.record(t)
		w := newWatch(k)
		for _, seg := range segs[len(segs)-6:] {
			rec, st := w.c.Next(seg.from, seg.data, true)
			if st != Got || rec.Opened || rec.Reason != NoSecrets || len(rec.Messages) > 0 {
				t.Errorf("%s: %v record %v opened=%v reason=%q messages %v", s.name, st, rec.Type, rec.Opened, rec.Reason, rec.Messages)
			}
		}
	}
}

// NIST SP 800-38C example 3 with the 13 octets of additional data that TLS has; its other tags are made with OpenSSL.
func TestCCM(t *testing.T) {
	unhex := func(s string) []byte { b, _ := hex.DecodeString(s); return b }
	for _, v := range []struct{ key, nonce, aad, plain, sealed string }{
		{"404142434445464748494a4b4c4d4e4f", "101112131415161718191a1b", "000102030405060708090a0b0c", "202122232425262728292a2b2c2d2e2f3031323334353637", "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5736ed98b22344446dfa8782fde4c45eb"},
		{"404142434445464748494a4b4c4d4e4f", "101112131415161718191a1b", "000102030405060708090a0b0c", "000102030405060708090a0b0c0d0e0f", "c3922189d5973a5abb3ccaccedb7c72b416a3f7b9606c1f8e3bae74c72be08fb"},
		{"404142434445464748494a4b4c4d4e4f", "101112131415161718191a1b", "000102030405060708090a0b0c", "01", "c285e8fe3843fee7ed1a6f33d30d8e93ff"},
		{"404142434445464748494a4b4c4d4e4f", "101112131415161718191a1b", "000102030405060708090a0b0c", "202122232425262728292a2b2c2d2e2f3031323334353637", "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5e47eda18b67a2372"},
		{"404142434445464748494a4b4c4d4e4f", "101112131415161718191a1b", "000102030405060708090a0b0c", "000102030405060708090a0b0c0d0e0f", "c3922189d5973a5abb3ccaccedb7c72bfad41f641f6b2c8d"},
		{"404142434445464748494a4b4c4d4e4f", "101112131415161718191a1b", "000102030405060708090a0b0c", "01", "c28078dac47913f98e"},
	} {
		su := suite{bulk: bulkCCM, block: "AES", keyLen: 16, tagLen: (len(v.sealed) - len(v.plain)) / 2}
		a := newAEAD(su, unhex(v.key))
		if got := hex.EncodeToString(a.Seal(nil, unhex(v.nonce), unhex(v.plain), unhex(v.aad))); got != v.sealed {
			t.Errorf("sealed %s, want %s", got, v.sealed)
		}
		got, err := a.Open(nil, unhex(v.nonce), unhex(v.sealed), unhex(v.aad))
		if err != nil || hex.EncodeToString(got) != v.plain {
			t.Errorf("opened %x: %v", got, err)
		}
		broken := unhex(v.sealed)
		broken[0] ^= 1
		if _, err := a.Open(nil, unhex(v.nonce), broken, unhex(v.aad)); err == nil {
			t.Error("a changed octet went unnoticed")
		}
	}
}

// Plain text where TLS was expected is told from the first octet, a wrong header as soon as it is wrong.
func TestNotTLS(t *testing.T) {
	for _, v := range []struct {
		in   string
		want Status
	}{
		{"E", NotTLS}, {"EHLO x\r\n", NotTLS}, {"\x16", NeedMore}, {"\x16\x02", NotTLS}, {"\x16\x03\x01\xff\xff", NotTLS},
		{"\x16\x03\x01\x48\x00", NeedMore}, {"\x16\x03\x01\x48\x01", NotTLS}, {"\x19\x03\x03", NotTLS}, {"\x80", NeedMore},
		{"\x80\x2e\x02", NotTLS}, {"\x15\x03\x01\x00\x02\x02\x28", Got}, {"", NeedMore},
	} {
		if _, st := NewConn(nil).Next(Client, []byte(v.in), true); st != v.want {
			t.Errorf("%q: %v, want %v", v.in, st, v.want)
		}
	}
	if _, st := NewConn(nil).Next(Server, []byte("\x80\x2e\x01"), true); st != NotTLS {
		t.Errorf("an SSL 2.0 hello from the server: %v", st)
	}
}
