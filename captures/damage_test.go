package captures

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"facteur/decode"

	"pgregory.net/rapid"
)

// damaged is a conversation as it was, and the segments of it that a capture has.
type damaged struct {
	sent [2][]byte // what each side really sent
	seqs [2]uint32 // of the first octet
	segs []seg
	seen [2][]bool // octets that are in some segment of the capture
	read [2][]int  // how much of the other side each octet's sender had read
}

// drawConversation makes a conversation of some turns, ended or not, in segments in their true order.
func drawConversation(t *rapid.T) *damaged {
	d := &damaged{seqs: [2]uint32{rapid.Uint32().Draw(t, "client's ISN"), rapid.Uint32().Draw(t, "server's ISN")}}
	next := func(side int) uint32 { return d.seqs[side] + uint32(len(d.sent[side])) }
	d.segs = []seg{{flags: flagSYN, seq: d.seqs[0] - 1}, {server: true, flags: flagSYN | flagACK, seq: d.seqs[1] - 1, ack: d.seqs[0]}}
	for range rapid.IntRange(1, 12).Draw(t, "turns") {
		side := rapid.IntRange(0, 1).Draw(t, "side")
		for range rapid.IntRange(1, 4).Draw(t, "segments") {
			data := rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "data")
			d.segs = append(d.segs, seg{server: side == 1, flags: flagACK, seq: next(side), ack: next(1 - side), data: string(data)})
			d.sent[side] = append(d.sent[side], data...)
			for range data {
				d.read[side] = append(d.read[side], len(d.sent[1-side]))
			}
		}
		d.segs = append(d.segs, seg{server: side == 0, flags: flagACK, seq: next(1 - side), ack: next(side)})
	}
	if rapid.Bool().Draw(t, "ended") {
		d.segs = append(d.segs,
			seg{flags: flagACK | flagFIN, seq: next(0), ack: next(1)},
			seg{server: true, flags: flagACK | flagFIN, seq: next(1), ack: next(0) + 1})
	}
	return d
}

// again puts retransmissions of what was sent before behind segments, cut differently.
func (d *damaged) again(t *rapid.T) {
	var out []seg
	had := [2]int{}
	for _, s := range d.segs {
		out = append(out, s)
		side := 0
		if s.server {
			side = 1
		}
		had[side] += len(s.data)
		if had[side] > 0 && rapid.IntRange(0, 3).Draw(t, "again") == 0 {
			from := rapid.IntRange(0, had[side]-1).Draw(t, "from")
			to := rapid.IntRange(from, had[side]).Draw(t, "to")
			out = append(out, seg{server: s.server, flags: flagACK, seq: d.seqs[side] + uint32(from), ack: s.ack, data: string(d.sent[side][from:to])})
		}
	}
	d.segs = out
}

// disorder moves segments by up to some places.
func (d *damaged) disorder(t *rapid.T, places int) {
	type at struct {
		key int
		seg
	}
	list := make([]at, len(d.segs))
	for i, s := range d.segs {
		list[i] = at{i + rapid.IntRange(0, places).Draw(t, "delay"), s}
	}
	slices.SortStableFunc(list, func(a, b at) int { return a.key - b.key })
	for i := range list {
		d.segs[i] = list[i].seg
	}
}

// lose leaves segments out, but never a SYN.
func (d *damaged) lose(t *rapid.T) {
	d.segs = slices.DeleteFunc(d.segs, func(s seg) bool {
		return s.flags&flagSYN == 0 && rapid.IntRange(0, 5).Draw(t, "lost") == 0
	})
}

// look notes what the capture has.
func (d *damaged) look() {
	for side := range d.seen {
		d.seen[side] = make([]bool, len(d.sent[side]))
	}
	for i := range d.segs {
		s := &d.segs[i]
		s.at = int64(i) * int64(time.Microsecond)
		side := 0
		if s.server {
			side = 1
		}
		for n := range s.data {
			d.seen[side][int(s.seq-d.seqs[side])+n] = true
		}
	}
}

// witness checks each chunk against what was sent.
type witness struct {
	t      *rapid.T
	d      *damaged
	at     [2]int
	opened int
	order  bool // no copies that acknowledge more than the first did: the order of the sides must be true as well
}

func (w *witness) Open(Info)            { w.opened++ }
func (w *witness) Close(int, time.Time) {}
func (w *witness) Secrets([]byte)       {}

func (w *witness) Chunk(_ int, c decode.Chunk) {
	sent := w.d.sent[c.From]
	from := w.at[c.From]
	for n := range c.Lost {
		if from+n >= len(sent) {
			w.t.Fatalf("the %s lost octet %d of %d", c.From, from+n, len(sent))
		}
		if w.d.seen[c.From][from+n] {
			w.t.Fatalf("the %s lost octet %d, which the capture has", c.From, from+n)
		}
	}
	from += c.Lost
	if from+len(c.Data) > len(sent) || !bytes.Equal(c.Data, sent[from:from+len(c.Data)]) {
		w.t.Fatalf("the %s at octet %d: %q was never sent there", c.From, from, c.Data)
	}
	w.at[c.From] = from + len(c.Data)
	if n := len(c.Data); w.order && n > 0 && w.at[c.From.Other()] < w.d.read[c.From][from+n-1] {
		w.t.Fatalf("the %s at octet %d: had read %d octets of the other side, of which %d are told", c.From, from, w.d.read[c.From][from+n-1], w.at[c.From.Other()])
	}
}

// TestDamage holds, over random conversations and random damage, that nothing is invented and nothing the capture has is
// left out: every octet delivered was sent at its place, a loss is told exactly where the capture has no octet, and
// without losses everything arrives, and what was read comes before what was said because of it.
func TestDamage(t *testing.T) {
	for _, k := range []struct {
		name             string
		again, loss, far bool
	}{{name: "disorder"}, {name: "retransmission", again: true}, {name: "loss", loss: true}, {"all", true, true, false}, {"all, far", true, true, true}} {
		t.Run(k.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				d := drawConversation(t)
				if k.again {
					d.again(t)
				}
				if k.loss {
					d.lose(t)
				}
				places := 8
				if k.far {
					places = reorderPackets / 2
				}
				d.disorder(t, places)
				d.look()
				w := &witness{t: t, d: d, order: !k.loss && !k.again}
				if err := Read(bytes.NewReader(captureOf(d.segs)), "damaged", w); err != nil {
					t.Fatal(err)
				}
				if w.opened != 1 {
					t.Fatalf("%d sessions", w.opened)
				}
				for side, sent := range d.sent {
					last := len(sent) // the last octet the capture has
					for last > 0 && !d.seen[side][last-1] {
						last--
					}
					if w.at[side] < last {
						t.Fatalf("side %d: %d octets told of, the capture has some up to %d", side, w.at[side], last)
					}
				}
			})
		})
	}
}
