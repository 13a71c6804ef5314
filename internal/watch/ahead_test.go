package watch

import (
	"bytes"
	"fmt"
	"testing"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
)

// lines is a Show that prints.
type lines struct{ buf []byte }

func (l *lines) Publish(session int, evs []decode.Event) {
	for i := range evs {
		l.buf = append(decode.AppendJSON(l.buf, session, &evs[i]), '\n')
	}
}

func (l *lines) Octets(session int, leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
	l.buf = fmt.Appendf(l.buf, "%d %v %v %v %d %x\n", session, leg, from, layer, at, data)
}

// What is printed of a file does not depend on its being read ahead, nor on whether events are let go of as they are shown:
// sessions that run side by side come in the same order, with the same events and octets, and secrets open the same records.
func TestAheadIsInOrder(t *testing.T) {
	for _, secure := range []bool{false, true} {
		var file bytes.Buffer
		if err := makeCapture(&file, 1<<20, 20<<10, 1448, secure); err != nil {
			t.Fatal(err)
		}
		read := func(ahead, passing bool) []byte {
			var l lines
			f := &File{Show: &l, Keys: new(tlswire.KeyLog), Octets: true, Passing: passing}
			sink, finish := captures.Sink(f), func() {}
			if ahead {
				a := NewAhead(f)
				sink, finish = a, a.Finish
			}
			err := captures.Read(bytes.NewReader(file.Bytes()), "test", sink)
			if finish(); err != nil {
				t.Fatal(err)
			}
			return l.buf
		}
		want := read(false, false)
		if !bytes.Contains(want, []byte(`"message.header"`)) {
			t.Fatalf("secure %v: nothing was decoded", secure)
		}
		for _, how := range [][2]bool{{true, false}, {false, true}, {true, true}} {
			if got := read(how[0], how[1]); !bytes.Equal(got, want) {
				t.Errorf("secure %v, ahead %v, passing %v: %d octets, want %d", secure, how[0], how[1], len(got), len(want))
			}
		}
	}
}
