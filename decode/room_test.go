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

// TestCopiesFollowTheFlow protects what recorded sessions in TLS cost: however many other sizes came before, the copies that
// are wanted again and again are soon made without allocating, and what is kept of them stays bounded.
func TestCopiesFollowTheFlow(t *testing.T) {
	var c copies
	for n := range 100 {
		c.put(c.of(make([]byte, 1<<(n%22))))
	}
	chunk, record := make([]byte, 512<<10+700), make([]byte, 16<<10)
	flow := func() {
		large, small := [2][]byte{c.of(chunk), c.of(chunk)}, [40][]byte{}
		for i := range small {
			small[i] = c.of(record)
		}
		for _, b := range small {
			c.put(b)
		}
		c.put(large[0])
		c.put(large[1])
	}
	flow()
	if n := testing.AllocsPerRun(100, flow); n > 0.1 {
		t.Errorf("%v allocations each time", n)
	}
	size := 0
	for _, b := range c.free {
		size += cap(b)
	}
	if size != c.size || size > maxCopied || len(c.free) > maxCopies {
		t.Errorf("%d buffers of %d octets are kept, %d by the account", len(c.free), size, c.size)
	}
}
