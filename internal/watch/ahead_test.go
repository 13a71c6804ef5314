package watch

import (
	"bytes"
	"fmt"
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
			lane := func(p *Place) Lane {
				l := new(lines)
				return printing{&File{Show: l, Keys: keys, Octets: true, Passing: passing, Place: p}, l}
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
// before, however far the reader is: as if there were one. Those that stand far before are forgotten.
func TestAheadSecretsInTheMiddle(t *testing.T) {
	const sessions = 3 * maxNearBlocks
	secret := func(n int) []byte { return []byte(fmt.Sprintf("CLIENT_RANDOM %08x %08x\n", n, n)) }
	var asked atomic.Int64
	a := NewAhead(2, func(p *Place) Lane {
		return &asking{t: t, asked: &asked, secret: func(n int) bool {
			return p.Secret("CLIENT_RANDOM", []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) != nil
		}}
	}, func(int, []byte) {})
	for n := range sessions {
		a.Open(captures.Info{Session: n})
		a.Secrets(secret(n))
		a.Chunk(n, decode.Chunk{Data: make([]byte, 100)})
	}
	a.Finish()
	if asked.Load() != sessions {
		t.Errorf("%d chunks came, want %d", asked.Load(), sessions)
	}
	if n := len(a.near.blocks); n > maxNearBlocks {
		t.Errorf("%d blocks of secrets are kept", n)
	}
	a = NewAhead(1, func(*Place) Lane { return &asking{} }, func(int, []byte) {})
	if a.Secrets(bytes.Repeat(secret(1), maxNearText/len(secret(1))+1)); len(a.near.blocks) > 0 || !a.near.any.Load() {
		t.Error("a whole key log is kept as what is near, or there are no secrets")
	}
	a.Finish()
}

// asking is a lane that asks for the secrets around its place: there are those of the session it is in and of as many as
// are near before it, and no others.
type asking struct {
	lines
	t      *testing.T
	asked  *atomic.Int64
	secret func(n int) bool
}

func (a *asking) Open(i captures.Info) {
	if a.secret(i.Session) {
		a.t.Errorf("session %d begins with the secret that stands behind its beginning", i.Session)
	}
}

func (a *asking) Chunk(n int, _ decode.Chunk) {
	a.asked.Add(1)
	for at, want := range map[int]bool{n: true, n + 1: false, max(0, n-nearBlocks+1): true} {
		if got := a.secret(at); got != want {
			a.t.Errorf("at session %d the secret of %d is known: %v", n, at, got)
		}
	}
	if n >= nearBlocks && a.secret(n-nearBlocks) {
		a.t.Errorf("at session %d the secret of %d is known still", n, n-nearBlocks)
	}
}

func (a *asking) Close(int, time.Time) {}
func (a *asking) Secrets([]byte)       {}

// A lane that asks for what came earlier gets it, whichever lane had it and however slow that is.
func TestAheadWaitsForTheEarlier(t *testing.T) {
	var slow atomic.Int64
	a := NewAhead(2, func(p *Place) Lane { return &patient{slow: &slow, earlier: p.Earlier, t: t} }, func(int, []byte) {})
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
