package replay

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

const (
	// loopPause is how long the end stays before it begins again: time to see that it was the end.
	loopPause = time.Second

	// maxMarkers bounds what every state carries to every viewer, as chapters are bounded.
	maxMarkers = 256
)

// UnmarshalJSON reads an order; n is a number, or for markers a list of them.
func (c *Command) UnmarshalJSON(text []byte) error {
	type plain Command
	shadow := struct {
		*plain
		N json.RawMessage `json:"n"`
	}{plain: (*plain)(c)}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&shadow); err != nil {
		return err
	}
	switch n := bytes.TrimSpace(shadow.N); {
	case len(n) == 0 || bytes.Equal(n, []byte("null")):
		return nil
	case n[0] == '[':
		c.Marks = []int{}
		return json.Unmarshal(n, &c.Marks)
	default:
		return json.Unmarshal(n, &c.N)
	}
}

// Loop says whether the end is followed by the beginning.
func (p *Player) Loop(on bool) {
	p.order(func() { p.loop, p.again = on, time.Time{} })
}

// SetMarkers sets the events that are marked besides the chapters; nil leaves them as they are. More than maxMarkers, or
// numbers below 1, are refused.
func (p *Player) SetMarkers(n []int) error {
	marks := slices.Clone(n)
	slices.Sort(marks)
	marks = slices.Compact(marks)
	if len(marks) > maxMarkers || len(marks) > 0 && marks[0] < 1 {
		return refuse("markers are at most %d event numbers from 1", maxMarkers)
	}
	if n != nil {
		p.order(func() { p.marks = marks })
	}
	return nil
}

// PauseOnMarker says whether playing stops at marked events, and at chapters; seeking and stepping do not.
func (p *Player) PauseOnMarker(on bool) { p.order(func() { p.stops = on }) }

// setMarkers carries out the order of that name.
func (p *Player) setMarkers(c Command) error {
	if c.Marks == nil && c.Pause == nil {
		return refuse("markers needs a member n, a list of event numbers, or pause, true or false")
	}
	if err := p.SetMarkers(c.Marks); err != nil {
		return err
	}
	if c.Pause != nil {
		p.PauseOnMarker(*c.Pause)
	}
	return nil
}

// marker gives the first marked event behind from and up to to, 0 for none. The very first event is no place to stop.
func (p *Player) marker(from, to int) int {
	first := 0
	consider := func(n int) {
		if n > max(from, 1) && n <= to && (first == 0 || n < first) {
			first = n
		}
	}
	for i := range p.line.chapters.list {
		consider(p.line.chapters.list[i].N)
	}
	for _, n := range p.marks {
		consider(n)
	}
	return first
}

// advance moves the cursor as playing does, and stops at a marker on the way.
func (p *Player) advance(to int) {
	if p.stops {
		if m := p.marker(p.cursor, to); m != 0 {
			p.cursor, p.state = m, Paused
			p.from = p.line.when(m)
			return
		}
	}
	p.cursor = to
}

// atEnd is what happens where everything is played: it ends, or begins again after a while.
func (p *Player) atEnd(now time.Time) {
	switch {
	case p.loading:
	case !p.loop || p.line.count() == 0:
		p.state = Ended
	case p.again.IsZero():
		p.again = now.Add(loopPause)
	case !now.Before(p.again):
		p.place(0)
		if p.speed != AsFast {
			p.advance(p.line.reached(0))
		}
		if p.cursor == p.line.count() { // all of it happened at once
			p.again = now.Add(loopPause)
		}
		p.changed()
	}
}
