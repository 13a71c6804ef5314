package replay

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"facteur/decode"
)

var t0 = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// spaced gives events at these times after t0.
func spaced(at ...time.Duration) []decode.Event {
	events := make([]decode.Event, len(at))
	for i, d := range at {
		events[i] = decode.Event{Seq: i + 1, Time: t0.Add(d), Kind: "smtp.reply", From: decode.Server}
	}
	return events
}

func every(n int, d time.Duration) []decode.Event {
	at := make([]time.Duration, n)
	for i := range at {
		at[i] = time.Duration(i) * d
	}
	return spaced(at...)
}

// start runs a player in the bubble until the test ends.
func start(t *testing.T, o Options, events []decode.Event) *Player {
	t.Helper()
	p := New(o)
	p.Add(1, events)
	p.Loaded()
	run(t, p)
	return p
}

func run(t *testing.T, p *Player) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func (s State) at(t *testing.T, state string, cursor int, position float64) {
	t.Helper()
	if s.State != state || s.Cursor != cursor || math.Abs(s.Position-position) > 0.0011 {
		t.Errorf("%s at event %d, %.3f s; want %s at event %d, %.3f s", s.State, s.Cursor, s.Position, state, cursor, position)
	}
}

// Five minutes at speed 1 must not drift: each of 6,000 events is shown within 50 ms of its time, the last one too.
func TestPlayerDoesNotDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, step = 6001, 50*time.Millisecond + 7*time.Microsecond
		var began time.Time
		var worst time.Duration
		shown := 0
		p := start(t, Options{OnChange: func(s State) {
			if s.Cursor > shown {
				due := began.Add(time.Duration(s.Cursor-1) * step)
				worst = max(worst, time.Since(due), time.Until(due))
				shown = s.Cursor
			}
		}}, every(n, step))
		began = time.Now()
		p.Play()
		time.Sleep((n-1)*step + 60*time.Millisecond)
		p.State().at(t, Ended, n, ((n - 1) * step).Seconds())
		if worst > 50*time.Millisecond || shown != n {
			t.Errorf("an event was shown %v from its time, %d shown", worst, shown)
		}
	})
}

// Speeds scale the clock, also when changed in the middle of a pause.
func TestPlayerSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, Options{IdleCap: -1}, every(101, time.Second))
		p.Play()
		time.Sleep(10*time.Second + 500*time.Millisecond)
		p.State().at(t, Playing, 11, 10.5)
		if err := p.Speed(4); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		p.State().at(t, Playing, 19, 18.5)
		if err := p.Speed(0.25); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		p.State().at(t, Playing, 22, 21)
		p.Pause()
		time.Sleep(time.Hour)
		p.State().at(t, Paused, 22, 21)
		p.Play()
		time.Sleep(4*time.Second + tick)
		p.State().at(t, Playing, 23, 22.001)
		for _, x := range []float64{0.1, 17, -1, math.NaN(), math.Inf(1)} {
			if err := p.Speed(x); !errors.Is(err, ErrCommand) {
				t.Errorf("speed %v: %v", x, err)
			}
		}
	})
}

// At the speed without a clock a day-long recording ends within seconds.
func TestPlayerAsFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, Options{IdleCap: -1}, every(10_000, 10*time.Second))
		if err := p.Speed(AsFast); err != nil {
			t.Fatal(err)
		}
		p.Play()
		time.Sleep(fastTick + time.Millisecond)
		if s := p.State(); s.State != Playing || s.Cursor < fastBurst || s.Cursor > 3*fastBurst {
			t.Errorf("after the first ticks: %+v", s)
		}
		time.Sleep(2 * time.Second)
		p.State().at(t, Ended, 10_000, 99_990)
	})
}

