package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"facteur/decode"
)

var t0 = time.Date(2026, 11, 22, 9, 15, 2, 0, time.UTC)

// event is one of a session in clear.
func event(seq int, kind string, from decode.Side, fields ...string) decode.Event {
	e := decode.Event{Seq: seq, Time: t0.Add(time.Duration(seq) * time.Millisecond), From: from, Kind: kind, Span: decode.Span{From: int64(seq * 10), To: int64(seq*10 + 10)}}
	for i := 0; i < len(fields); i += 2 {
		e.Fields = append(e.Fields, decode.Field{Name: fields[i], Value: fields[i+1]})
	}
	return e
}

func some(first, count int) []decode.Event {
	events := make([]decode.Event, count)
	for i := range events {
		events[i] = event(first+i, "smtp.reply", decode.Server, "code", "250", "line", "250 2.1.0 Ok")
	}
	return events
}

func testHub(change func(*limits)) *Hub {
	l := defaultLimits()
	l.batch, l.counts = time.Millisecond, 5*time.Millisecond
	if change != nil {
		change(&l)
	}
	return newHub("live", slog.New(slog.DiscardHandler), l)
}

// message is what a viewer reads.
type message struct {
	Type   string
	Epoch  string
	Last   int
	Mode   string
	Events []struct {
		N, Session, Seq int
		Kind            string
		Fields          map[string]string
	}
	Sessions []Session
	Routes   []RouteStatus
	Player   *PlayerState
}

func (f *frame) decoded(t *testing.T) (m message) {
	t.Helper()
	if err := json.Unmarshal(f.bytes(), &m); err != nil {
		t.Fatalf("a message is not JSON: %v\n%s", err, f.bytes())
	}
	return m
}

// follow reads everything a viewer gets until it has event last.
func follow(t *testing.T, h *Hub, c *cursor, last int) (seen []int, all []message) {
	t.Helper()
	for !c.greeted || c.n < last {
		frames, wake, err := h.next(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			m := f.decoded(t)
			all = append(all, m)
			for _, e := range m.Events {
				seen = append(seen, e.N)
			}
		}
		if frames == nil {
			select {
			case <-wake:
			case <-time.After(10 * time.Second):
				t.Fatalf("nothing came after event %d of %d", c.n, last)
			}
		}
	}
	return seen, all
}

func wantNumbers(t *testing.T, seen []int, from, to int) {
	t.Helper()
	if len(seen) != to-from+1 {
		t.Fatalf("%d events, want %d to %d", len(seen), from, to)
	}
	for i, n := range seen {
		if n != from+i {
			t.Fatalf("event %d came in the place of %d", n, from+i)
		}
	}
}

// A viewer is greeted with everything but the events, then gets them all once, in messages of bounded size.
func TestHubHistoryThenLive(t *testing.T) {
	h := testHub(nil)
	h.Routes([]RouteStatus{{Listen: "imap://127.0.0.1:1143", State: "listening"}})
	h.Publish(1, some(1, 1200))
	c := &cursor{}
	seen, all := follow(t, h, c, 1200)
	wantNumbers(t, seen, 1, 1200)
	if all[0].Type != "hello" || all[0].Epoch != h.epoch || all[0].Last != 1200 || all[0].Mode != "live" {
		t.Errorf("first message %+v", all[0])
	}
	if all[1].Type != "sessions" || len(all[1].Sessions) != 1 || all[2].Type != "routes" || len(all[2].Routes) != 1 {
		t.Errorf("greeting %+v", all[1:3])
	}
	for _, m := range all {
		if len(m.Events) > maxFrameEvents {
			t.Errorf("a message of %d events", len(m.Events))
		}
	}
	h.Publish(2, some(1, 3))
	seen, _ = follow(t, h, c, 1203)
	wantNumbers(t, seen, 1201, 1203)
	for _, n := range []int{1, 499, 500, 501, 1000, 1100, 1202} { // where a message ends, and in the middle of one
		seen, _ = follow(t, h, &cursor{n: n}, 1203)
		wantNumbers(t, seen, n+1, 1203)
	}
	for _, other := range []*cursor{{n: 9999}, {n: 1100, epoch: "another"}} { // numbers of a process that is gone
		seen, _ = follow(t, h, other, 1203)
		wantNumbers(t, seen, 1, 1203)
	}
}

