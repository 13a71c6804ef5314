package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"sync"
	"time"
)

const (
	// stageTime is the least time between two things shown: thirty a second are a movement to an eye, and what two
	// hundred followers cost is bounded by it.
	stageTime = 33 * time.Millisecond

	// maxStageText bounds each word of a place: names of screens and fields, a filter, a screen's own parameters.
	maxStageText = 200
	maxStageArgs = 8
)

// Stage is what the presenter shows. Whoever follows sees the same; nobody but a presenter changes it.
type Stage struct {
	Rev       int    `json:"rev"` // rises with every change
	Place     *Place `json:"place,omitempty"`
	Laser     *Laser `json:"laser,omitempty"`
	Spotlight bool   `json:"spotlight"` // everything but the place's event is dimmed
	Frozen    bool   `json:"frozen"`    // the place stays while the presenter looks elsewhere
	Blank     bool   `json:"blank"`     // followers see nothing: look at the presenter
	At        int64  `json:"at"`        // when, in milliseconds of the Unix epoch
}

// Place is where the presenter is: the page's address (web/ui, lib/place.ts) and what is lit there.
type Place struct {
	Screen  string            `json:"screen"`
	Session int               `json:"session"`
	N       int               `json:"n"`
	Line    int               `json:"line"`
	Leg     string            `json:"leg"`
	Filter  string            `json:"filter"`
	Lit     string            `json:"lit"` // a field of the event
	Wire    bool              `json:"wire"`
	Args    map[string]string `json:"args"`
	Tape    string            `json:"tape"` // the open tape that is looked at; "" for facteur's own run
}

// Laser points at octets of an event.
type Laser struct {
	N     int    `json:"n"`
	Layer string `json:"layer"`
	From  int64  `json:"from"`
	To    int64  `json:"to"`
}

// stageChange is an order of a presenter; members left out stay as they are. A laser of no event puts the laser out.
type stageChange struct {
	Place     *Place `json:"place"`
	Laser     *Laser `json:"laser"`
	Spotlight *bool  `json:"spotlight"`
	Frozen    *bool  `json:"frozen"`
	Blank     *bool  `json:"blank"`
}

// check refuses what no page of ours writes, so that followers are handed nothing endless.
func (c *stageChange) check() error {
	if p := c.Place; p != nil {
		if len(p.Args) > maxStageArgs {
			return fmt.Errorf("place.args: at most %d", maxStageArgs)
		}
		words := []string{p.Screen, p.Leg, p.Filter, p.Lit, p.Tape}
		for name, value := range p.Args {
			words = append(words, name, value)
		}
		for _, word := range words {
			if len(word) > maxStageText {
				return fmt.Errorf("place: words have at most %d octets", maxStageText)
			}
		}
		if p.Session < 0 || p.N < 0 || p.Line < 0 {
			return fmt.Errorf("place: numbers are not negative")
		}
	}
	if l := c.Laser; l != nil && (l.N < 0 || l.From < 0 || l.To < l.From || len(l.Layer) > maxStageText) {
		return fmt.Errorf("laser: the octets from to to, the first the smaller")
	}
	return nil
}

// stage tells everyone who watches what is shown now: the latest only, because what was shown between is past.
type stage struct {
	mu       sync.Mutex
	now      Stage
	shown    *frame
	audience *frame // for presenters
	watching map[Role]int
	wake     chan struct{} // closed and replaced when there is something new
	last     time.Time     // when viewers were last told
	timer    *time.Timer
	waiting  bool
}

const (
	stageFrame    frameKind = "stage"
	audienceFrame frameKind = "audience"
)

// audience is who looks on.
type audience struct {
	Followers int `json:"followers"`
}

func newStage() *stage {
	g := &stage{watching: make(map[Role]int), wake: make(chan struct{})}
	g.timer = time.AfterFunc(time.Hour, g.flush)
	g.timer.Stop()
	g.flush()
	return g
}