// The idle cap shortens pauses and nothing else; changing it leaves the cursor.
func TestPlayerIdleCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, Options{}, spaced(0, time.Second, time.Minute, time.Minute+time.Second, 3*time.Hour))
		if s := p.State(); s.Duration != 1+2+1+2 || s.IdleCap != 2 {
			t.Fatalf("duration %v, cap %v", s.Duration, s.IdleCap)
		}
		p.Play()
		time.Sleep(2500 * time.Millisecond)
		p.State().at(t, Playing, 2, 2.5)
		p.IdleCap(0)
		p.State().at(t, Playing, 2, 2.5) // half a minute is left of this pause
		if d := p.State().Duration; d != 3*3600 {
			t.Errorf("duration without a cap %v, want 3 hours", d)
		}
		time.Sleep(20 * time.Second)
		p.State().at(t, Playing, 2, 22.5)
		p.IdleCap(5 * time.Second)
		time.Sleep(tick)
		p.State().at(t, Playing, 3, 6.004) // the pause passed already: the next event is due
		time.Sleep(time.Second + 5*time.Second + tick)
		p.State().at(t, Ended, 5, 1+5+1+5)
	})
}

// Events recorded out of order, or centuries apart, play in their order and overflow nothing.
func TestPlayerHostileTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := spaced(0, 0, -time.Hour, time.Second-time.Hour)
		for range 50 {
			events = append(events, decode.Event{Time: time.Unix(1<<55, 0)}, decode.Event{Time: time.Unix(-1<<55, 0)})
		}
		p := start(t, Options{IdleCap: -1}, events)
		p.Play()
		time.Sleep(time.Second + tick)
		p.State().at(t, Playing, 4, 1.004)
		if s := p.State(); !(s.Duration > 0) || s.Duration > math.MaxInt64/1e9+1 {
			t.Errorf("duration %v", s.Duration)
		}
		p.IdleCap(time.Millisecond)
		time.Sleep(time.Second)
		p.State().at(t, Ended, len(events), 0.051)
	})
}

// Seeking finds its event among 50,000 by number and by position, in either direction, and keeps the state.
func TestPlayerSeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 50_000
		p := start(t, Options{}, every(n, 100*time.Millisecond))
		for _, at := range []int{1, n, 25_000, 0, 49_999, -5, n + 5} {
			p.SeekEvent(at)
			want := min(max(at, 0), n)
			p.State().at(t, Paused, want, max(0, float64(want-1)/10))
		}
		for _, position := range []time.Duration{0, 99 * time.Millisecond, 100 * time.Millisecond, 40 * time.Minute, 24 * time.Hour} {
			p.Seek(position)
			p.State().at(t, Paused, min(n, 1+int(position/(100*time.Millisecond))), min(position.Seconds(), float64(n-1)/10))
		}
		p.SeekEvent(100)
		p.Play()
		p.Seek(1000 * time.Second)
		time.Sleep(time.Second + tick)
		p.State().at(t, Playing, 10_011, 1001.004)
		p.SeekEvent(n)
		p.State().at(t, Ended, n, float64(n-1)/10)
		p.Play() // at the end: from the start
		time.Sleep(time.Second + tick)
		p.State().at(t, Playing, 11, 1.004)
		p.Restart()
		p.State().at(t, Playing, 1, 0)
	})
}

// A recording still being read plays what there is, waits, and goes on; it ends only once all is loaded.
func TestPlayerWhileLoading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{})
		run(t, p)
		p.Play()
		time.Sleep(time.Minute)
		p.State().at(t, Playing, 0, 0)
		p.Add(1, spaced(0, time.Second))
		p.State().at(t, Playing, 1, 0)
		time.Sleep(5 * time.Second)
		p.State().at(t, Playing, 2, 1) // starved for four seconds, which count for nothing
		p.Add(2, spaced(2*time.Second, 3*time.Second))
		time.Sleep(time.Second + tick)
		p.State().at(t, Playing, 3, 2.004)
		p.Loaded()
		time.Sleep(time.Second + tick)
		if s := p.State(); s.State != Ended || s.Loading || s.Loaded != 4 {
			t.Errorf("at the end: %+v", s)
		}
	})
}

