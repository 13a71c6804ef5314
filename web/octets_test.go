package web

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"facteur/decode"
)

func testOctets(streamMax, allMax int) *octetStore {
	return &octetStore{streamMax: streamMax, allMax: allMax, sessions: make(map[int]*keptSession)}
}

// pattern gives octets that say where they are.
func pattern(at, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((at + i) * 7 / 3)
	}
	return b
}

func (o *octetStore) check(t *testing.T, id int, which stream, from, to int64, wantFrom, wantTo int64) {
	t.Helper()
	parts, given, ok := o.get(id, which, decode.Span{From: from, To: to}, maxSpan)
	if !ok {
		given = decode.Span{}
	}
	if given != (decode.Span{From: wantFrom, To: wantTo}) {
		t.Fatalf("asked for %d-%d, given %v, want %d-%d", from, to, given, wantFrom, wantTo)
	}
	if got := bytes.Join(parts, nil); !bytes.Equal(got, pattern(int(given.From), int(given.Len()))) {
		t.Fatalf("%d-%d: other octets than came", from, to)
	}
}

// Whatever the cutting, and whatever is told twice, the octets asked for are those that came. The caller's buffer may be
// used again at once.
func TestOctetsKept(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	o := testOctets(maxStreamOctets, maxAllOctets)
	which := stream{decode.ServerLeg, decode.Server, decode.Plain}
	const total = 300_000
	buffer := make([]byte, 0, 1<<17)
	for at := 0; at < total; {
		n := min(1+random.IntN([]int{3, 2000, 100_000}[random.IntN(3)]), total-at)
		back := min(at, random.IntN(5)) // some again
		buffer = append(buffer[:0], pattern(at-back, n+back)...)
		o.add(1, which, int64(at-back), buffer)
		at += n
	}
	for range 500 {
		from := random.Int64N(total)
		to := from + 1 + random.Int64N(total)
		o.check(t, 1, which, from, to, from, min(to, total))
	}
	o.check(t, 1, which, total, total+1, 0, 0)
	o.check(t, 1, stream{}, 0, 1, 0, 0)
	o.check(t, 2, which, 0, 1, 0, 0)
	if o.octets != total {
		t.Errorf("%d octets counted", o.octets)
	}
}

// A gap in a capture is a gap here: what lies before and after is given, and never one for the other.
func TestOctetsAcrossGap(t *testing.T) {
	o := testOctets(maxStreamOctets, maxAllOctets)
	o.add(1, stream{}, 0, pattern(0, 100))
	o.add(1, stream{}, 150, pattern(150, 100))
	o.check(t, 1, stream{}, 50, 200, 50, 100)
	o.check(t, 1, stream{}, 120, 200, 150, 200)
	o.check(t, 1, stream{}, 100, 150, 0, 0)
}

// A long stream keeps its beginning and its latest octets within the limit.
func TestOctetsOfLongStream(t *testing.T) {
	const limit = 1 << 20
	o := testOctets(limit, maxAllOctets)
	for at := 0; at < 10*limit; at += 10_000 {
		o.add(1, stream{}, int64(at), pattern(at, 10_000))
		if o.octets > limit {
			t.Fatalf("%d octets kept of %d", o.octets, limit)
		}
	}
	end := o.sessions[1].streams[stream{}].end
	o.check(t, 1, stream{}, 0, 100_000, 0, 100_000)
	o.check(t, 1, stream{}, end-500_000, end, end-500_000, end)
	if _, given, ok := o.get(1, stream{}, decode.Span{From: 5 * limit, To: 5*limit + 10}, maxSpan); ok {
		t.Errorf("the middle is given as %v", given)
	}
	if parts, given, _ := o.get(1, stream{}, decode.Span{From: end - 500_000, To: end}, 1000); given.Len() != 1000 || len(bytes.Join(parts, nil)) != 1000 {
		t.Errorf("more than the limit of an answer: %v", given)
	}
}

// All streams together stay within their limit: closed sessions go first, then the oldest session's oldest octets; the
// newest are always there.
func TestOctetsInAll(t *testing.T) {
	o := testOctets(400_000, 1_000_000)
	o.add(1, stream{}, 0, pattern(0, 300_000))
	for id := 2; id <= 3; id++ {
		o.add(id, stream{}, 0, pattern(0, 300_000))
		o.close(id)
	}
	o.add(4, stream{}, 0, pattern(0, 300_000))
	o.check(t, 1, stream{}, 0, 10, 0, 10)
	o.check(t, 2, stream{}, 0, 10, 0, 0)
	o.check(t, 3, stream{}, 0, 10, 0, 10)
	for id := 5; id <= 9; id++ {
		o.add(id, stream{}, 0, pattern(0, 300_000))
		if o.octets > 1_000_000 {
			t.Fatalf("%d octets kept", o.octets)
		}
		o.check(t, id, stream{}, 0, 300_000, 0, 300_000)
	}
	o.check(t, 3, stream{}, 0, 10, 0, 0)
	o.check(t, 1, stream{}, 0, 300_000, 0, 0)
	o.forget(9)
	o.check(t, 9, stream{}, 0, 10, 0, 0)
	sum := 0
	for _, s := range o.sessions {
		for _, st := range s.streams {
			for _, b := range st.blocks {
				sum += len(b.data)
			}
		}
	}
	if sum != o.octets {
		t.Errorf("%d octets kept, %d counted", sum, o.octets)
	}
}

func BenchmarkOctets(b *testing.B) {
	o := testOctets(maxStreamOctets, maxAllOctets)
	data := pattern(0, 1400)
	b.SetBytes(1400)
	b.ReportAllocs()
	for at := int64(0); b.Loop(); at += 1400 {
		o.add(1, stream{}, at, data)
	}
}