// Viewers that are up to date share one message; its octets are made once.
func TestHubSharesMessages(t *testing.T) {
	h := testHub(nil)
	a, b := &cursor{}, &cursor{}
	follow(t, h, a, 0)
	for _, c := range []*cursor{a, b} {
		if _, _, err := h.next(c); err != nil {
			t.Fatal(err)
		}
	}
	h.Publish(1, some(1, 10))
	var got [2]*frame
	for i, c := range []*cursor{a, b} {
		for got[i] == nil {
			frames, wake, _ := h.next(c)
			for _, f := range frames {
				if f.kind == eventsFrame {
					got[i] = f
				}
			}
			if frames == nil {
				<-wake
			}
		}
	}
	if got[0] != got[1] || !got[0].shared {
		t.Error("two viewers at the same place got messages of their own")
	}
}

// A message of few large events is bounded by octets, and one event always fits.
func TestHubBoundsMessagesByOctets(t *testing.T) {
	h := testHub(nil)
	large := event(1, "imap.response", decode.Server, "line", string(bytes.Repeat([]byte{'x'}, 200<<10)))
	huge := event(2, "imap.response", decode.Server, "line", string(bytes.Repeat([]byte{'y'}, 2*maxFrameOctets)))
	h.Publish(1, []decode.Event{large, large, huge, large})
	seen, all := follow(t, h, &cursor{}, 4)
	wantNumbers(t, seen, 1, 4)
	for _, m := range all {
		if len(m.Events) > 1 {
			t.Errorf("%d events of 200 KiB in one message", len(m.Events))
		}
	}
}

// Many goroutines publish; numbers stay whole, and each session's events keep their order.
func TestHubManyPublishers(t *testing.T) {
	h := testHub(nil)
	var wg sync.WaitGroup
	for session := 1; session <= 8; session++ {
		wg.Go(func() {
			for i := range 100 {
				h.Publish(session, some(1+3*i, 3))
			}
		})
	}
	seen, all := follow(t, h, &cursor{}, 2400)
	wg.Wait()
	wantNumbers(t, seen, 1, 2400)
	last := map[int]int{}
	for _, m := range all {
		for _, e := range m.Events {
			if e.Seq != last[e.Session]+1 {
				t.Fatalf("session %d: event %d after %d", e.Session, e.Seq, last[e.Session])
			}
			last[e.Session] = e.Seq
		}
	}
	for id, want := range map[int]int{3: 300, 0: 2400} {
		events, n := h.history(id, 0, 5000)
		if len(events) != want || n != 2400 {
			t.Errorf("history of session %d: %d events, last %d", id, len(events), n)
		}
	}
	whole, _ := h.history(5, 0, 5000)
	var at struct{ N int }
	if err := json.Unmarshal(whole[99], &at); err != nil {
		t.Fatal(err)
	}
	if page, _ := h.history(5, at.N, 7); len(page) != 7 || !slices.EqualFunc(page, whole[100:107], bytes.Equal) {
		t.Errorf("a page of history after event %d: %d events, %.20s", at.N, len(page), page)
	}
	if events, _ := h.history(99, 0, 10); len(events) != 0 {
		t.Error("a session that never was has events")
	}
}

