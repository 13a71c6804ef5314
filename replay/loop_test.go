package replay

import (
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"facteur/decode"
)

// order carries out an order as the page sends it.
func order(t *testing.T, p *Player, text string) (State, error) {
	t.Helper()
	var c Command
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p.Do(c)
}

// A loop shows the end for a while, then begins again, as often as it takes; turned off at the end, it ends there.
func TestPlayerLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, Options{}, every(4, time.Second))
		if s, err := order(t, p, `{"do":"loop","on":true}`); err != nil || !s.Loop {
			t.Fatalf("%+v, %v", s, err)
		}
		p.Play()
		for range 3 {
			time.Sleep(3*time.Second + loopPause/2)
			p.State().at(t, Playing, 4, 3)
			time.Sleep(loopPause / 2)
			p.State().at(t, Playing, 1, 0)
		}
		time.Sleep(3 * time.Second)
		p.Loop(false)
		p.State().at(t, Ended, 4, 3)
		time.Sleep(time.Minute)
		p.State().at(t, Ended, 4, 3)
	})
}

// A recording whose events all happen at once does not spin; neither does one without any.
func TestPlayerLoopsWithoutSpinning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, n := range []int{0, 3} {
			var changes atomic.Int32
			p := start(t, Options{OnChange: func(State) { changes.Add(1) }}, every(n, 0))
			p.Loop(true)
			if err := p.Speed(AsFast); err != nil {
				t.Fatal(err)
			}
			p.Play()
			time.Sleep(10 * time.Second)
			if changes.Load() > 80 {
				t.Errorf("%d events: %d changes in ten seconds", n, changes.Load())
			}
			p.Pause()
		}
	})
}

// Playing stops at each marker, at chapters too, at any speed; seeking and stepping pass them.
func TestPlayerPausesOnMarkers(t *testing.T) {
	for _, speed := range []float64{1, 16, AsFast} {
		synctest.Test(t, func(t *testing.T) {
			events := every(20, time.Second)
			events[0].Kind, events[11].Kind = "session.open", "session.open"
			p := start(t, Options{}, events)
			if err := p.Speed(speed); err != nil {
				t.Fatal(err)
			}
			s, err := order(t, p, `{"do":"markers","n":[7,3,7],"pause":true}`)
			if err != nil || !slices.Equal(s.Markers, []int{3, 7}) || !s.Stops {
				t.Fatalf("%+v, %v", s, err)
			}
			for _, n := range []int{3, 7, 12} {
				p.Play()
				time.Sleep(time.Minute)
				p.State().at(t, Paused, n, float64(n-1))
			}
			p.SeekEvent(9)
			_ = p.Step("event", 5)
			p.State().at(t, Paused, 14, 13)
			p.SeekEvent(1)
			if s, err := order(t, p, `{"do":"markers","pause":false}`); err != nil || len(s.Markers) != 2 || s.Stops {
				t.Errorf("%+v, %v", s, err)
			}
			p.Play()
			time.Sleep(time.Minute)
			p.State().at(t, Ended, 20, 19)
		})
	}
}

// Orders out of rule are refused and change nothing; those of before mean what they meant.
func TestPlayerLoopAndMarkerOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, Options{}, []decode.Event{{Time: t0}, {Time: t0}, {Time: t0}})
		for _, text := range []string{`{"do":"loop"}`, `{"do":"markers"}`, `{"do":"markers","n":[0]}`, `{"do":"markers","n":3}`} {
			if s, err := order(t, p, text); !errors.Is(err, ErrCommand) || s.Loop || len(s.Markers) > 0 {
				t.Errorf("%s gave %v", text, err)
			}
		}
		for _, text := range []string{`{"do":"seek","n":"x"}`, `{"do":"markers","n":["x"]}`, `{"do":"play","volume":3}`, `{"do":"loop","on":1}`} {
			var c Command
			if err := json.Unmarshal([]byte(text), &c); err == nil {
				t.Errorf("%s was read as %+v", text, c)
			}
		}
		if s, err := order(t, p, `{"do":"seek","n":2}`); err != nil || s.Cursor != 2 {
			t.Errorf("seek: %+v, %v", s, err)
		}
	})
}
