package captures

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"facteur/decode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// heard is a sink's story in words that can be compared: one line per thing, octets that follow each other joined.
type heard struct {
	lines []string
	open  string // of the octets being joined
	data  []byte
	infos map[string]Info
}

func (h *heard) flush() {
	if len(h.data) > 0 {
		h.lines = append(h.lines, fmt.Sprintf("%s data %q", h.open, h.data))
		h.data = h.data[:0]
	}
}

func (h *heard) say(format string, a ...any) {
	h.flush()
	h.lines = append(h.lines, fmt.Sprintf(format, a...))
}

func (h *heard) Open(i Info) {
	h.say("%d %s open %s %s %v", i.Session, i.Leg, i.Time.Format(time.RFC3339Nano), i.Protocol, i.Implicit)
	if h.infos == nil {
		h.infos = map[string]Info{}
	}
	h.infos[fmt.Sprint(i.Session, i.Leg)] = i
}

func (h *heard) Chunk(n int, c decode.Chunk) {
	who := fmt.Sprintf("%d %s %s %s", n, c.Leg, c.From, c.Time.Format(time.RFC3339Nano))
	if c.Told != nil {
		h.say("%s told %+v", who, *c.Told)
	}
	if c.Lost > 0 {
		h.say("%s lost %d", who, c.Lost)
	}
	if len(c.Data) > 0 {
		if h.open != who {
			h.flush()
			h.open = who
		}
		h.data = append(h.data, c.Data...)
	}
	if c.End != decode.Open {
		h.say("%s end %d", who, c.End)
	}
}

func (h *heard) Close(n int, at time.Time) { h.say("%d close %s", n, at.Format(time.RFC3339Nano)) }
func (h *heard) Secrets(k []byte)          { h.say("secrets %q", k) }

// TestRoundTrip holds law 4's half that is ours: what was written is what is read, whatever sessions and legs do at once.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var file bytes.Buffer
		w, err := NewWriter(&file, WriterOptions{Application: "facteur test", Title: "a title"})
		if err != nil {
			t.Fatal(err)
		}
		g := &generator{t: t, w: w, want: &heard{}, now: time.Unix(1_700_000_000, 123456789).UTC(), sessions: map[int]*live{}}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			g.step()
		}
		if err := w.End(); err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= g.last; n++ {
			if s := g.sessions[n]; s != nil && !s.closed {
				g.want.Close(n, s.time)
			}
		}
		g.want.flush()
		got := &heard{}
		if err := Read(bytes.NewReader(file.Bytes()), "mem", got); err != nil {
			t.Fatal(err)
		}
		got.flush()
		if d := cmp.Diff(g.want.lines, got.lines); d != "" {
			t.Fatalf("written and read differ (-written +read):\n%s", d)
		}
	})
}

type live struct {
	legs   [2]bool
	ended  [2][2]decode.End
	closed bool
	time   time.Time
}

type generator struct {
	t        *rapid.T
	w        *Writer
	want     *heard
	now      time.Time
	sessions map[int]*live
	last     int
}

func (g *generator) step() {
	t := g.t
	g.now = g.now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 1000, 3e9, -5}).Draw(t, "pause")))
	n := rapid.IntRange(1, 4).Draw(t, "session")
	s := g.sessions[n]
	leg := decode.Leg(rapid.IntRange(0, 1).Draw(t, "leg"))
	if s == nil {
		if n != g.last+1 {
			return
		}
		g.last = n
		s = &live{}
		g.sessions[n] = s
	}
	switch {
	case s.closed:
	case !s.legs[0] && !s.legs[1] || !s.legs[leg] && rapid.Bool().Draw(t, "open"):
		g.open(n, s, leg)
	case rapid.IntRange(0, 15).Draw(t, "what") == 0:
		s.closed = true
		if err := g.w.Close(n); err != nil {
			t.Fatal(err)
		}
		g.want.Close(n, s.time)
	case rapid.IntRange(0, 15).Draw(t, "secrets") == 0:
		k := []byte("CLIENT_RANDOM 00 11\n")
		if err := g.w.Secrets(n, leg, k); err != nil {
			t.Fatal(err)
		}
		g.want.Secrets(k)
	default:
		g.chunk(n, s, leg)
	}
}

func (g *generator) open(n int, s *live, leg decode.Leg) {
	t := g.t
	addr := rapid.SampledFrom([]string{"127.0.0.1:50000", "[::1]:50000", "192.0.2.7:50000", "127.0.0.1:143"}).Draw(t, "client")
	i := Info{Session: n, Leg: leg, Time: g.now, Client: netip.MustParseAddrPort(addr)}
	if rapid.Bool().Draw(t, "server known") {
		i.Server = netip.MustParseAddrPort(rapid.SampledFrom([]string{"127.0.0.1:1143", "[2001:db8::1]:25", "127.0.0.1:143"}).Draw(t, "server"))
	}
	i.Protocol = rapid.SampledFrom([]string{decode.SMTP, decode.IMAP, decode.POP3, decode.Detect}).Draw(t, "protocol")
	i.Implicit = rapid.Bool().Draw(t, "implicit")
	if err := g.w.Open(i, Meta{Title: "<é\xff>"}); err != nil {
		t.Fatal(err)
	}
	s.legs[leg], s.time = true, g.now
	g.want.Open(i)
}

