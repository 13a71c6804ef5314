package decode_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode"
	"facteur/decode/tlswire"
)

// The laws of the package doc, over every capture there is.

const sharedCaptures = "../../shared/captures"

// take is a capture as it was read: chunks in order, for each session.
type take struct {
	keys     *tlswire.KeyLog
	sessions map[int]*session
}

type session struct {
	info   captures.Info
	chunks []decode.Chunk
	end    time.Time
}

func (t *take) Open(i captures.Info) { t.sessions[i.Session] = &session{info: i} }
func (t *take) Chunk(id int, c decode.Chunk) {
	c.Data = append([]byte(nil), c.Data...)
	t.sessions[id].chunks = append(t.sessions[id].chunks, c)
}
func (t *take) Close(id int, at time.Time) { t.sessions[id].end = at }
func (t *take) Secrets(keylog []byte)      { t.keys.Add(keylog) }

// eachCapture runs f over every capture file.
func eachCapture(t *testing.T, maxSize int64, f func(t *testing.T, c *take)) {
	t.Helper()
	if _, err := os.Stat(sharedCaptures); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("the captures are missing: %v", err)
		}
		t.Skipf("no captures at %s", sharedCaptures)
	}
	var files []string
	filepath.WalkDir(sharedCaptures, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".oracle.jsonl") {
			files = append(files, strings.TrimSuffix(path, ".oracle.jsonl"))
		}
		return err
	})
	sort.Strings(files)
	if len(files) < 100 {
		t.Fatalf("only %d captures found", len(files))
	}
	for _, file := range files {
		st, err := os.Stat(file)
		if err != nil || st.Size() > maxSize {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			c := &take{keys: new(tlswire.KeyLog), sessions: map[int]*session{}}
			if text, err := os.ReadFile(file + ".keys"); err == nil {
				c.keys.Add(text)
			}
			var damaged *captures.FormatError
			if err := captures.ReadFile(file, c); err != nil && !errors.As(err, &damaged) {
				t.Fatal(err)
			}
			f(t, c)
		})
	}
}

func (s *session) options(c *take) decode.Options {
	o := decode.Options{Protocol: s.info.Protocol, Midstream: s.info.Midstream, Secrets: c.keys}
	o.Implicit[0] = s.info.Implicit
	return o
}

// decodeWith decodes a session with its chunks cut by cut, and gives its events as JSON lines.
func decodeWith(s *session, o decode.Options, cut func([]byte) [][]byte) []string {
	var out []string
	d := decode.New(o)
	keep := func(evs []decode.Event) {
		for i := range evs {
			out = append(out, string(decode.AppendJSON(nil, 1, &evs[i])))
		}
	}
	for _, c := range s.chunks {
		if len(c.Data) == 0 {
			keep(d.Feed(c))
			continue
		}
		parts := cut(c.Data)
		for i, p := range parts {
			q := decode.Chunk{Time: c.Time, Leg: c.Leg, From: c.From, Data: p}
			if i == 0 {
				q.Lost, q.Told = c.Lost, c.Told
			}
			if i == len(parts)-1 {
				q.End = c.End
			}
			// a buffer of its own, scribbled over afterwards: nothing may refer to it after Feed
			q.Data = append([]byte(nil), p...)
			keep(d.Feed(q))
			for j := range q.Data {
				q.Data[j] = 0xEE
			}
		}
	}
	keep(d.Close(s.end))
	return out
}

func whole(b []byte) [][]byte { return [][]byte{b} }

func bytewise(b []byte) [][]byte {
	out := make([][]byte, len(b))
	for i := range b {
		out[i] = b[i : i+1]
	}
	return out
}

func randomly(r *rand.Rand) func([]byte) [][]byte {
	return func(b []byte) (out [][]byte) {
		for len(b) > 0 {
			n := 1 + r.IntN(min(len(b), 40))
			out = append(out, b[:n])
			b = b[n:]
		}
		return out
	}
}

func sameEvents(t *testing.T, how string, want, got []string) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			t.Fatalf("%s: event %d differs\nwhole %s\n  cut %s", how, i+1, clip(want[i]), clip(got[i]))
		}
	}
	if len(want) != len(got) {
		longer := want
		if len(got) > len(want) {
			longer = got
		}
		t.Fatalf("%s: %d events, whole %d; first extra %s", how, len(got), len(want), clip(longer[min(len(want), len(got))]))
	}
}

func clip(s string) string {
	if len(s) > 600 {
		return s[:600] + "…"
	}
	return s
}

// Law 1: how the octets were cut changes nothing.
func TestSplitProof(t *testing.T) {
	eachCapture(t, 400<<10, func(t *testing.T, c *take) {
		for id, s := range c.sessions {
			want := decodeWith(s, s.options(c), whole)
			r := rand.New(rand.NewPCG(uint64(id), 7))
			sameEvents(t, fmt.Sprintf("session %d octet by octet", id), want, decodeWith(s, s.options(c), bytewise))
			sameEvents(t, fmt.Sprintf("session %d at random", id), want, decodeWith(s, s.options(c), randomly(r)))
		}
	})
}

// Law 2: per leg, side and layer the spans touch end to end, from 0 to all octets there were.
func TestTiling(t *testing.T) {
	type stream struct {
		leg   decode.Leg
		from  decode.Side
		layer decode.Layer
	}
	eachCapture(t, 8<<20, func(t *testing.T, c *take) {
		for id, s := range c.sessions {
			at := map[stream]int64{}
			d := decode.New(s.options(c))
			check := func(evs []decode.Event) {
				for i := range evs {
					e := &evs[i]
					k := stream{e.Leg, e.From, e.Layer}
					if e.Span.From != at[k] || e.Span.To < e.Span.From {
						t.Fatalf("session %d: event %d %s on %s of %s: span %v, but the one before ended at %d", id, e.Seq, e.Kind, e.Layer, e.From, e.Span, at[k])
					}
					at[k] = e.Span.To
					for j, w := range e.Carried {
						if j > 0 && w.From < e.Carried[j-1].To {
							t.Fatalf("session %d: event %d %s: records that carried it overlap: %v", id, e.Seq, e.Kind, e.Carried)
						}
					}
				}
			}
			total := map[stream]int64{}
			for _, ch := range s.chunks {
				total[stream{ch.Leg, ch.From, decode.Wire}] += int64(len(ch.Data) + ch.Lost)
				check(d.Feed(ch))
			}
			check(d.Close(s.end))
			for k, n := range total {
				if at[k] != n {
					t.Errorf("session %d: events on the wire of %s end at %d of %d octets", id, k.from, at[k], n)
				}
			}
		}
	})
}

// The masked copy that recordings hold gives the same (masked) events as the original: half of law 4.
func TestReleasedDecodesTheSame(t *testing.T) {
	eachCapture(t, 1<<20, func(t *testing.T, c *take) {
		for id, s := range c.sessions {
			copied := &session{info: s.info, end: s.end}
			o := s.options(c)
			o.Release = func(c decode.Chunk) {
				c.Data = append([]byte(nil), c.Data...)
				copied.chunks = append(copied.chunks, c)
			}
			want := decodeWith(s, o, whole)
			sameEvents(t, fmt.Sprintf("session %d decoded from its masked copy", id), want, decodeWith(copied, s.options(c), whole))
			if n, m := octetsOf(s), octetsOf(copied); n != m {
				t.Errorf("session %d: %d octets in, %d released", id, n, m)
			}
		}
	})
}

func octetsOf(s *session) (n int) {
	for _, c := range s.chunks {
		n += len(c.Data) + c.Lost
	}
	return n
}