// When memory for events is spent, closed sessions lose theirs first, and it is told; what is left has its numbers.
func TestHubDropsOldestClosedFirst(t *testing.T) {
	h := testHub(func(l *limits) { l.eventOctets, l.batch = 200<<10, time.Hour })
	h.Publish(1, append(some(1, 50), event(51, "session.open", decode.Client))) // stays open
	for id := 2; id <= 5; id++ {
		h.Publish(id, append(some(1, 99), event(100, "session.close", decode.Client)))
	}
	h.Publish(6, some(1, 640))
	summaries := h.Sessions()
	if summaries[1].Dropped != 100 || summaries[0].Dropped != 0 || summaries[4].Dropped != 0 {
		t.Errorf("dropped: %d of the open session, %d of the first closed, %d of the last closed", summaries[0].Dropped, summaries[1].Dropped, summaries[4].Dropped)
	}
	for _, s := range summaries[1:5] {
		if s.Dropped != 0 && s.Dropped != s.Events {
			t.Errorf("of closed session %d, %d of %d events are gone: half a session is of no use", s.ID, s.Dropped, s.Events)
		}
	}
	if h.events.octets > h.eventOctets {
		t.Errorf("%d octets kept of %d", h.events.octets, h.eventOctets)
	}
	h.flush()
	seen, all := follow(t, h, &cursor{}, h.Last())
	dropped := 0
	for _, s := range summaries {
		dropped += s.Dropped
	}
	if dropped == 0 || len(seen)+dropped != h.Last() {
		t.Errorf("%d events shown and %d dropped of %d", len(seen), dropped, h.Last())
	}
	for i := 1; i < len(seen); i++ {
		if seen[i] <= seen[i-1] {
			t.Fatalf("event %d after %d", seen[i], seen[i-1])
		}
	}
	if all[1].Sessions[1].Dropped == 0 {
		t.Error("viewers are not told what was dropped")
	}
	if events, _ := h.history(2, 0, 10); len(events) != 0 {
		t.Error("history still has dropped events")
	}
}

// One endless session drops its own oldest events, block by block.
func TestHubDropsWithinOneSession(t *testing.T) {
	h := testHub(func(l *limits) { l.eventOctets = 1 << 20 })
	for i := range 200 {
		h.Publish(1, some(1+100*i, 100))
	}
	if h.events.octets > h.eventOctets || len(h.events.blocks) > 10 {
		t.Errorf("%d octets in %d blocks", h.events.octets, len(h.events.blocks))
	}
	events, last := h.history(1, 0, 5000)
	if want := fmt.Sprintf(`{"n":%d,`, 20000-len(events)+1); last != 20000 || len(events) < 1000 || !bytes.HasPrefix(events[0], []byte(want)) {
		t.Errorf("%d events kept to %d, the first %.20s", len(events), last, events[0])
	}
	if s := h.Sessions()[0]; s.Events != 20000 || s.Dropped != 20000-len(events) {
		t.Errorf("summary %+v", s)
	}
}

// The list of sessions is bounded too: the oldest closed one is forgotten.
func TestHubForgetsSessions(t *testing.T) {
	h := testHub(func(l *limits) { l.sessions = 3 })
	h.Publish(1, some(1, 2))
	h.Publish(2, []decode.Event{event(1, "session.close", decode.Client)})
	h.Octets(2, decode.ClientLeg, decode.Client, decode.Wire, 0, []byte("QUIT"))
	h.Publish(3, some(1, 2))
	c := &cursor{}
	follow(t, h, c, 5)
	h.Publish(4, some(1, 2))
	var ids []int
	for _, s := range h.Sessions() {
		ids = append(ids, s.ID)
	}
	if fmt.Sprint(ids) != "[1 3 4]" {
		t.Errorf("sessions %v", ids)
	}
	if _, _, ok := h.octets.get(2, stream{}, decode.Span{To: 4}, 4); ok {
		t.Error("octets of a forgotten session are kept")
	}
	follow(t, h, c, 7)
}

// A viewer that has fallen behind what happens is let go; one that reads a long history is not.
func TestHubDropsTheSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("live", slog.New(slog.DiscardHandler), defaultLimits())
		h.Publish(1, some(1, 3*maxBehind))
		time.Sleep(time.Second)
		c := &cursor{}
		seen, _ := follow(t, h, c, 500)
		time.Sleep(2 * behindTime) // a slow network, but history
		more, _ := follow(t, h, c, 3*maxBehind)
		wantNumbers(t, append(seen, more...), 1, 3*maxBehind)
		for !c.live {
			_, _, _ = h.next(c)
		}
		h.Publish(1, some(1, 3*maxBehind)) // all at once: far behind, but not for long
		time.Sleep(behindTime / 2)
		follow(t, h, c, 4*maxBehind)
		time.Sleep(behindTime)
		if _, _, err := h.next(c); err != errBehind {
			t.Errorf("a viewer that was behind for %v is kept (%v)", 3*behindTime/2, err)
		}
		c.n = 6*maxBehind - maxBehind
		if _, _, err := h.next(c); err != nil {
			t.Errorf("a viewer just within what is allowed: %v", err)
		}
	})
}
