package decode

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestIndexBoundary protects the boundaries of a body: they are found wherever bytes.Index finds them, few hyphens or many.
func TestIndexBoundary(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 20_000 {
		b := make([]byte, rng.IntN(1000))
		for i := range b {
			b[i] = "\n-x"[min(2, rng.IntN(2+n%300))]
		}
		if got, want := indexBoundary(b), bytes.Index(b, newBoundary); got != want {
			t.Fatalf("%q: %d, want %d", b, got, want)
		}
	}
}

// TestTextsAreTheirOwn protects strings that share memory: none changes when the octets they were made of do, or when others
// are made, and short ones cost next to no allocation.
func TestTextsAreTheirOwn(t *testing.T) {
	r := new(Room)
	var made []string
	room := make([]byte, 3*lastTexts)
	for n := range 3 * lastTexts {
		for i := range room[:n] {
			room[i] = byte(n)
		}
		made = append(made, r.text(room[:n]))
	}
	for n, s := range made {
		if len(s) != n || strings.Trim(s, string([]byte{byte(n)})) != "" {
			t.Fatalf("string %d is %q", n, s)
		}
	}
	line := []byte("* 1 FETCH (UID 101 FLAGS (\\Seen))")
	if n := testing.AllocsPerRun(1000, func() { r.text(line) }); n > 0.1 {
		t.Errorf("%v allocations a line", n)
	}
}