// Each session is a chapter; hundreds are thinned out over the whole length, and titles learn the protocol.
func TestPlayerChapters(t *testing.T) {
	p := New(Options{})
	open := decode.Event{Kind: "session.open", Fields: []decode.Field{
		{Name: "protocol", Value: "detect"}, {Name: "client", Value: "192.0.2.7:49152"}, {Name: "server", Value: "192.0.2.1:143"}}}
	p.Add(1, []decode.Event{open, {Kind: "smtp.reply"}})
	before := p.State().Chapters
	p.Add(1, []decode.Event{{Kind: "session.detect", Fields: []decode.Field{{Name: "protocol", Value: "imap"}}}})
	if want := (Chapter{N: 1, Title: "192.0.2.7:49152 → 192.0.2.1:143"}); before[0].N != want.N || before[0].Title != want.Title {
		t.Errorf("chapter %+v, want %+v", before[0], want)
	}
	if got, want := p.State().Chapters[0].Title, "IMAP 192.0.2.7:49152 → 192.0.2.1:143"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	for session := 2; session <= 3000; session++ {
		p.Add(session, []decode.Event{open})
	}
	all := p.State().Chapters
	if len(all) > maxChapters || len(all) < maxChapters/2 || all[0].N != 1 || all[len(all)-1].N < 2900 {
		t.Errorf("%d chapters from %d to %d", len(all), all[0].N, all[len(all)-1].N)
	}
	for i := 2; i < len(all); i++ {
		if all[i].N-all[i-1].N != all[2].N-all[1].N {
			t.Fatalf("chapters %d and %d are not spread evenly", i-1, i)
		}
	}
}

// What the page sends is carried out; what is out of rule changes nothing and says why.
func TestPlayerDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, Options{}, every(10, time.Second))
		number := func(x float64) *float64 { return &x }
		three := 3
		do := func(c Command) State {
			t.Helper()
			s, err := p.Do(c)
			if err != nil {
				t.Errorf("%+v: %v", c, err)
			}
			return s
		}
		do(Command{Do: "seek", N: &three}).at(t, Paused, 3, 2)
		do(Command{Do: "seek", Position: number(5.5)}).at(t, Paused, 6, 5.5)
		do(Command{Do: "step", By: "event", Delta: -1}).at(t, Paused, 5, 4)
		do(Command{Do: "play"}).at(t, Playing, 5, 4)
		do(Command{Do: "pause"}).at(t, Paused, 5, 4)
		do(Command{Do: "restart"}).at(t, Playing, 1, 0)
		if s := do(Command{Do: "speed", Speed: number(2)}); s.Speed != 2 {
			t.Errorf("speed %v", s.Speed)
		}
		if s := do(Command{Do: "idle_cap", IdleCap: number(0.5)}); s.IdleCap != 0.5 || s.Duration != 4.5 {
			t.Errorf("idle cap %v, duration %v", s.IdleCap, s.Duration)
		}
		before := p.State()
		for _, c := range []Command{{}, {Do: "eject"}, {Do: "seek"}, {Do: "seek", Position: number(-1)}, {Do: "seek", Position: number(math.NaN())},
			{Do: "speed"}, {Do: "speed", Speed: number(99)}, {Do: "idle_cap"}, {Do: "idle_cap", IdleCap: number(-1)}, {Do: "step"}} {
			if _, err := p.Do(c); !errors.Is(err, ErrCommand) {
				t.Errorf("%+v: error %v", c, err)
			}
		}
		if after := p.State(); after.Cursor != before.Cursor || after.Speed != before.Speed || after.State != before.State {
			t.Errorf("refused commands changed %+v to %+v", before, after)
		}
	})
}

func BenchmarkPlayerAdd(b *testing.B) {
	events := conversation()
	p := New(Options{OnChange: func(State) {}})
	b.ReportAllocs()
	for b.Loop() {
		p.Add(1, events)
	}
}

func BenchmarkPlayerSeek(b *testing.B) {
	p := New(Options{})
	p.Add(1, every(1_000_000, time.Millisecond))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.Seek(time.Duration(i%1_000_000) * time.Millisecond)
	}
}
