package decode_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"facteur/decode"
)

// Sessions that share a Room, or swap one in for each turn, take turns in the middle of lines and records, and let go of their events at each turn have
// the events that each of them has alone.
func TestSharedRoom(t *testing.T) {
	eachCapture(t, 400<<10, func(t *testing.T, c *take) {
		room, swapped, ids := new(decode.Room), new(decode.Room), slices.Sorted(maps.Keys(c.sessions))
		want, got := map[int][]string{}, map[int][]string{}
		for range 2 { // what one session teaches of the secrets of another is known the second time
			for _, id := range ids {
				want[id] = decodeWith(c.sessions[id], c.sessions[id].options(c), whole)
			}
		}
		turns := map[int]func() bool{}
		for _, id := range ids {
			s := c.sessions[id]
			o := s.options(c)
			keep := func(evs []decode.Event) {
				for i := range evs {
					got[id] = append(got[id], string(decode.AppendJSON(nil, 1, &evs[i])))
				}
			}
			o.Passing = true
			if id%2 == 0 {
				o.Room = room
			}
			d := decode.New(o)
			turns[id] = takeTurns(s, d, keep)
			if id%2 == 1 { // the others swap it in and out
				turn := turns[id]
				turns[id] = func() bool {
					d.Swap(swapped)
					defer d.Swap(swapped)
					return turn()
				}
			}
		}
		for len(turns) > 0 {
			for _, id := range ids {
				if turn := turns[id]; turn != nil && !turn() {
					delete(turns, id)
				}
			}
		}
		for _, id := range ids {
			sameEvents(t, fmt.Sprintf("session %d beside others", id), want[id], got[id])
		}
	})
}

// takeTurns gives a function that feeds a session half of its next chunk at each call, until it reports that nothing is
// left.
func takeTurns(s *session, d *decode.Session, keep func([]decode.Event)) func() bool {
	at, half := 0, false
	return func() bool {
		if at == len(s.chunks) {
			keep(d.Close(s.end))
			return false
		}
		c := s.chunks[at]
		if n := len(c.Data) / 2; n > 0 {
			if half {
				c.Data, c.Lost, c.Told = c.Data[n:], 0, nil
			} else {
				c.Data, c.End = c.Data[:n], decode.Open
			}
			half = !half
		}
		keep(d.Feed(c))
		if !half {
			at++
		}
		return true
	}
}
