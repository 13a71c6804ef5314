package decode

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// mayEcho never says no where a secret stands, at any place and in either case; and it says no of nearly everything else.
func TestMayEcho(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	word := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(33 + r.IntN(223))
		}
		return b
	}
	for range 2000 {
		l := &leg{s: New(Options{})}
		if l.mayEcho([]byte("anything")) {
			t.Fatal("a secret before there is one")
		}
		var secrets [][]byte
		for range 1 + r.IntN(2*maxEchoes) {
			secrets = append(secrets, word(minEchoWord+r.IntN(20)))
			l.heardSecret(secrets[len(secrets)-1])
		}
		for _, e := range l.echoes {
			for _, said := range [][]byte{e.sent, bytes.ToUpper(e.sent), bytes.ToLower(e.sent)} {
				line := append(append(word(r.IntN(40)), said...), word(r.IntN(40))...)
				if len(said) == len(e.sent) && indexFold(line, e.sent) >= 0 && !l.mayEcho(line) {
					t.Fatalf("%q is not seen in %q", e.sent, line)
				}
			}
		}
	}
	l := &leg{s: New(Options{})}
	l.heardSecret([]byte("timbre-rose"))
	if l.mayEcho([]byte("* 12 FETCH (UID 1012 RFC822.SIZE 3012 FLAGS (\\Seen \\Answered) MODSEQ (4711))")) {
		t.Error("an ordinary line is taken for one with a secret")
	}
}
