package watch

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"facteur/captures"
	"facteur/decode"
)

// kept is a Show and a Recorder that keeps what it is given, as text.
type kept struct {
	mu     sync.Mutex
	lines  lines
	chunks [2][2][]byte
	log    []string
	err    error // of Flush
	slow   chan struct{}
}

func (k *kept) Publish(session int, evs []decode.Event) {
	if k.slow != nil {
		<-k.slow
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lines.Publish(session, evs)
}

func (k *kept) Octets(int, decode.Leg, decode.Side, decode.Layer, int64, []byte) {}

func (k *kept) note(what string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.log = append(k.log, what)
	return k.err
}

func (k *kept) Open(captures.Info, captures.Meta) error { return k.note("open") }
func (k *kept) Secrets(int, decode.Leg, []byte) error   { return k.note("secrets") }
func (k *kept) Close(int) error                         { return k.note("close") }
func (k *kept) Flush() error                            { return k.note("flush") }
func (k *kept) Chunk(_ int, c decode.Chunk, text string) error {
	k.mu.Lock()
	k.chunks[c.Leg][c.From] = append(k.chunks[c.Leg][c.From], c.Data...)
	k.mu.Unlock()
	return k.note("chunk")
}

func desk(k *kept) *Desk {
	return &Desk{Show: k, Recorder: k, Passing: true, Log: slog.New(slog.DiscardHandler)}
}

// play lets a live session see a dialogue, and gives the octets of both sides.
func play(l *Live, ts []turn) (octets [2][]byte) {
	at := time.Unix(0, 0)
	told := decode.Told{Kind: "session.open"}
	l.Chunk(decode.Chunk{Time: at, Told: &told})
	room := make([]byte, 4096)
	for _, c := range clearChunks(ts, len(room)) {
		n := copy(room, c.Data) // the caller uses its buffer again
		octets[c.From] = append(octets[c.From], room[:n]...)
		l.Chunk(decode.Chunk{Time: at, From: c.From, Data: room[:n]})
	}
	l.Close(at)
	return octets
}

// What a live session is shown as does not depend on how its jobs were gathered: the events are those of the same chunks
// fed one by one, and what is recorded is what crossed, with the password masked.
func TestLiveIsTheDecodersOutput(t *testing.T) {
	for protocol, ts := range dialogues(alike(300 << 10)[0]...) {
		k := &kept{}
		d := desk(k)
		octets := play(d.Open(Start{ID: 1, Protocol: protocol}), ts)
		d.Wait()
		var want lines
		s := decode.New(decode.Options{Protocol: protocol})
		told := decode.Told{Kind: "session.open"}
		want.Publish(1, s.Feed(decode.Chunk{Time: time.Unix(0, 0), Told: &told}))
		for _, c := range clearChunks(ts, 4096) {
			c.Time = time.Unix(0, 0)
			want.Publish(1, s.Feed(c))
		}
		want.Publish(1, s.Close(time.Unix(0, 0)))
		if !bytes.Equal(k.lines.buf, want.buf) {
			t.Errorf("%s: other events than the decoder's", protocol)
		}
		for side := range octets {
			masked := bytes.ReplaceAll(octets[side], []byte("secret"), []byte("******"))
			if !bytes.Equal(k.chunks[0][side], masked) {
				t.Errorf("%s: recorded %d octets of the %v, want %d", protocol, len(k.chunks[0][side]), decode.Side(side), len(masked))
			}
		}
		if n := len(k.log); k.log[0] != "open" || k.log[n-1] != "close" && k.log[n-2] != "close" {
			t.Errorf("%s: the recording begins with %q and ends with %q", protocol, k.log[0], k.log[n-1])
		}
	}
}

// say is what a relay does with a chunk.
func (l *Live) say(c decode.Chunk) {
	if l.Chunk(c) {
		l.Await()
	}
}

// A relay that gets too far ahead of who looks waits; nothing is left out.
func TestLiveHoldsBack(t *testing.T) {
	k := &kept{slow: make(chan struct{})}
	l := desk(k).Open(Start{ID: 1, Protocol: decode.SMTP})
	line := append(bytes.Repeat([]byte("220 "), 1023), "x\r\n"...)
	const count = 5 * backlog / 4096
	put := make(chan bool)
	go func() {
		defer close(put)
		for range count {
			l.say(decode.Chunk{From: decode.Server, Data: line})
		}
		l.Close(time.Time{})
	}()
	time.Sleep(10 * lag)
	l.queue.mu.Lock()
	if in := l.queue.in; in == nil || len(in.data) > backlog+len(line) {
		t.Error("the backlog is not bounded")
	}
	l.queue.mu.Unlock()
	close(k.slow)
	<-put
	l.d.Wait()
	if n := bytes.Count(k.chunks[0][decode.Server], []byte("\n")); n != count {
		t.Errorf("%d lines recorded, want %d", n, count)
	}
}

// What a session that goes on has recorded is written soon, without its end; and a recorder that fails is told once.
func TestLiveFlushes(t *testing.T) {
	k := &kept{}
	d := desk(k)
	l := d.Open(Start{ID: 1, Protocol: decode.SMTP})
	l.Chunk(decode.Chunk{From: decode.Server, Data: []byte("220 x\r\n")})
	flushed := func() bool { k.mu.Lock(); defer k.mu.Unlock(); return slices.Contains(k.log, "flush") }
	for end := time.Now().Add(5 * time.Second); !flushed(); time.Sleep(lag) {
		if time.Now().After(end) {
			t.Fatal("nothing was flushed")
		}
	}
	k.mu.Lock()
	k.err = errors.New("disk full")
	k.mu.Unlock()
	for range 3 {
		l.Chunk(decode.Chunk{From: decode.Server, Data: []byte("220 x\r\n")})
		time.Sleep(2 * lag)
	}
	l.Close(time.Time{})
	d.Wait()
	if n := bytes.Count(k.lines.buf, []byte("recording_failed")); n == 0 {
		t.Error("a failed recorder is not told")
	} else if n := bytes.Count(k.lines.buf, []byte("session.error.recording_failed")); n != 1 {
		t.Errorf("a failed recorder is told %d times", n)
	}
}

// What both legs of a relay say is kept once. That changes nothing of what is recorded: a secret is masked on each leg.
func TestLegsShareOctets(t *testing.T) {
	k := &kept{}
	d := desk(k)
	l := d.Open(Start{ID: 1, Protocol: decode.SMTP})
	o := decode.Options{Protocol: decode.SMTP, Passing: true}
	var want [2][2][]byte
	o.Release = func(c decode.Chunk) { want[c.Leg][c.From] = append(want[c.Leg][c.From], c.Data...) }
	s, events := decode.New(o), lines{}
	total := 0
	for _, say := range talk("S: 220 mx\nC: EHLO c\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AGFsaWNlAHNlY3JldA==\nS: 235 ok\nC: NOOP\nS: 250 ok\nC: NOOP\nS: 250 ok") {
		for leg := range 2 {
			text := []byte(say.text)
			l.say(decode.Chunk{Leg: decode.Leg(leg), From: say.from, Data: text})
			clear(text) // the caller's again
			events.Publish(1, s.Feed(decode.Chunk{Leg: decode.Leg(leg), From: say.from, Data: []byte(say.text)}))
			total += len(say.text)
		}
	}
	l.queue.mu.Lock()
	if in := l.queue.in; in != nil && len(in.data) > total/2 {
		t.Errorf("%d octets are kept of %d that are there twice", len(in.data), total/2)
	}
	l.queue.mu.Unlock()
	l.Close(time.Time{})
	events.Publish(1, s.Close(time.Time{}))
	d.Wait()
	if !bytes.Equal(k.lines.buf, events.buf) {
		t.Errorf("the events are\n%s\nwant\n%s", k.lines.buf, events.buf)
	}
	for leg := range want {
		for from := range want[leg] {
			if got := k.chunks[leg][from]; !bytes.Equal(got, want[leg][from]) || bytes.Contains(got, []byte("NlY3JldA")) {
				t.Errorf("leg %d, side %d: %q is recorded, want %q", leg, from, got, want[leg][from])
			}
		}
	}
}

// BenchmarkLive follows SMTP sessions of one mail of 10 kB on both legs, as a proxy reports them.
func BenchmarkLive(b *testing.B) {
	ts := dialogues(alike(10 << 10)[0]...)[decode.SMTP]
	k := &nothing{}
	d := &Desk{Show: k, Passing: true}
	l := d.Open(Start{ID: 1, Protocol: decode.SMTP})
	b.ReportAllocs()
	cs := clearChunks(ts[2:len(ts)-2], 16<<10)
	size := 0
	for _, c := range cs {
		size += 2 * len(c.Data)
	}
	b.SetBytes(int64(size))
	for b.Loop() {
		for _, c := range cs {
			l.say(c)
			c.Leg = decode.ServerLeg
			l.say(c)
		}
	}
	l.Close(time.Time{})
	d.Wait()
}

type nothing struct{}

func (nothing) Publish(int, []decode.Event)                                      {}
func (nothing) Octets(int, decode.Leg, decode.Side, decode.Layer, int64, []byte) {}

// Sessions share the memory for what waits. When it is spent, each may still put what comes next once its own is worked
// off; a session whose viewer or disk stands still holds itself back and no other, and its wait is told when it is over.
func TestMemoryOfAllSessions(t *testing.T) {
	slow := &kept{slow: make(chan struct{})}
	d := desk(slow)
	d.Backlog = 1 << 20
	var said lockedText
	d.Log = slog.New(slog.NewTextHandler(&said, nil))
	show := &oneIsSlow{slow: slow, quick: &kept{}, id: 1}
	d.Show = show
	held := d.Open(Start{ID: 1, Protocol: decode.SMTP})
	block := bytes.Repeat([]byte("x"), 64<<10)
	put := func(l *Live, n int) {
		for range n {
			l.say(decode.Chunk{Time: time.Now(), From: decode.Server, Data: block})
		}
	}
	done := make(chan struct{})
	go func() { put(held, 40); close(done) }()
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(said.String(), "session.error.limit.backlog") {
		if time.Now().After(deadline) {
			t.Fatal("a session that is held back is not told of")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if used := d.memory.used.Load(); used > d.Backlog+2*int64(len(block)) {
		t.Errorf("%d octets wait, the limit is %d", used, d.Backlog)
	}
	other := d.Open(Start{ID: 2, Protocol: decode.SMTP})
	put(other, 40) // would never return if it waited for the first
	other.Close(time.Now())
	select {
	case <-done:
		t.Error("the first session was not held back")
	default:
	}
	close(slow.slow)
	<-done
	held.Close(time.Now())
	d.Wait()
	if n := d.memory.used.Load(); n != 0 {
		t.Errorf("%d octets are left in the account", n)
	}
	if !strings.Contains(string(slow.lines.buf), "backlog") {
		t.Error("the wait is no event of the session")
	}
}

// oneIsSlow shows one session to a viewer that stands still, and the others to one that does not.
type oneIsSlow struct {
	slow, quick *kept
	id          int
}

func (o *oneIsSlow) Publish(session int, evs []decode.Event) {
	if session == o.id {
		o.slow.Publish(session, evs)
	} else {
		o.quick.Publish(session, evs)
	}
}

func (o *oneIsSlow) Octets(int, decode.Leg, decode.Side, decode.Layer, int64, []byte) {}

// lockedText is a log that may be read while it is written.
type lockedText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
