package watch

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"facteur/decode"
)

// Whatever the order in which octets are told and read, only the right ones are given, what is kept is bounded, and
// nothing is kept of what was read: thousands of sessions are idle most of the time.
func TestInsideGivesTheOctetsTold(t *testing.T) {
	text := make([]byte, 8<<20)
	for i := range text {
		text[i] = byte(i * i >> 7)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		var in inside
		s := &in.sides[decode.ServerLeg][decode.Client]
		told, read, hits := 0, 0, 0
		for told < len(text)/8 {
			for range rnd.IntN(4) {
				n := min(rnd.IntN(40<<10), len(text)-told)
				in.say(decode.ServerLeg, decode.Client, text[told:told+n])
				told += n
			}
			for range rnd.IntN(4) {
				n := rnd.IntN(16 << 10)
				got, ok := in.Known(nil, decode.ServerLeg, decode.Client, int64(read), n)
				switch {
				case ok && !bytes.Equal(got, text[read:read+n]):
					t.Fatalf("%d octets at %d are not those told", n, read)
				case ok:
					hits++
				case read+n <= told && told-read <= maxInside:
					t.Fatalf("%d octets at %d of %d told are not known", n, read, told)
				}
				if rnd.IntN(8) > 0 { // some octets turn out to be something else
					read += n
					in.Passed(decode.ServerLeg, decode.Client, int64(read))
				}
			}
			if s.buf != nil && len(*s.buf)-s.taken > maxInside {
				t.Fatalf("%d octets are kept", len(*s.buf)-s.taken)
			}
		}
		if hits == 0 {
			t.Error("nothing was known")
		}
		in.say(decode.ServerLeg, decode.Client, text[told:told+1])
		if in.Passed(decode.ServerLeg, decode.Client, int64(max(read, told)+1)); s.buf != nil {
			t.Error("what was read is kept")
		}
	}
}

// Of a decoder that does not ask, nothing is kept for ever.
func TestInsideGivesUp(t *testing.T) {
	var in inside
	block := make([]byte, 64<<10)
	for range 2 * (maxInside + maxUnasked) / len(block) {
		in.say(decode.ClientLeg, decode.Server, block)
	}
	if s := &in.sides[decode.ClientLeg][decode.Server]; !s.over || s.buf != nil {
		t.Error("octets are kept that nobody asks for")
	}
}
