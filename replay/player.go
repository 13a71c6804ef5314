package replay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"facteur/decode"
)

const (
	// DefaultIdleCap is the longest pause played unless another is asked for: long enough to feel a pause, short enough
	// that nobody waits for it.
	DefaultIdleCap = 2 * time.Second

	// MinSpeed and MaxSpeed bound the pace: slower than a quarter nobody can tell from a pause, faster than sixteen times
	// nobody can read.
	MinSpeed, MaxSpeed = 0.25, 16.0

	// AsFast is the speed without a clock: events follow as fast as a page can take them.
	AsFast = 0.0

	// tick is how close events may follow each other before they are shown together; a screen shows no finer.
	tick = 4 * time.Millisecond

	// At the speed AsFast, fastBurst events are shown each fastTick: some 12,000 a second, which a page can draw.
	fastTick, fastBurst = 16 * time.Millisecond, 200

	// maxIdleCap is the longest cap that can be asked for.
	maxIdleCap = 24 * time.Hour
)

// The player's states.
const (
	Paused  = "paused"
	Playing = "playing"
	Ended   = "ended"
)

// State is where a player stands, as the page gets it. Seconds are those of playing at speed 1: pauses longer than the
// idle cap count as the cap.
type State struct {
	State    string    `json:"state"`    // Paused, Playing or Ended
	Cursor   int       `json:"cursor"`   // events with n ≤ Cursor are shown
	Position float64   `json:"position"` // seconds
	Duration float64   `json:"duration"` // seconds, of what is loaded
	Speed    float64   `json:"speed"`    // MinSpeed to MaxSpeed, or AsFast
	IdleCap  float64   `json:"idle_cap"` // seconds, 0 for none
	Loading  bool      `json:"loading"`  // more events may come
	Loaded   int       `json:"loaded"`   // events there are
	Chapters []Chapter `json:"chapters"` // not to be changed
	Loop     bool      `json:"loop"`     // the end is followed by the beginning
	Markers  []int     `json:"markers"`  // marked events besides the chapters, rising; not to be changed
	Stops    bool      `json:"pause_on_marker"`
}

// Options of a new player.
type Options struct {
	// IdleCap is the longest pause played; 0 means DefaultIdleCap, less than 0 none.
	IdleCap time.Duration
	// Whole has everything shown as it comes, until the first order: for recordings that are opened to be looked at.
	Whole bool
	// OnChange, if set, is handed every change in order. It must return soon and must not call the player.
	OnChange func(State)
}

// Player moves a cursor over events in recorded time. Its clock is the server's, so every viewer sees the same. Its
// methods may be called from any goroutine; time passes only while [Player.Run] runs.
type Player struct {
	onChange func(State)
	wake     chan struct{} // tells Run that the next deadline moved

	mu      sync.Mutex
	line    timeline
	loading bool
	state   string
	cursor  int
	speed   float64
	// The position is from, and while playing grows from there since anchor: each deadline is counted from the last
	// command, never from the last event, so lateness does not add up.
	from   time.Duration
	anchor time.Time

	whole bool // the cursor stays at the end of what is loaded
	loop  bool
	again time.Time // when a loop begins again; zero while there is something to play
	stops bool      // at markers
	marks []int     // replaced, never changed: states that were handed out keep theirs
}

// New gives a paused player without events, waiting for [Player.Add].
func New(o Options) *Player {
	p := &Player{onChange: o.OnChange, wake: make(chan struct{}, 1), loading: true, state: Paused, speed: 1, marks: []int{}}
	p.whole = o.Whole
	p.line.talks = make(map[int]talk)
	p.line.chapters = chapters{list: []Chapter{}, step: 1}
	switch {
	case o.IdleCap == 0:
		p.line.idleCap = DefaultIdleCap
	case o.IdleCap > 0:
		p.line.idleCap = min(o.IdleCap, maxIdleCap)
	}
	return p
}