// change applies an order. While the stage is frozen the place stays: the order that thaws it brings the new one.
func (g *stage) change(c stageChange) Stage {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.Frozen != nil {
		g.now.Frozen = *c.Frozen
	}
	if c.Place != nil && !g.now.Frozen {
		g.now.Place = c.Place
	}
	if c.Laser != nil && !g.now.Frozen {
		if g.now.Laser = c.Laser; c.Laser.N == 0 {
			g.now.Laser = nil
		}
	}
	if c.Spotlight != nil {
		g.now.Spotlight = *c.Spotlight
	}
	if c.Blank != nil {
		g.now.Blank = *c.Blank
	}
	g.now.Rev++
	g.now.At = time.Now().UnixMilli()
	g.tell()
	return g.now
}

// tell lets viewers know, at once if they were not told just now.
func (g *stage) tell() {
	if g.waiting {
		return
	}
	g.waiting = true
	g.timer.Reset(max(0, stageTime-time.Since(g.last)))
}

func (g *stage) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting, g.last = false, time.Now()
	if was, ok := g.shownStage(); !ok || was.Rev != g.now.Rev {
		g.shown = &frame{kind: stageFrame, value: g.now, shared: true}
	}
	if n := g.watching[Follower]; g.audience == nil || g.audience.value != any(audience{n}) {
		g.audience = &frame{kind: audienceFrame, value: audience{n}, shared: true}
	}
	close(g.wake)
	g.wake = make(chan struct{})
}

// shownStage is what viewers were told last.
func (g *stage) shownStage() (Stage, bool) {
	if g.shown == nil {
		return Stage{}, false
	}
	was, ok := g.shown.value.(Stage)
	return was, ok
}

// tape is the open tape that the presenter shows, "" for none.
func (g *stage) tape() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.now.Place == nil {
		return ""
	}
	return g.now.Place.Tape
}

// watch counts one more of a role; leave is to be called when it goes.
func (g *stage) watch(role Role, more int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watching[role] += more
	g.tell()
}

// next gives what is new to a viewer that was told seen of each, and the channel that says when there is more.
func (g *stage) next(role Role, seen *[2]*frame) (frames []*frame, wake <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shown != seen[0] {
		frames, seen[0] = append(frames, g.shown), g.shown
	}
	if role == Presenter && g.audience != seen[1] {
		frames, seen[1] = append(frames, g.audience), g.audience
	}
	return frames, g.wake
}

// Followers gives how many follow at this moment.
func (s *Server) Followers() int {
	s.stage.mu.Lock()
	defer s.stage.mu.Unlock()
	return s.stage.watching[Follower]
}

// streamStage tells what is shown, now and whenever it changes, on a websocket; streamStageSSE does as server-sent events.
func (s *Server) streamStage(w http.ResponseWriter, r *http.Request, role Role) {
	s.serveSocket(w, r, s.stageFor(role))
}

func (s *Server) streamStageSSE(w http.ResponseWriter, r *http.Request, role Role) {
	s.serveEvents(w, r, func(*frame) string { return "" }, s.stageFor(role))
}

func (s *Server) stageFor(role Role) func(sink, <-chan struct{}) error {
	return func(to sink, gone <-chan struct{}) error {
		s.stage.watch(role, 1)
		defer s.stage.watch(role, -1)
		var seen [2]*frame
		return s.deliver(to, gone, func() ([]*frame, <-chan struct{}, error) {
			frames, wake := s.stage.next(role, &seen)
			return frames, wake, nil
		})
	}
}

// postStage is an order of the presenter, under the same conditions as one to the player.
func (s *Server) postStage(w http.ResponseWriter, r *http.Request, role Role) {
	var c stageChange
	if !s.order(w, r, role, &c) {
		return
	}
	if err := c.check(); err != nil {
		refuse(w, r, refuseBody, err.Error())
		return
	}
	answer(w, s.stage.change(c))
}

// order reads the JSON of a request that changes something. It takes the presenter's cookie or token, the right Origin
// (see guard), a header that no form and no simple request can set, and JSON. It answers what it refuses.
func (s *Server) order(w http.ResponseWriter, r *http.Request, role Role, into any) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case role != Presenter:
		refuse(w, r, refuseRole)
		return false
	case r.Header.Get("Facteur") != "1":
		refuse(w, r, refuseHeader)
		return false
	case kind != "application/json":
		refuse(w, r, refuseBodyType)
		return false
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(headerTime)) // not possible in some tests
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, r, refuseBodySize)
		return false
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil || d.More() {
		refuse(w, r, refuseBody)
		return false
	}
	return true
}
