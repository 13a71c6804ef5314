package tlswire

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// Sessions with octets changed, pieces dropped, doubled and swapped, keys right or wrong: no fault, every octet tiled, the
// cutting does not matter, and no application data is opened that was never sealed.
func TestHostile(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	sessions := testSessions()
	for round := range 60 {
		s := sessions[r.IntN(len(sessions))]
		segs, k := s.record(t)
		full := watchSegments(k, segs, whole)
		hit := slices.Clone(segs)
		for range 1 + r.IntN(4) {
			i := r.IntN(len(hit))
			switch r.IntN(4) {
			case 0:
				d := bytes.Clone(hit[i].data)
				d[r.IntN(len(d))] ^= byte(1 << r.IntN(8))
				hit[i].data = d
			case 1:
				hit = slices.Delete(hit, i, i+1)
			case 2:
				hit = slices.Insert(hit, i, hit[r.IntN(len(hit))])
			case 3:
				j := r.IntN(len(hit))
				hit[i], hit[j] = hit[j], hit[i]
			}
			if len(hit) == 0 {
				break
			}
		}
		w, b := watchSegments(k, hit, whole), watchSegments(k, hit, octets)
		checkTiles(t, w)
		if describe(w) != describe(b) {
			t.Errorf("round %d, %s: byte by byte differs", round, s.name)
		}
		for _, rec := range w.records {
			known := slices.ContainsFunc(full.records, func(f Record) bool {
				return f.From == rec.From && f.Inner == rec.Inner && bytes.Equal(f.Content, rec.Content)
			})
			if rec.Opened && !known {
				t.Errorf("round %d, %s: %d octets of %v were opened that nobody sealed", round, s.name, len(rec.Content), rec.Inner)
			}
			for _, m := range rec.Messages {
				checkMessage(t, &m)
			}
		}
	}
}
