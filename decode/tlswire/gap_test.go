package tlswire

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// lose feeds segments with the octets [from, to) of one side taken out, by the calls that the documentation asks for,
// and gives the watch and how many octets Next and Skip consumed of that side.
// Without skip, Skip is left out.
func lose(k Secrets, segs []segment, side Side, from, to int, skip bool, cut func([]byte) [][]byte) (*watch, int) {
	w := newWatch(k)
	w.keep = true
	at, told, unsaid := 0, false, 0
	gap := func() {
		if told {
			return
		}
		told = true
		for _, m := range w.c.Flush(side) {
			w.tiles[side].Write(m.Raw)
			w.msgs = append(w.msgs, m)
		}
		if rest := w.buf[side]; !skip {
			w.buf[side] = nil
			unsaid = len(rest)
		} else if len(rest) > 0 {
			rec := w.c.Skip(side, rest)
			w.take(side, rec, rest)
			w.buf[side] = nil
		}
		w.c.Lost(side, to-from)
	}
	for _, s := range segs {
		d := s.data
		if s.from == side {
			start := at
			at += len(d)
			switch {
			case at <= from:
			case start >= to:
				gap()
			default:
				before := d[:max(0, from-start)]
				after := d[min(len(d), max(0, to-start)):]
				for _, p := range cut(before) {
					w.feed(side, p)
				}
				gap()
				d = after
			}
		}
		for _, p := range cut(d) {
			if len(p) > 0 {
				w.feed(s.from, p)
			}
		}
	}
	w.end()
	size := 0
	for _, r := range w.records {
		if r.From == side {
			size += r.Size
		}
	}
	return w, size + len(w.buf[side]) + unsaid
}

// Octets lost anywhere in a session: nothing is invented, every octet is accounted for, the cutting does not matter, and
// after the gap opening goes on.
func TestGaps(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range testSessions() {
		if s.rsaKey {
			continue
		}
		segs, k := s.record(t)
		full := watchSegments(k, segs, whole)
		var total [2]int
		for _, seg := range segs {
			total[seg.from] += len(seg.data)
		}
		for round := range 4 {
			side := Side(r.IntN(2))
			handshake := total[side] - len(said[side])
			from := handshake*r.IntN(2) + r.IntN(total[side]-handshake-12000)
			to := from + 1 + r.IntN(8000)
			w, consumed := lose(k, segs, side, from, to, true, whole)
			checkTiles(t, w)
			if consumed != total[side]-(to-from) {
				t.Errorf("%s: %d octets accounted for, want %d", s.name, consumed, total[side]-(to-from))
			}
			if !piecesOf(w, full, side) {
				t.Errorf("%s: something was opened that was never said", s.name)
			}
			want := len(said[side]) - (to - from) - 2*maxFragment
			if got := w.plain[side].Len(); from > handshake && got < want {
				t.Errorf("%s: %v lost [%d,%d) of %d, opened %d of %d: %v", s.name, side, from, to, total[side], got, len(said[side]), w.sealed)
			}
			if !bytes.Equal(w.plain[side^1].Bytes(), said[side^1]) && from > handshake {
				t.Errorf("%s: the other side suffered", s.name)
			}
			if u, n := lose(k, segs, side, from, to, false, whole); n != consumed || !bytes.Equal(u.plain[side].Bytes(), w.plain[side].Bytes()) {
				t.Errorf("%s: without Skip %d octets are opened instead of %d", s.name, u.plain[side].Len(), w.plain[side].Len())
			}
			if round > 0 {
				continue
			}
			b, _ := lose(k, segs, side, from, to, true, octets)
			if describe(w) != describe(b) {
				t.Errorf("%s: byte by byte differs after a gap [%d,%d)", s.name, from, to)
			}
		}
	}
}

// piecesOf reports whether every record that w opened is one of full's, in order.
func piecesOf(w, full *watch, side Side) bool {
	next := 0
	for _, r := range w.records {
		if r.From != side || !r.Opened {
			continue
		}
		for ; next < len(full.records); next++ {
			f := full.records[next]
			if f.From == side && f.Inner == r.Inner && bytes.Equal(f.Content, r.Content) {
				break
			}
		}
		if next++; next > len(full.records) {
			return false
		}
	}
	return true
}