// Add appends events of a session to the recording, in the order in which they are published: the first event ever
// added is n = 1. It may be called while playing.
func (p *Player) Add(session int, events []decode.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catchUp(time.Now())
	starved := p.cursor == p.line.count()
	for i := range events {
		p.line.add(session, &events[i])
	}
	if p.whole {
		p.place(p.line.count())
	}
	if starved {
		p.moved()
	}
	p.changed()
}

// Loaded says that no more events will be added.
func (p *Player) Loaded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loading = false
	if p.whole {
		p.state = Ended
	}
	p.moved()
	p.changed()
}

// Run lets time pass until ctx is done, and gives its error.
func (p *Player) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.wake:
		case <-timer.C:
		}
		if wait, waits := p.pass(); waits {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
	}
}

// pass shows what is due and gives how long until the next event is; waits is false while nothing is to come.
func (p *Player) pass() (wait time.Duration, waits bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.speed == AsFast && p.state == Playing && p.cursor < p.line.count() {
		p.advance(min(p.cursor+fastBurst, p.line.count()))
		p.from = p.line.when(p.cursor)
		p.changed()
	}
	p.catchUp(now)
	switch {
	case p.state == Playing && !p.again.IsZero():
		return max(tick, p.again.Sub(now)), true
	case p.state != Playing || p.cursor == p.line.count():
		return 0, false
	}
	if p.speed == AsFast {
		return fastTick, true
	}
	left := float64(p.line.when(p.cursor+1)-p.from) / p.speed // since anchor
	if left > float64(maxIdleCap) {
		left = float64(maxIdleCap) // centuries in a hostile capture: look again tomorrow
	}
	return max(tick, p.anchor.Add(time.Duration(math.Ceil(left))).Sub(now)), true
}

// position is where the player stands now, never beyond what is loaded.
func (p *Player) position(now time.Time) time.Duration {
	if p.state != Playing || p.speed == AsFast {
		return p.from
	}
	played := float64(p.from) + float64(now.Sub(p.anchor))*p.speed
	if end := p.line.when(p.line.count()); played >= float64(end) {
		return end
	}
	return time.Duration(played)
}

// catchUp moves the cursor to where the clock is, and tells.
func (p *Player) catchUp(now time.Time) {
	if p.state != Playing {
		return
	}
	cursor := p.cursor
	if p.speed != AsFast {
		p.advance(max(cursor, p.line.reached(p.position(now))))
	}
	if p.cursor == p.line.count() && p.state == Playing {
		p.anchorAt(now) // starved: what comes later starts from here
		p.atEnd(now)
	}
	if p.cursor != cursor || p.state != Playing {
		p.changed()
	}
}

// anchorAt counts the position from now on.
func (p *Player) anchorAt(now time.Time) {
	p.from = p.position(now)
	p.anchor = now
}

// place puts the cursor behind event n, at that event's time.
func (p *Player) place(n int) {
	p.cursor = min(max(n, 0), p.line.count())
	p.from, p.anchor, p.again = p.line.when(p.cursor), time.Now(), time.Time{}
	if p.state == Ended {
		p.state = Paused
	}
}

// moved tells Run to look at the clock anew.
func (p *Player) moved() {
	p.catchUp(time.Now())
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *Player) changed() {
	if p.onChange != nil {
		p.onChange(p.now())
	}
}

// State gives where the player stands.
func (p *Player) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catchUp(time.Now()) // so that the cursor is never behind the position
	return p.now()
}

func (p *Player) now() State {
	return State{
		State: p.state, Cursor: p.cursor, Speed: p.speed, Loading: p.loading, Loaded: p.line.count(),
		Position: seconds(p.position(time.Now())), Duration: seconds(p.line.when(p.line.count())), IdleCap: seconds(p.line.idleCap),
		Chapters: p.line.chapters.list, Loop: p.loop, Markers: p.marks, Stops: p.stops,
	}
}

// seconds rounds to the millisecond: what a page shows.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

// ErrCommand is wrapped by every refusal of a command.
var ErrCommand = errors.New("not a command of the player")

func refuse(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrCommand, fmt.Sprintf(format, a...))
}