func (g *generator) chunk(n int, s *live, leg decode.Leg) {
	t := g.t
	c := decode.Chunk{Time: g.now, Leg: leg, From: decode.Side(rapid.IntRange(0, 1).Draw(t, "side"))}
	ended := s.ended[leg][c.From]
	if s.legs[leg] && ended == decode.Open {
		switch rapid.IntRange(0, 5).Draw(t, "content") {
		case 0:
			c.Lost = rapid.SampledFrom([]int{1, 2, 1000, 1 << 31, 5_000_000_000}).Draw(t, "lost")
		case 1:
			c.Data = bytes.Repeat([]byte("0123456789abcdef"), rapid.SampledFrom([]int{4000, 4092, 4093, 9000}).Draw(t, "large"))
		case 2:
			c.End = decode.End(rapid.IntRange(0, 2).Draw(t, "end"))
			fallthrough
		default:
			c.Data = rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data")
		}
	}
	if s.legs[leg] && ended == decode.Finished && rapid.Bool().Draw(t, "reset") {
		c.End = decode.Reset
	}
	if rapid.IntRange(0, 3).Draw(t, "tell") == 0 {
		c.Told = &decode.Told{Kind: "session.rewrite", Fields: []decode.Field{
			{Name: "line", Value: string(rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "value")), Secret: rapid.Bool().Draw(t, "secret")},
			{Name: "text", Value: rapid.String().Draw(t, "text")}}}
	}
	if c.End != decode.Open {
		s.ended[leg][c.From] = c.End
	}
	comment := rapid.SampledFrom([]string{"", "La commande est acceptée.", "bad \xff"}).Draw(t, "comment")
	if err := g.w.Chunk(n, c, comment); err != nil {
		t.Fatal(err)
	}
	if c.Told != nil || c.Lost > 0 || len(c.Data) > 0 || c.End != decode.Open || comment != "" {
		s.time = g.now
	}
	g.want.Chunk(n, c)
}

// TestRoundTripLargeTold holds that a thing told may be larger than one pcapng option.
func TestRoundTripLargeTold(t *testing.T) {
	var file bytes.Buffer
	w, _ := NewWriter(&file, WriterOptions{})
	i := Info{Session: 1, Time: time.Unix(5, 6).UTC(), Protocol: decode.POP3}
	if err := w.Open(i, Meta{}); err != nil {
		t.Fatal(err)
	}
	want := decode.Told{Kind: "session.error", Fields: []decode.Field{{Name: "text", Value: string(bytes.Repeat([]byte("é€"), 50_000))}}}
	if err := w.Chunk(1, decode.Chunk{Time: i.Time, Leg: decode.ServerLeg, From: decode.Server, Told: &want}, ""); err != nil {
		t.Fatal(err)
	}
	huge := decode.Told{Kind: "session.error", Fields: []decode.Field{{Name: "text", Value: string(make([]byte, maxOwn))}}}
	if err := w.Chunk(1, decode.Chunk{Told: &huge}, ""); err == nil {
		t.Error("a thing told larger than the limit was accepted")
	}
	w.End()
	c := newCollector(t)
	if err := Read(&file, "mem", c); err != nil {
		t.Fatal(err)
	}
	if len(c.told) != 1 || !cmp.Equal(c.told[0], want) {
		t.Error("the thing told was not read as it was written")
	}
}

// TestWriterRefuses holds that what no recording could say is an error of that call only.
func TestWriterRefuses(t *testing.T) {
	var file bytes.Buffer
	w, _ := NewWriter(&file, WriterOptions{})
	data := decode.Chunk{Data: []byte("x")}
	if w.Chunk(1, data, "") == nil {
		t.Error("a chunk of a session that is not open was accepted")
	}
	i := Info{Session: 1, Protocol: decode.IMAP}
	if err := w.Open(i, Meta{}); err != nil {
		t.Fatal(err)
	}
	if w.Open(i, Meta{}) == nil {
		t.Error("a leg was opened twice")
	}
	if w.Chunk(1, decode.Chunk{Leg: decode.ServerLeg, Data: []byte("x")}, "") == nil {
		t.Error("octets of a leg that is not open were accepted")
	}
	if err := w.Chunk(1, decode.Chunk{End: decode.Finished}, ""); err != nil {
		t.Fatal(err)
	}
	if err := w.Chunk(1, data, ""); !errors.Is(err, ErrEnded) {
		t.Errorf("octets after the end: %v", err)
	}
	if err := w.Close(1); err != nil {
		t.Fatal(err)
	}
	if w.Close(1) == nil {
		t.Error("a session was closed twice")
	}
}

// TestMergedRecordings holds that recordings put behind each other keep their sessions apart.
func TestMergedRecordings(t *testing.T) {
	var file bytes.Buffer
	for _, text := range []string{"one", "two"} {
		w, _ := NewWriter(&file, WriterOptions{})
		w.Open(Info{Session: 1, Protocol: decode.SMTP}, Meta{Title: text})
		w.Chunk(1, decode.Chunk{Data: []byte(text)}, "")
		w.End()
	}
	c := newCollector(t)
	if err := Read(&file, "mem", c); err != nil {
		t.Fatal(err)
	}
	c.check()
	if len(c.infos) != 2 || c.infos[1].Own.Title != "one" || c.infos[2].Own.Title != "two" || c.infos[2].Own.Session != 1 {
		t.Errorf("sessions %+v", c.infos)
	}
}
