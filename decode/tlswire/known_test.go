package tlswire

import (
	"bytes"
	"testing"
)

// known is a Plaintext that has all that was said.
type known struct {
	octets []byte
	asked  int
	passed int64
}

func (s *known) Known(dst []byte, _ Side, at int64, n int) ([]byte, bool) {
	s.asked++
	if at+int64(n) > int64(len(s.octets)) {
		return nil, false
	}
	return append(dst, s.octets[at:at+int64(n)]...), true
}

func (s *known) Passed(_ Side, to int64) { s.passed = to }

// What was told is taken instead of opening a record, in all the ciphers that can be looked into, and only where it
// agrees with the record: what is out of step, what has padding behind it and what is no application data is opened, with
// the same outcome.
func TestKnownPlaintextIsTheRecords(t *testing.T) {
	text := make([]byte, 3*maxPlain)
	for i := range text {
		text[i] = byte(i*7 + i>>8)
	}
	lengths := []int{1, 15, 16, 17, 31, 63, 64, 65, 1000, maxPlain}
	for _, id := range []uint16{0x1301, 0x1302, 0x1303, 0x1304} {
		c, _ := sealed13(id, 0)
		su := suiteOf(id)
		s := &sealer{epoch: keys13(su, 0, make([]byte, su.prf.Size()))}
		told := &known{octets: text}
		c.Knows(told)
		next := func(wire []byte) Record {
			t.Helper()
			rec, st := c.Next(Server, wire, false)
			if st != Got || !rec.Opened {
				t.Fatalf("suite %04x: %v %v", id, st, rec.Reason)
			}
			return rec
		}
		at := 0
		for _, n := range lengths {
			wire := s.seal(ApplicationData, text[at:at+n])
			tag := wire[len(wire)-1]
			wire[len(wire)-1] ^= 1 // whoever opens it finds out
			if id == 0x1304 {      // CCM is opened
				wire[len(wire)-1] = tag
			}
			if rec := next(wire); rec.Inner != ApplicationData || !bytes.Equal(rec.Content, text[at:at+n]) {
				t.Errorf("suite %04x: %d octets at %d are not what was said", id, n, at)
			}
			if at += n; told.passed != int64(at) {
				t.Errorf("suite %04x: %d octets have passed, want %d", id, told.passed, at)
			}
		}
		// a message of TLS between them, and one with padding
		if rec := next(s.seal(Handshake, []byte{254, 0, 0, 0})); rec.Inner != Handshake {
			t.Errorf("suite %04x: %v", id, rec.Inner)
		}
		next(s.seal(24, []byte("no application data")))
		wire := s.seal(ApplicationData, []byte("other words than told"))
		if rec := next(wire); string(rec.Content) != "other words than told" {
			t.Errorf("suite %04x: what was told was believed against the record", id)
		}
	}
}

// Behind a record that was not opened, and behind a gap, nothing is known any more: nobody can say where the octets are.
func TestKnownPlaintextEndsWithADamage(t *testing.T) {
	for name, harm := range map[string]func(c *Conn, wire []byte){
		"damage": func(c *Conn, wire []byte) {
			wire[20] ^= 1
			c.Next(Server, wire, false)
		},
		"gap": func(c *Conn, wire []byte) { c.Lost(Server, len(wire)) },
	} {
		c, _ := sealed13(0x1301, 0)
		s := &sealer{epoch: keys13(suiteOf(0x1301), 0, make([]byte, 32))}
		told := &known{octets: bytes.Repeat([]byte("all the same "), 100)}
		c.Knows(told)
		if rec, _ := c.Next(Server, s.seal(ApplicationData, told.octets[:50]), false); !rec.Opened || told.asked != 1 {
			t.Fatalf("%s: opened %v, asked %d times", name, rec.Opened, told.asked)
		}
		harm(c, s.seal(ApplicationData, told.octets[50:90]))
		asked := told.asked
		c.Next(Server, s.seal(ApplicationData, told.octets[90:120]), false)
		if told.asked != asked {
			t.Errorf("%s: it is still asked for", name)
		}
	}
}
