package decode

import (
	"fmt"
	"testing"
)

// TestUIDSet protects that an identifier that comes twice is seen, and no other, up to the limit, and that beyond it
// nothing more is kept.
func TestUIDSet(t *testing.T) {
	var u uidSet
	uid := func(i int) string { return fmt.Sprintf("%08x%08x", i, 0x5f3a21c4) }
	for i := 1; i <= maxUIDs+1000; i++ {
		if first, twice := u.seen(uid(i), fmt.Sprint(i)); twice {
			t.Fatalf("the identifier of message %d is that of %s", i, first)
		}
	}
	for _, i := range []int{1, 2, 777, maxUIDs} {
		if first, twice := u.seen(uid(i), "5"); !twice || first != fmt.Sprint(i) {
			t.Errorf("message %d is found as %q, %v", i, first, twice)
		}
	}
	if _, twice := u.seen(uid(maxUIDs+1), "5"); twice || len(u.hashes) != uidSlots || u.n != maxUIDs {
		t.Errorf("%d identifiers in %d places are kept, more than %d", u.n, len(u.hashes), maxUIDs)
	}
	for _, odd := range []string{"0", "x", "-1", "99999999999", ""} {
		var u uidSet
		u.seen("a", odd)
		if _, twice := u.seen("a", "1"); twice {
			t.Errorf("message %q is remembered", odd)
		}
	}
}

func BenchmarkUIDSet(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var u uidSet
		for i := range 1000 {
			u.seen(uidNames[i], "7")
		}
	}
}

var uidNames = func() (names [1000]string) {
	for i := range names {
		names[i] = fmt.Sprintf("%08x%08x", i, 0x5f3a21c4)
	}
	return names
}()
