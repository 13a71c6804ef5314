package replay

import (
	"math"
	"time"
)

// Command is an order to a player, as the page sends it. Members that an order does not use are ignored.
type Command struct {
	Do       string   `json:"do"`                 // play, pause, seek, step, speed, idle_cap, restart, loop, markers
	N        *int     `json:"n,omitempty"`        // seek: to the event of that number
	Position *float64 `json:"position,omitempty"` // seek: to that second; used when N is not given
	By       string   `json:"by,omitempty"`       // step: event (also "") or exchange
	Delta    int      `json:"delta,omitempty"`    // step: how many, back when negative
	Speed    *float64 `json:"speed,omitempty"`    // speed: MinSpeed to MaxSpeed, or AsFast
	IdleCap  *float64 `json:"idle_cap,omitempty"` // idle_cap: seconds, 0 for none
	On       *bool    `json:"on,omitempty"`       // loop
	Marks    []int    `json:"-"`                  // markers: events to mark, as n in JSON; nil leaves them as they are
	Pause    *bool    `json:"pause,omitempty"`    // markers: whether playing stops there and at chapters
}

// Do carries out c and gives the state after it. An error wraps [ErrCommand] and changes nothing.
func (p *Player) Do(c Command) (State, error) {
	var err error
	switch c.Do {
	case "play":
		p.Play()
	case "pause":
		p.Pause()
	case "restart":
		p.Restart()
	case "seek":
		err = p.seek(c)
	case "step":
		err = p.Step(c.By, c.Delta)
	case "speed":
		err = refuse("speed needs a member speed, %v to %v, or 0 for as fast as can be", MinSpeed, MaxSpeed)
		if c.Speed != nil {
			err = p.Speed(*c.Speed)
		}
	case "idle_cap":
		err = refuse("idle_cap needs a member idle_cap in seconds, or 0 for none")
		if c.IdleCap != nil {
			err = p.setIdleCap(*c.IdleCap)
		}
	case "loop":
		err = refuse("loop needs a member on, true or false")
		if c.On != nil {
			p.Loop(*c.On)
			err = nil
		}
	case "markers":
		err = p.setMarkers(c)
	default:
		err = refuse("%q; there are play, pause, seek, step, speed, idle_cap, restart, loop, markers", c.Do)
	}
	return p.State(), err
}

func (p *Player) seek(c Command) error {
	switch {
	case c.N != nil:
		p.SeekEvent(*c.N)
	case c.Position == nil:
		return refuse("seek needs a member n or position")
	case !(*c.Position >= 0):
		return refuse("seek to %v seconds; the recording begins at 0", *c.Position)
	default:
		p.Seek(duration(*c.Position))
	}
	return nil
}

func (p *Player) setIdleCap(seconds float64) error {
	if !(seconds >= 0) || seconds > maxIdleCap.Seconds() {
		return refuse("idle cap of %v seconds; 0 (none) to %v are possible", seconds, maxIdleCap.Seconds())
	}
	p.IdleCap(duration(seconds))
	return nil
}

// duration turns seconds into time, as much as fits.
func duration(seconds float64) time.Duration {
	if ns := seconds * float64(time.Second); ns < math.MaxInt64 {
		return time.Duration(math.Round(ns))
	}
	return math.MaxInt64
}

// Play lets time run on. At the end, it starts again.
func (p *Player) Play() {
	p.order(func() {
		if p.state == Playing {
			return
		}
		if p.state == Ended || p.cursor == p.line.count() && !p.loading {
			p.place(0)
		}
		p.state, p.anchor = Playing, time.Now()
	})
}

// Pause holds the clock.
func (p *Player) Pause() {
	p.order(func() {
		if p.state == Playing {
			p.anchorAt(time.Now())
			p.state = Paused
		}
	})
}

// Restart plays from the beginning.
func (p *Player) Restart() {
	p.order(func() {
		p.place(0)
		p.state = Playing
	})
}

// SeekEvent shows the events up to and with n, and goes on from there if playing.
func (p *Player) SeekEvent(n int) {
	p.order(func() { p.place(n) })
}

// Seek goes to a position in the time of playing. It shows every event due by then.
func (p *Player) Seek(position time.Duration) {
	p.order(func() {
		position = min(max(position, 0), p.line.when(p.line.count()))
		p.place(p.line.reached(position))
		p.from = position
	})
}

// Step pauses and moves by delta events, or exchanges: a command with its answers.
func (p *Player) Step(by string, delta int) error {
	if by != "" && by != "event" && by != "exchange" {
		return refuse("step by %q; event and exchange are possible", by)
	}
	if delta == 0 {
		return refuse("step needs a member delta, 1 or -1")
	}
	p.order(func() {
		p.state = Paused
		delta = min(max(delta, -p.line.count()), p.line.count()) // so that no sum overflows
		n := p.cursor + delta
		if by == "exchange" && delta != 0 {
			n = p.line.exchange(p.cursor, delta)
		}
		p.place(n)
		if p.cursor == p.line.count() && !p.loading {
			p.state = Ended
		}
	})
	return nil
}

// Speed sets the pace, MinSpeed to MaxSpeed, or AsFast.
func (p *Player) Speed(x float64) error {
	if x != AsFast && !(x >= MinSpeed && x <= MaxSpeed) {
		return refuse("speed %v; %v to %v are possible, or 0 for as fast as can be", x, MinSpeed, MaxSpeed)
	}
	p.order(func() {
		p.anchorAt(time.Now())
		p.speed = x
	})
	return nil
}

// IdleCap sets the longest pause played, 0 for none. The cursor stays; the position is counted anew.
func (p *Player) IdleCap(d time.Duration) {
	p.order(func() {
		now := time.Now()
		into := p.position(now) - p.line.when(p.cursor) // how much of the running pause has passed
		p.line.setCap(min(max(d, 0), maxIdleCap))
		p.from, p.anchor = p.line.when(p.cursor), now
		if p.cursor < p.line.count() {
			p.from += min(into, p.line.when(p.cursor+1)-p.from)
		}
	})
}

// order carries out a command: what was due until now is shown first, what is due after it is shown at once.
func (p *Player) order(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catchUp(time.Now())
	p.whole = false
	do()
	p.moved()
	p.changed()
}
