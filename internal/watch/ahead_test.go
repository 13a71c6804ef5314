package watch

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
)

// lines is a Show that prints.
type lines struct{ buf []byte }

func (l *lines) Printed() int { return len(l.buf) }

func (l *lines) Swap(room []byte) []byte {
	printed := l.buf
	l.buf = room
	return printed
}

// printing is a Lane.
type printing struct {
	*File
	*lines
}

func (p printing) Octets(session int, leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
	p.lines.Octets(session, leg, from, layer, at, data)
}

func (l *lines) Publish(session int, evs []decode.Event) {
	for i := range evs {
		l.buf = append(decode.AppendJSON(l.buf, session, &evs[i]), '\n')
	}
}

func (l *lines) Octets(session int, leg decode.Leg, from decode.Side, layer decode.Layer, at int64, data []byte) {
	l.buf = fmt.Appendf(l.buf, "%d %v %v %v %d %x\n", session, leg, from, layer, at, data)
}

// What is printed of a file does not depend on its being read ahead, nor on how many lanes its sessions are dealt out to,
// nor on whether events are let go of as they are shown: sessions that run side by side come in the same order, with the
// same events and octets, and secrets open the same records.
func TestAheadIsInOrder(t *testing.T) {
	for _, secure := range []bool{false, true} {
		var file bytes.Buffer
		if err := makeCapture(&file, 3<<20, alike(20<<10), 1448, secure); err != nil {
			t.Fatal(err)
		}
		read := func(lanes int, passing bool) []byte {
			var out []byte
			keys := new(tlswire.KeyLog)
			lane := func(earlier func()) Lane {
				l := new(lines)
				return printing{&File{Show: l, Keys: keys, Octets: true, Passing: passing, Earlier: earlier}, l}
			}
			if lanes == 0 {
				l := lane(nil)
				if err := captures.Read(bytes.NewReader(file.Bytes()), "test", l); err != nil {
					t.Fatal(err)
				}
				return l.Swap(nil)
			}
			a := NewAhead(lanes, lane, func(session int, printed []byte) { out = append(out, printed...) })
			err := captures.Read(bytes.NewReader(file.Bytes()), "test", a)
			if a.Finish(); err != nil {
				t.Fatal(err)
			}
			return out
		}
		want := read(0, false)
		if !bytes.Contains(want, []byte(`"message.header"`)) {
			t.Fatalf("secure %v: nothing was decoded", secure)
		}
		for lanes := range 5 {
			for _, passing := range []bool{false, true} {
				if got := read(lanes, passing); !bytes.Equal(got, want) {
					t.Errorf("secure %v, %d lanes, passing %v: %d octets, want %d", secure, lanes, passing, len(got), len(want))
				}
			}
		}
	}
}

// Secrets that a capture brings in the middle are known to all lanes for what follows them, and to none for what stands
// before: as if there were one.
func TestAheadSecretsInTheMiddle(t *testing.T) {
	var told []string
	var scribed atomic.Int64
	a := NewAhead(2, func(func()) Lane { return &scribe{scribed: &scribed, story: &told} }, func(int, []byte) {})
	for i := range 6 {
		a.Open(captures.Info{Session: i})
		a.Chunk(i, decode.Chunk{Data: make([]byte, 1000)})
		if i%2 == 1 {
			a.Secrets([]byte{byte(i)})
		}
	}
	a.Finish()
	if got := strings.Join(told, " "); got != "2 4 6" {
		t.Errorf("chunks known when secrets came: %s, want 2 4 6", got)
	}
}

// scribe is a lane that tells how many chunks the lanes had seen when secrets came.
type scribe struct {
	lines
	scribed *atomic.Int64
	story   *[]string
}

func (s *scribe) Open(captures.Info)      {}
func (s *scribe) Chunk(int, decode.Chunk) { s.scribed.Add(1) }
func (s *scribe) Close(int, time.Time)    {}
func (s *scribe) Secrets([]byte)          { *s.story = append(*s.story, fmt.Sprint(s.scribed.Load())) }

// A lane that asks for what came earlier gets it, whichever lane had it and however slow that is.
func TestAheadWaitsForTheEarlier(t *testing.T) {
	var slow atomic.Int64
	a := NewAhead(2, func(earlier func()) Lane { return &patient{slow: &slow, earlier: earlier, t: t} }, func(int, []byte) {})
	for i := range 40 {
		a.Open(captures.Info{Session: i})
		a.Chunk(i, decode.Chunk{Data: make([]byte, 100)})
	}
	a.Finish()
	if n := slow.Load(); n != 20 {
		t.Errorf("%d slow sessions were worked off, want 20", n)
	}
}

// patient is a lane in which even sessions are slow, and odd ones wait for all before them.
type patient struct {
	lines
	slow    *atomic.Int64
	earlier func()
	t       *testing.T
}

func (p *patient) Open(captures.Info)   {}
func (p *patient) Close(int, time.Time) {}
func (p *patient) Secrets([]byte)       {}
func (p *patient) Chunk(session int, _ decode.Chunk) {
	if session%2 == 0 {
		time.Sleep(time.Millisecond)
		p.slow.Add(1)
		return
	}
	p.earlier()
	if n := p.slow.Load(); n < int64(session/2+1) {
		p.t.Errorf("session %d began when %d before it were done", session, n)
	}
}
